"""The denoiser: noisy positions, atom types and bonds in, an estimate of the clean molecule out."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from t2d_mol.config import DenoiserConfig, DiffusionConfig
from t2d_mol.denoising import Estimate, Memory, Noisy, centred
from t2d_mol.elements import BOND_ORDERS, CHARGES, MAX_ATOMS, SYMBOLS
from t2d_mol.nn.blocks import Block, Context, zero_linear
from t2d_mol.nn.irreps import VectorLinear, VectorNorm, components, directions, precise
from t2d_mol.nn.unordered import UnorderedPairs

TYPES, BONDS = len(SYMBOLS), len(BOND_ORDERS)
FAINT = 60.0
"""Gaussians end at exp(-60): denormal numbers, of which there would be many, cost several times as much."""


class RadialBasis(nn.Module):
    """Gaussians of the distance: 32 narrow ones where bonds are decided, 10 wide ones beyond."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        centres = torch.cat([torch.linspace(0.5, 4.0, 32), torch.linspace(4.5, 13.5, 10)])
        widths = torch.cat([torch.full((32,), 0.15), torch.full((10,), 1.0)])
        self.size = len(centres)
        self.centres: Tensor
        self.inverse: Tensor
        spreads = widths * 2**0.5
        self.register_buffer("centres", -centres / spreads, persistent=False)
        self.register_buffer("inverse", scale / spreads, persistent=False)

    def forward(self, distances: Tensor) -> Tensor:
        """Map distances (…) in units of `scale` Å to (…, 42)."""
        offsets = torch.addcmul(self.centres, distances[..., None], self.inverse)
        return offsets.square().clamp(max=FAINT).neg().exp()


