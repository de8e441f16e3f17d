"""The methods of finetuning, each on a quadratic whose end is known by hand."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from t2d_mol.errors import UsageError
from t2d_mol.text2data.methods import EWC, L2SP, Lexicographic, LowRate, Plain, Scratch

GOAL = torch.tensor([2.0, 0.0])
STIFF = torch.tensor([3.0, 1.0])
"""L2 = |x - GOAL|², L1' = Σ STIFF x², at its minimum where finetuning starts."""


def descend(method: Plain, start: tuple[float, float] = (0.0, 0.0), steps: int = 3000) -> Tensor:
    x = nn.Parameter(torch.tensor(start))
    optimiser = torch.optim.SGD([x], 0.01)

    def pretraining(number: int) -> Tensor:
        return (STIFF * (x - 0.5 * (-1) ** number) ** 2).sum()

    method.prepare([x], pretraining)
    method.attach(optimiser)
    for step in range(steps):
        optimiser.zero_grad()
        method.backward(step, lambda: (x - GOAL).square().sum(), lambda: (STIFF * x.square()).sum())
        optimiser.step()
    return x.detach()


@pytest.mark.parametrize("kind", [Plain, Scratch, LowRate])
def test_plain_descent_ends_at_the_labels_optimum(kind: Callable[[], Plain]) -> None:
    torch.testing.assert_close(descend(kind()), GOAL)


def test_what_the_controls_change() -> None:
    assert (Scratch().fresh, LowRate().fresh, Plain().fresh) == (True, False, False)
    assert (Scratch().rate, LowRate().rate, Plain().rate) == (1.0, 0.1, 1.0)


def test_l2sp_ends_between_start_and_goal() -> None:
    """(x - 2)² + ½ p x² is least at 4 / (2 + p)."""
    torch.testing.assert_close(descend(L2SP(penalty=2.0)), torch.tensor([1.0, 0.0]))


def test_ewc_resists_where_pretraining_is_stiff() -> None:
    """Slopes are ± 3 and ± 1 from batch to batch, so F is 9 and 1 over their mean 5; the end is 2 g / (2 + p F)."""
    method = EWC(penalty=2.0, batches=4)
    found = descend(method)
    torch.testing.assert_close(method.fisher[0], torch.tensor([9 / 5, 1 / 5]))
    torch.testing.assert_close(found, torch.tensor([4 / (2 + 2 * 9 / 5), 0.0]))


@pytest.mark.parametrize("alpha", [0.5, 4.0])
def test_a_violated_constraint_is_approached_at_the_rate_alpha(alpha: float) -> None:
    """Where L2 is flat, dL1'/dt = -φ: what L1' exceeds γξ by falls as exp(-α t), t being learning rate times steps."""
    x, rate, steps = nn.Parameter(torch.tensor([2.0, 1.0])), 1e-3, 500
    method = Lexicographic(alpha=alpha, batches=1)
    method.prepare([x], lambda number: torch.tensor(1.0))
    optimiser = torch.optim.SGD([x], rate)
    for step in range(steps):
        optimiser.zero_grad()
        method.backward(step, lambda: 0 * x.sum(), lambda: x.square().sum())
        optimiser.step()
    over = float(x.detach().square().sum()) - method.bound
    assert over == pytest.approx(4.0 * math.exp(-alpha * rate * steps), rel=5e-3)


def test_beta_caps_the_rate() -> None:
    """With φ = β ‖∇L1'‖² and a flat L2, λ is β: the step is that of descent on L1' itself, β times."""
    x = nn.Parameter(torch.tensor([2.0, 1.0]))
    method = Lexicographic(alpha=1e6, beta=0.25, batches=1)
    method.prepare([x], lambda number: torch.tensor(1.0))
    looked = method.backward(0, lambda: 0 * x.sum(), lambda: x.square().sum())
    assert looked["lambda"] == pytest.approx(0.25)
    torch.testing.assert_close(x.grad, 0.25 * torch.tensor([4.0, 2.0]))


def test_the_running_mean_is_what_is_held_against_the_bound() -> None:
    """Losses 1, 3, 1, 3, … stay above a bound of 1.5 in their running mean, though every second one is below."""
    method = Lexicographic(memory=0.5, batches=1)
    x = nn.Parameter(torch.tensor(1.0))
    method.prepare([x], lambda number: torch.tensor(1.5))
    means = []
    for step in range(4):
        x.grad = None
        method.backward(step, lambda: 0 * x, lambda step=step: x**2 + 2 * (step % 2))
        means.append(method._mean.value)
    assert means == [1.0, 2.0, 1.5, 2.25]


def test_the_constraint_holds_at_what_pretraining_reached() -> None:
    """ξ is the mean over batches, 0.25 · 4 = 1 at the start; with γ = 2 the end lies where 3 x² = 2."""
    method = Lexicographic(gamma=2.0, batches=4)
    found = descend(method, steps=6000)
    assert method.bound == pytest.approx(2.0)
    torch.testing.assert_close(found, torch.tensor([(2 / 3) ** 0.5, 0.0]), atol=0.01, rtol=0)


def test_a_slack_constraint_is_looked_at_now_and_then() -> None:
    looks = []

    class Counted(Lexicographic):
        def backward(
            self, step: int, conditional: Callable[[], Tensor], unconditional: Callable[[], Tensor]
        ) -> dict[str, float]:
            metrics = super().backward(step, conditional, unconditional)
            looks.append("unconditional" in metrics)
            return metrics

    descend(Counted(gamma=1e6, every=4), steps=9)
    assert looks == [True, False, False, False, True, False, False, False, True]
    looks.clear()
    descend(Counted(gamma=1e-6, every=4), (1.0, 1.0), steps=6)
    assert all(looks[1:])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="scope"):
        Lexicographic(scope="layer")
    with pytest.raises(UsageError, match="gamma"):
        Lexicographic(gamma=0.0)
    with pytest.raises(UsageError, match="Adam's metric"):
        Lexicographic(metric="adam").attach(torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1))
