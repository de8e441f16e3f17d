"""The property network: six properties from elements and positions alone. Invariant to E(3) and to permutations."""

import torch
from torch import Tensor, nn

from t2d_mol.config import PropertyConfig
from t2d_mol.elements import MAX_ATOMS, SYMBOLS
from t2d_mol.nn.blocks import Block, Context
from t2d_mol.nn.denoiser import FAR, RadialBasis, pair_distances
from t2d_mol.nn.irreps import VectorNorm, components, directions, norms, precise
from t2d_mol.nn.unordered import UnorderedPairs
from t2d_mol.properties import PROPERTIES


class PropertyNetwork(nn.Module):
    """Predict the K normalised properties of molecules with the blocks of the denoiser, without noise or prompt."""

    def __init__(self, config: PropertyConfig) -> None:
        super().__init__()
        self.config = config
        s, c, p = config.scalars, config.vectors, config.pairs
        self.radial = RadialBasis(1.0)
        self.size = nn.Embedding(MAX_ATOMS + 1, s)
        self.elements = nn.Embedding(len(SYMBOLS), s)
        self.pairs_in = nn.Sequential(nn.Linear(self.radial.size, 2 * p), nn.SiLU(), nn.Linear(2 * p, p))
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

    def features(self, types: Tensor, positions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return each atom's invariants (B, N, S) and equivariant features (B, N, M, C)."""
        off_diagonal = ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        real = mask[:, :, None] & mask[:, None] & off_diagonal
        difference, distances = pair_distances(positions)
        size = self.size(mask.sum(1))
        context = Context(
            directions=directions(difference, self.config.lmax) * real[..., None],
            pairs=real,
            keys=torch.where(mask, 0.0, FAR)[:, None, None],
            modulation=nn.functional.silu(size)[:, None],
            memory=None,
        )
        scalars = types @ self.elements.weight if types.is_floating_point() else self.elements(types)
        vectors = positions.new_zeros(*mask.shape, components(self.config.lmax), self.config.vectors)
        unordered = UnorderedPairs.of(mask.shape[1], mask.device)
        radial = self.radial(unordered.pick(distances)) * unordered.pick(real)[..., None]
        pairs = unordered.spread(self.pairs_in(radial))
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
