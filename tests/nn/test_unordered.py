"""Unordered pairs against the dense sums they stand for, and their gradients against automatic ones."""

import pytest
import torch

from t2d_mol.nn.unordered import UnorderedPairs

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2, 7])
def size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_each_pair_is_picked_once_and_spread_to_both_orders(size: int) -> None:
    pairs = UnorderedPairs.of(size, CPU)
    dense = torch.randn(3, size, size, 2)
    symmetric = dense + dense.transpose(1, 2)
    picked = pairs.pick(symmetric)
    assert picked.shape == (3, size * (size + 1) // 2, 2)
    assert torch.equal(pairs.spread(picked), symmetric)


def test_folding_adds_up_both_orders_and_counts_the_diagonal_once(size: int) -> None:
    pairs = UnorderedPairs.of(size, CPU)
    dense = torch.randn(2, size, size, 3)
    expected = dense + dense.transpose(1, 2)
    expected[:, range(size), range(size)] /= 2
    torch.testing.assert_close(pairs.spread(pairs.fold(dense)), expected)


def test_sums_are_of_both_ends(size: int) -> None:
    atoms = torch.randn(2, size, 4)
    expected = atoms[:, :, None] + atoms[:, None]
    torch.testing.assert_close(UnorderedPairs.of(size, CPU).spread(UnorderedPairs.of(size, CPU).sums(atoms)), expected)


def test_gradients_are_those_of_automatic_differentiation(size: int) -> None:
    pairs = UnorderedPairs.of(size, CPU)
    dense = torch.randn(2, size, size, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pairs.fold, dense)
    unordered = torch.randn(2, size * (size + 1) // 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pairs.spread, unordered)


def test_pairs_first_made_in_inference_mode_serve_training() -> None:
    with torch.inference_mode():
        pairs = UnorderedPairs.of(11, CPU)
    dense = torch.randn(1, 11, 11, 1, requires_grad=True)
    pairs.spread(pairs.fold(dense)).sum().backward()
    assert dense.grad is not None
