"""Compute the fixture: small molecules in QM9's format, geometry and properties by GFN2-xTB, none taken from QM9.

Needs the extra `physics`. Run from the top of the repository: python data/make_fixture.py
"""

import io
import tarfile
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem
from tblite.interface import Calculator
from tblite.library import ffi

SMILES = [
    "C",
    "N",
    "O",
    "CC",
    "CO",
    "CN",
    "CF",
    "C=C",
    "C=O",
    "C#C",
    "C#N",
    "CCO",
    "COC",
    "CCN",
    "CC=O",
    "CC#N",
    "NC=O",
    "OC=O",
    "CCF",
    "C1CC1",
    "C1CO1",
    "CC(C)=O",
    "CC(=O)O",
    "CC(N)=O",
    "OCCO",
    "NCCO",
    "FC(F)F",
    "C1CCC1",
    "C1CCOC1",
    "C1COC1",
    "c1ccoc1",
    "c1cc[nH]c1",
    "c1cnc[nH]1",
    "CC(C)C",
    "CCCC",
    "C=CC=C",
    "CC(C)(C)C",
    "C1CCCC1",
    "OC1CC1",
    "CC1CO1",
    "N#CC#N",
    "O=CC=O",
    "NC(N)=O",
    "CC(F)F",
    "C#CC=O",
    "CNC=O",
    "COC=O",
    "c1ccccc1",
    "C1CCCCC1",
    "CC(O)CN",
]
BOHR = 1 / 0.529177210903
FIELD = 1e-3
KT = 298.15 * 3.166811563e-6
FOLDER = Path(__file__).parent / "fixture"


def calculator(numbers, positions):
    calc = Calculator("GFN2-xTB", numbers, positions * BOHR)
    calc.set("verbosity", 0)
    return calc


def relax(numbers, positions, steps=300):
    """FIRE relaxation on GFN2-xTB forces."""
    velocity = np.zeros_like(positions)
    dt, alpha, uphill = 0.05, 0.1, 0
    for _ in range(steps):
        force = -calculator(numbers, positions).singlepoint().get("gradient") * BOHR
        if np.abs(force).max() < 2e-3:
            break
        if (force * velocity).sum() > 0:
            velocity = (1 - alpha) * velocity + alpha * force * np.linalg.norm(velocity) / np.linalg.norm(force)
            uphill += 1
            if uphill > 5:
                dt, alpha = min(dt * 1.1, 0.2), alpha * 0.99
        else:
            velocity[:], dt, alpha, uphill = 0, dt * 0.5, 0.1, 0
        velocity += dt * force
        step = dt * velocity
        positions = positions + step * min(1, 0.1 / max(np.abs(step).max(), 1e-9))
    return positions


def properties(numbers, positions):
    """Return energy, HOMO, LUMO (Hartree), dipole (Debye) and polarizability (Bohr^3) by finite field."""
    result = calculator(numbers, positions).singlepoint()
    energies, occupations = result.get("orbital-energies"), result.get("orbital-occupations")
    occupied = occupations > 1e-3
    dipole = np.linalg.norm(result.get("dipole")) * 2.541746
    diagonal = []
    for axis in range(3):
        moments = []
        for sign in (1, -1):
            calc = calculator(numbers, positions)
            field = np.zeros(3)
            field[axis] = sign * FIELD
            calc.add("electric-field", ffi.from_buffer("double[]", field))
            moments.append(calc.singlepoint().get("dipole")[axis])
        diagonal.append(abs(moments[0] - moments[1]) / (2 * FIELD))
    return result.get("energy"), energies[occupied].max(), energies[~occupied].min(), dipole, float(np.mean(diagonal))


def harmonic(numbers, positions, masses, step=0.005):
    """Return the 3n harmonic wavenumbers (cm^-1), imaginary ones negative, by finite differences of the gradient."""
    rows = []
    for index in range(positions.size):
        shifted = []
        for sign in (1, -1):
            moved = positions.copy()
            moved.flat[index] += sign * step
            shifted.append(calculator(numbers, moved).singlepoint().get("gradient").ravel())
        rows.append((shifted[0] - shifted[1]) / (2 * step * BOHR))
    weights = 1 / np.sqrt(np.repeat(masses * 1822.888, 3))
    values = np.linalg.eigvalsh(0.5 * (np.array(rows) + np.array(rows).T) * np.outer(weights, weights))
    return np.sign(values) * np.sqrt(np.abs(values)) * 219474.63


def vibrations(wavenumbers, linear):
    """Return zero-point and thermal energy (Hartree) and Cv (cal/mol/K) of a rigid rotor and harmonic oscillators."""
    x = wavenumbers / 219474.63 / KT
    degrees = 2.5 if linear else 3.0
    thermal = KT * (degrees + (x / np.expm1(x)).sum())
    cv = 1.987204 * (degrees + (x**2 * np.exp(x) / np.expm1(x) ** 2).sum())
    return 0.5 * wavenumbers.sum() / 219474.63, thermal, cv


def record(identifier, smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    AllChem.MMFFOptimizeMolecule(mol)
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    positions = relax(numbers, mol.GetConformer().GetPositions())
    energy, homo, lumo, dipole, alpha = properties(numbers, positions)
    masses = np.array([atom.GetMass() for atom in mol.GetAtoms()])
    centred = positions - (masses[:, None] * positions).sum(0) / masses.sum()
    tensors = (m * (np.dot(x, x) * np.eye(3) - np.outer(x, x)) for m, x in zip(masses, centred, strict=True))
    inertia = np.linalg.eigvalsh(sum(tensors))
    rotational = 505.379 / np.maximum(inertia, 1e-3)
    r2 = (centred**2).sum() * BOHR**2
    frequencies = harmonic(numbers, positions, masses)
    linear = inertia[0] < 1e-2
    real = np.sort(frequencies)[6 - linear :]
    zpve, thermal, cv = vibrations(np.maximum(real, 10.0), linear)
    inner, enthalpy = energy + zpve + thermal, energy + zpve + thermal + KT
    values = [
        *rotational,
        dipole,
        alpha,
        homo,
        lumo,
        lumo - homo,
        r2,
        zpve,
        energy + zpve,
        inner,
        enthalpy,
        enthalpy,
        cv,
    ]
    lines = [str(len(numbers)), f"gdb {identifier}\t" + "\t".join(f"{value:.6g}" for value in values) + "\t"]
    lines += [
        f"{atom.GetSymbol()}\t" + "\t".join(f"{x:.8f}" for x in row) + "\t0.0"
        for atom, row in zip(mol.GetAtoms(), positions, strict=False)
    ]
    lines += ["\t".join(f"{value:.2f}" for value in real), f"{smiles}\t{smiles}", "InChI=\tInChI=", ""]
    return "\n".join(lines)


def main():
    FOLDER.mkdir(exist_ok=True)
    with tarfile.open(FOLDER / "fixture.xyz.tar.bz2", "w:bz2") as archive:
        for identifier, smiles in enumerate(SMILES, 1):
            text = record(identifier, smiles).encode()
            info = tarfile.TarInfo(f"fixture_{identifier:06d}.xyz")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
            print(identifier, smiles)
    (FOLDER / "uncharacterized.txt").write_text("Records left out of the fixture:\n     3  water, as an example\n")


if __name__ == "__main__":
    main()
