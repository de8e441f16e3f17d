"""Scores and summaries whose figures are known."""

import io
import math
from typing import Any

import numpy as np
import pytest

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.chem.graph import fragment_count, hash_smiles
from t2d_mol.cli.gates import Gates
from t2d_mol.evaluation import tables
from t2d_mol.evaluation.score import Entry, Scorer, score_smiles
from t2d_mol.evaluation.sources import entries_of_content
from t2d_mol.evaluation.summary import summarise
from t2d_mol.io.formats import format_named
from t2d_mol.io.record import RECORD_KEYS, with_geometry
from t2d_mol.judge_checkpoint import JudgeCheckpoint
from t2d_mol.molecule import Molecule, Target
from t2d_mol.qm9.dataset import Molecules
from tests.evaluation.truth import Truth


@pytest.mark.parametrize(("smiles", "connected"), [("CCO", True), ("[CH2].C", False), ("[CH2]C", True), ("C.C", False)])
def test_a_smiles_is_connected_whatever_else_ails_it(smiles: str, connected: bool) -> None:
    assert score_smiles(Entry(1, None, smiles)).connected is connected


def test_good_molecules_score_full(molecules: Molecules) -> None:
    scores = list(Scorer()(Entry(number, molecules[number]) for number in range(20)))
    known = np.array([hash_smiles(item.smiles or "") for item in scores[:5]], np.int64)
    summary = summarise([*scores, scores[0]], smiles_hashes=np.sort(known))
    bonds = summary["bonds"]
    assert (summary["n"], bonds["valid"], bonds["atom_stable"], bonds["connected"]) == (21, 1.0, 1.0, 1.0)
    assert bonds["unique"] == bonds["valid_unique"] == pytest.approx(20 / 21, abs=1e-6)
    assert bonds["novel"] == pytest.approx(15 / 20)
    assert summary["lookup"]["novel"] is None
    assert "novel" not in summary["reasons"]
    assert summary["intervals"]["bonds.valid"] == [1.0, 1.0]


def test_broken_molecules_count_and_are_not_left_out(molecules: Molecules) -> None:
    good = molecules[10]
    assert good.bonds is not None
    bonds = good.bonds.copy()
    i, j = np.argwhere(bonds == 1)[0]
    bonds[i, j] = bonds[j, i] = 0
    broken = Molecule(good.numbers, good.positions, bonds, good.charges)
    summary = summarise(list(Scorer()([Entry(1, good), Entry(2, broken)])))
    assert summary["bonds"]["valid"] == 0.5
    assert summary["bonds"]["molecule_stable"] == 0.5
    assert summary["bonds"]["atom_stable"] == pytest.approx(1 - 2 / (2 * len(good)), abs=1e-6)
    assert summary["lookup"]["valid"] == 1.0
    assert summary["targets"] is None
    assert {"targets", "properties", "checks", "relaxation"} <= set(summary["reasons"])


def test_a_neutral_carbon_of_three_bonds_is_never_stable() -> None:
    methyl = Molecule(
        np.array([6, 1, 1, 1], np.uint8),
        np.array([[0, 0, 0], [1.08, 0, 0], [-0.54, 0.94, 0], [-0.54, -0.94, 0]], np.float32),
        np.array([[0, 1, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], np.uint8),
        np.zeros(4, np.int8),
    )
    (score,) = Scorer()([Entry(1, methyl)])
    assert (score.state, score.stable_atoms, score.lookup_stable_atoms) == ("invalid", 3, 3)


def test_smiles_get_graph_figures_only() -> None:
    entries = [Entry(1, None, "CCO"), Entry(2, None, "C.C"), Entry(3, None, "nonsense")]
    summary = summarise([score_smiles(entry) for entry in entries])
    assert summary["lookup"] is None
    assert summary["reasons"]["lookup"]
    assert summary["bonds"]["valid"] == pytest.approx(1 / 3, abs=1e-6)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({}, (1, False)),
        ({"candidates": 4, "repairs": 0}, (4, False)),
        ({"candidates": "4.0", "repairs": "0.0"}, (4, False)),
        ({"candidates": 1.0, "repairs": 2.0}, (1, True)),
        ({"candidates": "many", "repairs": math.nan}, (1, False)),
    ],
)
def test_what_a_record_went_through_is_read_as_tables_hold_it(columns: dict[str, object], found: tuple[int, bool]) -> None:
    score = score_smiles(Entry(1, None, "CCO", columns=columns))
    assert (score.chosen_from, score.repaired) == found


def test_connectedness_is_that_of_the_bonds() -> None:
    chain = np.zeros((5, 5), np.uint8)
    for i in range(4):
        chain[i, i + 1] = chain[i + 1, i] = 1
    whole = Molecule(np.full(5, 6, np.uint8), np.zeros((5, 3), np.float32), chain)
    assert fragment_count(whole) == 1
    chain = chain.copy()
    chain[2, 3] = chain[3, 2] = 0
    assert fragment_count(Molecule(whole.numbers, whole.positions, chain)) > 1


