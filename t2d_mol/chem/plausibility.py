"""Physical plausibility: PoseBusters' checks of a molecule by itself, each run once, and the strain MMFF relieves.

Buttenschoen, Morris and Deane, PoseBusters, Chemical Science 15, 3130 (2024).
"""

import importlib.util
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from t2d_mol.chem.graph import to_rdkit
from t2d_mol.chem.perception import with_perceived_bonds
from t2d_mol.chem.strain import strain
from t2d_mol.errors import InputError, UsageError
from t2d_mol.molecule import Molecule


@dataclass(frozen=True)
class Plausibility:
    """What the checks say of one molecule.

    Attributes:
        checks: whether each check of `CHECKS` passes; None where it does not apply, as the internal energy of a molecule no
            conformer can be made of. What cannot be sanitised fails the checks that need it.
        strain: kcal/mol that MMFF94 relieves; None where it does not apply.
        reason: why no bonds could be found to check.
    """

    checks: dict[str, bool | None] = field(default_factory=dict)
    strain: float | None = None
    reason: str = ""


def _module(function: str, outputs: dict[str, str], **parameters: Any) -> dict[str, Any]:
    chosen = list(outputs)
    return {
        "name": chosen[0] if function != "flatness" else outputs[chosen[0]],
        "function": function,
        "parameters": parameters,
        "chosen_binary_test_output": chosen,
        "rename_outputs": outputs,
    }


_FLAT: Final = {
    "flat_aromatic_rings": {
        "flat_systems": {
            "aromatic_5": "[ar5^2]1[ar5^2][ar5^2][ar5^2][ar5^2]1",
            "aromatic_6": "[ar6^2]1[ar6^2][ar6^2][ar6^2][ar6^2][ar6^2]1",
        },
        "threshold_flatness": 0.25,
    },
    "flat_double_bonds": {
        "flat_systems": {"double_bond": "[C;X3;^2](*)(*)=[C;X3;^2](*)(*)"},
        "threshold_flatness": 0.25,
    },
    "puckered_saturated_rings": {
        "check_nonflat": True,
        "flat_systems": {
            "single_bonds": "[C,O,S,N;R1]~1[C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1]1",
            "double_bonds_03_a": "[C;R1]~1[C;R1][C,O,S,N;R1]~[C,O,S,N;R1][C;R1][C;R1]1",
            "double_bonds_03_b": "[C;R1]~1[C;R1][C;R1]~[C;R1][C,O,S,N;R1][C;R1]1",
            "double_bonds_02_a": "[C;R1]~1[C;R1][C;R1][C,O,S,N;R1]~[C,O,S,N;R1][C;R1]1",
            "double_bonds_02_b": "[C;R1]~1[C;R1][C,O,S,N;R1][C;R1]~[C;R1][C;R1]1",
        },
        "threshold_flatness": 0.05,
    },
}
_GEOMETRY: Final = {
    "bond_lengths_within_bounds": "bond_lengths",
    "bond_angles_within_bounds": "bond_angles",
    "no_internal_clash": "no_clash",
}
_MODULES: Final = [
    _module("rdkit_sanity", {"passes_rdkit_sanity_checks": "sanitises"}),
    _module("inchi_convertible", {"inchi_convertible": "inchi"}),
    _module("atoms_connected", {"all_atoms_connected": "connected"}),
    _module("check_radicals", {"no_radicals": "no_radicals"}),
    _module(
        "distance_geometry",
        _GEOMETRY,
        bound_matrix_params={
            "set15bounds": True,
            "scaleVDW": True,
            "doTriangleSmoothing": True,
            "useMacrocycle14config": False,
        },
        threshold_bad_bond_length=0.25,
        threshold_bad_angle=0.25,
        threshold_clash=0.3,
        ignore_hydrogens=True,
        sanitize=True,
    ),
    *(_module("flatness", {"flatness_passes": name}, **parameters) for name, parameters in _FLAT.items()),
    _module(
        "energy_ratio",
        {"energy_ratio_passes": "internal_energy"},
        threshold_energy_ratio=100.0,
        ensemble_number_conformations=50,
    ),
]
_LOADING: Final = {"cleanup": False, "sanitize": False, "add_hs": False, "assign_stereo": False, "load_all": True}

CHECKS: Final = tuple(name for module in _MODULES for name in module["rename_outputs"].values())
"""The checks; the thresholds are PoseBusters' own for molecules without a protein."""


def require_posebusters() -> None:
    """Raise UsageError if the extra `check` is not installed."""
    if importlib.util.find_spec("posebusters") is None:
        raise UsageError("the checks need posebusters", "pip install 't2d-mol[check]'")


def check(molecules: Sequence[Molecule]) -> Iterator[Plausibility]:
    """Yield what the checks say of each molecule, in order.

    Raises:
        UsageError: if posebusters is not installed.
    """
    import rdkit

    require_posebusters()
    from posebusters import PoseBusters

    logging.getLogger("posebusters").setLevel(logging.CRITICAL)
    rdkit.log_handler.setLevel(logging.CRITICAL)
    buster = PoseBusters({"modules": _MODULES, "loading": {"mol_pred": _LOADING}}, max_workers=0)
    for molecule in molecules:
        try:
            mol = to_rdkit(with_perceived_bonds(molecule))
        except InputError as error:
            yield Plausibility(dict.fromkeys(CHECKS, False), reason=str(error))
            continue
        row = buster.bust([mol], None, None).iloc[0]
        checks = {name: None if row[name] != row[name] else bool(row[name]) for name in CHECKS}
        if not checks["sanitises"]:
            checks = {name: bool(passed) for name, passed in checks.items()}
        yield Plausibility(checks, strain(molecule))
