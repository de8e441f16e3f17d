"""Records, archive, splits, arrays and batches."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from t2d_mol.chem.annotation import annotate
from t2d_mol.errors import MissingError
from t2d_mol.properties import KEYS
from t2d_mol.qm9.archive import prepare, read_archive
from t2d_mol.qm9.batches import BUCKETS, BatchStream, buckets
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.qm9.records import parse_record
from t2d_mol.qm9.splits import Half, Split, assign_splits

FIXTURE = Path(__file__).parents[2] / "data" / "fixture"
ARCHIVE, LIST = FIXTURE / "fixture.xyz.tar.bz2", FIXTURE / "uncharacterized.txt"
HYDROGEN_FLUORIDE = (
    "2\ngdb 7\t1\t2\t3\t1.8\t5.5\t-0.4\t0.1\t0.5\t9\t0.01\t-1\t-1\t-1\t-1\t5.0\n"
    "H\t0\t0\t1.2*^-6\t0.3\nF\t0\t0\t0.92\t-0.3\n4000\nF\tF\nInChI=\tInChI=\n"
)


def test_a_record_is_read_with_its_odd_numbers() -> None:
    record = parse_record(HYDROGEN_FLUORIDE, "x")
    assert record.id == 7
    assert record.numbers.tolist() == [1, 9]
    assert record.positions[0, 2] == np.float32(1.2e-6)
    assert record.properties[14] == 5.0


@pytest.mark.parametrize(
    ("old", "new"),
    [("gdb 7", "xyz 7"), ("F\t0", "Cl\t0"), ("0.92", "nan"), ("\t5.0", ""), ("2\ngdb", "3\ngdb"), ("2\ngdb", "-\ngdb")],
)
def test_a_malformed_record_is_named(old: str, new: str) -> None:
    with pytest.raises(MissingError, match="record_x"):
        parse_record(HYDROGEN_FLUORIDE.replace(old, new, 1), "record_x")


def test_the_published_split_is_reproduced() -> None:
    split, half = assign_splits(130_831)
    assert np.bincount(split).tolist() == [100_000, 17_748, 13_083]
    assert np.bincount(half).tolist() == [30_831, 50_000, 50_000]
    order = np.random.RandomState(0).permutation(130_831)
    assert (split[order[-13_083:]] == Split.TEST).all()
    train = np.sort(order[:100_000])
    assert (half[train[np.random.RandomState(42).permutation(100_000)[:50_000]]] == Half.A).all()


def test_the_fixture_becomes_arrays_and_back(molecules: Molecules, data_file: Path) -> None:
    loaded = Molecules.load(data_file)
    records = [parse_record(text, name) for name, text in read_archive(ARCHIVE)]
    kept = [record for record in records if record.id != 3]
    assert len(loaded) == len(kept) == len(records) - 1
    for index, record in enumerate(kept):
        molecule = loaded[index]
        assert molecule.numbers.tolist() == record.numbers.tolist()
        np.testing.assert_array_equal(molecule.positions, record.positions)
        bonds, charges, *_ = annotate(record.numbers, record.positions)
        np.testing.assert_array_equal(molecule.bonds, bonds)
        np.testing.assert_array_equal(molecule.charges, charges)
    gap = loaded.properties()[:, KEYS.index("gap")]
    assert gap == pytest.approx([27.211386 * record.properties[7] for record in kept])


def test_the_training_part_keeps_the_train_split(molecules: Molecules) -> None:
    part = molecules.training_part()
    indices = molecules.select(Split.TRAIN)
    assert part.arrays.positions.dtype == np.int16
    assert len(part) == len(indices)
    for row, index in enumerate(indices):
        positions = molecules[int(index)].positions
        np.testing.assert_allclose(part[row].positions, positions - positions.mean(0), atol=1 / 4000 + 1e-6)
        np.testing.assert_array_equal(part[row].bonds, molecules[int(index)].bonds)
    np.testing.assert_allclose(part.properties(), molecules.properties()[indices], rtol=1e-6)
    far = replace(molecules, arrays=replace(molecules.arrays, positions=molecules.arrays.positions + np.float32(40)))
    np.testing.assert_allclose(far.training_part().positions(), part.positions(), atol=1 / 2000 + 1e-5)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar.bz2"
    broken.write_bytes(ARCHIVE.read_bytes()[:-2000])
    with pytest.raises(MissingError, match="broken"):
        prepare(broken, LIST, annotate)


def test_a_malformed_record_in_an_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.tar.bz2"
    with tarfile.open(path, "w:bz2") as archive:
        for name, text in (("good_1.xyz", HYDROGEN_FLUORIDE), ("bad_2.xyz", HYDROGEN_FLUORIDE[:60])):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    with pytest.raises(MissingError, match=r"bad_2\.xyz"):
        prepare(path, LIST, annotate)


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="uncharacterised"):
        prepare(ARCHIVE, tmp_path / "none.txt", annotate)
    empty = tmp_path / "empty.txt"
    empty.write_text("nothing\n")
    with pytest.raises(MissingError, match="names none"):
        prepare(ARCHIVE, empty, annotate)


def test_a_damaged_data_set_is_refused(data_file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(data_file.read_bytes()[:-100])
    for path in (broken, tmp_path / "none.safetensors"):
        with pytest.raises(MissingError):
            Molecules.load(path)


def test_batches_hold_every_molecule_and_depend_on_the_step_alone(molecules: Molecules) -> None:
    contents = buckets(molecules, np.arange(len(molecules)))
    assert sorted(index for bucket in contents for index in bucket.indices.tolist()) == list(range(len(molecules)))
    stream, other = BatchStream(contents, 4, seed=1), BatchStream(contents, 4, seed=1)
    for step in (0, 5, 3 * stream.steps_per_epoch + 1):
        first, indices = stream(step)
        second, again = other(step)
        assert indices.tolist() == again.tolist()
        assert torch.equal(first.positions, second.positions)
        assert first.mask.shape[1] in BUCKETS
        for row, index in enumerate(indices):
            size = len(molecules[int(index)])
            assert int(first.mask[row].sum()) == size
            np.testing.assert_array_equal(first.bonds[row, :size, :size], molecules[int(index)].bonds)
            assert not first.bonds[row, size:].any()


@pytest.mark.slow
def test_the_real_archive_is_read_whole(real_archive: Path, tmp_path: Path) -> None:
    molecules = prepare(real_archive, real_archive.parent / "uncharacterized.txt", annotate)
    assert len(molecules) == 130_831
    assert np.bincount(molecules.split).tolist() == [100_000, 17_748, 13_083]
    molecules.save(tmp_path / "qm9.safetensors")
    assert (tmp_path / "qm9.safetensors").stat().st_size < 60e6
    molecules.training_part().save(tmp_path / "train.safetensors")
    assert (tmp_path / "train.safetensors").stat().st_size < 25e6
    methane = molecules.properties()[0]
    assert methane == pytest.approx([13.21, -0.3877 * 27.211386, 0.1171 * 27.211386, 0.5048 * 27.211386, 0, 6.469])


def test_the_first_records_of_the_real_archive_are_read(real_archive: Path) -> None:
    records = []
    for name, text in read_archive(real_archive):
        records.append(parse_record(text, name))
        if len(records) == 200:
            break
    assert [record.id for record in records] == list(range(1, 201))
    assert records[0].properties[[3, 4, 5, 6, 7, 14]].tolist() == [0, 13.21, -0.3877, 0.1171, 0.5048, 6.469]
