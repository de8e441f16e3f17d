"""Words as a frozen Hugging Face encoder reads them, for a text encoder that is to go beyond the lexicon."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from t2d_mol.config import EncoderConfig
from t2d_mol.errors import MissingError, UsageError
from t2d_mol.nn.text import LARGEST, NUMBER_SENSE, Cut, Embedded

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

REMEMBERED: Final = 2048
"""Sentences whose states are kept."""

LONGEST: Final = 256
"""Pieces of words a language model reads of a sentence; numbers are cut into many. What is beyond is cut off."""


class LanguageModel:
    """A frozen language model and its tokeniser: the last hidden states of sentences.

    No module, so that its weights are in no state dictionary; it follows the device it is asked for. A sentence's states are
    computed in float32 and do not depend on the sentences beside it; those of the latest sentences are remembered.
    """

    def __init__(self, name: str) -> None:
        self.tokeniser, self.network = _loaded(name)
        self.width = int(self.network.config.hidden_size)
        self._remembered: dict[str, Tensor] = {}

    def __call__(self, texts: Sequence[str], device: torch.device) -> list[Tensor]:
        """Return (T, H) states of the T pieces of each sentence, on the device; an empty sentence has none."""
        found = ((text, self._remembered.pop(text, None)) for text in dict.fromkeys(texts))
        known = {text: states for text, states in found if states is not None}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known |= self._states(new, device) if new else {}
        self._remembered |= known
        for text in list(self._remembered)[:-REMEMBERED]:
            self._remembered.pop(text, None)  # another thread may have been faster
        return [known[text].to(device) for text in texts]

    def _states(self, texts: list[str], device: torch.device) -> dict[str, Tensor]:
        found = {text: torch.zeros(0, self.width) for text in texts if not text.strip()}
        texts = [text for text in texts if text not in found]
        if not texts:
            return found
        longest = min(LONGEST, self.tokeniser.model_max_length)
        pieces = self.tokeniser(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        mask = pieces["attention_mask"].to(device)
        with torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False):
            self.network.to(device)
            states = self.network(input_ids=pieces["input_ids"].to(device), attention_mask=mask).last_hidden_state
        return found | {text: row[kept.bool()].cpu() for text, row, kept in zip(texts, states, mask, strict=True)}


class LanguageModelWords(nn.Module):
    """Words read by a language model and projected to the encoder's width; the sentence's numbers stand behind them.

    The states are brought to mean 0 and variance 1 before the projection, the only weights here. The numbers are those of
    the cut, in the order of the sentence, which their places tell.
    """

    def __init__(self, config: EncoderConfig, cut: Cut) -> None:
        super().__init__()
        self.language_model = LanguageModel(config.language_model)
        self.projection = nn.Linear(self.language_model.width, config.width)
        # words are to outweigh their places, which have variance 1: read this way, training is faster
        nn.init.normal_(self.projection.weight, std=(3 / self.language_model.width) ** 0.5)
        self.cut, self.max_tokens = cut, config.max_tokens

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Return the tokens of B sentences; see `nn.text.Words`."""
        device = self.projection.weight.device
        words = self.language_model(texts, device)
        numbers = [self._numbers(text).to(device) for text in texts]
        pairs = list(zip(words, numbers, strict=True))
        states = _padded([torch.cat([row, row.new_zeros(len(values), row.shape[1])]) for row, values in pairs])
        number = _padded([torch.arange(len(row) + len(values), device=device) >= len(row) for row, values in pairs])
        present = _padded([torch.ones(len(row) + len(values), device=device).bool() for row, values in pairs])
        places = [torch.cat([torch.arange(len(part), device=device) for part in pair]) for pair in pairs]
        projected = self.projection(F.layer_norm(states, states.shape[-1:]))
        return Embedded(
            projected * ~number[..., None],
            _padded(places).clamp(max=self.max_tokens - 1),
            _padded([torch.cat([row.new_zeros(len(row)), values]) for row, values in pairs]),
            present,
            number,
        )

    def _numbers(self, text: str) -> Tensor:
        values = [value for sense, value in self.cut(text) if sense == NUMBER_SENSE]
        return torch.tensor(values[: self.max_tokens]).clamp(-LARGEST, LARGEST)


def _padded(rows: list[Tensor]) -> Tensor:
    """Return rows of different lengths as one tensor with zeros behind the shorter, at least one place long."""
    padded = pad_sequence(rows, batch_first=True)
    return padded if padded.shape[1] else padded.new_zeros(len(rows), 1, *padded.shape[2:])


def _loaded(name: str) -> "tuple[PreTrainedTokenizerBase, PreTrainedModel]":
    """Load a tokeniser and an encoder, of models with a decoder the encoder alone, from a folder or the hub.

    Raises:
        UsageError: if transformers is missing.
        MissingError: if there is no such model, or it cannot be read.
    """
    try:
        import transformers
    except ModuleNotFoundError:
        raise UsageError("a language model needs transformers", "pip install 't2d-mol[text]'") from None
    try:
        with _silent():
            settings = transformers.AutoConfig.from_pretrained(name)
            kind: Any = transformers.T5EncoderModel if settings.model_type == "t5" else transformers.AutoModel
            tokeniser = transformers.AutoTokenizer.from_pretrained(name, padding_side="right")
            network = kind.from_pretrained(name, config=settings)
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise MissingError(f"no language model {name!r}: {reason}", "give its folder or its name on the hub") from None
    network = network.get_encoder() if settings.is_encoder_decoder else network
    tokeniser.pad_token = tokeniser.pad_token or tokeniser.eos_token
    return tokeniser, network.float().eval().requires_grad_(False)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep transformers from telling how a model is loaded, and of the decoder that is left behind."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
