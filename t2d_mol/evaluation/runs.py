"""A protocol's folder: configuration, molecules, rows of scores, summary, tables."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2d_mol.config import SamplingConfig
from t2d_mol.errors import UsageError
from t2d_mol.evaluation.findings import Findings
from t2d_mol.evaluation.protocols import PROTOCOLS, generate
from t2d_mol.evaluation.score import Entry
from t2d_mol.evaluation.sources import entries_of_records
from t2d_mol.generation import Model
from t2d_mol.io.settings import settle

COLUMNS = ("index", "prompt", "seed", "model", "steps", "guidance", "steer", "solver", "candidates", "repairs", "precision")


@dataclass(frozen=True)
class ProtocolRun:
    """One run of a protocol.

    `config.json` says exactly what was asked of which model, `molecules.jsonl` keeps every molecule, `scores.jsonl` has a
    row of scores for each, `summary.json` is the object of `evaluate --json`, `tables.md` what of it is worth reading.

    Attributes:
        protocol: a key of `protocols.PROTOCOLS`.
        count: molecules, of each group where there are groups.
        model: the generator.
        sampling: how it samples.
        scoring: how its molecules are scored, for the configuration.
        folder: where everything goes.
    """

    protocol: str
    count: int
    model: Model
    sampling: SamplingConfig
    scoring: dict[str, Any]
    folder: Path

    def config(self) -> dict[str, Any]:
        """Return the exact configuration."""
        return {"protocol": self.protocol, "n": self.count} | self.model.settings(self.sampling) | self.scoring

    def prepare(self, *, resume: bool, force: bool) -> None:
        """Write the configuration, or see that the folder's is the same; a run begun anew leaves nothing of the one before.

        Raises:
            UsageError: if the folder holds a run and neither `resume` nor `force` is on, or it was configured otherwise.
        """
        path = self.folder / "config.json"
        if path.exists() and not (resume or force):
            raise UsageError(f"{self.folder} holds a run", "continue it with --resume or start anew with --force")
        if not resume:
            for name in ("molecules.jsonl", "scores.jsonl", "summary.json", "tables.md"):
                (self.folder / name).unlink(missing_ok=True)
        settle(path, self.config(), resume=resume)

    def entries(self, *, resume: bool, show: Callable[[int, int], None]) -> Iterator[Entry]:
        """Yield what is to be scored, generating what the folder lacks."""
        jobs = PROTOCOLS[self.protocol](self.model.checkpoint, self.count, self.sampling.seed)
        path = self.folder / "molecules.jsonl"
        records = generate(self.model, jobs, self.sampling, path, resume=resume, show=show)
        yield from entries_of_records(records, COLUMNS)

    def write(self, found: Findings) -> None:
        """Write rows, summary and tables."""
        rows = "".join(json.dumps(score.row(), ensure_ascii=False) + "\n" for score in found.scores)
        (self.folder / "scores.jsonl").write_text(rows, encoding="utf-8")
        (self.folder / "summary.json").write_text(json.dumps(found.summary, indent=1) + "\n")
        (self.folder / "tables.md").write_text("\n".join(table.markdown() for table in found.tables()), encoding="utf-8")
