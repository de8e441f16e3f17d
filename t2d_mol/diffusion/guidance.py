"""Classifier-free guidance: push the estimate away from the unconditional one, some wishes farther than others."""

from dataclasses import dataclass

from torch import Tensor

from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy


@dataclass(frozen=True)
class Emphasis:
    """More or less weight for one wish of a prompt.

    Attributes:
        without: the prompts with that wish left out; equal to the prompts where they do not hold it.
        extra: weight of the wish minus 1.
    """

    without: Memory
    extra: float


@dataclass(frozen=True)
class Guided:
    """A denoiser whose estimates are extrapolated from NULL through the prompt. Meets `denoising.Denoiser`.

    Ho and Salimans, Classifier-Free Diffusion Guidance (2022), equation 6, applied to the clean estimate: weight 1 is the
    conditional model, 0 the unconditional one. Two calls of the network each time, one where weight is 0 or 1. A wish with a
    weight of its own is extrapolated from the prompt without it (Liu et al., Compositional Visual Generation, ECCV 2022), at
    one call more. Below a noise level the conditional model alone decides, at one call: what is left to decide there is not
    the prompt's (Kynkäänniemi et al., Applying Guidance in a Limited Interval, NeurIPS 2024).

    Attributes:
        denoiser: the network.
        weight: for positions; logits are extrapolated with (1 + weight) / 2, which keeps more of their validity.
        emphases: wishes with weights of their own.
        above: noise level below which weights other than 0 count as 1.
    """

    denoiser: Denoiser
    weight: float
    emphases: tuple[Emphasis, ...] = ()
    above: float = 0.0

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        """Denoise; see `denoising.Denoiser`."""
        return self.beside(None, noisy, previous, memory)

    def beside(self, free: Estimate | None, noisy: Noisy, previous: Estimate | None, memory: Memory | None) -> Estimate:
        """Denoise where an unconditional estimate, of these or nearby noisy molecules, may be known already."""

        def unconditional() -> Estimate:
            return self.denoiser(noisy, previous, None) if free is None else free

        if memory is None or self.weight == 0:
            return unconditional()
        given = self.denoiser(noisy, previous, memory)
        if float(noisy.sigma[0]) < self.above:
            return given
        estimate = given if self.weight == 1 else _pushed(given, given, unconditional(), self.weight - 1)
        for emphasis in self.emphases:
            without = self.denoiser(noisy, previous, emphasis.without)
            estimate = _pushed(estimate, given, without, self.weight * emphasis.extra)
        return estimate


def _pushed(estimate: Estimate, given: Estimate, start: Estimate, weight: float) -> Estimate:
    """Add the way from `start` to `given`, times the weight for positions and half of it for logits."""

    def add(name: str, share: float) -> Tensor:
        end: Tensor = getattr(given, name)
        moved: Tensor = getattr(estimate, name) + share * (end - getattr(start, name))
        return moved

    half = weight / 2
    return Estimate(add("positions", weight), add("types", half), add("bonds", half), add("charges", half))
