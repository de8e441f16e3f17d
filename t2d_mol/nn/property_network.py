"""The property network: six properties from elements and positions, or from estimates of them. Invariant to E(3)."""

import torch
from torch import Tensor, nn

from t2d_mol.config import PropertyConfig
from t2d_mol.denoising import Estimate
from t2d_mol.elements import BOND_ORDERS, MAX_ATOMS, SYMBOLS
from t2d_mol.nn.blocks import Block, Context
from t2d_mol.nn.denoiser import NoiseEmbedding, RadialBasis, pair_distances
from t2d_mol.nn.irreps import VectorNorm, components, directions, norms, precise
from t2d_mol.nn.unordered import UnorderedPairs
from t2d_mol.properties import PROPERTIES


class PropertyNetwork(nn.Module):
    """Predict the K normalised properties of molecules with the blocks of the denoiser, without prompt.

    With `estimates` in its configuration it reads what a denoiser makes of noisy molecules, and learns the median over all
    that may become of them, as the time-dependent predictor of Bao et al., Equivariant Energy-Guided SDE (ICLR 2023).
    """

    def __init__(self, config: PropertyConfig) -> None:
        super().__init__()
        self.config = config
        s, c, p = config.scalars, config.vectors, config.pairs
        self.radial = RadialBasis(1.0)
        self.size = nn.Embedding(MAX_ATOMS + 1, s)
        self.elements = nn.Embedding(len(SYMBOLS), s)
        read = self.radial.size + len(BOND_ORDERS) * config.estimates
        self.pairs_in = nn.Sequential(nn.Linear(read, 2 * p), nn.SiLU(), nn.Linear(2 * p, p))
        self.noise = NoiseEmbedding(s) if config.estimates else None
        self.blocks = nn.ModuleList(Block(s, c, p, config.heads, config.lmax, s, None) for _ in range(config.blocks))
        self.vector_norm = VectorNorm(c)
        self.atoms_out = nn.Sequential(
            nn.LayerNorm(s + c * config.lmax),
            nn.Linear(s + c * config.lmax, s),
            nn.SiLU(),
            nn.Linear(s, self.outputs),
        )

    @property
    def outputs(self) -> int:
        """Numbers read from each atom."""
        return 2 * len(PROPERTIES)

    def compile_parts(self) -> None:
        """Compile the blocks, once for each padded size; minutes at first, faster afterwards."""
        torch._dynamo.config.recompile_limit = 64
        for block in self.blocks:
            block.compile(dynamic=False)

    def forward(self, types: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Map types (B, N) or their probabilities (B, N, 5), positions (B, N, 3) in Å, mask (B, N) to properties (B, K)."""
        return self.read(*self.features(types, positions, mask), positions, mask)

    def of_estimate(self, estimate: Estimate, mask: Tensor, sigma: Tensor, position_scale: float) -> Tensor:
        """Map an estimate made at noise levels sigma (B,) to properties (B, K); without `estimates`, as if it were final."""
        types, positions = torch.softmax(estimate.types, -1), estimate.positions * position_scale
        bonds = torch.softmax(estimate.bonds, -1)
        scalars, vectors = self.features(types, positions, mask, bonds, sigma)
        return self.read(scalars, vectors, positions, mask)

    def features(
        self, types: Tensor, positions: Tensor, mask: Tensor, bonds: Tensor | None = None, sigma: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return each atom's invariants (B, N, S) and equivariant features (B, N, M, C).

        Args:
            types: (B, N) classes or their probabilities (B, N, 5).
            positions: (B, N, 3) in Å.
            mask: (B, N) True for atoms.
            bonds: (B, N, N, 4) probabilities of the bond orders, and
            sigma: (B,) noise level, for a network that reads estimates.
        """
        off_diagonal = ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        real = mask[:, :, None] & mask[:, None] & off_diagonal
        difference, distances = pair_distances(positions)
        modulation = self.size(mask.sum(1))
        if self.noise is not None and sigma is not None:
            modulation = modulation + self.noise(sigma)
        context = Context.of(mask, real, directions(difference, self.config.lmax), modulation, None)
        scalars = types @ self.elements.weight if types.is_floating_point() else self.elements(types)
        vectors = positions.new_zeros(*mask.shape, components(self.config.lmax), self.config.vectors)
        unordered = UnorderedPairs.of(mask.shape[1], mask.device)
        read = self.radial(unordered.pick(distances))
        if self.noise is not None and bonds is not None:
            read = torch.cat([read, unordered.pick(bonds)], -1)
        pairs = unordered.spread(self.pairs_in(read * unordered.pick(real)[..., None]))
        for block in self.blocks:
            scalars, vectors, pairs = block(scalars, vectors, pairs, context)
        return scalars, self.vector_norm(vectors)

    def read(self, scalars: Tensor, vectors: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Map features to properties (B, K): of each a sum and a mean over the atoms of two learned numbers."""
        extensive, intensive = (self.read_atoms(scalars, vectors) * mask[..., None]).chunk(2, -1)
        return extensive.sum(1) / 10 + intensive.sum(1) / mask.sum(1)[:, None]

    def read_atoms(self, scalars: Tensor, vectors: Tensor) -> Tensor:
        """Map features to `outputs` numbers of each atom, (B, N, O)."""
        lengths = norms(vectors, self.config.lmax).to(scalars.dtype)
        return precise(self.atoms_out(torch.cat([scalars, lengths], -1)))
