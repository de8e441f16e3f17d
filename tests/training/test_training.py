"""The loop and its uses, on the fixture: exact resumption, falling losses, checkpoints that load."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.cli import app
from t2d_mol.config import ModelConfig, TrainingConfig
from t2d_mol.denoising import Estimate, Memory, Noisy
from t2d_mol.errors import MissingError, T2DMolError, UsageError
from t2d_mol.nn.denoiser import EquivariantDenoiser
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split
from t2d_mol.training.finetune import METHODS, Finetuning, labelled, scheduled
from t2d_mol.training.loop import MOST_LOST, Loop
from t2d_mol.training.pretrain import DenoisingLoss, Pretraining
from t2d_mol.training.properties import GuideTraining, PredictorTraining
from t2d_mol.training.reader import Reading

TRAINING = TrainingConfig(batch_size=8, steps=10, warmup=3, validation_molecules=8, learning_rate=1e-3)


def pretraining(molecules: Molecules, tiny: ModelConfig) -> Pretraining:
    return Pretraining(molecules, tiny, TRAINING, seed=3, bf16=False)


def test_ten_steps_equal_five_and_five_resumed(molecules: Molecules, tiny: ModelConfig, tmp_path: Path) -> None:
    whole = Loop(pretraining(molecules, tiny), TRAINING, tmp_path / "whole")
    whole.run()
    first = Loop(pretraining(molecules, tiny), TRAINING, tmp_path / "parts")
    first.report = lambda report: setattr(first, "_asked", report.step == 5)
    first.run()
    assert first.step == 5
    second = Loop(pretraining(molecules, tiny), TRAINING, tmp_path / "parts")
    second.resume()
    second.run()
    assert second.step == 10
    for name, value in whole.objective.network.state_dict().items():
        assert torch.equal(value, second.objective.network.state_dict()[name]), name
        assert torch.equal(whole.average[name], second.average[name]), name
    last = [Checkpoint.load(tmp_path / run / "last.safetensors") for run in ("whole", "parts")]
    for name, value in last[0].weights["denoiser"].items():
        assert torch.equal(value, last[1].weights["denoiser"][name])


def test_training_gives_up_where_gradients_stay_not_finite(
    molecules: Molecules, tiny: ModelConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few such steps are left out; a run of them would train nothing and must not look like training."""
    objective, training = pretraining(molecules, tiny), replace(TRAINING, steps=2 * MOST_LOST)
    backward, start = objective.backward, objective.network.atoms_in.weight.detach().clone()

    def lost(of: range) -> Any:
        def step(number: int) -> Any:
            metrics = backward(number)
            if number in of:
                objective.network.atoms_in.weight.grad.fill_(float("nan"))  # type: ignore[union-attr]
            return metrics

        return step

    monkeypatch.setattr(objective, "backward", lost(range(1, MOST_LOST)))
    loop = Loop(objective, training, tmp_path / "few")
    loop.run()
    assert loop.step == training.steps
    assert not torch.equal(objective.network.atoms_in.weight, start)
    assert torch.isfinite(objective.network.atoms_in.weight).all()
    monkeypatch.setattr(objective, "backward", lost(range(training.steps)))
    with pytest.raises(T2DMolError, match="not finite"):
        Loop(objective, training, tmp_path / "all").run()


@pytest.mark.slow
def test_compiled_training_in_bfloat16_has_finite_gradients(molecules: Molecules, tiny: ModelConfig) -> None:
    """Compiled code rounds elsewhere, and padded atoms have no neighbour."""
    training = replace(TRAINING, batch_size=16)
    objective = Pretraining(molecules, tiny, training, seed=0, bf16=True)
    objective.network.compile_parts()
    batch, _ = objective.stream(0)
    assert not batch.mask.all()
    objective.backward(0)
    for name, parameter in objective.network.named_parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all(), name


def test_the_loss_falls_and_is_reported_by_noise_level(molecules: Molecules, tiny: ModelConfig, tmp_path: Path) -> None:
    training = replace(TRAINING, steps=60, learning_rate=2e-3)
    loop = Loop(Pretraining(molecules, tiny, training, seed=0, bf16=False), training, tmp_path, log_every=20)
    loop.run()
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < 0.7 * losses[0]
    assert {"loss/sigma<0.1", "positions/sigma<3", "gradient_norm"} <= set(rows[0])
    assert "validation_loss" in rows[-1]


