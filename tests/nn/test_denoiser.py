"""The denoiser's symmetries, and what it must not depend on."""

from dataclasses import replace

import pytest
import torch
from e3nn import o3
from hypothesis import given, settings
from hypothesis import strategies as st

from t2d_mol.config import SUMMARY, DenoiserConfig, DiffusionConfig, PropertyConfig
from t2d_mol.denoising import Estimate, Memory, Noisy
from t2d_mol.nn.denoiser import EquivariantDenoiser
from t2d_mol.nn.property_network import PropertyNetwork
from t2d_mol.nn.text import summarised

SMALL = DenoiserConfig(blocks=2, scalars=16, vectors=8, pairs=8, heads=4, memory=8, summary=6)


def network(lmax: int = 1) -> EquivariantDenoiser:
    torch.manual_seed(1)
    config = DenoiserConfig(**{**SMALL.__dict__, "lmax": lmax})
    built = EquivariantDenoiser(config, DiffusionConfig()).double()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return built


def noisy(size: int, seed: int, padded: int | None = None, count: int = 1) -> Noisy:
    generator = torch.Generator().manual_seed(seed)
    padded = padded or size
    positions = torch.zeros(count, padded, 3, dtype=torch.float64)
    types = torch.zeros(count, padded, 5, dtype=torch.float64)
    bonds = torch.zeros(count, padded, padded, 4, dtype=torch.float64)
    positions[:, :size] = torch.randn(count, size, 3, generator=generator, dtype=torch.float64)
    positions[:, :size] -= positions[:, :size].mean(1, keepdim=True)
    types[:, :size] = torch.randn(count, size, 5, generator=generator, dtype=torch.float64)
    draw = torch.randn(count, size, size, 4, generator=generator, dtype=torch.float64)
    bonds[:, :size, :size] = draw + draw.transpose(1, 2)
    sigma = torch.exp(torch.randn(count, generator=generator, dtype=torch.float64) - 1)
    return Noisy(positions, types, bonds, torch.arange(padded).expand(count, -1) < size, sigma)


def memory(count: int = 1) -> Memory:
    generator = torch.Generator().manual_seed(5)
    tokens = torch.randn(count, 4, 8, generator=generator, dtype=torch.float64)
    present = torch.ones(count, 4, dtype=torch.bool)
    summary = torch.randn(count, 6, generator=generator, dtype=torch.float64)
    return Memory(tokens, present, torch.ones(count, dtype=torch.bool), summary)


def moved(x: Noisy, rotation: torch.Tensor) -> Noisy:
    return Noisy(x.positions @ rotation.T, x.types, x.bonds, x.mask, x.sigma)


@settings(max_examples=12, deadline=None)
@given(size=st.integers(1, 29), seed=st.integers(0, 10**6), lmax=st.sampled_from([1, 2]), flip=st.booleans())
def test_rotations_and_reflections_move_the_positions_alone(size: int, seed: int, lmax: int, flip: bool) -> None:
    model, x = network(lmax), noisy(size, seed)
    torch.manual_seed(seed)
    rotation = o3.rand_matrix(dtype=torch.float64) * (-1 if flip else 1)
    with torch.no_grad():
        before = model(x, None, memory())
        after = model(moved(x, rotation), None, memory())
        again = model(moved(x, rotation), after, memory())
        conditioned = model(x, before, memory())
    for first, second in ((before, after), (conditioned, again)):
        torch.testing.assert_close(first.positions @ rotation.T, second.positions, rtol=1e-6, atol=1e-7)
        for name in ("types", "bonds", "charges"):
            torch.testing.assert_close(getattr(first, name), getattr(second, name), rtol=1e-6, atol=1e-7)


