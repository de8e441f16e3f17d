"""The elements of QM9 and the limits that follow from them: the only list of elements in the project."""

from typing import Final

SYMBOLS: Final = ("H", "C", "N", "O", "F")
"""Element symbols; the position in this tuple is the atom type."""

NUMBERS: Final = (1, 6, 7, 8, 9)
"""Atomic numbers, in the order of `SYMBOLS`."""

TYPE_OF_SYMBOL: Final = {symbol: index for index, symbol in enumerate(SYMBOLS)}
TYPE_OF_NUMBER: Final = {number: index for index, number in enumerate(NUMBERS)}
SYMBOL_OF_NUMBER: Final = dict(zip(NUMBERS, SYMBOLS, strict=True))

VALENCE: Final = {
    ("H", 0): 1,
    ("C", 0): 4,
    ("C", 1): 3,
    ("C", -1): 3,
    ("N", 0): 3,
    ("N", 1): 4,
    ("N", -1): 2,
    ("O", 0): 2,
    ("O", 1): 3,
    ("O", -1): 1,
    ("F", 0): 1,
}
"""Bond orders an atom must add up to, by element and formal charge. A neutral carbon of valence 3 is not allowed."""

CHARGES: Final = (-1, 0, 1)
"""Formal charges that occur in QM9; the position in this tuple is the charge class."""

BOND_ORDERS: Final = (0, 1, 2, 3)
"""Kekulé bond orders; the position in this tuple is the bond class, 0 meaning no bond."""

MAX_ATOMS: Final = 29
"""The largest molecule of QM9, hydrogens included."""
