"""The text encoder: senses of words, numbers as values, one slot per property that gathers its target."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor, nn

from t2d_mol.checkpoint import Statistics
from t2d_mol.config import EncoderConfig
from t2d_mol.denoising import Memory
from t2d_mol.properties import LEVELS, PROPERTIES

KINDS: Final = ("absent", "exact", "level")
"""What the reading head can find a property to be in a prompt."""

Cut = Callable[[str], Sequence[tuple[str, float]]]
"""Cuts a sentence into senses, the words of an encoder's vocabulary, and the values of those that are numbers."""

PADDING, UNKNOWN, NUMBER, FIRST = 0, 1, 2, 3
NUMBER_SENSE: Final = "number"
FREQUENCIES: Final = 6
LARGEST: Final = 1e6
"""Magnitude at which the values of numbers are cut off."""


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


@dataclass(frozen=True, eq=False)
class Read:
    """What an encoder's slots understood of B prompts.

    Attributes:
        kinds: (B, K, 3) logits of `KINDS`.
        levels: (B, K, 5) logits of the levels.
        values: (B, K) normalised values.
    """

    kinds: Tensor
    levels: Tensor
    values: Tensor

    def summary(self) -> Tensor:
        """Return it as one vector, see `summarised`."""
        return summarised(torch.softmax(self.kinds, -1), torch.softmax(self.levels, -1), self.values)


@dataclass(frozen=True, eq=False)
class Embedded:
    """The T tokens of B sentences, T being the longest, as they enter a text encoder of width D.

    Attributes:
        vectors: (B, T, D) what the tokens say, a number's value left out.
        places: (B, T) where a token stands, below `EncoderConfig.max_tokens`.
        values: (B, T) of numbers, 0 elsewhere.
        present: (B, T) False in the padding.
        number: (B, T) True where a token is a number.
    """

    vectors: Tensor
    places: Tensor
    values: Tensor
    present: Tensor
    number: Tensor


class Words(Protocol):
    """The part of a text encoder that makes tokens of sentences; a module, whose weights are the encoder's `words.*`."""

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Return the tokens of B sentences on the module's device; an empty sentence has none."""
        ...


class Tokeniser:
    """Turns sentences into indices of senses and number values."""

    def __init__(self, vocabulary: Sequence[str], cut: Cut, max_tokens: int) -> None:
        self.index = {NUMBER_SENSE: NUMBER} | {sense: FIRST + place for place, sense in enumerate(vocabulary)}
        self.cut, self.max_tokens = cut, max_tokens

    @property
    def size(self) -> int:
        """Number of distinct tokens."""
        return FIRST + len(self.index) - 1

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return token indices (B, T), 0 in the padding, and the values (B, T) of number tokens, 0 elsewhere."""
        rows = [self.cut(text)[: self.max_tokens] for text in texts]
        length = max(1, *(len(row) for row in rows))
        tokens, values = torch.zeros(len(rows), length, dtype=torch.long), torch.zeros(len(rows), length)
        for number, row in enumerate(rows):
            if row:
                tokens[number, : len(row)] = torch.tensor([self.index.get(sense, UNKNOWN) for sense, _ in row])
                values[number, : len(row)] = torch.tensor([value for _, value in row])
        return tokens, values.clamp(-LARGEST, LARGEST)


class Senses(nn.Embedding):
    """The built-in words of a text encoder: one vector for each sense of the vocabulary, in the order of the sentence."""

    def __init__(self, config: EncoderConfig, vocabulary: Sequence[str], cut: Cut) -> None:
        tokenise = Tokeniser(vocabulary, cut, config.max_tokens)
        super().__init__(tokenise.size, config.width, padding_idx=PADDING)
        self.tokenise = tokenise

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Return the tokens of B sentences; see `Words`."""
        tokens, values = (tensor.to(self.weight.device) for tensor in self.tokenise(texts))
        places = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        return Embedded(self(tokens), places, values, tokens != PADDING, tokens == NUMBER)


class TextEncoder(nn.Module):
    """A small transformer over words, numbers and property slots.

    A number enters as Fourier features of its value under the normalisation of each property and of the value itself; a slot
    does not compute its value but points at a number and says how it is meant (Vinyals et al., Pointer Networks, 2015), so
    that any number is read exactly. The slots alone leave the encoder: whatever the wording, a prompt is K tokens.
    """

    def __init__(self, config: EncoderConfig, words: Words, statistics: Statistics) -> None:
        super().__init__()
        self.config = config
        width, readings = config.width, len(PROPERTIES) + 1
        self.words = words
        self.places = nn.Embedding(config.max_tokens, width)
        self.numbers = nn.Linear(readings * (2 + 2 * FREQUENCIES), width)
        self.slots = nn.Parameter(torch.randn(len(PROPERTIES), width))
        layer = nn.TransformerEncoderLayer(
            width, config.heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.kind = nn.Linear(width, len(KINDS))
        self.level = nn.Linear(width, len(LEVELS))
        self.pointer = nn.Linear(width, width)
        self.scale = nn.Linear(width, 1)
        self.means: Tensor
        self.scales: Tensor
        self.register_buffer("means", torch.tensor([*statistics.mean, 0.0]), persistent=False)
        self.register_buffer("scales", torch.tensor([*statistics.mad, 1.0]), persistent=False)

    def forward(self, texts: Sequence[str]) -> Memory:
        """Encode B sentences; an empty one counts as no prompt."""
        return self.encode(texts)[0]

    def encode(self, texts: Sequence[str]) -> tuple[Memory, Read]:
        """Encode B sentences and say what was read from them."""
        tokens = self.words.embed(texts)
        numbers = tokens.number[..., None] * self.numbers(self._number_features(tokens.values))
        embedded = tokens.vectors + self.places(tokens.places) + numbers
        whole = torch.cat([self.slots.expand(len(embedded), -1, -1), embedded], 1)
        mask = torch.cat([tokens.present.new_ones(len(embedded), len(PROPERTIES)), tokens.present], 1)
        encoded = self.layers(whole, src_key_padding_mask=~mask)
        slots, words = encoded.split([len(PROPERTIES), encoded.shape[1] - len(PROPERTIES)], 1)
        read = Read(self.kind(slots), self.level(slots), self._values(slots, words, tokens.values, tokens.number))
        memory = Memory(slots, torch.ones_like(slots[..., 0], dtype=torch.bool), tokens.present.any(1), read.summary())
        return memory, read

    def _values(self, slots: Tensor, words: Tensor, values: Tensor, number: Tensor) -> Tensor:
        """Return the normalised value (B, K) of the number each slot points at, read in units or as normalised."""
        logits = self.pointer(slots) @ words.transpose(1, 2) * words.shape[-1] ** -0.5
        weights = torch.softmax(logits.float().masked_fill(~number[:, None], -1e9), -1)
        pointed = (weights * (values * number)[:, None]).sum(-1)
        in_units = (pointed - self.means[:-1]) / self.scales[:-1]
        return torch.lerp(in_units, pointed, torch.sigmoid(self.scale(slots)[..., 0]))

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
