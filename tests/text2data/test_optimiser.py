"""The constraint around torch's optimisers: closed forms, both passes alike, accumulation, several processes."""

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from t2d_mol.errors import UsageError
from t2d_mol.text2data import Constraint, run_step

GOAL = torch.tensor([2.0, 0.0])


class Point(nn.Module):
    """With a condition the way to `GOAL`, without one the way to 0: L2 = |x - (2, 0)|², L1' = |x|²."""

    def __init__(self, *start: float) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(start))

    def forward(self, data: Tensor, cond: Tensor | None) -> Tensor:
        return self.x - data if cond is None else self.x - cond


def squares(output: Tensor, label: Tensor) -> Tensor:
    return (output - label).square().sum()


def descend(bound: float, kind: type[torch.optim.Optimizer] = torch.optim.SGD, steps: int = 4000, **how: Any) -> Tensor:
    model = Point(0.5, 1.0)
    optimiser = Constraint(model.parameters(), kind, **{"lr": 0.01, **how})
    for _ in range(steps):
        run_step(optimiser, bound, model, GOAL, torch.zeros(2), torch.zeros(2), squares)
    return model.x.detach()


@pytest.mark.parametrize("scope", ["global", "tensor"])
@pytest.mark.parametrize(("bound", "expected"), [(1.0, [1.0, 0.0]), (9.0, [2.0, 0.0])])
def test_the_constrained_optimum_is_reached(scope: str, bound: float, expected: list[float]) -> None:
    torch.testing.assert_close(descend(bound, scope=scope), torch.tensor(expected), atol=0.02, rtol=0)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam])
def test_it_is_reached_with_adam_inside_and_in_its_metric(kind: type[torch.optim.Optimizer]) -> None:
    found = descend(1.0, kind, metric="adam", lr=0.003, weight_decay=0.0)
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0]), atol=0.05, rtol=0)


def test_in_adams_metric_the_step_lowers_the_constraint_at_the_rate_asked_for() -> None:
    """∇L1'ᵀ P d = φ with the P Adam divides by; taken plainly it is another number."""
    rates = {}
    for metric in ("plain", "adam"):
        model = nn.ParameterList([nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2))])
        optimiser = Constraint(model.parameters(), torch.optim.Adam, metric=metric, lr=1e-3)
        generator = torch.Generator().manual_seed(0)
        for step in range(4):
            scale = torch.tensor([10.0, 1.0, 0.1])
            for parameter in model:
                parameter.grad = torch.randn(parameter.shape, generator=generator) * scale[: len(parameter)]
            kept = [parameter.grad.clone() for parameter in model]
            optimiser.hold()
            slopes = [-gradient + 0.1 * torch.ones_like(gradient) for gradient in kept]
            for parameter, slope in zip(model, slopes, strict=True):
                parameter.grad = slope.clone()
            if step == 3:
                moments = [optimiser.state[parameter]["exp_avg_sq"].clone() for parameter in model]
                squares_of = [a.square() + b.square() for a, b in zip(kept, slopes, strict=True)]
                moments = [(0.999 * v + 0.001 * s) / (1 - 0.999**4) for v, s in zip(moments, squares_of, strict=True)]
                metric_of = [1 / (moment.sqrt() + 1e-8) for moment in moments]
            combined = optimiser.constrained_step(1.5, 1.0)
        assert combined.multiplier > 0
        directions = [parameter.grad for parameter in model]
        rates[metric] = sum(float((slope * p * d).sum()) for slope, p, d in zip(slopes, metric_of, directions, strict=True))
        if metric == "adam":
            assert rates[metric] == pytest.approx(combined.phi, rel=5e-3)
    assert rates["plain"] != pytest.approx(rates["adam"], rel=0.1)


@pytest.mark.parametrize("before", [0.0, 1e-4])
def test_in_adams_metric_an_entry_that_never_moved_does_not_outweigh_the_others(before: float) -> None:
    """L1' falls by the step that is taken, also where its small slope is the first gradient an entry gets."""
    point = nn.Parameter(torch.zeros(2))
    optimiser = Constraint([point], torch.optim.Adam, metric="adam", lr=1e-3, betas=(0.0, 0.999))
    for _ in range(20):
        point.grad = torch.tensor([1.0, before])
        optimiser.step()
    start, slope = point.detach().clone(), torch.tensor([-1.0, 1e-4])
    point.grad = torch.tensor([1.0, 0.0])
    optimiser.hold()
    point.grad = slope.clone()
    looked = optimiser.constrained_step(1.5, 1.0)
    assert looked.multiplier > 1
    assert float(slope @ (point.detach() - start)) < -1e-4