@settings(max_examples=8, deadline=None)
@given(size=st.integers(1, 29), seed=st.integers(0, 10**6))
def test_permutations_permute(size: int, seed: int) -> None:
    model, x = network(), noisy(size, seed)
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    shuffled = Noisy(x.positions[:, order], x.types[:, order], x.bonds[:, order][:, :, order], x.mask, x.sigma)
    with torch.no_grad():
        first, second = model(x), model(shuffled)
    torch.testing.assert_close(first.positions[:, order], second.positions, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(first.types[:, order], second.types, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(first.bonds[:, order][:, :, order], second.bonds, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("size", [1, 2, 9, 20])
def test_padding_and_batch_mates_change_nothing(size: int) -> None:
    model, alone, padded = network(), noisy(size, 3), noisy(size, 3, padded=29)
    other = noisy(29, 4)
    both = Noisy(*(torch.cat([getattr(padded, f), getattr(other, f)]) for f in padded.__dataclass_fields__))
    with torch.no_grad():
        expected, in_batch = model(alone), model(both)
    torch.testing.assert_close(in_batch.positions[:1, :size], expected.positions, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(in_batch.types[:1, :size], expected.types, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(in_batch.bonds[:1, :size, :size], expected.bonds, rtol=1e-6, atol=1e-8)
    assert not in_batch.positions[0, size:].any()


def test_the_diagonal_and_the_padding_of_the_bonds_are_not_looked_at() -> None:
    model, x = network(), noisy(6, 0, padded=8)
    bonds = x.bonds.clone()
    bonds[:, range(8), range(8)] = 7.0
    bonds[:, 6:], bonds[:, :, 6:] = 3.0, -3.0
    changed = Noisy(x.positions, x.types, bonds, x.mask, x.sigma)
    with torch.no_grad():
        torch.testing.assert_close(model(x).positions, model(changed).positions, rtol=0, atol=0)


def test_bond_logits_are_symmetric_and_positions_centred() -> None:
    with torch.no_grad():
        estimate = network()(noisy(11, 2))
    torch.testing.assert_close(estimate.bonds, estimate.bonds.transpose(1, 2))
    assert estimate.positions.sum(1).abs().max() < 1e-9


def test_no_prompt_is_the_learned_null_whatever_the_tokens() -> None:
    model, x = network(), noisy(7, 1, count=2)
    given = memory(2)
    dropped = replace(given, given=torch.tensor([False, True]))
    with torch.no_grad():
        free, mixed, full = model(x), model(x, None, dropped), model(x, None, given)
    torch.testing.assert_close(mixed.positions[0], free.positions[0])
    torch.testing.assert_close(mixed.positions[1], full.positions[1])
    assert (full.types - free.types).abs().max() > 1e-6


def test_every_parameter_gets_a_gradient() -> None:
    model, x = network(), noisy(9, 8, count=2)
    given = replace(memory(2), given=torch.tensor([False, True]))
    estimate = model(x, model(x).detach(), given)
    total: torch.Tensor = sum(getattr(estimate, name).square().sum() for name in Estimate.__dataclass_fields__)
    total.backward()
    missing = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not missing


@settings(max_examples=6, deadline=None)
@given(size=st.integers(1, 29), seed=st.integers(0, 10**6))
def test_predicted_properties_are_invariant(size: int, seed: int) -> None:
    torch.manual_seed(0)
    model = PropertyNetwork(PropertyConfig(blocks=2, scalars=16, vectors=8, pairs=8)).double()
    x = noisy(size, seed, padded=29)
    types = x.types.argmax(-1) * x.mask
    torch.manual_seed(seed)
    rotation = -o3.rand_matrix(dtype=torch.float64)
    with torch.no_grad():
        first = model(types, x.positions, x.mask)
        second = model(types[:, :size], x.positions[:, :size] @ rotation.T + 3.0, x.mask[:, :size])
    torch.testing.assert_close(first, second, rtol=1e-6, atol=1e-7)


@settings(max_examples=6, deadline=None)
@given(size=st.integers(1, 29), seed=st.integers(0, 10**6))
def test_the_guides_reading_of_an_estimate_is_invariant(size: int, seed: int) -> None:
    torch.manual_seed(0)
    model = PropertyNetwork(PropertyConfig(blocks=2, scalars=16, vectors=8, pairs=8, estimates=True)).double()
    for block in model.blocks:
        torch.nn.init.normal_(block.modulate.weight, std=0.1)  # which starts at zero
    x = noisy(size, seed, padded=29)
    torch.manual_seed(seed)
    rotation = -o3.rand_matrix(dtype=torch.float64)
    padded = Estimate(x.positions, x.types, x.bonds, torch.zeros(*x.mask.shape, 3))
    own = Estimate(x.positions[:, :size] @ rotation.T, x.types[:, :size], x.bonds[:, :size, :size], padded.charges[:, :size])
    with torch.no_grad():
        first = model.of_estimate(padded, x.mask, x.sigma, 1.4)
        second = model.of_estimate(own, x.mask[:, :size], x.sigma, 1.4)
        louder = model.of_estimate(own, x.mask[:, :size], 2 * x.sigma, 1.4)
    torch.testing.assert_close(first, second, rtol=1e-6, atol=1e-7)
    assert not torch.allclose(first, louder)


def test_the_summary_is_heard() -> None:
    model, x, given = network(), noisy(6, 3), memory()
    assert given.summary is not None
    with torch.no_grad():
        heard = model(x, None, given).positions
        other = model(x, None, replace(given, summary=given.summary + 1)).positions
    assert not torch.allclose(heard, other, atol=1e-6)


def test_a_summary_tells_kinds_levels_and_values_apart() -> None:
    kinds = torch.tensor([[0, 1, 2, 2, 1, 0]])
    levels, values = torch.tensor([[4, 3, 1, 2, 0, 0]]), torch.tensor([[1.0, 0.5, 3.0, -1.0, -0.5, 2.0]])

    def summary(kinds: torch.Tensor, levels: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        one_hot = torch.nn.functional.one_hot
        return summarised(one_hot(kinds, 3).float(), one_hot(levels, 5).float(), values).view(6, -1)

    base = summary(kinds, levels, values)
    assert base.numel() == SUMMARY
    other = summary(kinds, (levels + 1) % 5, values)
    assert [bool((a != b).any()) for a, b in zip(base, other, strict=True)] == [False, False, True, True, False, False]
    other = summary(kinds, levels, values + 0.1)
    assert [bool((a != b).any()) for a, b in zip(base, other, strict=True)] == [False, True, False, False, True, False]
