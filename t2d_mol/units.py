"""Units of the six properties and the factors between them (CODATA values; QM9's own Hartree to eV factor)."""

from typing import Final

HARTREE_IN_EV: Final = 27.211386
"""The factor QM9's derived tables use."""

UNIT_FACTORS: Final[dict[str, dict[str, float]]] = {
    "Bohr^3": {"Bohr^3": 1.0, "Å^3": 1.0 / 0.529177210903**3},
    "eV": {
        "eV": 1.0,
        "meV": 1e-3,
        "Hartree": HARTREE_IN_EV,
        "kJ/mol": 1.0 / 96.48533212,
        "kcal/mol": 4.184 / 96.48533212,
        "cm^-1": 1.0 / 8065.543937,
    },
    "D": {"D": 1.0, "e·Å": 4.80320471, "e·a0": 4.80320471 * 0.529177210903, "C·m": 1.0 / 3.33564095e-30},
    "cal/mol/K": {"cal/mol/K": 1.0, "J/mol/K": 1.0 / 4.184, "kJ/mol/K": 1000.0 / 4.184},
}
"""`UNIT_FACTORS[canonical][unit]` is what a value in `unit` is multiplied with to give the canonical unit."""

ATOMIC_UNITS: Final = {"Bohr^3": "Bohr^3", "eV": "Hartree", "D": "e·a0"}
"""What "a.u." means where the canonical unit is this."""


def converted(value: float, unit: str, other: str) -> float | None:
    """Convert `value` from one unit to another of the same kind; None where they measure different things."""
    for factors in UNIT_FACTORS.values():
        if unit in factors and other in factors:
            return value * factors[unit] / factors[other]
    return value if unit == other else None


def to_canonical(value: float, unit: str, canonical: str) -> float:
    """Convert `value` from `unit` to the property's `canonical` unit.

    Raises:
        KeyError: if the unit does not measure this kind of quantity.
    """
    return value * UNIT_FACTORS[canonical][unit]
