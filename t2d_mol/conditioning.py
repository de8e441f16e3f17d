"""Conditioning: what acts on a model's estimates while it samples: prompts, guidance, excluded elements, steering."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch

from t2d_mol.checkpoint import Statistics
from t2d_mol.config import SamplingConfig
from t2d_mol.denoising import Denoiser, Memory, joined
from t2d_mol.diffusion.composition import GraphEnergy, Restricted
from t2d_mol.diffusion.guidance import Emphasis, Guided
from t2d_mol.diffusion.steering import Energy, PropertyEnergy, Steering
from t2d_mol.elements import SYMBOLS
from t2d_mol.encoding import target_tensors
from t2d_mol.molecule import Target
from t2d_mol.nn.property_network import PropertyNetwork
from t2d_mol.nn.text import NumberEncoder, TextEncoder
from t2d_mol.planning import Job
from t2d_mol.prompts.templates import mixed_prompt
from t2d_mol.properties import KEYS, LEVELS
from t2d_mol.targets import value_range

GRAPH_LEVELS: Final = (0.15, 10.0)
PROPERTY_LEVELS: Final = (0.25, 4.0)
"""Noise levels between which structural wishes and properties steer."""

GUIDED_ABOVE: Final = 0.2
"""Noise level above which prompts are guided; on 96 exact prompts guidance below it changed next to nothing."""

MARGIN: Final = 7.0
"""Steering keeps this many percentiles away from the ends of a level, which is 20 wide."""

GRAPH_STRENGTH: Final = 1.0
"""Strength with which molecules are steered that are to have a composition or rings."""


@dataclass(eq=False)
class Conditioner:
    """Puts together what acts on the estimates of a batch of jobs.

    Attributes:
        denoiser: the network.
        encoder: reads prompts; None in a model without.
        guide: reads properties from estimates, for steering; None in a model without.
        statistics: of the properties.
        position_scale: Å per unit of the noisy positions.
        device: where all of them are.
    """

    denoiser: Denoiser
    encoder: TextEncoder | NumberEncoder | None
    guide: PropertyNetwork | None
    statistics: Statistics
    position_scale: float
    device: torch.device
    _memories: dict[str, Memory] = field(default_factory=dict)

    def steered_by(self, job: Job, config: SamplingConfig) -> tuple[bool, bool]:
        """Return whether structure and whether properties steer a job."""
        return job.shaped, bool(job.targets) and config.steer > 0 and self.guide is not None

    def wrapped(self, jobs: Sequence[Job], config: SamplingConfig) -> tuple[Guided, Steering | None]:
        """Return the network with guidance and without excluded elements, and what steers, if anything does."""
        limits = [job.limits(len(SYMBOLS)) for job in jobs]
        low, high, rings = (torch.tensor([row[part] for row in limits], device=self.device).float() for part in range(3))
        excluded = bool((high == 0).any())
        denoiser: Denoiser = Restricted(self.denoiser, high > 0) if excluded else self.denoiser
        guided = Guided(denoiser, config.guidance, self._emphases(jobs, config), GUIDED_ABOVE)
        energies: list[tuple[Energy, float, float]] = []
        shaped, asked = self.steered_by(jobs[0], config)
        if shaped:
            energies.append((GraphEnergy(low, high, rings), *GRAPH_LEVELS))
        if asked:
            energies.append((self._property_energy(jobs, config), *PROPERTY_LEVELS))
        strength = GRAPH_STRENGTH if shaped else config.steer
        return guided, Steering(guided, tuple(energies), strength) if energies else None

    def _property_energy(self, jobs: Sequence[Job], config: SamplingConfig) -> PropertyEnergy:
        assert self.guide is not None
        low, high, weight = (torch.zeros(len(jobs), len(KEYS)) for _ in range(3))
        weights = dict(config.weights)
        for row, job in enumerate(jobs):
            for target in job.targets:
                index = KEYS.index(target.property)
                ends = (self.statistics.normalise(index, end) for end in self._aim(target))
                low[row, index], high[row, index] = ends
                weight[row, index] = weights.get(target.property, 1.0)
        low, high, weight = (tensor.to(self.device) for tensor in (low, high, weight))
        return PropertyEnergy(self.guide.of_estimate, self.position_scale, low, high, weight)

    def _aim(self, target: Target) -> tuple[float, float]:
        """Return the values that steering aims at: of a level the middle, as the network's reading is not exact."""
        if target.level is None:
            return value_range(target, self.statistics)
        index, share = KEYS.index(target.property), 100 / len(LEVELS)
        low, high = share * target.level + MARGIN, share * (target.level + 1) - MARGIN
        return self.statistics.percentile(index, low), self.statistics.percentile(index, high)

    def _emphases(self, jobs: Sequence[Job], config: SamplingConfig) -> tuple[Emphasis, ...]:
        """Return the prompts without each property that has a weight of its own, in canonical words."""
        found = []
        for key, weight in config.weights:
            if (
                weight == 1
                or self.encoder is None
                or not any(target.property == key for job in jobs for target in job.targets)
            ):
                continue
            others = [tuple(target for target in job.targets if target.property != key) for job in jobs]
            texts = [
                job.text if left == job.targets else mixed_prompt(left, self.statistics) if left else ""
                for job, left in zip(jobs, others, strict=True)
            ]
            found.append(Emphasis(self._encoded(texts, others), weight - 1))
        return tuple(found)

    def _read(self, text: str) -> Memory:
        """Encode a sentence on its own, so that its mates' lengths leave no trace."""
        assert isinstance(self.encoder, TextEncoder)
        if text not in self._memories:
            if len(self._memories) > 10_000:
                self._memories.clear()
            self._memories[text] = self.encoder([text])
        return self._memories[text]

    def memory(self, texts: Sequence[str], targets: Sequence[tuple[Target, ...]]) -> Memory | None:
        """Encode prompts, as sentences or, for a model that reads numbers, as targets; None without any."""
        return self._encoded(texts, targets) if self.encoder is not None and any(targets) else None

    def _encoded(self, texts: Sequence[str], targets: Sequence[tuple[Target, ...]]) -> Memory:
        if isinstance(self.encoder, TextEncoder):
            return joined([self._read(text) for text in texts])
        tensors = target_tensors(targets, self.statistics)
        assert self.encoder is not None
        return self.encoder(*(tensor.to(self.device) for tensor in tensors))  # type: ignore[no-any-return]