def test_a_gradient_that_is_not_finite_moves_nothing() -> None:
    point = nn.Parameter(torch.ones(2))
    optimiser = Constraint([point], torch.optim.Adam, lr=0.1)
    for spoiled in (math.nan, math.inf):
        point.grad = torch.tensor([spoiled, 1.0])
        optimiser.hold()
        point.grad = torch.tensor([1.0, 0.0])
        optimiser.constrained_step(1.5, 1.0)
    assert torch.equal(point.detach(), torch.ones(2))
    assert not optimiser.state


def test_both_passes_draw_alike_and_the_next_step_draws_anew() -> None:
    drawn: list[Tensor] = []
    weight = nn.Parameter(torch.ones(1))

    def model(data: Tensor, cond: Tensor | None) -> Tensor:
        drawn.append(torch.rand(4))
        return weight * data

    optimiser = Constraint([weight], torch.optim.SGD, lr=0.1)
    for _ in range(2):
        run_step(optimiser, 1.0, model, torch.ones(1), torch.ones(1), torch.zeros(1), squares)
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[2], drawn[3])
    assert not torch.equal(drawn[0], drawn[2])


def test_passes_can_be_accumulated() -> None:
    data = torch.randn(6, 2, generator=torch.Generator().manual_seed(1))
    ends = []
    for parts in (1, 3):
        model = Point(0.5, 1.0)
        optimiser = Constraint(model.parameters(), torch.optim.SGD, lr=0.1)
        for _ in range(3):
            optimiser.zero_grad()
            for part in data.chunk(parts):
                (model(part, GOAL.expand_as(part)).square().sum() / 6).backward()
            optimiser.hold()
            total = 0.0
            for part in data.chunk(parts):
                loss = (model(part, None)).square().sum() / 6
                loss.backward()
                total += float(loss.detach())
            optimiser.constrained_step(total, 0.5)
        ends.append(model.x.detach())
    torch.testing.assert_close(ends[0], ends[1])


def test_gradients_are_clipped_after_they_were_combined() -> None:
    model = Point(30.0, 40.0)
    optimiser = Constraint(model.parameters(), torch.optim.SGD, max_norm=1.0, lr=1.0)
    combined = run_step(optimiser, 0.0, model, GOAL, torch.zeros(2), torch.zeros(2), squares)
    assert combined.norm == pytest.approx(100.0)
    assert float((model.x.detach() - torch.tensor([30.0, 40.0])).norm()) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("scope", ["global", "tensor"])
def test_a_parameter_that_one_pass_misses_is_moved_by_the_other_alone(scope: str) -> None:
    """L2 = (a + b)², L1' = a² with a = 1, b = -1.5: λ = (φ - 2 · -1) / 4 = 0.75, and b's slope is 2 (a + b), whatever λ."""
    shared, own = nn.Parameter(torch.ones(1)), nn.Parameter(torch.tensor([-1.5]))

    def model(data: Tensor, cond: Tensor | None) -> Tensor:
        return shared * data if cond is None else shared * data + own * cond

    optimiser = Constraint([shared, own], torch.optim.SGD, scope=scope, lr=0.01)
    combined = run_step(optimiser, 0.0, model, torch.ones(1), torch.ones(1), torch.zeros(1), squares)
    assert combined.multiplier == pytest.approx(0.75)
    assert float(own.detach()) == pytest.approx(-1.5 + 0.01)
    assert float(shared.detach()) == pytest.approx(1 - 0.01 * (-1 + 0.75 * 2))


def test_a_lambda_for_each_tensor_by_hand() -> None:
    """Gradients (1, 0) and (-2, 1) conflict, 3 and 2 agree: λ = (0.5 + 2) / 5 and (0.5 - 6) / 4 < 0, taken as 0."""
    tensors = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    second, first = [torch.tensor([1.0, 0.0]), torch.tensor([3.0])], [torch.tensor([-2.0, 1.0]), torch.tensor([2.0])]
    expected = {"tensor": (0.5, 0.0), "global": ((0.5 + 2 - 6) / 9, (0.5 + 2 - 6) / 9)}
    for scope, multipliers in expected.items():
        optimiser = Constraint(tensors, torch.optim.SGD, scope=scope, lr=0.0)
        for tensor, gradient in zip(tensors, second, strict=True):
            tensor.grad = gradient.clone()
        optimiser.hold()
        for tensor, gradient in zip(tensors, first, strict=True):
            tensor.grad = gradient.clone()
        combined = optimiser.constrained_step(1.5, 1.0)
        for found, a, b, multiplier in zip(combined.gradients, second, first, multipliers, strict=True):
            torch.testing.assert_close(found, a + max(multiplier, 0.0) * b)


