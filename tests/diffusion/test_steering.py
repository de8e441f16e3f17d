"""Steering and composition: energies by hand, the direction of a step, symmetry, and what batch mates must not change."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from t2d_mol.denoising import Estimate, Memory, Noisy, centred
from t2d_mol.diffusion.composition import GraphEnergy, Restricted
from t2d_mol.diffusion.guidance import Emphasis, Guided
from t2d_mol.diffusion.steering import DOUBT, Energy, PropertyEnergy, Steering


def noisy(sizes: tuple[int, ...] = (3, 5), sigma: float = 1.0) -> Noisy:
    generator = torch.Generator().manual_seed(1)
    b, n = len(sizes), max(sizes)
    mask = torch.arange(n) < torch.tensor(sizes)[:, None]
    bonds = torch.randn(b, n, n, 4, generator=generator)
    positions = centred(torch.randn(b, n, 3, generator=generator), mask)
    types = torch.randn(b, n, 5, generator=generator)
    return Noisy(positions, types, (bonds + bonds.transpose(1, 2)) / 2, mask, torch.full((b,), sigma))


def certain(types: list[int], bonded: list[tuple[int, int]], padded: int) -> Estimate:
    """An estimate of one molecule without doubt."""
    kinds = torch.full((1, padded, 5), -40.0)
    for atom, kind in enumerate(types):
        kinds[0, atom, kind] = 40.0
    bonds = torch.zeros(1, padded, padded, 4)
    bonds[..., 0] = 80.0
    for i, j in bonded:
        bonds[0, [i, j], [j, i]] = torch.tensor([0.0, 80.0, 0.0, 0.0])
    return Estimate(torch.zeros(1, padded, 3), kinds, bonds, torch.zeros(1, padded, 3))


@dataclass
class Pull:
    """A denoiser that believes the positions it sees."""

    seen: list[Noisy]

    def __call__(self, noisy: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        self.seen.append(noisy)
        return Estimate(noisy.positions, noisy.types, noisy.bonds, torch.zeros(*noisy.mask.shape, 3))


@dataclass
class Wide:
    """An energy that asks for a mean square distance from the centroid."""

    wanted: float

    def wishes(self, noisy: Noisy) -> Tensor:
        return torch.ones(len(noisy.mask))

    def __call__(self, estimate: Estimate, noisy: Noisy) -> Tensor:
        spread = (estimate.positions.square().sum(-1) * noisy.mask).sum(1) / noisy.mask.sum(1)
        return (spread - self.wanted).square()


def test_the_graph_energy_counts_atoms_and_rings() -> None:
    triangle = certain([1, 1, 3], [(0, 1), (1, 2), (0, 2)], padded=4)
    seen = replace(noisy((3,)), mask=torch.tensor([[True, True, True, False]]))
    free_low, free_high = torch.zeros(1, 5), torch.full((1, 5), 3.0)
    anything = torch.tensor([[0.0, 9.0]])
    assert float(GraphEnergy(free_low, free_high, anything)(triangle, seen)) == pytest.approx(0, abs=1e-6)
    assert float(GraphEnergy(free_low, free_high, torch.tensor([[0.0, 0.0]]))(triangle, seen)) == pytest.approx(1.0)
    assert float(GraphEnergy(free_low, free_high, torch.tensor([[3.0, 9.0]]))(triangle, seen)) == pytest.approx(4.0)
    two_nitrogens = torch.tensor([[0.0, 0.0, 2.0, 0.0, 0.0]])
    assert float(GraphEnergy(two_nitrogens, free_high, anything)(triangle, seen)) == pytest.approx(4.0)
    assert GraphEnergy(two_nitrogens, free_high, torch.tensor([[1.0, 3.0]])).wishes(seen).tolist() == [2]
    assert GraphEnergy(free_low, free_high, anything).wishes(seen).tolist() == [0]
    one_carbon = torch.tensor([[3.0, 1.0, 3.0, 3.0, 3.0]])
    assert float(GraphEnergy(free_low, one_carbon, anything)(triangle, seen)) == pytest.approx(1.0)


def test_the_property_energy_is_the_square_of_what_is_missed() -> None:
    seen = noisy((3,))
    estimate = Pull([])(seen)
    for read, expected in ((0.3, 0.0), (-0.5, 0.25), (3.0, 4.0)):

        def reader(estimate: Estimate, mask: Tensor, sigma: Tensor, position_scale: float, read: float = read) -> Tensor:
            return torch.tensor([[read, 99.0]])

        low, high, weight = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]])
        assert float(PropertyEnergy(reader, 1.4, low, high, weight)(estimate, seen)) == pytest.approx(expected)


@dataclass
class Apart:
    """An energy that asks how far the first two atoms are apart along x, or for a channel of the bond between them."""

    wanted: float
    bond: bool = False

    def missed(self, estimate: Estimate) -> Tensor:
        read = estimate.bonds[:, 0, 1, 2] if self.bond else estimate.positions[:, 0, 0] - estimate.positions[:, 1, 0]
        return read - self.wanted

    def __call__(self, estimate: Estimate, noisy: Noisy) -> Tensor:
        return self.missed(estimate).square()

    def wishes(self, noisy: Noisy) -> Tensor:
        return torch.ones(len(noisy.mask))


def steered(state: Noisy, energy: Energy, low: float = 0.0, high: float = 9.0, strength: float = 0.2) -> Noisy:
    """Return where a step takes noisy molecules."""
    moved, _ = Steering(Guided(Pull([]), 1.0), ((energy, low, high),), strength)(state, None, None)
    return moved


@pytest.mark.parametrize(("bond", "slope"), [(False, 2.0), (True, 1.0)])
@pytest.mark.parametrize("wanted", [0.3, 5.0])
def test_a_linear_reading_is_met_as_far_as_it_is_trusted(wanted: float, bond: bool, slope: float) -> None:
    """What stays missed is doubt² / (σ² slope² + doubt²) of it: least squares in noise and reading."""
    sigma, energy = 0.5, Apart(wanted, bond)
    start = noisy(sigma=sigma)
    before = energy.missed(Pull([])(start))
    for strength in (0.1, 1.0, 100.0):
        doubt = DOUBT / strength
        moved = steered(start, energy, strength=strength)
        after = energy.missed(Pull([])(moved))
        torch.testing.assert_close(after, before * doubt**2 / (sigma**2 * slope + doubt**2), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(moved.bonds, moved.bonds.transpose(1, 2))


def test_wishes_met_together_are_one_miss() -> None:
    """Two readings of much the same slope: one step meets most of both."""
    start, first, second = noisy(), Apart(0.4), Apart(-0.7, bond=True)
    energies = ((first, 0.0, 9.0), (second, 0.0, 9.0))
    moved, _ = Steering(Guided(Pull([]), 1.0), energies, 1e3)(start, None, None)
    both = sum(energy(Pull([])(moved), moved) for energy, _, _ in energies)
    before = sum(energy(Pull([])(start), start) for energy, _, _ in energies)
    assert bool((both < 0.5 * before).all())


def test_a_step_goes_downhill_and_fades_where_all_is_met() -> None:
    start, energy = noisy(), Wide(4.0)
    moved = steered(start, energy)
    before, after = (energy(Pull([])(state), state) for state in (start, moved))
    assert bool((after < before).all())
    torch.testing.assert_close(moved.positions, centred(moved.positions, moved.mask))
    torch.testing.assert_close(moved.bonds, moved.bonds.transpose(1, 2))
    content = Wide(float((start.positions[0].square().sum(-1) * start.mask[0]).sum() / 3))
    torch.testing.assert_close(steered(start, content).positions[0], start.positions[0], atol=1e-3, rtol=0)


def test_energies_act_between_their_noise_levels_alone() -> None:
    for sigma, acts in ((0.4, False), (1.0, True), (3.0, False)):
        start = noisy(sigma=sigma)
        assert torch.equal(steered(start, Wide(4.0), 0.5, 2.0).positions, start.positions) != acts


def test_the_estimate_is_guided_with_no_call_twice() -> None:
    """The unconditional estimate that the energy needs serves guidance too, which then doubles the step."""
    inner, start = Pull([]), noisy()
    prompt = Memory(torch.zeros(2, 1, 8), torch.ones(2, 1, dtype=torch.bool), torch.ones(2, dtype=torch.bool))
    for memory, calls in ((prompt, 2), (None, 1)):
        inner.seen.clear()
        moved, estimate = Steering(Guided(inner, 2.0), ((Wide(4.0), 0.0, 9.0),), 0.2)(start, None, memory)
        assert len(inner.seen) == calls
        expected = start.positions + 2 * (moved.positions - start.positions) if memory else start.positions
        torch.testing.assert_close(estimate.positions, expected)


def test_a_step_follows_rotations_and_ignores_batch_mates_and_padding() -> None:
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    start = noisy()
    plain, turned = (steered(state, Wide(4.0)) for state in (start, replace(start, positions=start.positions @ turn)))
    torch.testing.assert_close(plain.positions @ turn, turned.positions, atol=1e-4, rtol=1e-4)
    first = Noisy(start.positions[:1, :3], start.types[:1, :3], start.bonds[:1, :3, :3], start.mask[:1, :3], start.sigma[:1])
    alone = steered(first, Wide(4.0))
    torch.testing.assert_close(alone.positions, plain.positions[:1, :3], atol=1e-5, rtol=1e-5)


def test_excluded_types_are_never_the_most_probable() -> None:
    start = noisy()
    allowed = torch.tensor([[True, True, False, True, False], [True] * 5])
    estimate = Restricted(Pull([]), allowed)(start)
    assert not bool(torch.isin(estimate.types[0].argmax(-1), torch.tensor([2, 4])).any())
    torch.testing.assert_close(estimate.types[1], start.types[1])


def test_a_wish_of_double_weight_counts_twice() -> None:
    """A denoiser linear in its prompt: the weighted wish's part of the estimate doubles, the other's stays."""

    def linear(seen: Noisy, previous: Estimate | None = None, memory: Memory | None = None) -> Estimate:
        shift = torch.zeros(2) if memory is None else memory.tokens[0, 0]
        moved = torch.cat([shift, torch.zeros(1)]).expand_as(seen.positions)
        return Estimate(moved, seen.types, seen.bonds, torch.zeros(*seen.mask.shape, 3))

    def memory(*wishes: float) -> Memory:
        rows = torch.tensor(wishes).view(1, 1, -1).expand(2, 1, -1)
        return Memory(rows, torch.ones(2, 1, dtype=torch.bool), torch.ones(2, dtype=torch.bool))

    both, without_first = memory(1.0, 1.0), memory(0.0, 1.0)
    for guidance in (1.0, 2.0):
        estimate = Guided(linear, guidance, (Emphasis(without_first, 1.0),))(noisy(), None, both)
        assert estimate.positions[0, 0].tolist() == pytest.approx([2 * guidance, guidance, 0.0])
        estimate = Guided(linear, guidance, (Emphasis(without_first, -1.0),))(noisy(), None, both)
        assert estimate.positions[0, 0].tolist() == pytest.approx([0.0, guidance, 0.0])
