"""The built-in text encoder: words from a vocabulary, numbers as values, one slot per property that gathers its target."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor, nn

from t2d_mol.checkpoint import Statistics
from t2d_mol.config import EncoderConfig
from t2d_mol.denoising import Memory
from t2d_mol.properties import LEVELS, PROPERTIES

KINDS: Final = ("absent", "exact", "level")
"""What the reading head can find a property to be in a prompt."""

UNITS: Final = ("bohr^3", "ev", "d", "cal/mol/k")
PADDING, UNKNOWN, NUMBER, FIRST_UNIT = 0, 1, 2, 3
_WORDS: Final = re.compile(r"bohr\^3|cal/mol/k|(?:(?<![\d.])[+-])?\d+\.?\d*(?:e[+-]?\d+)?|[^\W\d_]+|[^\w\s]", re.IGNORECASE)
FREQUENCIES: Final = 6


def summarised(kinds: Tensor, levels: Tensor, values: Tensor) -> Tensor:
    """Return a prompt's targets as one vector (B, 16 K), `config.SUMMARY` wide.

    Args:
        kinds: (B, K, 3) probabilities of `KINDS`.
        levels: (B, K, 5) probabilities of the levels, counted where the kind is a level.
        values: (B, K) normalised values, counted where the kind is exact.
    """
    exact, leveled = (kinds[..., KINDS.index(kind), None] for kind in ("exact", "level"))
    value = values.clamp(-8, 8)[..., None]
    phases = value * torch.pi / 4 * 2.0 ** torch.arange(3, device=value.device)
    numbers = torch.cat([value / 2, torch.tanh(value), phases.sin(), phases.cos()], -1)
    return torch.cat([kinds, levels * leveled, numbers * exact], -1).flatten(-2)


class Tokeniser:
    """Turns sentences into word indices and number values."""

    def __init__(self, vocabulary: Sequence[str], max_tokens: int) -> None:
        self.index = {unit: FIRST_UNIT + number for number, unit in enumerate(UNITS)}
        self.index |= {word: FIRST_UNIT + len(UNITS) + number for number, word in enumerate(vocabulary)}
        self.max_tokens = max_tokens

    @property
    def size(self) -> int:
        """Number of distinct tokens."""
        return max(self.index.values()) + 1

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token indices (B, T), 0 in the padding, and the values (B, T) of number tokens, 0 elsewhere."""
        rows = [self._row(text) for text in texts]
        length = max(1, *(len(row) for row in rows))
        tokens, values = torch.zeros(len(rows), length, dtype=torch.long), torch.zeros(len(rows), length)
        for number, row in enumerate(rows):
            if row:
                tokens[number, : len(row)] = torch.tensor([token for token, _ in row])
                values[number, : len(row)] = torch.tensor([value for _, value in row])
        return tokens, values

    def _row(self, text: str) -> list[tuple[int, float]]:
        row = []
        for word in _WORDS.findall(text.replace("−", "-"))[: self.max_tokens]:
            if (word[-1].isdigit() and "^" not in word) or (word[-1] == "." and len(word) > 1):
                row.append((NUMBER, float(word)))
            else:
                row.append((self.index.get(word.lower(), UNKNOWN), 0.0))
        return row


