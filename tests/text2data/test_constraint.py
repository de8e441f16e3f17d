"""The lexicographic direction: closed forms, active and inactive constraint, degenerate gradients."""

import math

import pytest
import torch

from t2d_mol.text2data import combine


def descend(start: list[float], bound: float, steps: int = 4000, rate: float = 0.01) -> torch.Tensor:
    """Minimise L2 = |x - (2, 0)|² subject to L1 = |x|² ≤ bound."""
    x = torch.tensor(start, dtype=torch.float64)
    goal = torch.tensor([2.0, 0.0], dtype=torch.float64)
    for _ in range(steps):
        combined = combine([2 * (x - goal)], [2 * x], float(x @ x), bound)
        assert combined.gradients[0] is not None
        x = x - rate * combined.gradients[0]
    return x


def test_an_active_constraint_ends_on_its_boundary() -> None:
    torch.testing.assert_close(descend([0.5, 1.0], 1.0), torch.tensor([1.0, 0.0], dtype=torch.float64), atol=0.02, rtol=0)


def test_an_inactive_constraint_is_not_felt() -> None:
    torch.testing.assert_close(descend([0.5, 1.0], 9.0), torch.tensor([2.0, 0.0], dtype=torch.float64), atol=0.02, rtol=0)


def test_a_violated_constraint_is_met_first() -> None:
    x = descend([3.0, 3.0], 1.0)
    assert float(x @ x) <= 1.02


def test_numbers_by_hand() -> None:
    g2, g1 = torch.tensor([1.0, 0.0]), torch.tensor([-2.0, 1.0])
    combined = combine([g2], [g1], unconditional_loss=1.5, bound=1.0, alpha=1.0, beta=1.0)
    assert combined.phi == pytest.approx(0.5)
    assert combined.multiplier == pytest.approx((0.5 + 2.0) / 5.0)
    assert combined.cosine == pytest.approx(-2 / math.sqrt(5))
    assert combined.violated
    torch.testing.assert_close(combined.gradients[0], g2 + 0.5 * g1)


def test_phi_is_capped_by_the_gradient() -> None:
    combined = combine([torch.tensor([0.0])], [torch.tensor([0.1])], unconditional_loss=10.0, bound=1.0, beta=2.0)
    assert combined.phi == pytest.approx(0.02)


def test_one_multiplier_for_all_parameters_some_of_which_one_pass_misses() -> None:
    combined = combine([torch.tensor([1.0]), None], [torch.tensor([-1.0]), torch.tensor([3.0])], 0.0, 0.0)
    assert combined.multiplier == pytest.approx(0.1)
    torch.testing.assert_close(combined.gradients[1], torch.tensor([0.3]))
    alone = combine([torch.tensor([1.0])], [None], 5.0, 1.0)
    assert alone.multiplier == 0
    torch.testing.assert_close(alone.gradients[0], torch.tensor([1.0]))


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_a_degenerate_unconditional_gradient_leaves_the_conditional_one(bad: float) -> None:
    combined = combine([torch.tensor([1.0, 2.0])], [torch.full((2,), bad)], 5.0, 1.0)
    assert combined.multiplier == 0
    torch.testing.assert_close(combined.gradients[0], torch.tensor([1.0, 2.0]))
