"""The library's front door: `model = t2d_mol.load()`, `model.sample("a high gap", n=10)`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from t2d_mol.checkpoint import Statistics
from t2d_mol.chem.drawing import draw
from t2d_mol.chem.graph import readable
from t2d_mol.chem.novelty import Novelty
from t2d_mol.config import SamplingConfig
from t2d_mol.errors import UsageError, unknown
from t2d_mol.generation import Model, checked
from t2d_mol.io.formats import format_of
from t2d_mol.io.journal import write_file
from t2d_mol.io.output import check_free
from t2d_mol.io.record import Record, to_record, told
from t2d_mol.molecule import GeneratedMolecule, Prompt
from t2d_mol.planning import check_possible
from t2d_mol.prompts.grammar import Values, parse_prompt

if TYPE_CHECKING:
    from ase import Atoms
    from pandas import DataFrame


def load(checkpoint: str | Path | None = None, *, device: str = "cpu") -> "TextToMolecule":
    """Load a checkpoint, the bundled one by default, onto a device by its torch name.

    Raises:
        MissingError: if there is none or it is damaged.
    """
    return TextToMolecule(Model.load(Path(checkpoint) if checkpoint is not None else None, device=device))


@dataclass(frozen=True)
class TextToMolecule:
    """A loaded model. What a prompt gives depends on (seed, its place, the molecule's number) alone.

    Attributes:
        model: the model behind it.
    """

    model: Model

    def sample(
        self,
        prompts: str | Sequence[str] = "",
        n: int = 8,
        *,
        seed: int = 0,
        only_valid: bool = False,
        values: Values = "auto",
        **sampling: Any,
    ) -> "Samples":
        """Generate n molecules for each prompt; the empty prompt asks for any molecule.

        Args:
            prompts: a sentence or several.
            n: molecules a prompt; with `only_valid` it may come to fewer.
            seed: of every random draw.
            only_valid: whether to go on until n are valid and have the structure asked for.
            values: how bare numbers are read: auto, units or normalised.
            sampling: further fields of `config.SamplingConfig`, such as steps, guidance, steer, candidates;
                weights may be a dictionary.

        Raises:
            InputError: if a prompt contradicts itself or asks for what the model cannot make.
            UsageError: if `sampling` names what there is not, or holds what cannot be sampled with.
        """
        options = asdict(SamplingConfig())
        for name in sorted(set(sampling) - set(options)):
            raise unknown("sampling option", name, options)
        weights = tuple(dict(sampling.pop("weights", ())).items())
        config = checked(SamplingConfig(seed=seed, weights=weights, **sampling))
        rows = [prompts] if isinstance(prompts, str) else list(prompts)
        asked = [(row, self.understand(text, values=values)) for row, text in enumerate(rows)]
        for _, prompt in asked:
            check_possible(prompt.structure, config.atoms)
        make = self.model.sample_valid if only_valid else self.model.sample
        novelty, statistics = Novelty(self.model.checkpoint.smiles_hashes.numpy()), self.model.statistics
        return Samples([Sample(made, statistics, *novelty(made.smiles, made.index)) for made in make(asked, n, config)])

    def understand(self, prompt: str, *, values: Values = "auto") -> Prompt:
        """Return what is understood of a prompt: targets in units, structure, unknown words, warnings.

        Raises:
            InputError: if it contradicts itself.
        """
        return parse_prompt(prompt, self.model.statistics, values=values) if prompt else Prompt("")


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """A generated molecule, for notebooks and scripts.

    Attributes:
        generated: the molecule with its prompt and provenance.
        statistics: of the properties.
        novel: whether the train split does not hold it; None without a SMILES.
        duplicate_of: the number of the first molecule made with it that has the same SMILES, None if it is the first.
    """

    generated: GeneratedMolecule
    statistics: Statistics
    novel: bool | None = None
    duplicate_of: int | None = None

    @property
    def smiles(self) -> str | None:
        """Its SMILES, None where none can be written."""
        return self.generated.smiles

    @property
    def state(self) -> str:
        """`valid`, `invalid` or `disconnected`."""
        return self.generated.state

    @property
    def predicted(self) -> dict[str, float]:
        """Its properties in canonical units, by the network trained on half B."""
        return self.generated.predicted

    @property
    def numbers(self) -> NDArray[np.uint8]:
        """Atomic numbers (n,)."""
        return self.generated.molecule.numbers

    @property
    def positions(self) -> NDArray[np.float32]:
        """Positions (n, 3) in Å."""
        return self.generated.molecule.positions

    @cached_property
    def record(self) -> Record:
        """What every file format tells of it, as plain values."""
        return told(self.whole_record())

    def whole_record(self) -> Record:
        """Return its record with its geometry."""
        own = {"novel": self.novel, "duplicate_of": self.duplicate_of}
        return to_record(self.generated, self.statistics) | own

    @cached_property
    def mol(self) -> Any:
        """RDKit's `Mol` with the generated bonds, charges and positions; sanitised where RDKit can."""
        return readable(self.generated.molecule)

    @cached_property
    def atoms(self) -> "Atoms":
        """ASE's atoms; the record stands in `info`.

        Raises:
            UsageError: if ASE is not installed.
        """
        try:
            from ase import Atoms
        except ImportError:
            raise UsageError("atoms need ASE", "pip install 't2d-mol[physics]'") from None
        return Atoms(self.numbers, self.positions, info=dict(self.record))

    def __repr__(self) -> str:
        return f"Sample({self.smiles or self.generated.reason!r}, {self.state}, {len(self.numbers)} atoms)"

    def _repr_svg_(self) -> str:
        return draw(self.smiles or self.generated.molecule)


class Samples(Sequence[Sample]):
    """Generated molecules, in the order of their prompts."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = list(samples)

    @overload
    def __getitem__(self, place: int) -> Sample: ...

    @overload
    def __getitem__(self, place: slice) -> "Samples": ...

    def __getitem__(self, place: int | slice) -> "Sample | Samples":
        return Samples(self._samples[place]) if isinstance(place, slice) else self._samples[place]

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)

    @property
    def frame(self) -> "DataFrame":
        """A table with a row for each molecule: its record, the predicted properties as columns of their own.

        Raises:
            UsageError: if pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError:
            raise UsageError("a table needs pandas", "pip install pandas") from None
        rows = [sample.record | sample.predicted for sample in self]
        return DataFrame([{key: value for key, value in row.items() if key != "predicted"} for row in rows])

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write them to a file in the format of its suffix.

        Raises:
            UsageError: if there is no such format, or the file exists and `force` is off.
        """
        kind = format_of(path)
        check_free(Path(path), force=force)
        write_file(Path(path), kind, (sample.whole_record() for sample in self))

    def _repr_html_(self) -> str:
        return str(self.frame._repr_html_())
