"""What a denoiser is: the vocabulary that networks, diffusion and training share.

Shape letters: B molecules, N atoms (padded), T tokens of a prompt, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Noisy:
    """A batch of noisy molecules.

    Attributes:
        positions: (B, N, 3) in units of the data's standard deviation, centroid 0, padding 0.
        types: (B, N, 5) noisy scaled one-hot atom types.
        bonds: (B, N, N, 4) noisy scaled one-hot bond classes, symmetric.
        mask: (B, N) True for atoms.
        sigma: (B,) noise level, the standard deviation of the noise on every entry.
    """

    positions: Tensor
    types: Tensor
    bonds: Tensor
    mask: Tensor
    sigma: Tensor

    def rows(self, chosen: slice) -> "Noisy":
        """Return some of the molecules."""
        return Noisy(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Estimate:
    """A denoiser's estimate of the clean molecules.

    Attributes:
        positions: (B, N, 3) in units of the data's standard deviation, centroid 0, padding 0.
        types: (B, N, 5) logits of the atom types.
        bonds: (B, N, N, 4) logits of the bond classes, symmetric.
        charges: (B, N, 3) logits of the formal charges.
    """

    positions: Tensor
    types: Tensor
    bonds: Tensor
    charges: Tensor

    def detach(self) -> "Estimate":
        """Return the estimate without its graph."""
        return Estimate(self.positions.detach(), self.types.detach(), self.bonds.detach(), self.charges.detach())


@dataclass(frozen=True, eq=False)
class Memory:
    """Encoded prompts.

    Attributes:
        tokens: (B, T, D) vectors the denoiser attends to.
        mask: (B, T) True for tokens, False for padding.
        given: (B,) False where the molecule has no prompt; such rows use the denoiser's learned NULL.
        summary: (B, S) the prompt as one vector that modulates every block; None where the encoder makes none.
    """

    tokens: Tensor
    mask: Tensor
    given: Tensor
    summary: Tensor | None = None


def joined(memories: Sequence[Memory]) -> Memory:
    """Put prompts of as many tokens each into one batch."""
    fields = [[getattr(memory, name) for memory in memories] for name in ("tokens", "mask", "given", "summary")]
    tokens, mask, given = (torch.cat(field) for field in fields[:3])
    return Memory(tokens, mask, given, None if memories[0].summary is None else torch.cat(fields[3]))


class Denoiser(Protocol):
    """Estimates clean molecules from noisy ones.

    Equivariant: positions follow every rotation and reflection of the noisy positions and every permutation of the
    atoms; logits follow permutations alone.
    """

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        """Denoise.

        Args:
            noisy: the noisy molecules.
            previous: an earlier estimate of the same molecules (self-conditioning).
            memory: encoded prompts; None is NULL for every molecule.
        """
        ...


def centred(positions: Tensor, mask: Tensor) -> Tensor:
    """Project (B, N, 3) positions onto the zero-centroid subspace of the atoms of mask (B, N); the padding becomes 0."""
    kept = positions * mask[..., None]
    mean = kept.sum(1, keepdim=True) / mask.sum(1)[:, None, None]
    return (kept - mean) * mask[..., None]
