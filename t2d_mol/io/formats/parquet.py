"""Parquet: columns of the records, geometry included; needs the extra `parquet`."""

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO, Final

from t2d_mol.errors import InputError, UsageError
from t2d_mol.io.formats.base import Format, ReadMolecule
from t2d_mol.io.formats.jsonl import from_record
from t2d_mol.io.record import GEOMETRY_KEYS, RECORD_KEYS, Record, flat

GROUP: Final = 10_000
"""Records of a row group: as many as are held in memory."""

_WHOLE: Final = ("row", "index", "seed", "n_atoms", "duplicate_of", "attempts", "repairs", "steps", "candidates")
_REAL: Final = ("guidance", "steer")


def write(records: Iterable[Record], stream: BinaryIO) -> None:
    """Write records as columns; nested values other than the geometry are JSON text.

    Raises:
        UsageError: if pyarrow is not installed.
    """
    arrow, parquet = _pyarrow()
    schema, waiting = _schema(arrow), iter(records)
    with parquet.ParquetWriter(stream, schema, compression="zstd") as file:
        while group := list(islice(waiting, GROUP)):
            file.write_table(arrow.Table.from_pylist([_row(record) for record in group], schema=schema))


def _schema(arrow: Any) -> Any:
    kinds = dict.fromkeys(_WHOLE, arrow.int64()) | dict.fromkeys(_REAL, arrow.float64()) | {"novel": arrow.bool_()}
    columns = [(key, kinds.get(key, arrow.string())) for key in RECORD_KEYS]
    triples = arrow.list_(arrow.list_(arrow.int16()))
    geometry = (arrow.list_(arrow.uint8()), arrow.list_(arrow.list_(arrow.float32())), triples, arrow.list_(arrow.int8()))
    return arrow.schema([*columns, *zip(GEOMETRY_KEYS, geometry, strict=True)])


def _row(record: Record) -> Record:
    kept = {key: None if value == "" and record[key] is None else _text(value) for key, value in flat(record).items()}
    return kept | {key: record.get(key) for key in GEOMETRY_KEYS}


def _text(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def read(content: bytes) -> Iterator[ReadMolecule]:
    """Yield the records of a Parquet file; columns as this program writes them, or a column `smiles`.

    Raises:
        InputError: if it is damaged.
        UsageError: if pyarrow is not installed.
    """
    arrow, parquet = _pyarrow()
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        rows = (row for batch in file.iter_batches(GROUP) for row in batch.to_pylist())
        for number, row in enumerate(rows, 1):
            try:
                yield from_record(number, {key: value for key, value in row.items() if value is not None or key == "smiles"})
            except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
                yield ReadMolecule(number, error=f"{type(error).__name__}: {error}"[:200])
    except (arrow.ArrowException, OSError) as error:
        raise InputError(f"the Parquet file is damaged: {error}") from None


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow", "pip install 't2d-mol[parquet]'") from None
    return pyarrow, parquet


PARQUET = Format(
    "parquet",
    ("parquet", "pq"),
    write,
    read,
    lambda _first, content: isinstance(content, bytes),
    binary=True,
    require=_pyarrow,
)
