"""Planning: what is drawn before any noise, what the encoder is given, and which compositions are possible."""

import pytest

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.errors import InputError
from t2d_mol.generation import Model
from t2d_mol.molecule import Structure
from t2d_mol.planning import Planner
from t2d_mol.prompts import parse_prompt
from t2d_mol.prompts.structure import bounds


@pytest.fixture(scope="module")
def planner(tiny_checkpoint: Checkpoint) -> Planner:
    return Model(tiny_checkpoint).planner


def test_jobs_depend_on_their_place_alone(planner: Planner) -> None:
    prompt = parse_prompt("a dipole between 0.5 and 3 D, no fluorine", planner.checkpoint.statistics)
    job = planner.job(prompt, (2, 3, 11), 7)
    assert job == planner.job(prompt, (2, 3, 11), 7)
    others = [planner.job(prompt, place, seed, attempt=attempt) for place, seed, attempt in
              (((1, 3, 11), 7, 0), ((2, 4, 11), 7, 0), ((2, 3, 11), 8, 0), ((2, 3, 11), 7, 1))]  # fmt: skip
    assert len({job.seed, *(other.seed for other in others)}) == 5


def test_an_encoder_that_misreads_a_prompt_is_given_canonical_words(planner: Planner) -> None:
    """The tiny encoder is untrained and reads nothing right."""
    prompt = parse_prompt("huge dipole!!", planner.checkpoint.statistics)
    assert not planner.understands(prompt)
    assert planner.read_as(prompt, prompt.targets) == "A molecule with a very high dipole moment."
    assert planner.read_as(parse_prompt("one ring", planner.checkpoint.statistics), ()) == ""


def test_the_bundled_encoder_reads_prompts_in_their_own_words() -> None:
    planner = Model.load().planner
    statistics = planner.checkpoint.statistics
    for text in ("a high homo value, a very low heat capacity", "alpha = 75 bohr^3", "gpa of 7 eV pls, lwo dipole"):
        prompt = parse_prompt(text, statistics)
        assert planner.read_as(prompt, prompt.targets) == text
    plain = parse_prompt("dipole of 1.0", statistics)
    assert planner.read_as(plain, plain.targets) == plain.text
    forced = parse_prompt("dipole of 1.0", statistics, values="normalised")
    assert "normalised" in planner.read_as(forced, forced.targets)


def test_bounds_say_which_atoms_a_molecule_may_have() -> None:
    assert bounds(Structure(atoms=(9, 9), rings=(1, 1)), 9) is None
    assert bounds(Structure(elements=(("N", 2, 2), ("F", 0, 0))), 9) == ((0, 9), (0, 9), (2, 2), (0, 9), (0, 0))
    assert bounds(Structure(heavy=(5, 6)), 14) == ((8, 9), (0, 14), (0, 14), (0, 14), (0, 14))
    with pytest.raises(InputError, match="no composition of 4 atoms"):
        bounds(Structure(elements=(("C", 5, None),)), 4)


def test_atom_counts_come_from_molecules_of_the_structure(planner: Planner) -> None:
    statistics = planner.checkpoint.statistics
    prompt = parse_prompt("formula C2H6O", statistics)
    assert {planner.job(prompt, (0, k, k), 0).atoms for k in range(5)} == {9}
    small = parse_prompt("3 heavy atoms", statistics)
    real = planner.joint.structures
    sizes = set(real[real[:, 1:5].sum(1) == 3, :5].sum(1).tolist())
    assert {planner.job(small, (0, k, k), 0).atoms for k in range(20)} <= sizes
