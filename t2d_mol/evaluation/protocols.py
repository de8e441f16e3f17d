"""Protocols: what is asked of a generator, how the molecules are made and kept, and what of them is measured.

`unconditional`: any molecule. `conditional`: an atom count and a value are drawn together from the labelled records (EDM's
rule), one property at a time and all K together, and asked for exactly. `text`: each level of each property is asked for in
words, in wordings like those of training and in others.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.config import SamplingConfig
from t2d_mol.errors import MissingError, UsageError
from t2d_mol.evaluation.score import JOINT
from t2d_mol.generation import Model
from t2d_mol.io.formats.jsonl import line
from t2d_mol.io.output import resumable_lines
from t2d_mol.io.record import target_record, to_record
from t2d_mol.molecule import Prompt, Structure, Target
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.prompts.paraphrases import HELD_OUT, SEEN, paraphrase
from t2d_mol.prompts.templates import exact_prompt
from t2d_mol.properties import KEYS, LEVELS, PROPERTIES


@dataclass(frozen=True)
class Job:
    """One molecule a protocol asks for.

    Attributes:
        prompt: what the model is given.
        targets: what is asked, also where the prompt fails to say so.
        group: the property asked for, `all` for all of them, empty for none.
        wording: exact, numbers, seen or unseen.
    """

    prompt: Prompt
    targets: tuple[Target, ...] = ()
    group: str = ""
    wording: str = ""


def unconditional(_checkpoint: Checkpoint, count: int, _seed: int) -> list[Job]:
    """Return `count` jobs without any wish."""
    return [Job(Prompt(""))] * count


def conditional(checkpoint: Checkpoint, count: int, seed: int) -> list[Job]:
    """Return `count` jobs for each property and as many for all together, with atom counts and values drawn together."""
    statistics, joint = checkpoint.statistics, checkpoint.joint.double().numpy()
    if not len(joint):
        raise MissingError("the checkpoint was never finetuned: it knows no labelled records", "run t2d-mol finetune")
    wording = "exact" if checkpoint.vocabulary else "numbers"
    jobs: list[Job] = []
    for group in (*KEYS, JOINT):
        rows = joint[np.random.default_rng((seed, len(jobs))).integers(len(joint), size=count)]
        for row in rows:
            chosen = range(len(KEYS)) if group == JOINT else (KEYS.index(group),)
            targets = tuple(_exact(k, float(row[1 + k]), statistics) for k in chosen)
            atoms = (int(row[0]), int(row[0]))
            prompt = replace(parse_prompt(exact_prompt(targets, statistics), statistics), structure=Structure(atoms=atoms))
            jobs.append(Job(prompt, targets, group, wording))
    return jobs


def text(checkpoint: Checkpoint, count: int, seed: int) -> list[Job]:
    """Return `count` jobs for each property and kind of wording, the levels in turn."""
    statistics, rng = checkpoint.statistics, Random(seed)
    if not checkpoint.vocabulary:
        raise UsageError("the checkpoint reads numbers, not words", "--protocol text needs one finetuned on text")
    jobs = []
    for prop in PROPERTIES:
        for wording, parts in (("seen", SEEN), ("unseen", HELD_OUT)):
            for number in range(count):
                target = Target(prop.key, "level", level=number % len(LEVELS), unit=prop.unit)
                said = paraphrase([target], statistics, rng, parts)
                jobs.append(Job(parse_prompt(said, statistics), (target,), prop.key, wording))
    return jobs


PROTOCOLS: Final[dict[str, Callable[[Checkpoint, int, int], list[Job]]]] = {
    "unconditional": unconditional,
    "conditional": conditional,
    "text": text,
}
DEFAULT_COUNT: Final = {"unconditional": 10_000, "conditional": 1_000, "text": 300}
"""Molecules by default: in all, for each property, for each property and kind of wording."""


def generate(
    model: Model,
    jobs: Sequence[Job],
    sampling: SamplingConfig,
    path: Path,
    *,
    resume: bool,
    show: Callable[[int, int], None],
) -> Iterator[dict[str, Any]]:
    """Yield the record of each job's molecule, with its `group`, its `wording` and what was asked as its `targets`.

    Those already in the file come first; each further one is appended to it and flushed. A molecule depends on (seed, row)
    alone, so a file cut off anywhere is continued as if it had never been.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in resumable_lines(path)] if resume else []
    yield from done
    left = list(enumerate(jobs))[len(done) :]
    if not left:
        return
    with path.open("a" if resume else "w", encoding="utf-8") as stream:
        made = model.sample(((row, job.prompt) for row, job in left), 1, sampling)
        for (row, job), generated in zip(left, made, strict=True):
            record = to_record(generated, model.statistics) | {"index": row, "group": job.group, "wording": job.wording}
            record["targets"] = [target_record(target, model.statistics) for target in job.targets]
            stream.write(line(record))
            stream.flush()
            show(row + 1, len(jobs))
            yield record


def _exact(k: int, normalised: float, statistics: Statistics) -> Target:
    value = float(f"{statistics.denormalise(k, normalised):.4g}")
    return Target(KEYS[k], "=", value=value, unit=PROPERTIES[k].unit)
