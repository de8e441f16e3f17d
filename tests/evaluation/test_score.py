"""Summaries of scores whose figures are known."""

import numpy as np
import pytest

from t2d_mol.chem.graph import hash_smiles
from t2d_mol.evaluation.score import is_connected, score, score_smiles, summarise
from t2d_mol.molecule import Molecule
from t2d_mol.qm9.dataset import Molecules


def test_good_molecules_score_full(molecules: Molecules) -> None:
    scores = [score(number, molecules[number]) for number in range(20)]
    known = np.array([hash_smiles(item.smiles) for item in scores[:5]], np.int64)
    summary = summarise([*scores, scores[0]], smiles_hashes=np.sort(known))
    bonds = summary["bonds"]
    assert (summary["n"], bonds["valid"], bonds["atom_stable"], bonds["connected"]) == (21, 1.0, 1.0, 1.0)
    assert bonds["unique"] == bonds["valid_unique"] == pytest.approx(20 / 21, abs=1e-6)
    assert bonds["novel"] == pytest.approx(15 / 20)
    assert summary["lookup"]["novel"] is None
    assert "novel" not in summary["reasons"]


def test_broken_molecules_count_and_are_not_left_out(molecules: Molecules) -> None:
    good = molecules[10]
    bonds = good.bonds.copy()
    i, j = np.argwhere(bonds == 1)[0]
    bonds[i, j] = bonds[j, i] = 0
    broken = Molecule(good.numbers, good.positions, bonds, good.charges)
    summary = summarise([score(1, good), score(2, broken)])
    assert summary["bonds"]["valid"] == 0.5
    assert summary["bonds"]["molecule_stable"] == 0.5
    assert summary["bonds"]["atom_stable"] == pytest.approx(1 - 2 / (2 * len(good)), abs=1e-6)
    assert summary["lookup"]["valid"] == 1.0
    assert summary["targets"] is None
    assert "targets" in summary["reasons"]


def test_smiles_get_graph_figures_only() -> None:
    summary = summarise([score_smiles(1, "CCO"), score_smiles(2, "C.C"), score_smiles(3, "nonsense")])
    assert summary["lookup"] is None
    assert summary["reasons"]["lookup"]
    assert summary["bonds"]["valid"] == pytest.approx(1 / 3, abs=1e-6)


def test_connectedness_is_that_of_the_bonds() -> None:
    chain = np.zeros((5, 5), np.uint8)
    for i in range(4):
        chain[i, i + 1] = chain[i + 1, i] = 1
    whole = Molecule(np.full(5, 6, np.uint8), np.zeros((5, 3), np.float32), chain)
    assert is_connected(whole)
    chain = chain.copy()
    chain[2, 3] = chain[3, 2] = 0
    assert not is_connected(Molecule(whole.numbers, whole.positions, chain))
