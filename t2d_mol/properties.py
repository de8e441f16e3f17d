"""The properties a prompt can ask for and the columns of a QM9 record: the only such list in the project."""

from dataclasses import dataclass
from typing import Final

from t2d_mol.errors import unknown
from t2d_mol.units import ATOMIC_UNITS, HARTREE_IN_EV, UNIT_FACTORS


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

_ENERGY_NAMES: Final = (
    "{0} energy", "{0} level", "{0} energy level", "{0} orbital", "{0} orbital energy", "e {0}", "e{0}", "ε {0}", "epsilon {0}",
    "{0} eigenvalue", "energy of the {0}", "energy of {0}",
)  # fmt: skip
_GAP_NAMES: Final = tuple(
    phrase.format(*pair)
    for phrase in (
        "{0} {1} gap", "{0} {1} energy gap", "{0} {1} energy difference", "{0} {1} separation", "{0} {1} splitting",
        "{0} {1} spacing", "{0} {1} difference", "{0} to {1} gap", "gap between {0} and {1}", "gap between the {0} and {1}",
        "gap between the {0} and the {1}", "energy gap between {0} and {1}", "energy gap between the {0} and the {1}",
        "energy gap between the {0} and {1}", "energy difference between {0} and {1}", "energy separation between {0} and {1}",
        "energy difference between the {0} and the {1}", "energy difference between the {0} and {1}",
        "difference between {0} and {1}", "separation between {0} and {1}", "spacing between {0} and {1}",
        "difference between the {0} and the {1}", "separation of {0} and {1}", "{0} {1} energy separation", "gap {0} {1}",
        "energy gap {0} {1}", "gap of {0} and {1}", "energy difference of {0} and {1}", "difference of {0} and {1}",
    )
    for pair in (("homo", "lumo"), ("lumo", "homo"), ("homo", "lomo"))
)  # fmt: skip

PROPERTIES: Final = (
    Property("alpha", "polarizability", "α", "Bohr^3", 1.0, (
        "isotropic polarizability", "static polarizability", "mean polarizability", "average polarizability", "alpha",
        "dipole polarizability", "electronic polarizability", "electric polarizability", "polarizability alpha",
        "alpha iso", "α iso", "molecular polarizability", "polarizability α", "isotropic static polarizability",
        "polarizability volume",
    )),
    Property("homo", "homo", "ε_HOMO", "eV", HARTREE_IN_EV, (
        *(name.format("homo") for name in _ENERGY_NAMES), "highest occupied molecular orbital",
        "highest occupied molecular orbital energy", "highest occupied orbital", "highest occupied orbital energy",
        "energy of the highest occupied molecular orbital", "highest occupied mo", "highest occupied level",
        "highest occupied molecular orbital level", "energy of the highest occupied orbital", "highest filled orbital",
    )),
    Property("lumo", "lumo", "ε_LUMO", "eV", HARTREE_IN_EV, (
        *(name.format("lumo") for name in _ENERGY_NAMES), "lomo", "lomo energy", "lomo level",
        "lowest unoccupied molecular orbital", "lowest unoccupied molecular orbital energy", "lowest unoccupied orbital",
        "lowest unoccupied orbital energy", "energy of the lowest unoccupied molecular orbital", "lowest unoccupied mo",
        "lowest unoccupied level", "lowest unoccupied molecular orbital level", "energy of the lowest unoccupied orbital",
        "lowest empty orbital",
    )),
    Property("gap", "energy gap between homo and lumo", "Δε", "eV", HARTREE_IN_EV, (
        *_GAP_NAMES, "gap", "band gap", "bandgap", "energy gap", "electronic gap", "frontier orbital gap", "frontier gap",
        "orbital gap", "e gap", "egap", "δe", "Δe", "delta e", "hl gap", "h l gap", "δe homo lumo", "delta e homo lumo", "orbital energy gap", "gap energy", "δ ε",
        "energy band gap", "frontier orbital energy gap", "molecular orbital gap", "h-l gap", "delta epsilon",
    )),
    Property("mu", "dipole moment", "μ", "D", 1.0, (
        "dipole", "mu", "electric dipole", "electric dipole moment", "molecular dipole", "molecular dipole moment",
        "permanent dipole", "permanent dipole moment", "polarity", "dipolar moment", "dipole norm", "dipole magnitude",
        "total dipole", "total dipole moment", "net dipole", "net dipole moment",
    )),
    Property("cv", "heat capacity", "Cv", "cal/mol/K", 1.0, (
        "heat capacity at constant volume", "specific heat", "specific heat capacity", "cv", "c v", "thermal capacity",
        "molar heat capacity", "isochoric heat capacity", "constant volume heat capacity", "heat capacity cv",
        "molar heat capacity at constant volume", "heat capacitance", "thermal heat capacity", "heat cap",
        "specific heat at constant volume", "heatcapacity",
    )),
)  # fmt: skip
"""The properties a prompt can ask for; the position in this tuple is the property's index K everywhere."""

KEYS: Final = tuple(prop.key for prop in PROPERTIES)
BY_KEY: Final = {prop.key: prop for prop in PROPERTIES}

LEVELS: Final = ("very low", "low", "medium", "high", "very high")
"""Names of the quintiles of a property over the train split."""


def key_of(name: str) -> str:
    """Return the key of a property by its key, name, symbol or one of its synonyms, in any case.

    Raises:
        UsageError: if there is none.
    """
    for prop in PROPERTIES:
        if name.strip().lower() in (prop.key, prop.name, prop.symbol.lower(), *prop.synonyms):
            return prop.key
    raise unknown("property", name, KEYS, "properties")


def unit_measures(unit: str, key: str) -> bool:
    """Return whether a property can be given in a unit."""
    canonical = BY_KEY[key].unit
    return unit in UNIT_FACTORS[canonical] or (unit == "a.u." and canonical in ATOMIC_UNITS)


def qm9_column(prop: Property) -> int:
    """Return the column of `QM9_COLUMNS` that holds the property."""
    return [column.lower() for column in QM9_COLUMNS].index(prop.key)
