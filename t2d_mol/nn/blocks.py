"""One block of the equivariant trunk: scalars and vectors on atoms, a persistent track on pairs, dense attention.

Shape letters: B molecules, N atoms, S scalar channels, C vector channels, M components, P pair channels, H heads.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from t2d_mol.denoising import Memory
from t2d_mol.nn.irreps import VectorLinear, VectorNorm, components, norms, pair_products, precise

NEIGHBOURS = 8.0
"""Sums over neighbours are divided by this constant, never by the padded atom count."""

FAR = -1e4
LEAST = -10.0
"""What no pair adds to attention, and the least that the largest over neighbours is."""


@dataclass(frozen=True, eq=False)
class Context:
    """What every block of a forward pass shares.

    Attributes:
        directions: (B, N, N, M) spherical harmonics of the pair directions, 0 where there is no pair.
        pairs: (B, N, N, 1) True where both atoms are real and distinct.
        keys: (B, 1, 1, N) 0 for atoms, a large negative number for padding.
        modulation: (B, 1, D) embedding of noise level and atom count.
        memory: encoded prompts with NULL filled in, or None in a network without prompts.
    """

    directions: Tensor
    pairs: Tensor
    keys: Tensor
    modulation: Tensor
    memory: Memory | None

    @classmethod
    def of(cls, mask: Tensor, real: Tensor, directions: Tensor, modulation: Tensor, memory: Memory | None) -> "Context":
        """Return the context of atoms of mask (B, N), of which pairs are real (B, N, N) that are no diagonal."""
        return cls(
            directions=directions * real[..., None],
            pairs=real[..., None],
            keys=torch.where(mask, 0.0, FAR)[:, None, None],
            modulation=F.silu(modulation)[:, None],
            memory=memory,
        )


def zero_linear(channels_in: int, channels_out: int) -> nn.Linear:
    """Return a linear layer that starts at zero, so that the residual branch it ends starts as the identity."""
    layer = nn.Linear(channels_in, channels_out)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class PairUpdate(nn.Module):
    """Update the pair track from both atoms and the inner products of their vectors. Invariant to O(3)."""

    def __init__(self, scalars: int, vectors: int, pairs: int, lmax: int) -> None:
        super().__init__()
        self.lmax = lmax
        products = max(vectors // 2, 4)
        self.norm = nn.LayerNorm(pairs)
        self.project = VectorLinear(vectors, products, lmax)
        self.atoms = nn.Linear(scalars, 2 * pairs)
        self.mix = nn.Linear(pairs + products * lmax, pairs)
        self.out = nn.Linear(pairs, pairs)

    def forward(self, scalars: Tensor, vectors: Tensor, pairs: Tensor) -> Tensor:
        """Map normalised atoms (B, N, S), (B, N, M, C) and pairs (B, N, N, P) to new pairs."""
        products = pair_products(self.project(vectors), self.lmax)
        left, right = self.atoms(scalars).chunk(2, -1)
        normed = self.norm(pairs).to(pairs.dtype)
        hidden = self.mix(torch.cat([normed, products.to(pairs.dtype)], -1))
        updated: Tensor = pairs + self.out(F.silu(hidden + left[:, :, None] + right[:, None]))
        return updated


class Attention(nn.Module):
    """Dense attention over the atoms, biased by the pairs, carrying scalars and vectors; pairs also send messages."""

    def __init__(self, scalars: int, vectors: int, pairs: int, heads: int, lmax: int) -> None:
        super().__init__()
        self.heads, self.vectors, self.components = heads, vectors, components(lmax)
        self.width = scalars // heads
        self.query_key_value = nn.Linear(scalars, 3 * scalars)
        self.values = VectorLinear(vectors, vectors, lmax)
        self.norm = nn.LayerNorm(pairs)
        self.from_pairs = nn.Linear(pairs, heads + vectors)
        self.out = nn.Linear(scalars + 2 * pairs, scalars)
        self.vectors_out = VectorLinear(2 * vectors, vectors, lmax)

    def forward(self, scalars: Tensor, vectors: Tensor, pairs: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Return the updates (B, N, S) and (B, N, M, C)."""
        b, n, _ = scalars.shape
        pairs = self.norm(pairs).to(pairs.dtype)
        bias, strength = torch.split(self.from_pairs(pairs), [self.heads, self.vectors], -1)
        query, key, value = self.query_key_value(scalars).view(b, n, 3, self.heads, self.width).permute(2, 0, 3, 1, 4)
        logits = query @ key.transpose(-1, -2) * self.width**-0.5 + bias.permute(0, 3, 1, 2)
        weights = torch.softmax(precise(logits) + context.keys, -1).to(value.dtype)

        carried = self.values(vectors).view(b, n, self.components, self.heads, -1).permute(0, 3, 1, 2, 4).flatten(3)
        moved = weights @ torch.cat([value, carried.to(value.dtype)], -1)
        gathered, carried = torch.split(moved, [self.width, carried.shape[-1]], -1)
        gathered = gathered.transpose(1, 2).flatten(2)
        carried = carried.view(b, self.heads, n, self.components, -1).permute(0, 2, 3, 1, 4).flatten(3)

        sent = context.directions.to(strength.dtype).transpose(-1, -2) @ strength / NEIGHBOURS
        summed = (pairs * context.pairs).sum(2) / NEIGHBOURS
        largest = torch.where(context.pairs, pairs, LEAST).amax(2)
        update = self.out(torch.cat([gathered, summed, largest], -1))
        return update, self.vectors_out(torch.cat([carried, sent], -1))


