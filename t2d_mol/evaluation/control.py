"""How well prompts are followed: errors, hits and confusions by what was asked and how."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2d_mol.checkpoint import Statistics
from t2d_mol.chem.novelty import is_known
from t2d_mol.evaluation.ratios import Ratio, intervals
from t2d_mol.evaluation.score import Score
from t2d_mol.properties import KEYS, LEVELS


def exact_control(scores: Sequence[Score], smiles_hashes: NDArray[np.int64]) -> dict[str, Any]:
    """Return what exact prompts came to, by group and property, with 95 % intervals.

    Each entry: `n` molecules whose property was read, `mae` over all of them, `n_novel`, `mae_novel` over those that are
    valid and not among the train molecules, `hit` over all that were asked, and `failed`, the share that could not be read.
    What was read of none is left out: the oracle does not read it.
    """
    novel = np.array([is_novel(score, smiles_hashes) for score in scores])
    table: dict[str, Any] = {}
    for group, places in _grouped([score.entry.group for score in scores]).items():
        for key in KEYS:
            asked = np.array([key in scores[place].hits for place in places])
            read = np.array([key in scores[place].errors for place in places])
            if not read.any():
                continue
            errors = np.array([scores[place].errors.get(key, 0.0) for place in places])
            new = read & novel[places]
            found = {
                "mae": Ratio.of(errors, read),
                "hit": Ratio.of([scores[place].hits.get(key, False) for place in places], asked),
                "mae_novel": Ratio.of(errors * new, new),
                "failed": Ratio.of(asked & ~read, asked),
            }
            counts = {"n": int(read.sum()), "n_novel": int(new.sum())}
            table.setdefault(group, {})[key] = counts | _with_intervals(found)
    return table


def level_control(scores: Sequence[Score], statistics: Statistics) -> dict[str, Any]:
    """Return what general prompts came to, by property and wording, with 95 % intervals.

    Each entry: `n` molecules whose property was read, `distance` in levels, `swing` of the mean from the lowest to the
    highest level asked for in canonical units, and `confusion`, counts by level asked for (rows) and reached (columns);
    `hit` rate of the asked level over all that were asked, and `failed`, the share whose property could not be read. What
    was read of none is left out.
    """
    table: dict[str, Any] = {}
    for key, group in _grouped([score.entry.group for score in scores]).items():
        for wording, within in _grouped([scores[place].entry.wording for place in group]).items():
            own = [score for place in within if key in (score := scores[group[place]]).hits]
            read = np.array([key in score.errors for score in own], bool)
            if not read.any():
                continue
            asked = np.array([score.entry.targets[0].level or 0 for score in own])
            values = np.array([score.reading.values.get(key, 0.0) if score.reading else 0.0 for score in own])
            reached = np.array([statistics.level(KEYS.index(key), value) for value in values])
            confusion = np.zeros((len(LEVELS), len(LEVELS)), int)
            np.add.at(confusion, (asked[read], reached[read]), 1)
            found = {
                "hit": Ratio.of([score.hits[key] for score in own]),
                "distance": Ratio.of(np.abs(asked - reached) * read, read),
                "failed": Ratio.of(~read),
            }
            ends = [values[read & (asked == level)] for level in (0, len(LEVELS) - 1)]
            swing = round(float(ends[1].mean() - ends[0].mean()), 5) if all(map(len, ends)) else None
            entry = {"n": int(read.sum()), "swing": swing, "confusion": confusion.tolist()}
            table.setdefault(key, {})[wording] = entry | _with_intervals(found)
    return table


def is_novel(score: Score, smiles_hashes: NDArray[np.int64]) -> bool:
    """Return whether a molecule is valid and not among those whose hashes are given, sorted."""
    return score.state == "valid" and score.smiles is not None and not is_known(score.smiles, smiles_hashes)


def _grouped(names: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Return the places of each name, in order of its first."""
    return {name: np.flatnonzero([other == name for other in names]) for name in dict.fromkeys(names)}


def _with_intervals(found: dict[str, Ratio]) -> dict[str, Any]:
    return {name: ratio.value for name, ratio in found.items()} | {"intervals": intervals(found)}