class TextEncoder(nn.Module):
    """A small transformer over words, numbers and property slots.

    A number enters as Fourier features of its value under the normalisation of each property and of the value itself, so
    that a slot needs only to choose. The slots come first in the memory; the reading head looks at them alone.
    """

    def __init__(self, config: EncoderConfig, vocabulary: Sequence[str], statistics: Statistics) -> None:
        super().__init__()
        self.config = config
        self.tokenise = Tokeniser(vocabulary, config.max_tokens)
        width, readings = config.width, len(PROPERTIES) + 1
        self.words = nn.Embedding(self.tokenise.size, width, padding_idx=PADDING)
        self.places = nn.Embedding(config.max_tokens, width)
        self.numbers = nn.Linear(readings * (2 + 2 * FREQUENCIES), width)
        self.slots = nn.Parameter(torch.randn(len(PROPERTIES), width))
        layer = nn.TransformerEncoderLayer(
            width, config.heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.kind = nn.Linear(width, len(KINDS))
        self.level = nn.Linear(width, len(LEVELS))
        self.value = nn.Linear(width, 1)
        self.means: Tensor
        self.scales: Tensor
        self.register_buffer("means", torch.tensor([*statistics.mean, 0.0]), persistent=False)
        self.register_buffer("scales", torch.tensor([*statistics.mad, 1.0]), persistent=False)

    def forward(self, texts: Sequence[str]) -> Memory:
        """Encode B sentences; an empty one counts as no prompt."""
        device = self.slots.device
        tokens, values = (tensor.to(device) for tensor in self.tokenise(texts))
        present = tokens != PADDING
        number = (tokens == NUMBER)[..., None]
        embedded = self.words(tokens) + self.places.weight[: tokens.shape[1]]
        embedded = embedded + number * self.numbers(self._number_features(values))
        whole = torch.cat([self.slots.expand(len(tokens), -1, -1), embedded], 1)
        slots = torch.ones(len(tokens), len(PROPERTIES), dtype=torch.bool, device=device)
        mask = torch.cat([slots, present], 1)
        encoded = self.layers(whole, src_key_padding_mask=~mask)
        memory = Memory(encoded, mask, present.any(1))
        kinds, levels, values = self.read(memory)
        return replace(memory, summary=summarised(torch.softmax(kinds, -1), torch.softmax(levels, -1), values))

    def read(self, memory: Memory) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the slots understood: logits (B, K, 3) of `KINDS`, (B, K, 5) of levels, normalised values (B, K)."""
        slots = memory.tokens[:, : len(PROPERTIES)]
        return self.kind(slots), self.level(slots), self.value(slots)[..., 0]

    def _number_features(self, values: Tensor) -> Tensor:
        readings = ((values[..., None] - self.means) / self.scales).clamp(-20, 20)[..., None]
        phases = readings * torch.pi * 2.0 ** torch.arange(-3, FREQUENCIES - 3, device=values.device)
        parts = [readings / 4, torch.tanh(readings / 2), phases.sin(), phases.cos()]
        return torch.cat(parts, -1).flatten(-2)


class NumberEncoder(nn.Module):
    """The control without words: one token per property from the target's kind, level and normalised value."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.randn(len(PROPERTIES), config.width))
        inputs = len(KINDS) + len(LEVELS) + 2 + 2 * FREQUENCIES
        self.mix = nn.Sequential(nn.Linear(inputs, config.width), nn.SiLU(), nn.Linear(config.width, config.width))

    def forward(self, kinds: Tensor, levels: Tensor, values: Tensor) -> Memory:
        """Encode targets: kinds (B, K) indices of `KINDS`, levels (B, K), normalised values (B, K)."""
        exact = (kinds == KINDS.index("exact"))[..., None]
        leveled = (kinds == KINDS.index("level"))[..., None]
        phases = values[..., None] * torch.pi * 2.0 ** torch.arange(-3, FREQUENCIES - 3, device=values.device)
        number = torch.cat([values[..., None] / 4, torch.tanh(values[..., None] / 2), phases.sin(), phases.cos()], -1)
        one_hot = nn.functional.one_hot
        parts = [
            one_hot(kinds, len(KINDS)).float(),
            one_hot(levels, len(LEVELS)).float() * leveled,
            number * exact,
        ]
        mask = kinds != KINDS.index("absent")
        summary = summarised(one_hot(kinds, len(KINDS)).float(), one_hot(levels, len(LEVELS)).float(), values)
        return Memory(self.mix(torch.cat(parts, -1)) + self.slots, mask, mask.any(1), summary)
