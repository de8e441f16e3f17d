"""Sentences read by a language model: a tiny random T5 stands for the real one."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.cli.finetune import with_text_encoder
from t2d_mol.config import SamplingConfig, TrainingConfig
from t2d_mol.encoding import load_encoder, text_encoder
from t2d_mol.errors import MissingError, UsageError
from t2d_mol.generation import Model
from t2d_mol.nn.language_model import REMEMBERED, LanguageModelWords
from t2d_mol.nn.text import TextEncoder
from t2d_mol.prompts.grammar import parse_prompt
from t2d_mol.prompts.paraphrases import paraphrase, random_targets
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.training.finetune import Finetuning
from t2d_mol.training.reader import Reading, draw_values

transformers = pytest.importorskip("transformers")

TEXTS = ["a gap of 8.5 eV", "Please: low dipole moment, polarizability 71.005 Bohr^3 and a high gap of 6.1 eV", "high cv"]
TRAINING = TrainingConfig(batch_size=16, steps=60)


@pytest.fixture(scope="module")
def folder(tiny_checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of random weights whose tokeniser knows the words of a hundred paraphrases and splits numbers into digits."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    statistics, rng = tiny_checkpoint.statistics, Random(0)
    cut = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)])
    texts = [paraphrase(random_targets(draw_values(statistics, rng), statistics, rng), statistics, rng) for _ in range(100)]
    words = sorted({word for text in [*texts, *TEXTS] for word, _ in cut.pre_tokenize_str(text.lower())})
    vocabulary = {word: place for place, word in enumerate(["<pad>", "</s>", "<unk>", *words])}
    tokeniser = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokeniser.normalizer, tokeniser.pre_tokenizer = normalizers.Lowercase(), cut
    tokeniser.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    path = tmp_path_factory.mktemp("language-model")
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokeniser, **names).save_pretrained(path)
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=len(vocabulary), d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0
    )
    transformers.T5ForConditionalGeneration(config).save_pretrained(path)
    return path


@pytest.fixture
def untrained(tiny_checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """The tiny model without an encoder, to be read for by the language model."""
    return with_text_encoder(tiny_checkpoint, f"hf:{folder}")


@pytest.fixture
def encoder(untrained: Checkpoint) -> TextEncoder:
    torch.manual_seed(1)
    return text_encoder(untrained.config.encoder, (), untrained.statistics).eval()


def words_of(encoder: TextEncoder) -> LanguageModelWords:
    assert isinstance(encoder.words, LanguageModelWords)
    return encoder.words


def calls_of(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count from now on the sentences the language model itself reads, call by call."""
    network, counts = words_of(encoder).language_model.network, list[int]()
    forward = network.forward

    def counted(*arguments: Any, **named: Any) -> Any:
        counts.append(len(named["input_ids"]))
        return forward(*arguments, **named)

    monkeypatch.setattr(network, "forward", counted)
    return counts


