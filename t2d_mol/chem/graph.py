"""Molecular graphs: RDKit molecules from ours, and the judgement on the bonds a molecule carries."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from t2d_mol.chem.perception import with_perceived_bonds
from t2d_mol.elements import SYMBOL_OF_NUMBER, SYMBOLS, VALENCE
from t2d_mol.errors import InputError
from t2d_mol.molecule import Molecule, State

if TYPE_CHECKING:
    from rdkit.Chem import Mol


@dataclass(frozen=True)
class Judgement:
    """What the bonds of a molecule say about it.

    Attributes:
        state: valid (RDKit sanitises it, one fragment, no unpaired electron), invalid or disconnected.
        reason: why it is not valid, empty if it is.
        smiles: canonical SMILES without explicit hydrogens, None if it cannot be sanitised.
        stable_atoms: (n,) whether bond orders and formal charge fit an allowed valence.
    """

    state: State
    reason: str
    smiles: str | None
    stable_atoms: NDArray[np.bool_]


def to_rdkit(molecule: Molecule, *, explicit_only: bool = True) -> "Mol":
    """Build an unsanitised RDKit molecule with all atoms explicit and one conformer.

    Args:
        molecule: must have bonds; missing charges count as zero.
        explicit_only: forbid implicit hydrogens, so that a missing neighbour shows as a radical.
    """
    from rdkit import Chem

    mol = Chem.RWMol()
    conformer = Chem.Conformer(len(molecule))
    for index, number in enumerate(molecule.numbers):
        atom = Chem.Atom(int(number))
        if molecule.charges is not None:
            atom.SetFormalCharge(int(molecule.charges[index]))
        atom.SetNoImplicit(explicit_only)
        mol.AddAtom(atom)
        conformer.SetAtomPosition(index, molecule.positions[index].astype(float).tolist())
    if molecule.bonds is not None:
        orders = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
        for i, j in zip(*np.nonzero(np.triu(molecule.bonds)), strict=True):
            mol.AddBond(int(i), int(j), orders[int(molecule.bonds[i, j])])
    mol.AddConformer(conformer)
    return mol.GetMol()


def readable(molecule: Molecule) -> "Mol":
    """Return the RDKit molecule, sanitised where RDKit can."""
    from rdkit import Chem, rdBase

    mol = to_rdkit(molecule)
    with rdBase.BlockLogs():
        Chem.SanitizeMol(mol, catchErrors=True)
    return mol


def stable_atoms(molecule: Molecule) -> NDArray[np.bool_]:
    """Return (n,) whether each atom's bond orders are an allowed valence for its element and formal charge."""
    if molecule.bonds is None:
        raise ValueError("the molecule has no bonds")
    charges = np.zeros(len(molecule), int) if molecule.charges is None else molecule.charges
    orders = molecule.bonds.sum(0)
    return np.array(
        [
            VALENCE.get((SYMBOL_OF_NUMBER[int(number)], int(charge))) == order
            for number, charge, order in zip(molecule.numbers, charges, orders, strict=True)
        ],
        bool,
    )


def fragment_count(molecule: Molecule) -> int:
    """Return into how many pieces the molecule's bonds join its atoms."""
    from scipy.sparse.csgraph import connected_components

    assert molecule.bonds is not None
    pieces, _ = connected_components(molecule.bonds > 0, directed=False)
    return int(pieces)


def is_closed(molecule: Molecule) -> bool:
    """Return whether bonds and charges add up: each atom has an allowed valence, all hang together, the whole is neutral.

    Needs no RDKit, which calls nearly all such molecules valid.
    """
    if molecule.bonds is None or molecule.net_charge or not stable_atoms(molecule).all():
        return False
    return fragment_count(molecule) == 1


def judge(molecule: Molecule) -> Judgement:
    """Judge a molecule by its bonds, perceived from the geometry if it has none."""
    from rdkit import Chem, rdBase

    try:
        molecule = with_perceived_bonds(molecule)
    except InputError as error:
        return Judgement("invalid", str(error), None, np.zeros(len(molecule), bool))
    stable = stable_atoms(molecule)
    mol = to_rdkit(molecule)
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
            smiles = Chem.MolToSmiles(Chem.RemoveHs(mol))
        except ValueError as error:
            return Judgement("invalid", str(error).strip().splitlines()[0], None, stable)
    return _verdict(mol, smiles, stable)


def judge_smiles(smiles: str) -> Judgement:
    """Judge the molecule a SMILES stands for, hydrogens added; `stable_atoms` is empty if RDKit cannot read it."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or not all(atom.GetAtomicNum() for atom in mol.GetAtoms()) or not mol.GetNumAtoms():
        return Judgement("invalid", "not the SMILES of a molecule", None, np.zeros(0, bool))
    Chem.RemoveStereochemistry(mol)  # a molecule's own SMILES carries none either
    mol = Chem.AddHs(mol)
    stable = np.array([not atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()])
    with rdBase.BlockLogs():
        canonical = Chem.MolToSmiles(Chem.RemoveHs(mol))
    return _verdict(mol, canonical, stable)


def foreign_element(smiles: str) -> str | None:
    """Return why a SMILES cannot be judged here, if it names an element that QM9 has not."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()] if mol is not None else []
    foreign = next((symbol for symbol in symbols if symbol not in (*SYMBOLS, "*")), None)
    return None if foreign is None else f"{foreign} is not among {', '.join(SYMBOLS)}"


def _verdict(mol: "Mol", smiles: str, stable: NDArray[np.bool_]) -> Judgement:
    """Judge a sanitised molecule: no unpaired electron, one fragment."""
    from rdkit import Chem

    radicals = [atom for atom in mol.GetAtoms() if atom.GetNumRadicalElectrons()]
    if radicals:
        reason = f"{radicals[0].GetSymbol()} atom {radicals[0].GetIdx() + 1} lacks a bond"
        return Judgement("invalid", reason, smiles, stable)
    fragments = len(Chem.GetMolFrags(mol))
    if fragments > 1:
        return Judgement("disconnected", f"{fragments} fragments", smiles, stable)
    return Judgement("valid", "", smiles, stable)


def hash_smiles(smiles: str) -> int:
    """Return a signed 64-bit hash of a SMILES, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(smiles.encode(), digest_size=8).digest(), "little", signed=True)
