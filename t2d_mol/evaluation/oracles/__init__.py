"""Oracles: what a molecule's properties are, by a network, by GFN2-xTB and by density functional theory."""

from pathlib import Path
from typing import Final

from t2d_mol.errors import unknown
from t2d_mol.evaluation.oracles.base import Oracle, Reading

ORACLES: Final = ("none", "network", "xtb", "dft")
"""The oracles there are, by name."""


def oracle(
    name: str, *, polarizability: bool = False, judge: Path | None = None, device: str = "cpu", cache: Path | None = None
) -> Oracle | None:
    """Return an oracle by name, None for "none".

    Args:
        name: one of `ORACLES`.
        polarizability: whether `xtb` and `dft`, which take about five times as long with it, read α too.
        judge: file of the network, the bundled one by default.
        device: where the network runs.
        cache: folder in which `dft` keeps what it has computed.

    Raises:
        UsageError: if there is none of that name or its extra is not installed.
        MissingError: if the judge's file is missing or damaged.
    """
    if name == "none":
        return None
    if name == "network":
        from t2d_mol.evaluation.oracles.network import Judge

        return Judge.load(judge, device=device)
    if name == "xtb":
        from t2d_mol.evaluation.oracles.xtb import XTBOracle

        return XTBOracle(polarizability=polarizability)
    if name == "dft":
        from t2d_mol.evaluation.oracles.dft import DFTOracle

        wanted = ("homo", "lumo", "gap", "mu", *(("alpha",) if polarizability else ()))
        return DFTOracle(properties=wanted, cache=cache)
    raise unknown("oracle", name, ORACLES)


__all__ = ["ORACLES", "Oracle", "Reading", "oracle"]
