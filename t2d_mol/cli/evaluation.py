"""What `t2d-mol evaluate` does: one method for each of its sources, one end for all."""

import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t2d_mol.cli import options
from t2d_mol.cli.presentation import Presentation
from t2d_mol.errors import InputError, MissingError, UsageError, unknown

if TYPE_CHECKING:
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.config import SamplingConfig
    from t2d_mol.evaluation.findings import Findings
    from t2d_mol.evaluation.oracles import Oracle
    from t2d_mol.evaluation.score import Entry, Score
    from t2d_mol.generation import Model
    from t2d_mol.pool import Pool, SamplingPool

BATCH_COUNT: Final = 8


@dataclass(frozen=True)
class Evaluation:
    """An evaluation as asked for on the command line; the fields are its options, those of sampling in one."""

    oracle: str | None
    polarizability: bool
    check: bool
    relax: bool
    shown: Presentation
    sampling: "SamplingConfig"
    values: str
    checkpoint: Path | None
    judge: Path | None
    dft_cache: Path
    data: Path
    device: str
    precision: str
    force: bool
    quiet: bool
    pool: "Pool | None" = None

    def dispatch(
        self,
        file: str,
        split: str | None,
        protocol: str | None,
        calibrate: bool,
        *,
        count: int | None,
        out: str | None,
        rows: str | None,
        resume: bool,
    ) -> None:
        """Evaluate the one source that is given.

        Raises:
            UsageError: if none or several are given, or an option does not go with it.
        """
        if sum(map(bool, (file, split, protocol, calibrate))) != 1:
            raise UsageError("give one of: a file ('-' for stdin), --split, --protocol, --calibrate")
        self.shown.prepare(rows)
        if self.check:
            from t2d_mol.chem.plausibility import require_posebusters

            require_posebusters()
        if self.relax:
            from t2d_mol.evaluation.oracles.xtb import require_physics

            require_physics()
        if calibrate:
            _refuse("--calibrate", {"-n": count, "-o": out, "--rows": rows, "--resume": resume, "gates": self.shown.gates})
            self.measure_judge()
        elif protocol:
            _refuse("--protocol", {"--rows": rows})
            self.run_protocol(protocol, count, out, resume)
        elif split:
            _refuse("--split", {"-n": count, "-o": out, "--resume": resume})
            self.score_split(split, rows)
        else:
            self.score_file(file, rows, count=count, out=out, resume=resume)

    def score_file(self, file: str, rows: str | None, *, count: int | None, out: str | None, resume: bool) -> None:
        """Score the molecules of a file, or generate and score its prompts."""
        from t2d_mol.evaluation.sources import entries_of_content
        from t2d_mol.io.contents import read_content
        from t2d_mol.io.prompts import holds_prompts

        if rows == "-" and self.shown.as_json:
            raise UsageError("--rows - and --json both write to stdout", "give --rows a file")
        content = read_content(file)
        if isinstance(content, str) and holds_prompts(content):
            _refuse("a table of prompts", {"--rows": rows})
            self.score_prompts(content, count or BATCH_COUNT, out, resume)
            return
        _refuse("a file of molecules", {"-n": count, "-o": out, "--resume": resume}, "--rows FILE takes rows of scores")
        unreadable: list[str] = []
        scores = list(self._scorer("none")(_good(entries_of_content(content), unreadable)))
        bare = sum(score.entry.molecule is not None and score.entry.molecule.without_hydrogens for score in scores)
        if bare:
            options.say(f"note: {bare} have no hydrogen atom; molecules are judged as they stand", quiet=self.quiet)
        left_out = [remark for remark in unreadable if "left out" in remark]
        if not scores:
            raise InputError(f"{file} holds no record that can be scored")
        self.shown.show(self._findings(scores, unreadable=len(left_out)), rows=rows)

    def score_split(self, split: str, rows: str | None) -> None:
        """Score the molecules of a split of the data set."""
        from t2d_mol.evaluation.sources import entries_of_split
        from t2d_mol.qm9.dataset import Molecules
        from t2d_mol.qm9.splits import Split

        if split.upper() not in Split.__members__:
            raise unknown("split", split, [item.name.lower() for item in Split])
        molecules = Molecules.load(self.data)
        if not len(molecules.select(Split[split.upper()])):
            raise MissingError(f"{self.data} has no {split.lower()} split", "t2d-mol data prepare makes all of them")
        scores = list(self._scorer("none")(entries_of_split(molecules, Split[split.upper()])))
        self.shown.show(self._findings(scores), rows=rows)

    def score_prompts(self, text: str, count: int, out: str | None, resume: bool) -> None:
        """Generate molecules for the prompts of a CSV, score each and write its row as soon as it is known."""
        from t2d_mol.cli.production import Production
        from t2d_mol.cli.prompting import understood
        from t2d_mol.evaluation.batch import rows_done, score_records, write_rows
        from t2d_mol.generation import WINDOW
        from t2d_mol.io.output import check_free, finished, part_of
        from t2d_mol.io.prompts import parse_prompts
        from t2d_mol.io.settings import settle
        from t2d_mol.portion import Portion

        if resume and (self.shown.report or self.shown.plots):
            raise UsageError("--report and --plots show one run; --resume joins two", "leave one of them out")
        if out is None or (out == "-" and self.shown.as_json):
            raise UsageError("rows of scores need a place of their own", "give -o scores.csv, or -o - without --json")
        if Path(out).suffix not in ("", ".csv", ".jsonl"):
            raise UsageError(
                f"rows of scores are CSV or JSON lines, not {Path(out).suffix}", "give -o scores.csv or scores.jsonl"
            )
        rows, model = list(parse_prompts(io.StringIO(text))), self._model()
        if resume and out != "-" and finished(Path(out)) and not self.force:
            if self.shown.gates:
                raise InputError(f"{out} is finished; its gates are not judged again", "score it anew with --force")
            options.say(f"{out} is finished", quiet=self.quiet)
            return
        asked = list(understood(rows, 0, model.statistics, self.values, self.quiet))
        part = part_of(Path(out))
        if out != "-" and not (resume or self.force) and part.exists() and part.stat().st_size:
            raise UsageError(f"{part} holds what an interrupted run finished", "go on with --resume, or --force")
        score = self._scorer("network", model.checkpoint, WINDOW * self.sampling.batch_size, pool=False)
        done = rows_done(out, force=self.force) if resume else []
        config = Path(f"{out}.part.json")
        if out != "-":
            check_free(Path(out), force=self.force)
            if not done:
                part.unlink(missing_ok=True)
            digest = hashlib.sha256(text.encode()).hexdigest()[:16]
            settings = {"prompts": digest, "n": count, "values": self.values} | self._scoring("network")
            settle(config, settings | model.settings(self._sampling()), resume=bool(done))
        run = Production(model, self._sampling(), count, quiet=self.quiet, pool=self._sampling_pool())
        novelty = run.novelty()
        for row in done:
            novelty(row["smiles"] or None, int(row["index"]))
        records = run.records(asked, Portion(done=len(done)), novelty, len(asked) * count)
        made = score_records(records, rows, score)
        new, scores = write_rows(made, out, done, force=self.force)
        config.unlink(missing_ok=True)
        options.say(f"{len(asked) * count} records, of {len(rows)} prompts, in {out}", quiet=self.quiet or out == "-")
        if done:
            self._conclude_resumed([*done, *new], model)
        else:
            self.shown.show(self._findings(scores, model), silent=out == "-")

    def run_protocol(self, name: str, count: int | None, out: str | None, resume: bool) -> None:
        """Generate what a protocol asks for, score it, and leave rows, summary and configuration in the folder."""
        from t2d_mol.evaluation.protocols import DEFAULT_COUNT, PROTOCOLS
        from t2d_mol.evaluation.runs import ProtocolRun

        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)
        if out is None or out == "-":
            raise UsageError("a protocol needs a folder", "give -o runs/evaluation")
        model = self._model()
        score = self._scorer("network", model.checkpoint)
        run = ProtocolRun(name, count or DEFAULT_COUNT[name], model, self._sampling(), self._scoring("network"), Path(out))
        run.prepare(resume=resume, force=self.force)
        from t2d_mol.cli.progress import bar

        with bar(name, quiet=self.quiet) as show:
            entries = run.entries(resume=resume, show=show)
            scores = list(score(entries))
        found = self._findings(scores, model)
        run.write(found)
        self.shown.show(found)

    def measure_judge(self) -> None:
        """Measure the judge on the data set and print its errors beside the published bounds."""
        from t2d_mol.evaluation.calibration import measure
        from t2d_mol.evaluation.oracles.network import Judge
        from t2d_mol.evaluation.tables import calibration
        from t2d_mol.qm9.dataset import Molecules

        judge = Judge.load(self.judge, device=options.pick_device(self.device))
        results = measure(judge.checkpoint, Molecules.load(self.data))
        sys.stdout.write(json.dumps(results) + "\n" if self.shown.as_json else calibration(results).text())

    def _findings(self, scores: "list[Score]", model: "Model | None" = None, unreadable: int = 0) -> "Findings":
        from t2d_mol.evaluation.findings import Findings

        checkpoint = model.checkpoint if model else self._checkpoint()
        return Findings.of(scores, checkpoint, oracle=self._oracle_name(model), unreadable=unreadable, judge=self.judge)

    def _conclude_resumed(self, rows: list[dict[str, Any]], model: "Model") -> None:
        """Show the rows of a batch made in several runs."""
        from t2d_mol.evaluation.batch import summarise_rows
        from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint

        summary = summarise_rows(rows, self._oracle_name(model))
        judged = summary["targets"] and summary["oracle"] == "network"
        results = JudgeCheckpoint.load(self.judge or BUNDLED_JUDGE).results if judged else {}
        self.shown.show_resumed(summary, results)

    def _oracle_name(self, model: "Model | None") -> str:
        return self.oracle or ("network" if model else "none")

    def _scoring(self, default: str) -> dict[str, Any]:
        """Return how molecules are scored, for the configuration of a run."""
        from t2d_mol.judge_checkpoint import BUNDLED_JUDGE, JudgeCheckpoint

        name = self.oracle or default
        judge = JudgeCheckpoint.load(self.judge or BUNDLED_JUDGE).digest() if name == "network" else None
        switches = {"polarizability": self.polarizability, "check": self.check, "relax": self.relax}
        return {"oracle": name, "judge_digest": judge, **switches}

    def _scorer(
        self, default: str, checkpoint: "Checkpoint | None" = None, together: int = 0, *, pool: bool = True
    ) -> "Callable[[Iterable[Entry]], Iterator[Score]]":
        from t2d_mol.evaluation.score import CHUNK, Scorer

        statistics = (checkpoint or self._checkpoint()).statistics
        scorer = Scorer(statistics, self._oracle(self.oracle or default), self.check, self.relax, together or CHUNK)
        if self.pool is None or not pool:
            return scorer
        from t2d_mol.pool import ScoringPool

        return ScoringPool(self.pool, scorer)

    def _sampling_pool(self) -> "SamplingPool | None":
        if self.pool is None:
            return None
        from t2d_mol.pool import SamplingPool

        return SamplingPool(self.pool, self.checkpoint)

    def _oracle(self, name: str) -> "Oracle | None":
        from t2d_mol.evaluation.oracles import oracle

        device = options.pick_device(self.device)
        return oracle(name, polarizability=self.polarizability, judge=self.judge, device=device, cache=self.dft_cache)

    def _checkpoint(self) -> "Checkpoint":
        from t2d_mol.checkpoint import Checkpoint
        from t2d_mol.generation import BUNDLED

        return Checkpoint.load(self.checkpoint or BUNDLED)

    def _model(self) -> "Model":
        from t2d_mol.generation import Model

        return Model.load(self.checkpoint, device=options.pick_device(self.device))

    def _sampling(self) -> "SamplingConfig":
        bf16 = options.pick_bf16(self.precision, options.pick_device(self.device), training=False)
        return replace(self.sampling, bf16=bf16)


def _refuse(source: str, given: dict[str, object], hint: str | None = None) -> None:
    """Raise UsageError if an option is given that does not go with what is scored."""
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} does not go with {source}", hint)


def _good(entries: "Iterable[Entry | str]", remarks: list[str]) -> "Iterator[Entry]":
    """Yield the entries, saying on stderr why others are left out, and keep those remarks."""
    for entry in entries:
        if isinstance(entry, str):
            options.say(f"error: {entry}")
            remarks.append(entry)
        else:
            yield entry
