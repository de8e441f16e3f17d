"""Planning: a prompt, its place and a seed become one molecule to make, with all that is drawn for it before any noise."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

import torch

from t2d_mol.checkpoint import Checkpoint
from t2d_mol.diffusion.sampler import molecule_seed
from t2d_mol.encoding import target_tensors
from t2d_mol.molecule import GeneratedMolecule, Molecule, Prompt, Structure, Target
from t2d_mol.nn.text import KINDS, NumberEncoder, TextEncoder
from t2d_mol.prompts.joint import Joint, settle, sizes_of
from t2d_mol.prompts.structure import bounds
from t2d_mol.prompts.templates import mixed_prompt

AGREEMENT: Final = 0.1
"""The encoder has read a number if it is off by less than this, normalised."""


@dataclass(frozen=True)
class Job:
    """One molecule to make.

    Attributes:
        prompt: what it is made for.
        row, k: the prompt's row, and the molecule's number within it.
        index: its running number in the output.
        attempt: how many tries were made before, for wishes that can only be filtered.
        seed: of its noise.
        atoms: its atom count.
        targets: the prompt's, with a value drawn where a range is asked for.
        text: what the encoder reads.
        bounds: least and most atoms of each type; None leaves them free.
        start: the molecule that is to be repaired; None begins with noise. Jobs of a batch are alike in this.
        repairs: which repair of it this is, from 1.
    """

    prompt: Prompt
    row: int
    k: int
    index: int
    attempt: int
    seed: int
    atoms: int
    targets: tuple[Target, ...]
    text: str
    bounds: tuple[tuple[int, int], ...] | None
    start: Molecule | None = None
    repairs: int = 0

    @property
    def shaped(self) -> bool:
        """Whether composition or rings are asked for."""
        return self.bounds is not None or self.prompt.structure.rings is not None

    def repairing(self, made: GeneratedMolecule) -> "Job":
        """Return the job of repairing what was made for this one."""
        number = made.repairs + 1
        return replace(self, seed=molecule_seed(self.seed, self.row, self.k, number), start=made.molecule, repairs=number)

    def limits(self, types: int) -> tuple[list[int], list[int], list[int]]:
        """Return least and most atoms of each type, and least and most rings, with room for all where nothing is asked."""
        bounds = self.bounds or ((0, self.atoms),) * types
        low, high = self.prompt.structure.rings or (0, None)
        return [bound[0] for bound in bounds], [bound[1] for bound in bounds], [low, self.atoms if high is None else high]


@dataclass(eq=False)
class Planner:
    """Plans jobs for one model.

    Attributes:
        checkpoint: the model's.
        encoder: reads the prompts; None in a model without.
    """

    checkpoint: Checkpoint
    encoder: TextEncoder | NumberEncoder | None
    joint: Joint = field(init=False)
    _read: dict[tuple[str, tuple[Target, ...]], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.joint = Joint(self.checkpoint)

    def job(
        self,
        prompt: Prompt,
        place: tuple[int, int, int],
        seed: int,
        *,
        atoms: tuple[int, int] | None = None,
        weights: Mapping[str, float] | None = None,
        attempt: int = 0,
    ) -> Job:
        """Plan molecule k of a row; all that is drawn depends on (seed, row, k, attempt) alone.

        Args:
            prompt: what is asked.
            place: row, k and running number.
            seed: of the whole run.
            atoms: range of atom counts that takes the place of the prompt's.
            weights: of the properties, where they differ from 1.
            attempt: number of the try.

        Raises:
            InputError: if no molecule can be as asked.
        """
        row, k, index = place
        own = molecule_seed(seed, row, k, attempt)
        statistics = self.checkpoint.statistics
        structure = replace(prompt.structure, atoms=atoms) if atoms else prompt.structure
        count, drawn = self.joint.draw(prompt.targets, structure, Random(own), weights)
        targets = tuple(settle(target, statistics, drawn) for target in prompt.targets)
        return Job(
            prompt, row, k, index, attempt, own, count, targets, self.read_as(prompt, targets), bounds(structure, count)
        )

    def read_as(self, prompt: Prompt, targets: tuple[Target, ...]) -> str:
        """Return the sentence the encoder is given: the prompt itself where the encoder reads its targets from it.

        Where it does not, and where a value was drawn inside a range, the targets are put in canonical words. The empty
        sentence, no prompt, stands for no targets.
        """
        if not targets:
            return ""
        if targets == prompt.targets and self.understands(prompt):
            return prompt.text
        return mixed_prompt(targets, self.checkpoint.statistics)

    def understands(self, prompt: Prompt) -> bool:
        """Return whether the text encoder reads the same targets from the prompt's words as the grammar."""
        if not isinstance(self.encoder, TextEncoder):
            return True
        asked = (prompt.text, prompt.targets)
        if asked not in self._read:
            if len(self._read) > 10_000:
                self._read.clear()
            self._read[asked] = all(target.op in ("=", "level") for target in prompt.targets) and reads(
                self.encoder, prompt.text, prompt.targets, self.checkpoint
            )
        return self._read[asked]


def reads(encoder: TextEncoder, text: str, targets: tuple[Target, ...], checkpoint: Checkpoint) -> bool:
    """Return whether an encoder's head recovers exactly these `=` and `level` targets from a sentence."""
    kinds, levels, values = target_tensors([targets], checkpoint.statistics)
    with torch.inference_mode():
        _, read = encoder.encode([text])
    right = read.kinds.argmax(-1).cpu() == kinds
    right &= (kinds != KINDS.index("level")) | (read.levels.argmax(-1).cpu() == levels)
    right &= (kinds != KINDS.index("exact")) | ((read.values.cpu() - values).abs() < AGREEMENT)
    return bool(right.all())


def check_possible(structure: Structure, atoms: tuple[int, int] | None = None) -> None:
    """See that some molecule can have a structure, with another range of atom counts where one is given.

    Raises:
        InputError: if none can.
    """
    sizes_of(replace(structure, atoms=atoms) if atoms else structure)
