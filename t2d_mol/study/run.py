"""The run of a study: the common start, then each cell in a process of its own, the tables refreshed after every one."""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from t2d_mol import __version__, cores
from t2d_mol.checkpoint import Checkpoint
from t2d_mol.config import TrainingConfig, preset
from t2d_mol.errors import MissingError, UsageError
from t2d_mol.io.settings import settle
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.study.cell import Workshop
from t2d_mol.study.plan import Cell, StudyConfig
from t2d_mol.study.results import is_done, write_results
from t2d_mol.training.loop import Loop, Report, fit
from t2d_mol.training.pretrain import Pretraining
from t2d_mol.training.reader import Reading

BASE: Final = "base"
"""Name of the common start, where cells are named."""

GROWING: Final = {"arms", "shares", "seeds", "workers", "compile"}
"""What of a study's configuration may change between two runs in one folder."""

FORMAT: Final = 2
"""Raised where cells of earlier versions cannot stand beside new ones."""

MADE: Final = ("arms", "cells", "encoder", "pretraining")
"""The folders a study makes."""

POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Study:
    """A study and its folder.

    `config.json` says what was asked, `base.safetensors` is what every cell starts from, `cells` has a folder for each with
    its molecules, scores and `figures.json`, `tables.md` and `figures.json` are what they come to so far.

    Attributes:
        config: what it does.
        folder: where everything goes.
        data: file of the data set.
        device, bf16: what networks run on, and whether they are trained in bfloat16.
    """

    config: StudyConfig
    folder: Path
    data: Path
    device: str
    bf16: bool

    def prepare(self, *, resume: bool, force: bool) -> None:
        """Write the configuration, or see that the folder's cells are of this study, to which others may be added.

        Raises:
            UsageError: if the folder holds a study and neither `resume` nor `force` is on, or it was configured otherwise.
            MissingError: if there is no data set.
        """
        path = self.folder / "config.json"
        if path.exists() and not (resume or force):
            raise UsageError(f"{self.folder} holds a study", "continue it with --resume or start anew with --force")
        if not self.data.exists():
            raise MissingError(f"no data set {self.data}", "t2d-mol data prepare makes one")
        resume = resume and not force
        if force:
            for name in MADE:
                shutil.rmtree(self.folder / name, ignore_errors=True)
            self.base.unlink(missing_ok=True)
        asked = {name: value for name, value in asdict(self.config).items() if name not in GROWING}
        digest = hashlib.sha256(self.data.read_bytes()).hexdigest()[:16]
        settle(
            path,
            {**asked, "data": digest, "device": self.device, "bf16": self.bf16, "version": __version__, "format": FORMAT},
            resume=resume,
        )
        for name in self.config.arms:
            arm = asdict(self.config.training(Cell(name, 1.0, 0)))
            settle(self.folder / "arms" / f"{name}.json", arm, resume=resume)

    def make_base(self, report: Callable[[Report], None]) -> None:
        """Pretrain the denoiser and train the text encoder, unless that is done; `base.safetensors` holds both."""
        if self.base.exists():
            return
        molecules = Molecules.load(self.data)
        pretraining = Pretraining(
            molecules, preset(self.config.preset), self.config.pretraining, seed=0, bf16=self.bf16, device=self.device
        )
        if self.config.compile:
            pretraining.network.compile_parts()
        fit(Loop(pretraining, self.config.pretraining, self.folder / "pretraining", report))
        pretrained = Checkpoint.load(self.folder / "pretraining" / "last.safetensors")
        reading = TrainingConfig(steps=self.config.encoder_steps, learning_rate=1e-3)
        learner = Reading(pretrained, reading, seed=0, device=self.device)
        fit(Loop(learner, reading, self.folder / "encoder", report))
        (self.folder / "encoder" / "last.safetensors").replace(self.base)

    @property
    def base(self) -> Path:
        """The checkpoint that every cell starts from."""
        return self.folder / "base.safetensors"

    def cell_folder(self, cell: Cell) -> Path:
        """Return a cell's folder."""
        return self.folder / "cells" / cell.name

    def run_one(self, name: str) -> None:
        """Work on one cell, by name, in this process.

        Raises:
            UsageError: if there is no such cell.
            MissingError: if what all start from is not there yet.
        """
        cells = {cell.name: cell for cell in self.config.cells()}
        if name not in cells:
            raise UsageError(f"no cell {name!r}", f"cells: {BASE}, {', '.join(cells)}")
        if not self.base.exists():
            raise MissingError(f"{self.base} is not there yet", f"make it with --cell {BASE}")
        folder = self.cell_folder(cells[name])
        with self.alone(folder):
            if not is_done(folder):
                base, molecules = Checkpoint.load(self.base), Molecules.load(self.data)
                Workshop(self.config, base, molecules, self.device, self.bf16).run(cells[name], folder)

    @contextmanager
    def alone(self, folder: Path) -> Iterator[None]:
        """Keep other processes out of a folder within the block; the system frees it if this one dies.

        Raises:
            UsageError: if another process is in it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock", timeout=0):
                yield
        except Timeout:
            raise UsageError(f"another process works in {folder}", "wait for it or stop it") from None

    def run_all(self, command: Sequence[str], show: Callable[[int, int], None], say: Callable[[str], None]) -> list[str]:
        """Work on all cells that are not done, `workers` at a time, and refresh the tables after each.

        Args:
            command: what works on one cell if its name is appended.
            show: called with cells done and in all.
            say: called with a line for each cell that fails.

        Returns:
            The names of the cells that failed; the others are done.
        """
        cells = self.config.cells()
        waiting = [cell for cell in cells if not is_done(self.cell_folder(cell))]
        done, failed = len(cells) - len(waiting), list[str]()
        running: dict[Cell, subprocess.Popen[bytes]] = {}
        show(done, len(cells))
        try:
            while waiting or running:
                while waiting and len(running) < self.config.workers:
                    cell = waiting.pop(0)
                    running[cell] = self._begin(cell, command)
                for cell in [cell for cell, process in running.items() if process.poll() is not None]:
                    if code := running.pop(cell).returncode:
                        failed.append(cell.name)
                        say(f"cell {cell.name} failed with exit {code}: {self.cell_folder(cell)}/log.txt")
                        continue
                    done += 1
                    write_results(self.config, self.folder)
                    show(done, len(cells))
                time.sleep(POLL_SECONDS)
        finally:
            for process in running.values():
                with suppress(ProcessLookupError):
                    process.terminate()
            for process in running.values():
                process.wait()
        return failed

    def _begin(self, cell: Cell, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        folder = self.cell_folder(cell)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log.txt").open("ab") as log:
            return subprocess.Popen([*command, "--cell", cell.name], stdout=log, stderr=log)


def worker_command(plan: Path, study: Study, threads: int, precision: str) -> list[str]:
    """Return the command that works on one cell, to which `--cell NAME` is appended; it reads a copy of the plan."""
    kept = study.folder / "plan.toml"
    if not (kept.exists() and kept.samefile(plan)):
        shutil.copyfile(plan, kept)
    options = {
        "-o": study.folder,
        "--data": study.data,
        "--device": study.device,
        "--precision": precision,
        "--threads": max(1, (threads or cores.available()) // study.config.workers),
    }
    words = [str(word) for pair in options.items() for word in pair]
    return [sys.executable, "-m", "t2d_mol", "study", str(kept), *words, "--resume", "-vv"]
