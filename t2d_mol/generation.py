"""Generation: a checkpoint, prompts and a seed become an iterator of generated molecules."""

import importlib.util
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import torch

from t2d_mol import __version__
from t2d_mol.batching import Batch, Fitting, batched, side_by_side
from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.chem.graph import is_closed
from t2d_mol.chem.wishes import unmet
from t2d_mol.choosing import CHOOSERS
from t2d_mol.conditioning import GRAPH_STRENGTH, Conditioner
from t2d_mol.config import PropertyConfig, SamplingConfig
from t2d_mol.diffusion.process import Process
from t2d_mol.diffusion.sampler import SOLVERS, Sampler
from t2d_mol.encoding import load_encoder
from t2d_mol.errors import UsageError, unknown
from t2d_mol.molecule import GeneratedMolecule, MoleculeBatch, Prompt
from t2d_mol.nn.denoiser import EquivariantDenoiser
from t2d_mol.nn.property_network import PropertyNetwork
from t2d_mol.padding import pad, unpad
from t2d_mol.planning import Job, Planner
from t2d_mol.portion import Portion
from t2d_mol.properties import KEYS, key_of

BUNDLED: Final = Path(__file__).parent / "pretrained" / "small.safetensors"
"""The checkpoint that comes with the package."""

WINDOW: Final = 4
"""Batches whose molecules are sorted by size before they are sampled; they come out in the order asked for."""


HEAVIEST: Final = 100.0
"""The largest weight of a property."""


Place = tuple[int, tuple[int, Prompt, int]]
"""A molecule to make: its running number; the prompt's row, the prompt, the molecule's number within the row."""


