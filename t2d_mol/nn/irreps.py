"""Equivariant building blocks for features of angular momentum 1…lmax, all of natural parity.

Features are dense: (…, M, C) with M = Σ (2l + 1) components and C channels for every l, that is the e3nn irreps
`Cx1o + Cx2e` with the components before the channels, so that contractions are plain matrix products. Each function is
tested against the e3nn module it stands for; on two cores in float32 it is several times faster.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from e3nn import o3

SQRT3, SQRT5, SQRT15 = 3**0.5, 5**0.5, 15**0.5


def feature_irreps(channels: int, lmax: int) -> "o3.Irreps":
    """Return the irreps of dense features: `channels` of each l from 1 to lmax, parity (-1)^l.

    Raises:
        ValueError: if lmax is not 1 or 2.
    """
    from e3nn import o3  # half a second that only this function needs

    if lmax not in (1, 2):
        raise ValueError(f"lmax must be 1 or 2, not {lmax}")
    return o3.Irreps([(channels, (l, (-1) ** l)) for l in range(1, lmax + 1)])


def components(lmax: int) -> int:
    """Return M, the number of components of one channel of each l from 1 to lmax."""
    return (lmax + 1) ** 2 - 1


def to_e3nn(features: Tensor, lmax: int) -> Tensor:
    """Reorder dense features (…, M, C) to e3nn's flat layout (…, M·C), channels before components for each l."""
    parts = [part.transpose(-1, -2).flatten(-2) for part in split_by_l(features, lmax)]
    return torch.cat(parts, -1)


def split_by_l(features: Tensor, lmax: int) -> tuple[Tensor, ...]:
    """Split (…, M, C) into one (…, 2l + 1, C) for each l."""
    return torch.split(features, [2 * l + 1 for l in range(1, lmax + 1)], dim=-2)


def directions(vectors: Tensor, lmax: int, epsilon: float = 1e-4) -> Tensor:
    """Return the component-normalised spherical harmonics (…, M) of the directions of (…, 3) vectors.

    As `e3nn.o3.spherical_harmonics(normalize=True, normalization="component")`, but 0 at the zero vector.
    """
    x, y, z = (vectors / (vectors.norm(dim=-1, keepdim=True) + epsilon)).unbind(-1)
    harmonics = [SQRT3 * x, SQRT3 * y, SQRT3 * z]
    if lmax == 2:
        harmonics += [
            SQRT15 * x * z,
            SQRT15 * x * y,
            SQRT5 * (y * y - 0.5 * (x * x + z * z)),
            SQRT15 * y * z,
            0.5 * SQRT15 * (z * z - x * x),
        ]
    return torch.stack(harmonics, -1)


def precise(tensor: Tensor) -> Tensor:
    """Return the tensor in float32 at least: what autocast made bfloat16 is widened, float64 stays."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


class VectorLinear(nn.Module):
    """Mix the channels of each l: `e3nn.o3.Linear` without paths between different l. No bias, hence equivariant."""

    def __init__(self, channels_in: int, channels_out: int, lmax: int) -> None:
        super().__init__()
        self.lmax = lmax
        self.weight = nn.Parameter(channels_in**-0.5 * torch.randn(lmax, channels_in, channels_out))

    def forward(self, features: Tensor) -> Tensor:
        """Map (…, M, C_in) to (…, M, C_out)."""
        if self.lmax == 1:
            return features @ self.weight[0]
        parts = split_by_l(features, self.lmax)
        return torch.cat([part @ weight for part, weight in zip(parts, self.weight, strict=True)], -2)


class VectorNorm(nn.Module):
    """Divide features by their root mean square over components and channels. Equivariant; a learned scale each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Map (…, M, C) to the same shape."""
        square = precise(features).square().mean((-1, -2), keepdim=True)
        return features * torch.rsqrt(square + 1e-4) * self.scale


def norms(features: Tensor, lmax: int) -> Tensor:
    """Return the invariant lengths (…, lmax·C) of features (…, M, C), smooth at 0."""
    parts = split_by_l(features, lmax)
    return torch.cat([(part.square().mean(-2) + 1e-4).sqrt() for part in parts], -1)


def pair_products(features: Tensor, lmax: int) -> Tensor:
    """Return the invariant inner products (B, N, N, lmax·C) of features (B, N, M, C) of every pair, channel by channel."""
    products = []
    for part in split_by_l(features, lmax):
        product = part[:, :, None, 0] * part[:, None, :, 0]
        for component in range(1, part.shape[-2]):
            product = product + part[:, :, None, component] * part[:, None, :, component]
        products.append(product)
    return torch.cat(products, -1) if lmax > 1 else products[0]