def test_targets_are_held_against_what_the_oracle_reads(molecules: Molecules, qm9_statistics: Statistics) -> None:
    truth = Truth(molecules)
    first, second = molecules.properties()[:2, 0]
    width = qm9_statistics.mad[0]
    entries = [
        Entry(1, molecules[0], "", (Target("alpha", "=", value=first + 0.2 * width),)),
        Entry(2, molecules[1], "", (Target("alpha", "=", value=second - 0.3 * width),)),
        Entry(3, molecules[2]),
    ]
    scores = list(Scorer(qm9_statistics, truth)(entries))
    summary = summarise(scores, oracle="truth")
    found = summary["targets"]["alpha"]
    assert (found["n"], found["mae"], found["hit"]) == (2, pytest.approx(0.25 * width, abs=1e-5), 0.5)
    assert (found["level_share"], found["failed"]) == (0.0, 0.0)
    assert summary["properties"]["alpha"] == pytest.approx(molecules.properties()[:3, 0].mean(), abs=1e-5)
    assert scores[0].row()["alpha_hit"]
    assert scores[2].row()["alpha_error"] is None
    assert [set(score.row()) for score in scores[1:]] == [set(scores[0].row())] * 2


def test_a_molecule_the_oracle_fails_on_is_a_miss_and_is_counted(molecules: Molecules, qm9_statistics: Statistics) -> None:
    target = (Target("alpha", "=", value=float(molecules.properties()[0, 0])),)
    moved = Molecule(molecules[0].numbers, molecules[0].positions + 1, molecules[0].bonds, molecules[0].charges)
    scores = list(
        Scorer(qm9_statistics, Truth(molecules))([Entry(1, molecules[0], "", target), Entry(2, moved, "", target)])
    )
    found = summarise(scores, oracle="truth")["targets"]["alpha"]
    assert (found["n"], found["mae"], found["hit"], found["failed"]) == (2, 0.0, 0.5, 0.5)
    assert Gates(max_mae={"alpha": 1.0}).missed(summarise(scores, oracle="truth"))
    assert not Gates(max_mae={"alpha": 1.0}).missed(summarise(scores[:1], oracle="truth"))


def test_levels_have_hits_but_no_error_and_a_ceiling_of_their_own(
    molecules: Molecules, tiny_checkpoint: Checkpoint, tiny_judge: JudgeCheckpoint
) -> None:
    statistics, values = tiny_checkpoint.statistics, molecules.properties()[:, 0]
    targets = [Target("alpha", "level", level=statistics.level(0, value)) for value in values[:2]]
    targets.append(Target("alpha", "=", value=float(values[2])))
    entries = [Entry(number, molecules[number], "", (target,)) for number, target in enumerate(targets)]
    summary = summarise(list(Scorer(statistics, Truth(molecules))(entries)), oracle="network")
    found = summary["targets"]["alpha"]
    assert (found["n"], found["mae"], found["hit"], found["level_share"]) == (3, 0.0, 1.0, pytest.approx(2 / 3, abs=1e-6))
    ceiling = (2 * tiny_judge.results["level_hit"]["alpha"] + tiny_judge.results["hit"]["alpha"]) / 3
    assert f"{100 * ceiling:.1f}" in tables.targets(summary, tiny_judge.results).rows[-1]


def test_the_same_molecules_are_as_valid_in_every_format(molecules: Molecules) -> None:
    text = "CCO\t0\tvalid\n*\t1\tinvalid\n*\t2\tinvalid\n"
    table = "smiles,state\nCCO,valid\n,invalid\n,invalid\n"
    for form in (text, table):
        entries = [entry for entry in entries_of_content(form) if isinstance(entry, Entry)]
        summary = summarise(list(Scorer()(entries)))
        assert (summary["n"], summary["bonds"]["valid"]) == (3, pytest.approx(1 / 3, abs=1e-6)), form
    unreadable = summarise(list(Scorer()([Entry(1, molecules[5])])), unreadable=3)
    assert Gates(min_valid=0.5).missed(unreadable)
    assert not Gates(min_valid=0.25).missed(unreadable)


def test_stereochemistry_does_not_make_a_molecule_new() -> None:
    flat, handed = (score_smiles(Entry(1, None, smiles)) for smiles in ("CC12COC1C2", "C[C@@]12CO[C@@H]1C2"))
    assert flat.smiles == handed.smiles


@pytest.mark.parametrize("form", ["jsonl", "sdf", "xyz"])
@pytest.mark.parametrize("relaxed", [None, {"rmsd": 0.1, "state": "done"}, {"rmsd": None, "state": "failed"}])
def test_only_what_was_relaxed_is_said_to_be(form: str, relaxed: Any, molecules: Molecules) -> None:
    record = dict.fromkeys(RECORD_KEYS, "") | {"targets": [], "repairs": 0, "candidates": 1, "relaxed": relaxed}
    stream = io.BytesIO()
    format_named(form).write([with_geometry(record, molecules[3])], stream)
    (score,) = Scorer()(entry for entry in entries_of_content(stream.getvalue().decode()) if isinstance(entry, Entry))
    assert score.came_relaxed is (relaxed is not None and relaxed["state"] == "done")
    assert not score.repaired