def test_a_sentence_reads_the_same_alone_and_among_others(untrained: Checkpoint, encoder: TextEncoder) -> None:
    together, read = encoder.encode([*TEXTS, ""])
    for number, text in enumerate([*TEXTS, ""]):
        fresh = text_encoder(untrained.config.encoder, (), untrained.statistics).eval()
        fresh.load_state_dict(encoder.state_dict())
        alone, own = fresh.encode([text])
        torch.testing.assert_close(alone.tokens[0], together.tokens[number], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(own.values[0], read.values[number], atol=1e-4, rtol=1e-4)
    assert together.given.tolist() == [True, True, True, False]


def test_words_are_read_and_not_their_senses(encoder: TextEncoder) -> None:
    first, second = encoder(["high gap"]), encoder(["high gap eV eV please"])
    assert not torch.allclose(first.tokens, second.tokens, atol=1e-3)


def test_numbers_stand_behind_the_words_in_their_order_and_in_units(encoder: TextEncoder) -> None:
    embedded = words_of(encoder).embed([TEXTS[1], "gap 200 meV"])
    assert embedded.values[0][embedded.number[0]].tolist() == pytest.approx([71.005, 6.1])
    assert embedded.values[1][embedded.number[1]].tolist() == pytest.approx([0.2])
    assert embedded.places[0][embedded.number[0]].tolist() == [0, 1]
    words = int((embedded.present & ~embedded.number)[0].sum())
    assert embedded.number[0].nonzero().flatten().tolist() == [words, words + 1]


def test_a_sentence_met_before_is_not_read_again(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = calls_of(encoder, monkeypatch)
    with torch.inference_mode():
        first = encoder([*TEXTS, TEXTS[0]])
    assert counts == [3]
    second = encoder([*TEXTS, TEXTS[0]])
    assert counts == [3]
    torch.testing.assert_close(first.tokens, second.tokens)
    second.tokens.sum().backward()
    encoder(["a molecule", TEXTS[0]])
    assert counts == [3, 1]


def test_the_sentences_remembered_are_bounded_and_the_latest(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    model = words_of(encoder).language_model
    texts = [f"gap of {number} eV" for number in range(REMEMBERED + 2)]
    assert len(model(texts, torch.device("cpu"))) == len(texts)
    counts = calls_of(encoder, monkeypatch)
    model(texts[2:], torch.device("cpu"))
    assert counts == []
    model(texts[:2], torch.device("cpu"))
    assert counts == [2]


def test_reading_learns_with_the_language_model_frozen(untrained: Checkpoint) -> None:
    objective = Reading(untrained, TRAINING, seed=0)
    network = words_of(objective.network).language_model.network
    frozen = {name: value.clone() for name, value in network.state_dict().items()}
    projection = words_of(objective.network).projection.weight.detach().clone()
    optimiser = torch.optim.Adam(objective.network.parameters(), 3e-3)
    losses = []
    for step in range(TRAINING.steps):
        optimiser.zero_grad()
        losses.append(objective.backward(step)["loss"])
        optimiser.step()
    assert sum(losses[-8:]) < 0.8 * sum(losses[:8])
    assert all(torch.equal(value, frozen[name]) for name, value in network.state_dict().items())
    assert not torch.equal(words_of(objective.network).projection.weight, projection)


def test_a_checkpoint_comes_back_without_the_language_models_weights(untrained: Checkpoint, tmp_path: Path) -> None:
    objective = Reading(untrained, replace(TRAINING, steps=2), seed=0)
    objective.save(tmp_path / "model.safetensors", 0, 0.0)
    loaded = Checkpoint.load(tmp_path / "model.safetensors")
    words = {name: value.shape for name, value in loaded.weights["encoder"].items() if name.startswith("words.")}
    assert words == {"words.projection.weight": (64, 32), "words.projection.bias": (64,)}
    encoder = load_encoder(loaded)
    assert isinstance(encoder, TextEncoder)
    torch.testing.assert_close(encoder(TEXTS).summary, objective.network(TEXTS).summary)
    torch.testing.assert_close(encoder(TEXTS).tokens, objective.network(TEXTS).tokens)


def test_a_language_model_that_is_gone_is_named(untrained: Checkpoint, folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    objective = Reading(with_text_encoder(untrained, f"hf:{moved}"), TRAINING, seed=0)
    checkpoint = objective.result(0, 0.0)
    shutil.rmtree(moved)
    with pytest.raises(MissingError, match="moved"):
        load_encoder(checkpoint)


def test_transformers_missing_is_said_with_a_remedy(untrained: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="transformers") as caught:
        Reading(untrained, TRAINING, seed=0)
    assert caught.value.hint == "pip install 't2d-mol[text]'"


def test_a_choice_of_text_encoder_keeps_or_drops_the_trained_one(tiny_checkpoint: Checkpoint, folder: Path) -> None:
    assert with_text_encoder(tiny_checkpoint, None) is tiny_checkpoint
    assert with_text_encoder(tiny_checkpoint, "builtin") is tiny_checkpoint
    other = with_text_encoder(tiny_checkpoint, f"hf:{folder}")
    assert other.config.encoder.language_model == str(folder)
    assert set(tiny_checkpoint.weights) - set(other.weights) == {"encoder"}
    assert with_text_encoder(other, "builtin").config == tiny_checkpoint.config
    for wrong in ("t5", "hf:", "builtin:x", ""):
        with pytest.raises(UsageError, match="no text encoder"):
            with_text_encoder(tiny_checkpoint, wrong)


def test_a_finetuned_model_samples_with_the_language_model_it_was_finetuned_with(
    untrained: Checkpoint, molecules: Molecules, tmp_path: Path
) -> None:
    training = replace(TRAINING, batch_size=8, steps=1, validation_molecules=8, method="plain")
    finetuning = Finetuning(Reading(untrained, training, seed=0).result(0, 0.0), molecules, training, seed=0, bf16=False)
    assert finetuning.backward(0)["loss"] > 0
    finetuning.save(tmp_path / "model.safetensors", 1, 0.0)
    model = Model.load(tmp_path / "model.safetensors")
    assert isinstance(model.encoder, TextEncoder)
    assert finetuning.text is not None
    torch.testing.assert_close(model.encoder(TEXTS).tokens, finetuning.text(TEXTS).tokens)
    prompt = parse_prompt("high gap", model.statistics)
    made = list(model.sample([(0, prompt)], 2, SamplingConfig(steps=4, atoms=(9, 9))))
    assert [len(generated.molecule) for generated in made] == [9, 9]


@pytest.mark.slow
def test_finetuning_and_sampling_from_the_command_line(
    folder: Path, tiny_file: Path, data_file: Path, tmp_path: Path
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "t2d_mol", *arguments, "--threads", "1"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    common = [
        "finetune",
        "--checkpoint",
        str(tiny_file),
        "--data",
        str(data_file),
        "--method",
        "plain",
        "--guide-steps",
        "0",
        "-q",
    ]
    budget = ["--steps", "2", "--encoder-steps", "2", "--batch-size", "8", "-o", str(tmp_path)]
    wrong = run(*common, *budget, "--text-encoder", "t5")
    assert wrong.returncode == 2
    assert "builtin, hf:PATH" in wrong.stderr
    done = run(*common, *budget, "--text-encoder", f"hf:{folder}")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    last = tmp_path / "last.safetensors"
    assert Checkpoint.load(last).config.encoder.language_model == str(folder)
    made = run("sample", "gap of 8 eV", "--checkpoint", str(last), "-n", "2", "--steps", "4", "--format", "jsonl", "-q")
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.splitlines()) == 2
