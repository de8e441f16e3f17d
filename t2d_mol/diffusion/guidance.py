"""Classifier-free guidance: push the estimate away from the unconditional one."""

from dataclasses import dataclass

from torch import Tensor

from t2d_mol.denoising import Denoiser, Estimate, Memory, Noisy


@dataclass(frozen=True)
class Guided:
    """A denoiser whose estimates are extrapolated from NULL through the prompt. Meets `denoising.Denoiser`.

    Ho and Salimans, Classifier-Free Diffusion Guidance (2022), equation 6, applied to the clean estimate: weight 1 is the
    conditional model, 0 the unconditional one. Two calls of the network each time, one where weight is 0 or 1.

    Attributes:
        denoiser: the network.
        weight: for positions; logits are extrapolated with (1 + weight) / 2, which keeps more of their validity.
    """

    denoiser: Denoiser
    weight: float

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        """Denoise; see `denoising.Denoiser`."""
        if memory is None or self.weight == 0:
            return self.denoiser(noisy, previous, None)
        given = self.denoiser(noisy, previous, memory)
        if self.weight == 1:
            return given
        free = self.denoiser(noisy, previous, None)
        gentle = (1 + self.weight) / 2

        def between(start: Tensor, end: Tensor, weight: float) -> Tensor:
            return start + weight * (end - start)

        return Estimate(
            between(free.positions, given.positions, self.weight),
            between(free.types, given.types, gentle),
            between(free.bonds, given.bonds, gentle),
            between(free.charges, given.charges, gentle),
        )