def test_noise_shift_multiplies_the_noise_levels_of_training(
    molecules: Molecules, tiny: ModelConfig, tiny_checkpoint: Checkpoint
) -> None:
    shifted = replace(TRAINING, noise_shift=0.6)
    pairs = (
        [Pretraining(molecules, tiny, training, seed=3, bf16=False).loss for training in (TRAINING, shifted)],
        [Finetuning(tiny_checkpoint, molecules, training, seed=3, bf16=False).loss for training in (TRAINING, shifted)],
    )
    for plain, higher in pairs:
        levels = [loss.draw_sigma(100, torch.Generator().manual_seed(0)) for loss in (plain, higher)]
        assert torch.allclose(levels[1], levels[0] * math.exp(0.6))


def test_self_conditioning_gives_the_estimate_of_a_noisier_state(molecules: Molecules, tiny: ModelConfig) -> None:
    """Estimates are made of the state itself, of what was seen a step before, and of the state given the latter."""
    objective, calls = pretraining(molecules, tiny), []

    def network(noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        estimate: Estimate = objective.network(noisy, previous, memory)
        calls.append((noisy, previous, estimate))
        return estimate

    loss = DenoisingLoss(network, objective.loss.process, bf16=False)  # type: ignore[arg-type]
    batch, generator = objective.stream(0)[0], torch.Generator().manual_seed(0)
    loss(batch, torch.full((len(batch),), 0.5), generator, self_condition=True)
    (first, none, _), (earlier, nothing, seen), (last, previous, _) = calls
    assert none is None and nothing is None and previous is seen
    assert torch.equal(first.positions, last.positions)
    assert (earlier.sigma > 0.5).all()
    calls.clear()
    loss(batch, torch.full((len(batch),), 0.5), generator, self_condition=False)
    assert [previous for _, previous, _ in calls] == [None]


def test_a_run_without_a_budget_is_refused(molecules: Molecules, tiny: ModelConfig, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="budget"):
        Loop(pretraining(molecules, tiny), replace(TRAINING, steps=0), tmp_path)


def test_labelled_shares_are_nested_and_lie_in_half_b(molecules: Molecules) -> None:
    shares = [set(labelled(molecules, fraction, 5).tolist()) for fraction in (0.1, 0.4, 1.0)]
    assert shares[0] < shares[1] < shares[2]
    assert (molecules.half[sorted(shares[2])] == 2).all()
    with pytest.raises(UsageError):
        labelled(molecules, 0.0, 5)


@pytest.mark.parametrize(
    ("method", "condition"), [("lexicographic", "text"), ("lexicographic", "numbers"), *((name, "text") for name in METHODS)]
)
def test_finetuning_changes_the_conditional_model(
    molecules: Molecules, tiny_checkpoint: Checkpoint, tmp_path: Path, method: str, condition: str
) -> None:
    training = replace(TRAINING, steps=3, method=method, condition=condition)
    objective = Finetuning(tiny_checkpoint, molecules, training, seed=0, bf16=False)
    metrics = objective.backward(0)
    assert ("lambda" in metrics) == (objective.bound > 0) == (method == "lexicographic")
    Loop(objective, scheduled(training), tmp_path).run()
    done = Checkpoint.load(tmp_path / "last.safetensors")
    assert len(done.joint) == len(molecules.select(0, 2))
    assert "finetune" in done.provenance
    assert any(
        not torch.equal(value, done.weights["denoiser"][name]) for name, value in tiny_checkpoint.weights["denoiser"].items()
    )


def test_methods_start_and_step_as_they_say(molecules: Molecules, tiny_checkpoint: Checkpoint) -> None:
    def begun(**how: Any) -> Finetuning:
        return Finetuning(tiny_checkpoint, molecules, replace(TRAINING, **how), seed=5, bf16=False)

    def near(objective: Finetuning) -> bool:
        found = objective.network.denoiser.state_dict()
        return all(torch.equal(value.float(), found[name]) for name, value in tiny_checkpoint.weights["denoiser"].items())

    assert near(begun(method="plain"))
    assert not near(begun(method="scratch"))
    assert scheduled(replace(TRAINING, method="low-lr")).learning_rate == pytest.approx(TRAINING.learning_rate / 10)
    assert begun(method="l2sp").backward(0)["penalty"] == 0.0
    assert begun(gamma=0.5).bound == pytest.approx(0.5 * begun().bound)
    labelled_losses, unlabelled = (begun(constraint_data=data).backward(0) for data in ("labelled", "unlabelled"))
    assert labelled_losses["loss"] == unlabelled["loss"]
    assert labelled_losses["unconditional"] != unlabelled["unconditional"]


def test_adams_metric_is_that_of_the_loops_optimiser(
    molecules: Molecules, tiny_checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """Entries of about 1 / √v times their gradients make up a norm that is another one."""
    norms = {}
    for metric in ("plain", "adam"):
        training = replace(TRAINING, steps=2, metric=metric)
        objective = Finetuning(tiny_checkpoint, molecules, training, seed=0, bf16=False)
        Loop(objective, training, tmp_path / metric, log_every=1).run()
        rows = [json.loads(line) for line in (tmp_path / metric / "metrics.jsonl").read_text().splitlines()]
        norms[metric] = [row["unconditional_norm"] for row in rows if "unconditional_norm" in row]
    ratios = [adam / plain for adam, plain in zip(norms["adam"], norms["plain"], strict=True)]
    assert min(ratios) > 1.5, ratios


@pytest.mark.parametrize(
    ("data", "noise"), [("labelled", "finetuning"), ("unlabelled", "finetuning"), ("unlabelled", "pretraining")]
)
def test_both_passes_of_a_constrained_step(
    molecules: Molecules, tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, data: str, noise: str
) -> None:
    """Of labelled molecules the second pass has their noise and no prompt; of others either law of noise levels."""
    training = replace(TRAINING, steps=3, constraint_data=data, constraint_noise=noise, noise_shift=2.0)
    objective = Finetuning(tiny_checkpoint, molecules, training, seed=0, bf16=False)
    seen: list[tuple[Tensor, Noisy, Estimate | None, Memory | None]] = []
    forward = EquivariantDenoiser.forward

    def watched(self: Any, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        if torch.is_grad_enabled():
            seen.append((noisy.sigma.clone(), noisy, previous, memory))
        return forward(self, noisy, previous, memory)

    monkeypatch.setattr(EquivariantDenoiser, "forward", watched)
    for step in range(3):
        seen.clear()
        objective.backward(step)
        (sigma, noisy, previous, memory), (other_sigma, other, other_previous, none) = seen
        assert memory is not None
        assert memory.given.any()
        if data == "labelled":
            assert torch.equal(noisy.positions, other.positions)
            assert torch.equal(noisy.types, other.types)
            assert (previous is None) == (other_previous is None)
            assert none is not None
            assert not none.given.any()
        else:
            shift = 2.0 if noise == "pretraining" else 0.0
            torch.testing.assert_close(other_sigma.log() + shift, sigma.log())
            assert none is None


def test_constraint_and_validation_are_measured_alike_at_all_seeds(
    molecules: Molecules, tiny_checkpoint: Checkpoint
) -> None:
    found = [Finetuning(tiny_checkpoint, molecules, replace(TRAINING, steps=3), seed=seed, bf16=False) for seed in (0, 1)]
    assert found[0].bound == found[1].bound
    assert found[0].validate() == found[1].validate()
    assert found[0].backward(0) != found[1].backward(0)


def test_a_constrained_run_goes_on_under_its_own_bound_only(molecules: Molecules, tiny_checkpoint: Checkpoint) -> None:
    first, other = (
        Finetuning(tiny_checkpoint, molecules, replace(TRAINING, steps=3, gamma=gamma), seed=0, bf16=False)
        for gamma in (1.0, 0.9)
    )
    first.restore(first.state())
    with pytest.raises(UsageError, match="begun with L1' held at"):
        other.restore(first.state())


def test_replay_descends_on_both_losses(molecules: Molecules, tiny_checkpoint: Checkpoint) -> None:
    gradients = {}
    for penalty in (0.0, 0.5, 1.0):
        training = replace(TRAINING, steps=3, method="replay", penalty=penalty, constraint_data="unlabelled")
        objective = Finetuning(tiny_checkpoint, molecules, training, seed=0, bf16=False)
        losses = objective.backward(0)
        gradients[penalty] = torch.cat([p.grad.flatten() for p in objective.network.parameters() if p.grad is not None])
        assert (losses["penalty"] > 0) == (penalty > 0)
    middle = (gradients[0.0] + gradients[1.0]) / 2
    torch.testing.assert_close(gradients[0.5], middle, atol=1e-5, rtol=1e-3)
    assert not torch.allclose(gradients[0.5], gradients[0.0], atol=1e-4)


def test_an_unknown_method_is_refused(molecules: Molecules, tiny_checkpoint: Checkpoint) -> None:
    with pytest.raises(UsageError, match="magic"):
        Finetuning(tiny_checkpoint, molecules, replace(TRAINING, method="magic"), seed=0, bf16=False)
    with pytest.raises(UsageError, match="noise of L2"):
        Finetuning(tiny_checkpoint, molecules, replace(TRAINING, constraint_noise="pretraining"), seed=0, bf16=False)
    bare = tiny_checkpoint.replace(weights={})
    with pytest.raises(MissingError, match="denoiser"):
        Finetuning(bare, molecules, TRAINING, seed=0, bf16=False)


def test_the_encoder_learns_to_read(tiny_checkpoint: Checkpoint, tmp_path: Path) -> None:
    training = replace(TRAINING, steps=200, batch_size=16, learning_rate=2e-3)
    objective = Reading(tiny_checkpoint, training, seed=0)
    before = objective.validate()["loss"]
    Loop(objective, training, tmp_path).run()
    assert objective.validate()["loss"] < 0.8 * before


def test_the_property_network_learns(molecules: Molecules, tiny_checkpoint: Checkpoint, tmp_path: Path) -> None:
    training = replace(TRAINING, steps=60, learning_rate=3e-3)
    objective = PredictorTraining(tiny_checkpoint, molecules, training, seed=0, bf16=False)
    before = np.mean([objective.backward(step)["loss"] for step in range(5)])
    objective.network.zero_grad()
    Loop(objective, training, tmp_path).run()
    after = np.mean([objective.backward(step)["loss"] for step in range(5)])
    assert after < 0.7 * before


def test_the_guide_learns_from_estimates_and_starts_like_the_predictor(
    molecules: Molecules, tiny_checkpoint: Checkpoint, tmp_path: Path
) -> None:
    training = replace(TRAINING, steps=60, learning_rate=3e-3)
    objective = GuideTraining(tiny_checkpoint, molecules, training, seed=0, bf16=False)
    start, predictor = objective.network.state_dict(), tiny_checkpoint.weights["predictor"]
    assert torch.equal(start["elements.weight"], predictor["elements.weight"])
    assert start["pairs_in.0.weight"].shape != predictor["pairs_in.0.weight"].shape
    before = objective.validate()["loss"]
    assert objective.validate()["loss"] == before
    Loop(objective, training, tmp_path).run()
    assert objective.validate()["loss"] < 0.8 * before
    done = Checkpoint.load(tmp_path / "last.safetensors")
    assert {"denoiser", "predictor", "guide"} <= set(done.weights)
    assert done.provenance["guide"]["steps"] == 60
    again = GuideTraining(done, molecules, training, seed=0, bf16=False)
    assert all(torch.equal(value, done.weights["guide"][key]) for key, value in again.network.state_dict().items())


def test_a_run_goes_on_with_its_own_data_and_one_begun_anew_leaves_nothing(
    data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, other = tmp_path / "run", tmp_path / "other.safetensors"
    molecules = Molecules.load(data_file)
    molecules.take(molecules.select(Split.TRAIN)[:100]).save(other)

    def exit_of(data: Path, *more: str) -> object:
        with pytest.raises(SystemExit) as ended:
            app(["pretrain", "--preset", "tiny", "--data", str(data), "-o", str(run), "-q", "--threads", "1", *more])
        return ended.value.code

    assert exit_of(data_file, "--steps", "1") == 0
    assert exit_of(other, "--steps", "2", "--resume") == 2
    assert "another data" in capsys.readouterr().err
    assert exit_of(data_file, "--steps", "2", "--resume") == 0

    def cut_off(_loop: Loop) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "run", cut_off)
    assert exit_of(data_file, "--steps", "2", "--seed", "7", "--force") == 130
    assert [path.name for path in run.rglob("*") if path.is_file()] == ["config.json"]


def test_a_terminated_run_saves_and_can_be_resumed(data_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "t2d_mol",
        "pretrain",
        "--preset",
        "tiny",
        "--data",
        str(data_file),
        "-o",
        str(run),
    ]
    process = subprocess.Popen(
        [*command, "--max-minutes", "5", "--snapshot", "0.0001"], stderr=subprocess.PIPE, env={**os.environ}
    )
    deadline = time.monotonic() + 60
    while not (run / "at-000.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    step = int(Checkpoint.load(run / "last.safetensors").provenance["pretrain"]["steps"])
    assert step > 0
    other = subprocess.run(
        [*command, "--resume", "--steps", str(step + 2), "--noise-shift", "1"], check=False, capture_output=True, text=True
    )
    assert (other.returncode, "another training.noise_shift" in other.stderr) == (2, True), other.stderr
    done = subprocess.run([*command, "--resume", "--steps", str(step + 2), "-q"], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert Checkpoint.load(run / "last.safetensors").provenance["pretrain"]["steps"] == step + 2
