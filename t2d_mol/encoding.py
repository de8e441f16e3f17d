"""Encoders of prompts: built, loaded with their weights, and the tensors of targets that they read or are held against."""

from collections.abc import Sequence

import torch
from torch import Tensor

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.config import EncoderConfig
from t2d_mol.molecule import Target
from t2d_mol.nn.language_model import LanguageModelWords
from t2d_mol.nn.text import KINDS, NumberEncoder, Senses, TextEncoder, Words
from t2d_mol.prompts.senses import senses
from t2d_mol.properties import KEYS


def text_encoder(config: EncoderConfig, vocabulary: Sequence[str], statistics: Statistics) -> TextEncoder:
    """Build an untrained text encoder, over senses or over the language model its configuration names.

    Raises:
        MissingError: if there is no such language model.
        UsageError: if one is named and transformers is missing.
    """
    words: Words = LanguageModelWords(config, senses) if config.language_model else Senses(config, vocabulary, senses)
    return TextEncoder(config, words, statistics)


def load_encoder(checkpoint: Checkpoint) -> TextEncoder | NumberEncoder | None:
    """Build a checkpoint's encoder with its weights; None if it has none.

    Raises:
        MissingError: if the weights do not fit, or the language model it reads with cannot be found.
        UsageError: if it reads with a language model and transformers is missing.
    """
    if "encoder" not in checkpoint.weights:
        return None
    encoder: TextEncoder | NumberEncoder
    if checkpoint.vocabulary:
        encoder = text_encoder(checkpoint.config.encoder, checkpoint.vocabulary, checkpoint.statistics)
    else:
        encoder = NumberEncoder(checkpoint.config.encoder)
    checkpoint.load_into("encoder", encoder)
    return encoder.eval()


def target_tensors(rows: Sequence[Sequence[Target]], statistics: Statistics) -> tuple[Tensor, Tensor, Tensor]:
    """Return kinds (B, K), levels (B, K) and normalised values (B, K) of `=` and `level` targets."""
    kinds = torch.zeros(len(rows), len(KEYS), dtype=torch.long)
    levels, values = torch.zeros_like(kinds), torch.zeros(len(rows), len(KEYS))
    for number, targets in enumerate(rows):
        for target in targets:
            index = KEYS.index(target.property)
            if target.level is not None:
                kinds[number, index], levels[number, index] = KINDS.index("level"), target.level
            elif target.value is not None:
                kinds[number, index] = KINDS.index("exact")
                values[number, index] = statistics.normalise(index, target.value)
    return kinds, levels, values