def test_one_loss_that_is_not_finite_spoils_no_later_step() -> None:
    for memory in (0.0, 0.5):
        model = Point(0.5, 1.0)
        optimiser = Constraint(model.parameters(), torch.optim.SGD, memory=memory, lr=0.1)
        for loss in (1.0, float("inf"), float("nan"), 1.0):
            model.x.grad = torch.ones(2)
            optimiser.hold()
            model.x.grad = -torch.ones(2)
            combined = optimiser.constrained_step(loss, 0.5)
        assert combined.multiplier == pytest.approx((0.5 + 2) / 2)
        assert bool(torch.isfinite(model.x).all())


def test_a_copy_is_whole() -> None:
    model = Point(0.5, 1.0)
    optimiser = Constraint(model.parameters(), torch.optim.Adam, lr=0.1)
    other, again = copy.deepcopy((model, optimiser))
    for network, constraint in ((model, optimiser), (other, again)):
        run_step(constraint, 1.0, network, GOAL, torch.zeros(2), torch.zeros(2), squares)
    torch.testing.assert_close(model.x, other.x)
    assert not torch.equal(other.x.detach(), torch.tensor([0.5, 1.0]))


def test_the_running_mean_of_the_loss_is_held_against_the_bound() -> None:
    model = Point(0.5, 1.0)
    optimiser = Constraint(model.parameters(), torch.optim.SGD, memory=0.75, lr=0.0)
    for loss, violated in ((1.0, False), (5.0, False), (5.0, True)):
        model.x.grad = torch.ones(2)
        optimiser.hold()
        model.x.grad = torch.ones(2)
        assert optimiser.constrained_step(loss, 2.5).violated is violated
    restored = Constraint(model.parameters(), torch.optim.SGD, memory=0.75, lr=0.0)
    restored.load_state_dict(optimiser.state_dict())
    assert restored.state_dict()["mean"] == pytest.approx(0.75 * 2.0 + 0.25 * 5.0)


def test_it_goes_on_from_its_state_and_under_a_scheduler() -> None:
    paths = []
    for interrupted in (False, True):
        model = Point(0.5, 1.0)
        optimiser = Constraint(model.parameters(), torch.optim.Adam, lr=0.1)
        schedule = torch.optim.lr_scheduler.StepLR(optimiser, 2, 0.5)
        for step in range(6):
            if interrupted and step == 3:
                state = optimiser.state_dict()
                optimiser = Constraint(model.parameters(), torch.optim.Adam, lr=7.0)
                kept = schedule.state_dict()
                schedule = torch.optim.lr_scheduler.StepLR(optimiser, 2, 0.5)
                schedule.load_state_dict(kept)
                optimiser.load_state_dict(state)
            run_step(optimiser, 1.0, model, GOAL, torch.zeros(2), torch.zeros(2), squares)
            schedule.step()
        assert optimiser.param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**3)
        paths.append(model.x.detach())
    torch.testing.assert_close(paths[0], paths[1])


def test_what_cannot_be_is_refused() -> None:
    point = [nn.Parameter(torch.zeros(1))]
    with pytest.raises(UsageError, match="Adam's metric"):
        Constraint(point, torch.optim.SGD, metric="adam", lr=0.1)
    with pytest.raises(UsageError, match="scope"):
        Constraint(point, torch.optim.SGD, scope="layer", lr=0.1)
    with pytest.raises(UsageError, match="positive"):
        Constraint(point, torch.optim.SGD, alpha=0.0, lr=0.1)
    with pytest.raises(UsageError, match="missing"):
        Constraint(point, torch.optim.SGD, lr=0.1).constrained_step(1.0, 1.0)


DATA = torch.arange(16.0).view(8, 2) / 8


def train(model: Any, data: Tensor, steps: int = 12) -> list[float]:
    optimiser = Constraint(model.parameters(), torch.optim.Adam, metric="adam", lr=0.1)
    return [
        run_step(
            optimiser, 0.4, model, GOAL.expand_as(data), data, torch.zeros_like(data), nn.functional.mse_loss
        ).multiplier
        for _ in range(steps)
    ]


def worker(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    model = nn.parallel.DistributedDataParallel(Point(0.5, 1.0))
    multipliers = train(model, DATA[rank::2])
    torch.save((model.module.x.detach(), multipliers), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(worker, (str(tmp_path),), nprocs=2)
    alone = Point(0.5, 1.0)
    expected = train(alone, DATA)
    assert any(multiplier > 0 for multiplier in expected)
    for rank in range(2):
        x, multipliers = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(x, alone.x.detach())
        assert multipliers == pytest.approx(expected, abs=1e-5)
