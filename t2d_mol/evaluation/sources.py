"""Where molecules to be scored come from: a text of any format, a split of the data set, generated records."""

from collections.abc import Iterable, Iterator
from typing import Any

from t2d_mol.chem.graph import foreign_element
from t2d_mol.errors import InputError
from t2d_mol.evaluation.score import Entry
from t2d_mol.io.formats import read_molecules
from t2d_mol.io.formats.base import Content
from t2d_mol.io.record import flat, molecule_of, targets_of
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.splits import Split


def entries_of_content(content: Content) -> Iterator[Entry | str]:
    """Yield an entry for each good record of a text, and for each bad one why it is left out.

    Raises:
        InputError: if the content as a whole cannot be read.
    """
    for record in read_molecules(content):
        error = record.error or foreign_element(record.smiles or "")
        if error:
            yield f"record {record.number} is left out: {error}"
            continue
        try:
            targets = targets_of(record.tags)
        except InputError as error:
            yield f"record {record.number} is scored without targets: {error}"
            targets = ()
        kept = {name: (record.tags or {}).get(name) for name in ("prompt", "candidates", "repairs", "relaxed")}
        columns = {name: str(value) for name, value in flat(kept).items()}
        yield Entry(record.number, record.molecule, record.smiles or "", targets, columns=columns)


def entries_of_split(molecules: Molecules, split: Split) -> Iterator[Entry]:
    """Yield the molecules of a split."""
    for number, index in enumerate(molecules.select(split), 1):
        yield Entry(number, molecules[int(index)])


def entries_of_records(records: Iterable[dict[str, Any]], columns: tuple[str, ...]) -> Iterator[Entry]:
    """Yield generated records, as `io.record.to_record` makes them, keeping some of their columns."""
    for number, record in enumerate(records, 1):
        kept = {name: record[name] for name in columns}
        yield Entry(number, molecule_of(record), "", targets_of(record), record["group"], record["wording"], kept)
