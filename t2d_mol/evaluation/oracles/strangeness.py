"""How unlike the molecules a judge was made for a geometry is: atoms in surroundings no such molecule has."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from t2d_mol.elements import SYMBOLS
from t2d_mol.molecule import Molecule
from t2d_mol.padding import batches_by_size, pad

CENTRES: Final = torch.linspace(0.8, 3.2, 17)
WIDTH: Final = 0.12
FLOOR: Final = 0.03
"""Variance added in every direction, as a share of the mean variance: what differs by less is no surprise."""

NEAREST: Final = (0.6, 1.8)
"""Å; an atom whose nearest neighbour is closer or farther, or that no chain of such contacts reaches, is in no molecule."""

BATCH: Final = 64


def surroundings(types: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
    """Return what surrounds each atom (B, N, D): Gaussians of the distances in Å to its neighbours, summed by their element.

    These are radial symmetry functions (Behler and Parrinello, Physical Review Letters 98, 146401, 2007, equation 4) without
    cut-off. Invariant to rotation, reflection, translation and the order of the neighbours.
    """
    distances = torch.cdist(positions, positions, compute_mode="donot_use_mm_for_euclid_dist")
    density = torch.exp(-0.5 * ((distances[..., None] - CENTRES.to(positions)) / WIDTH).square())
    neighbours = torch.nn.functional.one_hot(types, len(SYMBOLS)).to(positions) * mask[..., None]
    return torch.einsum("bijg,bje->bieg", density, neighbours).flatten(2)


def usual_surroundings(molecules: Sequence[Molecule]) -> tuple[Tensor, Tensor]:
    """Return, of the atoms of each element, the mean surroundings (E, D) and a matrix (E, D, D) that whitens them."""
    width = len(SYMBOLS) * len(CENTRES)
    count = torch.zeros(len(SYMBOLS), 1, dtype=torch.float64)
    total = torch.zeros(len(SYMBOLS), width, dtype=torch.float64)
    square = torch.zeros(len(SYMBOLS), width, width, dtype=torch.float64)
    for places in batches_by_size(molecules, BATCH):
        batch = pad([molecules[place] for place in places])
        found = surroundings(batch.types, batch.positions, batch.mask)[batch.mask].double()
        types = batch.types[batch.mask]
        for element in range(len(SYMBOLS)):
            own = found[types == element]
            count[element] += len(own)
            total[element] += own.sum(0)
            square[element] += own.T @ own
    means = total / count.clamp(min=1)
    covariance = square / count.clamp(min=1)[..., None] - means[:, :, None] * means[:, None]
    floor = (FLOOR * covariance.diagonal(dim1=1, dim2=2).mean(1)).clamp(min=1e-6)
    covariance += floor[:, None, None] * torch.eye(width, dtype=torch.float64)
    return means.float(), torch.linalg.cholesky(torch.linalg.inv(covariance)).float()


def strangeness(molecules: Sequence[Molecule], means: Tensor, whitening: Tensor) -> NDArray[np.float64]:
    """Return (n,) the largest Mahalanobis distance of an atom's surroundings from those of its element.

    Infinite for more atoms than `elements.MAX_ATOMS`, and for atoms that collide or hold no molecule together.
    """
    found = np.full(len(molecules), np.inf)
    for places in batches_by_size(molecules, BATCH):
        batch = pad([molecules[place] for place in places])
        centred = surroundings(batch.types, batch.positions, batch.mask) - means[batch.types]
        distances = torch.zeros_like(batch.mask, dtype=torch.float32)
        for element in range(len(SYMBOLS)):
            own = (batch.types == element) & batch.mask
            distances[own] = (centred[own] @ whitening[element]).norm(dim=-1)
        whole = _holds_together(batch.positions, batch.mask)
        found[places] = distances.amax(1).masked_fill(~whole, torch.inf).double().numpy()
    return found


def _holds_together(positions: Tensor, mask: Tensor) -> Tensor:
    """Return (B,) whether every atom has a nearest neighbour at a distance within `NEAREST` and contacts join them all."""
    itself = torch.eye(mask.shape[1], dtype=torch.bool)
    real = mask[:, :, None] & mask[:, None] & ~itself
    distances = torch.cdist(positions, positions, compute_mode="donot_use_mm_for_euclid_dist").masked_fill(~real, torch.inf)
    nearest = distances.amin(2)
    usual = ((nearest > NEAREST[0]) & (nearest < NEAREST[1])) | ~mask
    reached = ((distances < NEAREST[1]) | itself).float()
    for _ in range(5):  # paths of up to 32 contacts
        reached = (reached @ reached).clamp(max=1.0)
    return usual.all(1) & ((reached[:, 0] > 0) | ~mask).all(1)
