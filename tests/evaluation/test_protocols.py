"""What the protocols ask for: the right mixture, in words the grammar understands, some that no template writes."""

from collections import Counter

import numpy as np
import pytest

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.errors import MissingError, UsageError
from t2d_mol.evaluation.control import exact_control, is_novel, level_control
from t2d_mol.evaluation.oracles.base import Reading
from t2d_mol.evaluation.protocols import JOINT, conditional, text
from t2d_mol.evaluation.score import Entry, Score
from t2d_mol.molecule import Target
from t2d_mol.properties import KEYS


def test_conditional_prompts_are_records_asked_for_one_by_one_and_together(tiny_checkpoint: Checkpoint) -> None:
    jobs = conditional(tiny_checkpoint, 40, seed=1)
    assert Counter(job.group for job in jobs) == dict.fromkeys((*KEYS, JOINT), 40)
    joint, statistics = tiny_checkpoint.joint.double().numpy(), tiny_checkpoint.statistics
    values = joint[:, 1:] * np.array(statistics.mad) + np.array(statistics.mean)
    for job in jobs:
        assert job.prompt.structure.atoms is not None
        assert [target.property for target in job.prompt.targets] == [target.property for target in job.targets]
        near = np.full(len(joint), True)
        for target in job.targets:
            near &= (
                np.abs(values[:, KEYS.index(target.property)] - (target.value or 0)) < 2e-3 * abs(target.value or 0) + 2e-3
            )
        assert job.prompt.structure.atoms[0] in joint[near, 0]
    assert jobs == conditional(tiny_checkpoint, 40, seed=1)
    assert jobs != conditional(tiny_checkpoint, 40, seed=2)


def test_text_prompts_ask_for_every_level_alike(tiny_checkpoint: Checkpoint) -> None:
    jobs = text(tiny_checkpoint, 10, seed=0)
    assert Counter((job.group, job.wording, job.targets[0].level) for job in jobs) == {
        (key, wording, level): 2 for key in KEYS for wording in ("seen", "unseen") for level in range(5)
    }


def test_protocols_need_what_they_need(tiny_checkpoint: Checkpoint) -> None:
    with pytest.raises(MissingError, match="finetuned"):
        conditional(tiny_checkpoint.replace(joint=tiny_checkpoint.joint[:0]), 1, 0)
    with pytest.raises(UsageError, match="words"):
        text(tiny_checkpoint.replace(vocabulary=()), 1, 0)


def scored(number: int, target: Target, wording: str, error: float | None, value: float = 0.0) -> Score:
    """A molecule read with an error, or not at all."""
    key = target.property
    return Score(
        Entry(number, None, "", (target,), key, wording), 3, "O", "valid", "", 3, True,
        reading=Reading(state="failed", reason="unknown") if error is None else Reading({key: value}),
        errors={} if error is None else {key: error}, hits={key: error == 0.0},
    )  # fmt: skip


def test_levels_are_counted_by_hand(qm9_statistics: Statistics) -> None:
    """A molecule that cannot be read misses its level, and is in no confusion and no mean."""
    middle = [qm9_statistics.percentiles[KEYS.index("mu")][20 * level + 10] for level in range(5)]
    scores = [
        scored(number, Target("mu", "level", level=level), "seen", float(level != found), middle[found])
        for number, (level, found) in enumerate([(0, 0), (0, 2), (4, 4), (4, 4)])
    ]
    unread = scored(4, Target("mu", "level", level=4), "seen", None)
    entry = level_control([*scores, unread], qm9_statistics)["mu"]["seen"]
    assert (entry["n"], entry["hit"], entry["distance"], entry["failed"]) == (4, 0.6, 0.5, 0.2)
    assert entry["swing"] == pytest.approx(middle[4] - (middle[0] + middle[2]) / 2, abs=1e-4)
    assert (entry["confusion"][0][2], entry["confusion"][4][4]) == (1, 2)
    assert not level_control([unread], qm9_statistics)


def test_exact_prompts_are_counted_by_hand() -> None:
    """Errors are of molecules that were read, hits of all that were asked for."""
    target = Target("gap", "=", 7.0)
    scores = [scored(number, target, "exact", error) for number, error in enumerate([0.0, 2.0, None, None])]
    entry = exact_control(scores, np.zeros(0, np.int64))["gap"]["gap"]
    assert (entry["n"], entry["mae"], entry["hit"], entry["failed"]) == (2, 1.0, 0.25, 0.5)


def test_novel_is_valid_and_unknown(qm9_statistics: Statistics) -> None:
    from t2d_mol.chem.graph import hash_smiles

    known = np.sort(np.array([hash_smiles("CCO"), hash_smiles("C"), 2**62], np.int64))
    entry = Entry(1)
    assert not is_novel(Score(entry, 9, "CCO", "valid", "", 9, True), known)
    assert is_novel(Score(entry, 9, "CCN", "valid", "", 9, True), known)
    assert not is_novel(Score(entry, 9, "CCN", "invalid", "", 9, True), known)
