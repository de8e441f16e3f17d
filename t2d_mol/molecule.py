"""The vocabulary all parts share: molecules, batches of them, targets, prompts and generated molecules.

Shape letters: B molecules, N atoms (padded), n atoms of one molecule, K properties.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

State = Literal["valid", "invalid", "disconnected", "unjudged"]
Operator = Literal["=", "<", ">", "between", "level"]


@dataclass(frozen=True, eq=False)
class Molecule:
    """One molecule in three dimensions.

    Attributes:
        numbers: (n,) atomic numbers.
        positions: (n, 3) coordinates in Å.
        bonds: (n, n) symmetric Kekulé bond orders, 0 where there is none; None if unknown.
        charges: (n,) formal charges; None if unknown.
    """

    numbers: NDArray[np.uint8]
    positions: NDArray[np.float32]
    bonds: NDArray[np.uint8] | None = None
    charges: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def net_charge(self) -> int:
        """The sum of the formal charges, 0 if they are unknown."""
        return 0 if self.charges is None else int(self.charges.sum(dtype=int))

    @property
    def without_hydrogens(self) -> bool:
        """Whether it has carbon and no hydrogen, as files have it that leave hydrogens to the reader."""
        return 6 in self.numbers and 1 not in self.numbers


@dataclass(frozen=True, eq=False)
class MoleculeBatch:
    """A dense, padded batch of molecules.

    Attributes:
        types: (B, N) atom types, indices into `elements.SYMBOLS`; 0 in the padding.
        positions: (B, N, 3) coordinates in Å; 0 in the padding.
        bonds: (B, N, N) bond classes, indices into `elements.BOND_ORDERS`; 0 in the padding and on the diagonal.
        charges: (B, N) charge classes, indices into `elements.CHARGES`.
        mask: (B, N) True for atoms, False for padding.
    """

    types: "torch.Tensor"
    positions: "torch.Tensor"
    bonds: "torch.Tensor"
    charges: "torch.Tensor"
    mask: "torch.Tensor"

    def to(self, device: "torch.device | str") -> "MoleculeBatch":
        """Return the batch on another device."""
        return MoleculeBatch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))

    def rows(self, chosen: slice) -> "MoleculeBatch":
        """Return some of the molecules."""
        return MoleculeBatch(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        return int(self.types.shape[0])


@dataclass(frozen=True)
class Target:
    """What a prompt asks of one property.

    Attributes:
        property: a key of `properties.BY_KEY`.
        op: how the value is asked for.
        value: the value for `=`, `<`, `>`.
        low, high: the bounds for `between`.
        level: index into `properties.LEVELS` for `level`.
        unit: the canonical unit the numbers are in.
        normalised: whether the prompt stated normalised values; the numbers here are in units all the same.
    """

    property: str
    op: Operator
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: int | None = None
    unit: str = ""
    normalised: bool = False


@dataclass(frozen=True)
class Structure:
    """What a prompt asks of a molecule's composition and graph; None asks nothing.

    Attributes:
        atoms: inclusive range of atom counts, hydrogens included.
        heavy: inclusive range of counts of atoms other than hydrogen.
        elements: symbol with least and most count of each element asked for or excluded; no most is None.
        rings: least and most number of rings (the cyclomatic number of the bond graph).
        aromatic: whether there is an aromatic ring.
        formula: the molecular formula, if one was given; `elements` then says the same.
    """

    atoms: tuple[int, int] | None = None
    heavy: tuple[int, int] | None = None
    elements: tuple[tuple[str, int, int | None], ...] = ()
    rings: tuple[int, int | None] | None = None
    aromatic: bool | None = None
    formula: str | None = None

    def __bool__(self) -> bool:
        return self != Structure()

    def record(self) -> dict[str, Any]:
        """Return what is asked as plain values, without what is not."""
        values = {name: getattr(self, name) for name in ("formula", "atoms", "heavy", "rings", "aromatic")}
        asked = {
            name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value is not None
        }
        return asked | ({"elements": {symbol: [low, high] for symbol, low, high in self.elements}} if self.elements else {})


@dataclass(frozen=True)
class Prompt:
    """A sentence and what was understood of it.

    Attributes:
        text: the sentence as given; the empty string asks for any molecule.
        targets: one per property asked for.
        structure: what is asked of composition and graph.
        unknown: words the grammar did not understand.
        warnings: remarks for the user, such as how bare numbers were read.
    """

    text: str
    targets: tuple[Target, ...] = ()
    structure: Structure = Structure()
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class GeneratedMolecule:
    """A molecule made by the model, with what tells how it was made.

    Invalid ones are kept and labelled; `state` is `unjudged` where rdkit is missing. `attempts` counts the tries made for
    the structure its prompt asks for, `unmet` says what of it this one still lacks. `repairs` counts how often it was
    noised in part and denoised anew, because its bonds and charges did not add up.
    """

    molecule: Molecule
    prompt: Prompt
    row: int
    index: int
    seed: int
    smiles: str | None = None
    state: State = "unjudged"
    reason: str = ""
    predicted: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    attempts: int = 1
    repairs: int = 0
    unmet: str = ""
