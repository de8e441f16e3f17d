"""Findings: the summary of an evaluation with what its tables, figures and report are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.evaluation import tables
from t2d_mol.evaluation.control import exact_control, level_control
from t2d_mol.evaluation.distributions import Samples, collect, compare
from t2d_mol.evaluation.score import Score
from t2d_mol.evaluation.summary import summarise
from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint

EXACT_WORDINGS: Final = {"exact", "numbers"}
LEVEL_WORDINGS: Final = {"seen", "unseen"}


@dataclass(frozen=True)
class Findings:
    """What an evaluation found.

    Attributes:
        summary: the object of `evaluate --json`; protocols add `exact` or `levels`, see `control`.
        scores: of every molecule.
        samples: of geometry, as `distributions.collect` returns them; empty without geometry.
        judge: the judge's file, None where there is none: its results and the reference of geometry.
    """

    summary: dict[str, Any]
    scores: Sequence[Score]
    samples: Samples
    judge: JudgeCheckpoint | None

    @classmethod
    def of(
        cls,
        scores: Sequence[Score],
        checkpoint: Checkpoint,
        *,
        oracle: str,
        unreadable: int = 0,
        judge: Path | None = None,
    ) -> "Findings":
        """Summarise scores; novelty is judged by the checkpoint's train molecules."""
        known = JudgeCheckpoint.load(judge or BUNDLED_JUDGE) if judge or BUNDLED_JUDGE.exists() else None
        hashes = checkpoint.smiles_hashes.numpy()
        chosen_from = max((score.chosen_from for score in scores), default=1)
        extra: dict[str, Any] = {"distributions": None, "candidates": chosen_from}
        extra["repaired"] = sum(score.repaired for score in scores)
        extra["came_relaxed"] = sum(score.came_relaxed for score in scores)
        molecules = [score.entry.molecule for score in scores if score.entry.molecule is not None]
        samples = collect(molecules) if molecules else {}
        if samples and known is not None and known.reference:
            extra["distributions"] = compare(samples, known.reference)
        wordings = {score.entry.wording for score in scores}
        if wordings & EXACT_WORDINGS:
            extra["exact"] = exact_control(scores, hashes)
        if wordings & LEVEL_WORDINGS:
            extra["levels"] = level_control(scores, checkpoint.statistics)
        summary = summarise(
            scores,
            smiles_hashes=hashes,
            lookup_hashes=checkpoint.lookup_hashes.numpy(),
            unreadable=unreadable,
            oracle=oracle,
            extra=extra,
        )
        return cls(summary, scores, samples, known)

    @property
    def results(self) -> dict[str, Any]:
        """What the judge was measured to be worth; empty where it is not the oracle, whose errors it does not tell."""
        return self.judge.results if self.judge and self.summary["oracle"] == "network" else {}

    def tables(self) -> list[tables.Table]:
        """Return the tables of what was found."""
        found = [tables.quality(self.summary)]
        if self.summary["properties"] and not self.summary["targets"]:
            found.append(tables.properties(self.summary, self.results))
        if self.summary["targets"] and not {"exact", "levels"} & set(self.summary):
            found.append(tables.targets(self.summary, self.results))
        if "exact" in self.summary:
            found += [tables.exact(self.summary["exact"], self.results), tables.hits(self.summary["exact"], self.results)]
        if "levels" in self.summary:
            found.append(tables.levels(self.summary["levels"], self.results))
            for key, wordings in self.summary["levels"].items():
                found += [tables.confusion(key, wording, entry["confusion"]) for wording, entry in wordings.items()]
        if self.summary["distributions"]:
            found.append(tables.distributions(self.summary["distributions"]))
        if self.summary["checks"] or self.summary["relaxation"]:
            found.append(tables.physics(self.summary))
        return found

    def paired(self, key: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return what exact targets asked of a property and what the oracle reads, over the molecules that have both.

        Of the conditional protocol those molecules that were asked for this property alone.
        """
        pairs = [
            (target.value, score.reading.values[key])
            for score in self.scores
            for target in score.entry.targets
            if target.property == key
            and score.entry.group in ("", key)
            and target.op == "="
            and score.reading
            and key in score.reading.values
        ]
        asked, read = (np.array(column, float) for column in (zip(*pairs, strict=True) if pairs else ((), ())))
        return asked, read