class NoiseEmbedding(nn.Sequential):
    """Waves of ln σ, mixed."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(32, width), nn.SiLU(), nn.Linear(width, width))
        self.frequencies: Tensor
        frequencies = torch.exp(torch.linspace(math.log(0.25), math.log(8.0), 16))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, sigma: Tensor) -> Tensor:
        """Map noise levels (B,) to (B, width)."""
        phase = sigma.log()[:, None] * self.frequencies
        embedded: Tensor = super().forward(torch.cat([phase.sin(), phase.cos()], -1))  # type: ignore[no-untyped-call]
        return embedded


def pair_distances(positions: Tensor) -> tuple[Tensor, Tensor]:
    """Return differences (B, N, N, 3) and distances (B, N, N), differentiable where atoms coincide."""
    difference = positions[:, :, None] - positions[:, None]
    return difference, (difference.square().sum(-1) + 1e-10).sqrt()


class EquivariantDenoiser(nn.Module):
    """An E(3)-equivariant network D(x; σ) that estimates the clean molecule.

    Positions are preconditioned as in Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models
    (NeurIPS 2022), equation 7, with σ_data = 1. Whatever training holds fixed (the diagonal of the bonds, padding, the
    centroid) is set here, so that sampling sees the same. Meets `denoising.Denoiser`.
    """

    def __init__(self, config: DenoiserConfig, diffusion: DiffusionConfig) -> None:
        super().__init__()
        self.config, self.type_scale, self.bond_scale = config, diffusion.type_scale, diffusion.bond_scale
        s, c, p = config.scalars, config.vectors, config.pairs
        self.radial = RadialBasis(diffusion.position_scale)
        self.size = nn.Embedding(MAX_ATOMS + 1, s)
        self.noise = NoiseEmbedding(s)
        self.atoms_in = nn.Linear(2 * TYPES, s)
        self.vectors_in = VectorLinear(2, c, 1)
        self.pairs_in = nn.Sequential(nn.Linear(2 * self.radial.size + 2 * BONDS, 2 * p), nn.SiLU(), nn.Linear(2 * p, p))
        self.summary = nn.Sequential(nn.Linear(config.summary, s), nn.SiLU(), zero_linear(s, s)) if config.summary else None
        self.null = nn.Parameter(0.1 * torch.randn(config.memory))
        self.blocks = nn.ModuleList(
            Block(s, c, p, config.heads, config.lmax, s, config.memory) for _ in range(config.blocks)
        )
        self.vector_norm = VectorNorm(c)
        self.positions_out = VectorLinear(c, 1, 1)
        self.atoms_out = nn.Sequential(nn.LayerNorm(s), nn.Linear(s, s), nn.SiLU(), nn.Linear(s, TYPES + len(CHARGES)))
        self.pair_norm = nn.LayerNorm(p)
        self.ends = nn.Linear(s, 2 * p)
        self.bonds_hidden = nn.Linear(p + self.radial.size, 2 * p)
        self.bonds_out = nn.Linear(2 * p, BONDS)

    def forward(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        """Denoise; see `denoising.Denoiser`."""
        mask = noisy.mask
        off_diagonal = ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        real = mask[:, :, None] & mask[:, None] & off_diagonal
        sigma = noisy.sigma[:, None, None]
        unordered = UnorderedPairs.of(mask.shape[1], mask.device)
        scalars, vectors, pairs, unit = self._embed(noisy, previous, real, unordered)
        context = Context.of(mask, real, unit, self._modulation(noisy, memory), self._with_null(memory, len(mask)))
        for block in self.blocks:
            scalars, vectors, pairs = block(scalars, vectors, pairs, context)
        raw = precise(self.positions_out(self.vector_norm(vectors)[..., :3, :])[..., 0])
        clean = (noisy.positions + sigma * (1 + sigma**2).sqrt() * raw) / (1 + sigma**2)
        positions = centred(clean, mask)
        atoms = precise(self.atoms_out(scalars))
        return Estimate(positions, atoms[..., :TYPES], self._bonds(scalars, pairs, positions, unordered), atoms[..., TYPES:])

    def compile_parts(self) -> None:
        """Compile each part for the shapes that occur; for training without prompts, where they are few."""
        torch._dynamo.config.recompile_limit = 64
        for block in self.blocks:
            block.compile(dynamic=False)
        self._embed = torch.compile(self._embed, dynamic=False)  # type: ignore[method-assign]
        self._bonds = torch.compile(self._bonds, dynamic=False)  # type: ignore[method-assign]

    def _embed(
        self, noisy: Noisy, previous: Estimate | None, real: Tensor, unordered: UnorderedPairs
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return scalars, vectors, pairs and pair directions."""
        sigma = noisy.sigma[:, None, None]
        types = noisy.types / (sigma**2 + self.type_scale**2).sqrt()
        bonds = unordered.pick(noisy.bonds) / (sigma**2 + self.bond_scale**2).sqrt()
        difference, distances = pair_distances(noisy.positions)
        scaled = noisy.positions / (sigma**2 + 1).sqrt()
        if previous is None:
            seen = torch.zeros_like(scaled)
            known_types, known_bonds = torch.zeros_like(types), torch.zeros_like(bonds)
            known = torch.zeros_like(bonds[..., :1]).expand(-1, -1, self.radial.size)
        else:
            seen, known_types = previous.positions, torch.softmax(previous.types, -1)
            known_bonds = torch.softmax(unordered.pick(previous.bonds), -1)
            known = self.radial(unordered.pick(pair_distances(seen)[1]))
        features = torch.cat([self.radial(unordered.pick(distances)), known, bonds, known_bonds], -1)
        features = features * unordered.pick(real)[..., None]
        scalars = precise(self.atoms_in(torch.cat([types, known_types], -1)))
        vectors = self.vectors_in(torch.stack([scaled, seen], -1))
        vectors = F.pad(vectors, (0, 0, 0, components(self.config.lmax) - 3))
        pairs = unordered.spread(self.pairs_in(features))
        return scalars, vectors, pairs, directions(difference, self.config.lmax)

    def _modulation(self, noisy: Noisy, memory: Memory | None) -> Tensor:
        embedded: Tensor = self.noise(noisy.sigma) + self.size(noisy.mask.sum(1))
        if self.summary is not None and memory is not None and memory.summary is not None:
            embedded = embedded + self.summary(memory.summary.to(embedded.dtype)) * memory.given[:, None]
        return embedded

    def _with_null(self, memory: Memory | None, size: int) -> Memory:
        """Put the learned NULL in place of missing prompts; the rest of those rows is masked."""
        null = self.null.expand(size, 1, -1)
        if memory is None:
            given = torch.zeros(size, dtype=torch.bool, device=null.device)
            return Memory(null, ~given[:, None], given)
        tokens = torch.cat([null, memory.tokens.to(null.dtype)], 1)
        given = memory.given[:, None]
        return Memory(tokens, torch.cat([~given, memory.mask & given], 1), memory.given)

    def _bonds(self, scalars: Tensor, pairs: Tensor, positions: Tensor, unordered: UnorderedPairs) -> Tensor:
        """Return symmetric bond logits that see the estimated positions."""
        left, right = self.ends(scalars).chunk(2, -1)
        symmetric = self.pair_norm(unordered.fold(pairs))
        radial = self.radial(unordered.pick(pair_distances(positions)[1]))
        hidden = self.bonds_hidden(torch.cat([symmetric, radial.to(symmetric.dtype)], -1))
        hidden = hidden + unordered.sums(left + right).repeat(1, 1, 2)
        return unordered.spread(precise(self.bonds_out(F.silu(hidden))))
