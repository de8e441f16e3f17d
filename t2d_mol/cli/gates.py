"""Gates: figures an evaluation must reach, or the command ends with exit 5."""

import math
from dataclasses import dataclass, field
from typing import Any

from t2d_mol.errors import UsageError
from t2d_mol.properties import BY_KEY, key_of


@dataclass(frozen=True)
class Gates:
    """Figures that must be reached.

    Attributes:
        min_valid: lowest rate of valid molecules, by their bonds.
        max_mae: highest error by property, in canonical units.
    """

    min_valid: float | None = None
    max_mae: dict[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, min_valid: float | None, max_mae: list[str]) -> "Gates":
        """Read the gates as the options give them.

        Raises:
            UsageError: if a property is unknown or a limit is no number.
        """
        if min_valid is not None and not 0 <= min_valid <= 1:
            raise UsageError(f"--min-valid is a share, not {min_valid:g}", "write 0.9 for 90 %")
        limits = {}
        for text in max_mae:
            key, _, number = text.partition("=")
            key = key_of(key)
            try:
                limits[key] = float(number)
                if not math.isfinite(limits[key]):
                    raise ValueError
            except ValueError:
                raise UsageError(f"--max-mae {text} gives no number", "write --max-mae alpha=2.5") from None
        return cls(min_valid, limits)

    def missed(self, summary: dict[str, Any]) -> list[str]:
        """Return what was missed, in words."""
        found = []
        valid = summary["bonds"]["valid"] * summary["n"] / (summary["n"] + summary["unreadable"])
        if self.min_valid is not None and valid < self.min_valid:
            found.append(f"{valid:.4f} of the molecules are valid, {self.min_valid} were asked for")
        for key, limit in self.max_mae.items():
            target = (summary["targets"] or {}).get(key)
            if target is None or target["mae"] is None:
                found.append(f"no value of {key} was asked for and read, so its error is unknown")
            elif target["failed"]:
                found.append(f"{100 * target['failed']:.1f} % of the molecules asked for a {key} could not be read")
            elif not target["mae"] <= limit:
                found.append(
                    f"the error of {key} is {target['mae']:.4g} {BY_KEY[key].unit}, at most {limit:g} was asked for"
                )
        return found

    def __bool__(self) -> bool:
        return self.min_valid is not None or bool(self.max_mae)