class PromptAttention(nn.Module):
    """Cross-attention of the atoms to the tokens of the prompt."""

    def __init__(self, scalars: int, memory: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(scalars, scalars)
        self.key_value = nn.Linear(memory, 2 * scalars)
        self.out = nn.Linear(scalars, scalars)

    def forward(self, scalars: Tensor, memory: Memory) -> Tensor:
        """Return the update (B, N, S) for normalised scalars (B, N, S); (B, 1, S) where there is but one token."""
        b, n, s = scalars.shape
        if memory.tokens.shape[1] == 1:
            nothing_else = F.linear(memory.tokens, self.key_value.weight[s:], self.key_value.bias[s:])
            return self.out(nothing_else)  # type: ignore[no-any-return]
        query = self.query(scalars).view(b, n, self.heads, -1).transpose(1, 2)
        key, value = self.key_value(memory.tokens).view(b, -1, 2, self.heads, s // self.heads).permute(2, 0, 3, 1, 4)
        update = F.scaled_dot_product_attention(query, key, value, attn_mask=memory.mask[:, None, None])
        out: Tensor = self.out(update.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    """Mix the channels of an atom: scalars see the lengths of the vectors, vectors are gated by the scalars."""

    def __init__(self, scalars: int, vectors: int, lmax: int) -> None:
        super().__init__()
        self.lmax, self.split = lmax, [scalars, vectors]
        self.mix = VectorLinear(vectors, 2 * vectors, lmax)
        self.inner = nn.Linear(scalars + vectors * lmax, 3 * scalars)
        self.out = nn.Linear(3 * scalars, scalars + vectors)

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return the updates (B, N, S) and (B, N, M, C)."""
        probes, gated = self.mix(vectors).chunk(2, -1)
        hidden = F.silu(self.inner(torch.cat([scalars, norms(probes, self.lmax).to(scalars.dtype)], -1)))
        update, gates = torch.split(self.out(hidden), self.split, -1)
        return update, gated * gates[..., None, :]


class Block(nn.Module):
    """Pair update, attention, attention to the prompt, feed-forward; scalars modulated by noise level and size."""

    def __init__(
        self, scalars: int, vectors: int, pairs: int, heads: int, lmax: int, modulation: int, memory: int | None
    ) -> None:
        super().__init__()
        self.modulate = zero_linear(modulation, 6 * scalars)
        self.norms = nn.ModuleList(nn.LayerNorm(scalars, elementwise_affine=False) for _ in range(2))
        self.vector_norms = nn.ModuleList(VectorNorm(vectors) for _ in range(2))
        self.pair_update = PairUpdate(scalars, vectors, pairs, lmax)
        self.attention = Attention(scalars, vectors, pairs, heads, lmax)
        self.feed_forward = FeedForward(scalars, vectors, lmax)
        self.prompt_norm = nn.LayerNorm(scalars)
        self.prompt = None if memory is None else PromptAttention(scalars, memory, heads)

    def forward(self, scalars: Tensor, vectors: Tensor, pairs: Tensor, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """Map atoms (B, N, S), (B, N, M, C) and pairs (B, N, N, P) to new ones.

        Equivariant to O(3) and to permutations of the atoms.
        """
        shift, scale, gate, shift2, scale2, gate2 = self.modulate(context.modulation).chunk(6, -1)
        normed = torch.addcmul(shift, self.norms[0](scalars), 1 + scale)
        directed = self.vector_norms[0](vectors)
        pairs = self.pair_update(normed, directed, pairs)
        update, vector_update = self.attention(normed, directed, pairs, context)
        scalars = scalars + (1 + gate) * update
        vectors = vectors + vector_update
        if self.prompt is not None and context.memory is not None:
            scalars = scalars + self.prompt(self.prompt_norm(scalars), context.memory)
        normed = torch.addcmul(shift2, self.norms[1](scalars), 1 + scale2)
        update, vector_update = self.feed_forward(normed, self.vector_norms[1](vectors))
        return scalars + (1 + gate2) * update, vectors + vector_update, pairs