class Model:
    """A loaded checkpoint, ready to sample."""

    def __init__(self, checkpoint: Checkpoint, *, device: str = "cpu", name: str = "") -> None:
        config = checkpoint.config
        self.checkpoint, self.device, self.name = checkpoint, torch.device(device), name
        self.process = Process(config.diffusion)
        self.denoiser = EquivariantDenoiser(config.denoiser, config.diffusion)
        checkpoint.load_into("denoiser", self.denoiser)
        self.encoder = load_encoder(checkpoint)
        if self.encoder is not None:
            self.encoder.to(device)
        self.predictor = self._property_network("predictor", config.predictor)
        guide = self._property_network("guide", config.guide) or self.predictor
        self.denoiser.to(device).eval().requires_grad_(False)
        self.planner = Planner(checkpoint, self.encoder)
        self._fitting = Fitting()
        scale = config.diffusion.position_scale
        self.conditioner = Conditioner(self.denoiser, self.encoder, guide, checkpoint.statistics, scale, self.device)

    @classmethod
    def load(cls, path: Path | None = None, *, device: str = "cpu") -> "Model":
        """Load a checkpoint, the bundled one by default.

        Raises:
            MissingError: if there is none or it is damaged.
        """
        path = path or BUNDLED
        return cls(Checkpoint.load(path), device=device, name=path.stem)

    @property
    def statistics(self) -> Statistics:
        """Statistics of the properties over the train split."""
        return self.checkpoint.statistics

    def settings(self, sampling: SamplingConfig) -> dict[str, Any]:
        """Return what decides the molecules the model makes, as plain values."""
        chosen = {name: value for name, value in asdict(sampling).items() if name != "batch_size"}
        return {"model": self.name, "model_digest": self.checkpoint.digest(), "sampling": chosen, "version": __version__}

    def sample(
        self,
        prompts: Iterable[tuple[int, Prompt]],
        count: int,
        config: SamplingConfig = SamplingConfig(),
        portion: Portion = Portion(),
        proceed: Callable[[], bool] = lambda: True,
    ) -> Iterator[GeneratedMolecule]:
        """Yield `count` molecules for each (row, prompt), in order, batch by batch; prompts are taken as they are needed.

        On one machine, device and precision a molecule depends on (seed, row, number within its row) alone.

        Args:
            prompts: with their rows, which increase.
            count: molecules for each.
            config: how they are sampled.
            portion: what of all of them is wanted.
            proceed: asked before each further window of batches; if it says no, what was made is all.

        Raises:
            InputError: if an atom count is asked for that the model cannot make.
        """
        places = portion.of((row, prompt, k) for row, prompt in prompts for k in range(count))
        yield from self.sample_places(islice(places, portion.done, None), config, proceed)

    def sample_places(
        self, places: Iterable[Place], config: SamplingConfig, proceed: Callable[[], bool] = lambda: True
    ) -> Iterator[GeneratedMolecule]:
        """Yield the molecule of each place; see `sample`."""
        waiting = iter(places)
        while (window := list(islice(waiting, WINDOW * config.batch_size))) and proceed():
            jobs = [self._job(prompt, (row, k, index), config) for index, (row, prompt, k) in window]
            yield from self._sample_window(jobs, config)

    def sample_valid(
        self,
        prompts: Iterable[tuple[int, Prompt]],
        count: int,
        config: SamplingConfig = SamplingConfig(),
        portion: Portion = Portion(),
        proceed: Callable[[], bool] = lambda: True,
        *,
        attempts: int = 10,
    ) -> Iterator[GeneratedMolecule]:
        """Yield `count` valid molecules for each (row, prompt), in order, which have the structure asked for; see `sample`.

        Of each row the first valid ones of its molecules 0, 1, 2, … are kept, so this too depends on (seed, row, k) alone.
        A row that has not given enough after `attempts` times `count` molecules ends short. They are numbered on and on, but
        in a shard as if no row had ended short.
        """
        if count < 1:
            return
        room, most = WINDOW * config.batch_size, attempts * count
        whole = portion.of_row >= count
        done = portion.done - (0 if whole else portion.of_row)
        rows = (item for item in portion.of(prompts) if item[1][0] >= portion.row + whole)
        while window := list(islice(rows, max(1, room // count))):
            kept: list[list[GeneratedMolecule]] = [[] for _ in window]
            tried, place, told = [0] * len(window), 0, 0
            while place < len(window):
                short = [p for p in range(place, len(window)) if len(kept[p]) < count and tried[p] < most]
                if not proceed():
                    return
                each = max(1, min(count, room // max(1, len(short))))
                wanted = [(p, k) for p in short for k in range(tried[p], min(tried[p] + each, most))]
                jobs = [self._job(window[p][1][1], (window[p][1][0], k, 0), config) for p, k in wanted]
                for (p, _), made in zip(wanted, self._sample_window(jobs, config), strict=True):
                    if made.state == "valid" and not made.unmet and len(kept[p]) < count:
                        kept[p].append(made)
                for p in short:
                    tried[p] += each
                while place < len(window):
                    for number, made in enumerate(kept[place][told:], told):
                        if done >= portion.done:
                            index = done if portion.shards == 1 else window[place][0] * count + number
                            yield replace(made, index=index)
                        done += 1
                    told = len(kept[place])
                    if told < count and tried[place] < most:
                        break
                    place, told = place + 1, 0

    def expected_seconds(
        self, prompts: Sequence[tuple[int, Prompt]], count: int, config: SamplingConfig = SamplingConfig()
    ) -> float:
        """Return about how long `sample` will take, from six calls for the first batch, without retries and repairs."""
        if not prompts:
            return 0.0
        size = min(config.batch_size, len(prompts) * count)
        places = list(islice(((row, prompt, k) for row, prompt in prompts for k in range(count)), size))
        jobs = [self._job(prompt, (row, k, 0), config) for row, prompt, k in places]
        trial = replace(config, steps=min(config.steps, 6))
        began = time.monotonic()
        self._sample_once(jobs, trial)
        made = len(prompts) * count * config.candidates
        return (time.monotonic() - began) / trial.steps * config.steps * made / size

    def predict(self, batch: MoleculeBatch) -> list[dict[str, float]]:
        """Return the properties of molecules in canonical units, by the network trained on half B."""
        if self.predictor is None:
            return [{} for _ in range(len(batch))]
        with torch.inference_mode():
            normalised = self.predictor(batch.types, batch.positions, batch.mask).cpu()
        return [
            {key: round(self.statistics.denormalise(i, float(row[i])), 4) for i, key in enumerate(KEYS)}
            for row in normalised
        ]

    def _property_network(self, name: str, config: PropertyConfig) -> PropertyNetwork | None:
        if name not in self.checkpoint.weights:
            return None
        network = PropertyNetwork(config)
        self.checkpoint.load_into(name, network)
        return network.to(self.device).eval().requires_grad_(False)

    def _job(self, prompt: Prompt, place: tuple[int, int, int], config: SamplingConfig, attempt: int = 0) -> Job:
        weights = dict(config.weights)
        return self.planner.job(prompt, place, config.seed, atoms=config.atoms, weights=weights, attempt=attempt)

    def _sample_window(self, jobs: list[Job], config: SamplingConfig) -> list[GeneratedMolecule]:
        """Sample jobs: of each the chosen one of `candidates`, and again while it lacks the structure asked for."""
        made = [[generated] for generated in self._sample_jobs(jobs, config)]
        for attempt in range(1, max(config.attempts, config.candidates)):
            wanted = [
                place
                for place, candidates in enumerate(made)
                if attempt < config.candidates or all(generated.unmet for generated in candidates)
            ]
            again = [
                self._job(jobs[place].prompt, (jobs[place].row, jobs[place].k, jobs[place].index), config, attempt)
                for place in wanted
            ]
            for place, generated in zip(wanted, self._sample_jobs(again, config), strict=True):
                made[place].append(generated)
        weights = dict(config.weights)

        def chosen(made: list[GeneratedMolecule]) -> GeneratedMolecule:
            """Return the chosen one of `candidates`, or the one of the tries after them that has the structure."""
            eligible = made[: config.candidates] if made[-1].unmet else [*made[: config.candidates - 1], made[-1]]
            kept = CHOOSERS[config.choose](eligible, self.statistics, weights) if len(eligible) > 1 else eligible[0]
            return replace(kept, attempts=len(made))

        return [chosen(candidates) for candidates in made]

    def _sample_jobs(self, jobs: list[Job], config: SamplingConfig) -> list[GeneratedMolecule]:
        """Sample jobs, repair what is as asked but for bonds and charges that do not add up; return all in their order."""
        made = self._sample_once(jobs, config)
        for _ in range(config.repairs):
            broken = [place for place, one in enumerate(made) if not one.unmet and not is_closed(one.molecule)]
            if not broken:
                break
            repaired = self._sample_once([jobs[place].repairing(made[place]) for place in broken], config)
            for place, generated in zip(broken, repaired, strict=True):
                made[place] = generated
        return made

    def _sample_once(self, jobs: list[Job], config: SamplingConfig) -> list[GeneratedMolecule]:
        """Sample jobs in batches and return the molecules in the jobs' order."""
        steered = [self._kind(job, config) for job in jobs]
        batches = batched(jobs, steered, min(config.batch_size, self._fitting.most))
        threads = torch.get_num_threads() if self.device.type == "cpu" else 1
        made: dict[int, GeneratedMolecule] = {}

        def sampled(batch: Batch) -> dict[int, GeneratedMolecule]:
            """Return the molecules of a batch by their places."""
            return dict(zip(batch.places, self._sample_batch(batch, config), strict=False))

        for found in side_by_side(batches, lambda batch: self._fitting(sampled, batch), threads):
            made |= found
        return [made[place] for place in range(len(jobs))]

    def _kind(self, job: Job, config: SamplingConfig) -> tuple[bool, ...]:
        """Return by what a job is steered and, if by anything, whether it has targets: jobs of a batch are alike in this."""
        steered = self.conditioner.steered_by(job, config)
        return *steered, any(steered) and bool(job.targets)

    def _sample_batch(self, batch: Batch, config: SamplingConfig) -> Iterator[GeneratedMolecule]:
        jobs = batch.rows
        sizes = torch.tensor([job.atoms for job in jobs], device=self.device)
        mask = torch.arange(batch.padded or int(sizes.max()), device=self.device) < sizes[:, None]
        starts = [job.start for job in jobs if job.start is not None]
        assert len(starts) in (0, len(jobs))
        start = pad(starts, mask.shape[1]).to(self.device) if starts else None
        generators = [torch.Generator().manual_seed(job.seed) for job in jobs]
        sampler = Sampler(self.process, config.steps, SOLVERS[config.solver], config.temperature, config.clamp_below)
        with torch.no_grad():
            memory = self.conditioner.memory([job.text for job in jobs], [job.targets for job in jobs])
            guided, steering = self.conditioner.wrapped(jobs, config)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bf16):
                sampled = sampler(guided, mask, generators, memory, steering, start)
        predicted = self.predict(sampled)
        provenance = {
            "model": self.name,
            "steps": config.steps,
            "guidance": config.guidance,
            "steer": min(config.steer, GRAPH_STRENGTH) if jobs[0].shaped else config.steer,
            "solver": config.solver,
            "candidates": config.candidates,
            "precision": "bf16" if config.bf16 else "fp32",
            "version": __version__,
        }
        for job, molecule, properties in zip(jobs, unpad(sampled), predicted, strict=True):
            lacks = unmet(molecule, replace(job.prompt.structure, atoms=config.atoms or job.prompt.structure.atoms))
            generated = GeneratedMolecule(
                molecule, job.prompt, job.row, job.index, config.seed, predicted=properties, provenance=provenance,
                attempts=job.attempt + 1, repairs=job.repairs, unmet=lacks,
            )  # fmt: skip
            yield judged(generated)


def checked(config: SamplingConfig) -> SamplingConfig:
    """Return how to sample, with the keys of weighted properties.

    Raises:
        UsageError: if it names a solver, a choice or a property that there is not, or gives an impossible weight.
    """
    for what, name, known in (("solver", config.solver, SOLVERS), ("choice", config.choose, CHOOSERS)):
        if name not in known:
            raise unknown(what, name, known)
    for name, weight in config.weights:
        if not 0 <= weight <= HEAVIEST:
            raise UsageError(f"{name}={weight:g} is no weight of a property", f"weights run from 0 to {HEAVIEST:g}")
    return replace(config, weights=tuple((key_of(name), weight) for name, weight in config.weights))


def judged(generated: GeneratedMolecule) -> GeneratedMolecule:
    """Return the molecule with state, reason and SMILES; `unjudged` where rdkit is missing."""
    if importlib.util.find_spec("rdkit") is None:
        return generated
    from t2d_mol.chem.graph import judge

    judgement = judge(generated.molecule)
    return replace(generated, state=judgement.state, reason=judgement.reason, smiles=judgement.smiles)
