"""Portions: which part of a run is to be made, in job arrays and after an interruption."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self, TypeVar

from t2d_mol.errors import UsageError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Portion:
    """Which part of a run is to be made: a shard of it, and of that what is not done.

    Attributes:
        shard, shards: every molecule whose running number leaves this remainder is made; of valid ones every such prompt.
        done: records of the shard that are there already.
        row, of_row: the row of the last of them, and how many of them are of that row.
    """

    shard: int = 0
    shards: int = 1
    done: int = 0
    row: int = -1
    of_row: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Return the shard that a text such as 0/4 stands for, the whole for None.

        Raises:
            UsageError: if it is none.
        """
        if text is None:
            return cls()
        shard, _, shards = text.partition("/")
        if not (shard.isdecimal() and shards.isdecimal() and int(shard) < int(shards)):
            raise UsageError(f"{text!r} is no shard", "write i/n with i from 0 to n - 1, such as 0/4")
        return cls(int(shard), int(shards))

    def of(self, items: Iterable[Item]) -> Iterator[tuple[int, Item]]:
        """Yield the shard's items with their running numbers."""
        return ((number, item) for number, item in enumerate(items) if number % self.shards == self.shard)
