"""The properties a prompt can ask for and the columns of a QM9 record: the only such list in the project."""

from dataclasses import dataclass
from typing import Final

from t2d_mol.units import HARTREE_IN_EV


@dataclass(frozen=True)
class Property:
    """One molecular property of a QM9 record.

    Attributes:
        key: short name used in files and options.
        name: what the templates call it in a sentence.
        symbol: mathematical symbol.
        unit: canonical unit; a value in QM9's own unit times `factor` gives it.
        factor: from QM9's own unit to `unit`.
        synonyms: further lower-case names the grammar understands.
    """

    key: str
    name: str
    symbol: str
    unit: str
    factor: float = 1.0
    synonyms: tuple[str, ...] = ()


QM9_COLUMNS: Final = ("A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
"""The 15 columns of a QM9 record, in its order and its own units."""

PROPERTIES: Final = (
    Property("alpha", "polarizability", "α", "Bohr^3", 1.0, ("polarisability", "isotropic polarizability", "alpha")),
    Property(
        "homo",
        "homo",
        "ε_HOMO",
        "eV",
        HARTREE_IN_EV,
        (
            "homo energy",
            "homo level",
            "highest occupied molecular orbital",
            "highest occupied molecular orbital energy",
        ),
    ),
    Property(
        "lumo",
        "lumo",
        "ε_LUMO",
        "eV",
        HARTREE_IN_EV,
        (
            "lomo",
            "lumo energy",
            "lumo level",
            "lowest unoccupied molecular orbital",
            "lowest unoccupied molecular orbital energy",
        ),
    ),
    Property(
        "gap",
        "energy gap between homo and lumo",
        "Δε",
        "eV",
        HARTREE_IN_EV,
        (
            "energy difference between homo and lumo",
            "gap between homo and lumo",
            "homo-lumo gap",
            "homo-lumo energy gap",
            "lumo-homo gap",
            "band gap",
            "bandgap",
            "energy gap",
            "gap",
        ),
    ),
    Property("mu", "dipole moment", "μ", "D", 1.0, ("dipole", "mu")),
    Property("cv", "heat capacity", "Cv", "cal/mol/K", 1.0, ("heat capacity at constant volume", "specific heat", "cv")),
)
"""The properties a prompt can ask for; the position in this tuple is the property's index K everywhere."""

KEYS: Final = tuple(prop.key for prop in PROPERTIES)
BY_KEY: Final = {prop.key: prop for prop in PROPERTIES}

LEVELS: Final = ("very low", "low", "medium", "high", "very high")
"""Names of the quintiles of a property over the train split."""


def qm9_column(prop: Property) -> int:
    """Return the column of `QM9_COLUMNS` that holds the property."""
    return [column.lower() for column in QM9_COLUMNS].index(prop.key)
