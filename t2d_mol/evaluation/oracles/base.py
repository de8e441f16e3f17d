"""What every oracle is: molecules in, one reading each out, in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from t2d_mol.molecule import Molecule


@dataclass(frozen=True)
class Reading:
    """What an oracle says of one molecule.

    Attributes:
        values: properties by key of `properties.BY_KEY`, in canonical units; what the oracle cannot give is absent.
        intervals: of each property the bounds of a 90 % prediction interval, for oracles that know one.
        out_of_domain: whether the molecule is unlike those the oracle was made for; None if it cannot tell.
        state: done, or failed: then `values` is empty.
        reason: why it failed, empty if it did not.
    """

    values: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    out_of_domain: bool | None = None
    state: Literal["done", "failed"] = "done"
    reason: str = ""


class Oracle(Protocol):
    """A source of properties."""

    @property
    def name(self) -> str:
        """The name it goes by in options and results."""
        ...

    def read(self, molecules: Sequence[Molecule]) -> Iterator[Reading]:
        """Yield a reading for each molecule, in order; a molecule that fails does not stop the others."""
        ...
