"""Formats: what is written is read, by us and by RDKit; what is damaged is reported."""

import csv
import gzip
import io
import json
import math
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from ase import io as ase_io
from rdkit import Chem

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError, UsageError
from t2d_mol.io.contents import read_content
from t2d_mol.io.formats import FORMATS, detect, format_named, format_of, read_molecules
from t2d_mol.io.journal import Journal, write_file
from t2d_mol.io.output import open_output
from t2d_mol.io.prompts import PromptRow, holds_prompts, read_prompts
from t2d_mol.io.record import RECORD_KEYS, Record, targets_of, to_record, with_geometry
from t2d_mol.molecule import GeneratedMolecule, Molecule, Prompt, Target
from t2d_mol.qm9.dataset import Molecules

RECORD = dict.fromkeys(RECORD_KEYS, "") | {
    "prompt": 'odd "text", with = {braces}\nand <tags> \\ Ångström',
    "row": 0,
    "index": 3,
    "smiles": "CCO",
    "state": "valid",
    "targets": [{"property": "mu", "op": "=", "value": 1.5}],
    "predicted": {"mu": 1.4},
    "novel": True,
    "duplicate_of": None,
    "attempts": 1,
    "repairs": 0,
    "seed": 0,
    "n_atoms": 6,
    "steps": 50,
    "guidance": 1.5,
    "steer": 1.0,
    "candidates": 1,
}


def written(name: str, molecules: Iterable[Molecule], record: Record = RECORD) -> bytes:
    """What a format makes of molecules that share a record."""
    stream = io.BytesIO()
    format_named(name).write((with_geometry(record, molecule) for molecule in molecules), stream)
    return stream.getvalue()


def text(name: str, *molecules: Molecule, **changes: Any) -> str:
    return written(name, molecules, RECORD | changes).decode()


def charged() -> Molecule:
    """Formate and ammonium's neighbour: a zwitterion's pieces show charges in a mol block."""
    numbers = np.array([7, 1, 1, 1, 1, 8], np.uint8)
    bonds = np.zeros((6, 6), np.uint8)
    bonds[0, 1:5] = bonds[1:5, 0] = 1
    return Molecule(numbers, np.arange(18, dtype=np.float32).reshape(6, 3), bonds, np.array([1, 0, 0, 0, 0, -1], np.int8))


def everything(molecules: Molecules) -> list[Molecule]:
    return [*(molecules[index] for index in range(len(molecules))), charged()]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["sdf", "sdf-v3000", "jsonl", "xyz", "parquet"])
def test_molecules_come_back_as_they_were(name: str, packed: bool, molecules: Molecules, tmp_path: Path) -> None:
    given, path = everything(molecules), tmp_path / ("a.gz" if packed else "a")
    write_file(path, format_named(name), (with_geometry(RECORD, molecule) for molecule in given))
    content = read_content(str(path))
    assert detect(content).name == name.removesuffix("-v3000")
    read = list(read_molecules(content))
    assert len(read) == len(given)
    for record, molecule in zip(read, given, strict=True):
        assert record.error == ""
        assert record.molecule is not None
        assert record.molecule.numbers.tolist() == molecule.numbers.tolist()
        np.testing.assert_allclose(record.molecule.positions, molecule.positions, atol=6e-5)
        if name != "xyz":
            np.testing.assert_array_equal(record.molecule.bonds, molecule.bonds)
            np.testing.assert_array_equal(record.molecule.charges, molecule.charges)


@pytest.mark.parametrize("name", ["sdf", "sdf-v3000"])
def test_rdkit_reads_our_sdf_with_its_tags(name: str, molecules: Molecules, tmp_path: Path) -> None:
    path = tmp_path / "a.sdf"
    path.write_bytes(written(name, everything(molecules)))
    mols = list(Chem.SDMolSupplier(str(path), removeHs=False))
    assert len(mols) == len(molecules) + 1
    assert all(mol is not None for mol in mols)
    assert Chem.GetFormalCharge(mols[-1]) == 0
    assert [atom.GetFormalCharge() for atom in mols[-1].GetAtoms()] == [1, 0, 0, 0, 0, -1]
    filled = {key for key, value in RECORD.items() if value not in ("", None)}
    assert filled <= set(mols[0].GetPropsAsDict())
    assert json.loads(mols[0].GetProp("predicted")) == {"mu": 1.4}
    assert "\n" not in mols[0].GetProp("prompt")


def test_ase_reads_our_xyz_with_its_keys(molecules: Molecules, tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    path.write_bytes(written("xyz", everything(molecules)))
    frames = ase_io.read(path, ":", format="extxyz")
    assert len(frames) == len(molecules) + 1
    for frame, molecule in zip(frames, everything(molecules), strict=True):
        assert frame.numbers.tolist() == molecule.numbers.tolist()
        np.testing.assert_allclose(frame.positions, molecule.positions, atol=2e-5)
        assert frame.info["prompt"] == " ".join(RECORD["prompt"].splitlines())
        assert (frame.info["smiles"], frame.info["index"], frame.info["guidance"]) == ("CCO", 3, 1.5)
        targets = frame.info["targets"]
        assert (json.loads(targets) if isinstance(targets, str) else targets) == RECORD["targets"]


def test_pandas_reads_our_csv_jsonl_and_parquet(molecules: Molecules, tmp_path: Path) -> None:
    readers = {"csv": pandas.read_csv, "jsonl": partial(pandas.read_json, lines=True), "parquet": pandas.read_parquet}
    for name, read in readers.items():
        path = tmp_path / f"a.{name}"
        path.write_bytes(written(name, everything(molecules)))
        frame = read(path)
        assert set(RECORD_KEYS) <= set(frame.columns), name
        assert len(frame) == len(molecules) + 1
        assert list(frame["smiles"].unique()) == ["CCO"]
        assert bool(frame["novel"].all())
        assert frame["duplicate_of"].isna().all()
    assert frame["positions"][0].shape == (len(molecules[0]),)


def test_csv_has_one_line_a_record() -> None:
    lines = text("csv", charged())
    assert len(lines.splitlines()) == 2
    (row,) = csv.DictReader(io.StringIO(lines))
    assert tuple(row) == RECORD_KEYS
    assert row["prompt"] == " ".join(RECORD["prompt"].splitlines())
    assert json.loads(row["targets"]) == RECORD["targets"]


def test_smi_is_three_columns_with_a_star_for_none() -> None:
    assert text("smi", charged()) == "CCO\t3\tvalid\n"
    assert text("smi", charged(), smiles=None, state="invalid") == "*\t3\tinvalid\n"


def test_formats_are_known_by_name_and_suffix() -> None:
    with pytest.raises(UsageError, match="pdb"):
        format_named("pdb")
    with pytest.raises(UsageError, match="pdb"):
        format_of("a.pdb")
    assert format_of("a").name == "sdf"
    assert format_of("b.c/a.XYZ.gz").name == "xyz"
    suffixes = [suffix for item in FORMATS.values() for suffix in item.suffixes]
    assert len(suffixes) == len(set(suffixes))
    with pytest.raises(UsageError, match="only be written"):
        list(read_molecules("x", format_named("png")))


def test_a_damaged_parquet_or_gzip_is_bad_input(molecules: Molecules, tmp_path: Path) -> None:
    whole = written("parquet", everything(molecules))
    with pytest.raises(InputError, match="damaged"):
        list(read_molecules(whole[:-40]))
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(whole)[:-20])
    with pytest.raises(InputError, match="damaged"):
        read_content(str(packed))


def test_a_gallery_holds_prompts_as_text(molecules: Molecules) -> None:
    hostile = "<script>alert(1)</script>$$ ${title}"
    page = text("html", molecules[3], prompt=hostile, reason="</li><b>", smiles=None, state="invalid")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;$$ ${title}" in page
    assert "</li><b>" not in page


def test_bad_records_among_good_ones_are_numbered(molecules: Molecules) -> None:
    good = [text("sdf", molecules[index]) for index in range(3)]
    read = list(read_molecules(good[0] + good[1].replace("V2000", "V9000") + good[2]))
    assert [bool(record.error) for record in read] == [False, True, False]
    lines = [text("jsonl", molecules[index]) for index in range(3)]
    damages = (
        {"bonds": [[0, 1, 1.5]]},
        {"bonds": [[0, 1, 4]]},
        {"bonds": [[0, 0, 1]]},
        {"bonds": [[0, -1, 1]]},
        {"bonds": [[0, 99, 1]]},
        {"charges": [0]},
    )
    nan = json.dumps(json.loads(lines[1]) | {"positions": [[float("nan")] * 3] * len(molecules[1])}) + "\n"
    for bad in (
        "{broken\n",
        nan,
        '{"numbers": [92], "positions": [[0, 0, 0]]}\n',
        '{"numbers": [], "positions": []}\n',
        *(json.dumps(json.loads(lines[1]) | changed) + "\n" for changed in damages),
    ):
        read = list(read_molecules(lines[0] + bad + lines[2]))
        assert [bool(record.error) for record in read] == [False, True, False]
    frames = [text("xyz", molecules[index]) for index in range(2)]
    read = list(read_molecules(frames[0] + "1\nbad\nXx 0 0 0\n" + frames[1]))
    assert [bool(record.error) for record in read] == [False, True, False]
    assert "Xx" in read[1].error
    cut = list(read_molecules(frames[0] + frames[1][:30]))
    assert [bool(record.error) for record in cut] == [False, True]


def test_behind_a_damaged_frame_the_whole_ones_are_read(molecules: Molecules) -> None:
    frames = [text("xyz", molecules[index]) for index in range(4)]
    short = "\n".join(frames[1].split("\n")[:-2]) + "\n"
    for damaged in (short, "a line too many\n", frames[1] + "another\nand one more\n"):
        read = list(read_molecules(frames[0] + damaged + frames[2] + frames[3]))
        good = [record.molecule for record in read if record.molecule is not None]
        assert sum(bool(record.error) for record in read) == 1
        wanted = [0, 1, 2, 3] if frames[1] in damaged else [0, 2, 3]
        assert [len(molecule) for molecule in good] == [len(molecules[index]) for index in wanted]


def test_columns_of_extended_xyz_are_those_it_declares() -> None:
    forces = "2\nProperties=species:S:1:forces:R:3:pos:R:3 a=1\nF 9 9 9 0 0 0\nH 9 9 9 0 0 0.9\n"
    (read,) = read_molecules(forces)
    assert read.molecule is not None
    assert read.molecule.positions.tolist() == [[0, 0, 0], [0, 0, pytest.approx(0.9)]]
    (refused,) = read_molecules(forces.replace("pos:", "place:"))
    assert "species and pos" in refused.error


def test_names_and_headers_of_smiles_are_no_csv_and_no_molecules() -> None:
    read = list(read_molecules("CC(O)CO 1,2-propanediol\nCCO ethanol\n"))
    assert [record.smiles for record in read] == ["CC(O)CO", "CCO"]
    assert [record.smiles for record in read_molecules("SMILES Name\nCCO ethanol\n")] == ["CCO"]
    with pytest.raises(InputError, match="no column smiles"):
        list(read_molecules("id,name\n1,ethanol\n"))


def test_a_row_that_is_cut_short_is_no_molecule() -> None:
    read = list(read_molecules("index,smiles,state\n0,CCO,valid\n1,CC"))
    assert [(record.smiles, record.error) for record in read] == [("CCO", ""), (None, "the row is cut short")]


@pytest.mark.parametrize(
    "numbers", [{"op": "=", "value": math.nan}, {"op": "<", "value": math.inf}, {"op": "between", "low": 8, "high": 6}]
)
def test_targets_that_nothing_can_meet_are_none(numbers: dict[str, object]) -> None:
    with pytest.raises(InputError, match="targets"):
        targets_of({"targets": [{"property": "gap", "unit": "eV"} | numbers]})


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe\x00bad", b"\x00\x01binary"])
def test_what_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_content(str(path))
    with pytest.raises(InputError):
        read_content(str(tmp_path))
    with pytest.raises(InputError):
        read_content(str(tmp_path / "none"))


def test_prompts_are_read_from_csv_and_lines(tmp_path: Path) -> None:
    table, lines = tmp_path / "a.csv", tmp_path / "b.txt"
    table.write_text('id,prompt\n1,"a, b"\n2,c\n')
    lines.write_text("first\n\nsecond\n")
    assert list(read_prompts(str(table))) == [PromptRow("a, b", 2, {"id": "1"}), PromptRow("c", 3, {"id": "2"})]
    assert [(row.text, row.line) for row in read_prompts(str(lines))] == [("first", 1), ("second", 3)]
    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    assert list(read_prompts(str(packed))) == list(read_prompts(str(table)))
    for content in (b"", b"\n\n", b"prompt\n"):
        lines.write_bytes(content)
        with pytest.raises(InputError, match="no prompt"):
            list(read_prompts(str(lines)))


@pytest.mark.parametrize(
    ("header", "text"), [("Prompt,note", "high gap"), ("Prompt,prompt", "foo"), (" prompt ,x", "high gap")]
)
def test_the_column_of_prompts_is_found(tmp_path: Path, header: str, text: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f"{header}\nhigh gap,foo\n")
    assert [row.text for row in read_prompts(str(path))] == [text]


def test_prompts_are_read_as_they_are_needed(tmp_path: Path) -> None:
    long = tmp_path / "long.csv"
    long.write_bytes(b"prompt\nfirst\n\xff\xff\n")
    rows = read_prompts(str(long))
    assert next(rows).text == "first"
    with pytest.raises(InputError, match="line 3"):
        next(rows)


@pytest.mark.parametrize(
    ("header", "prompts"),
    [
        ("prompt", True),
        ("id,prompt", True),
        ('"prompt",id', True),
        ("prompt,smiles", False),
        ("smiles", False),
        ("id", False),
    ],
)
def test_a_table_of_prompts_is_known_by_its_columns(header: str, prompts: bool) -> None:
    assert holds_prompts(f"{header}\nx,y\n") is prompts


def test_targets_survive_every_format_that_carries_them(molecules: Molecules, qm9_statistics: Statistics) -> None:
    targets = (
        Target("alpha", "=", value=75.5, unit="Bohr^3"),
        Target("gap", "between", low=6.0, high=7.5, unit="eV"),
        Target("mu", "level", level=3, unit="D"),
        Target("cv", "<", value=30.0, unit="cal/mol/K"),
    )
    generated = GeneratedMolecule(molecules[12], Prompt('a "quoted" \\ prompt', targets), 0, 0, 0)
    record = to_record(generated, qm9_statistics)
    for name in ("sdf", "sdf-v3000", "xyz", "jsonl", "parquet"):
        stream = io.BytesIO()
        format_named(name).write([record], stream)
        (read,) = read_molecules(stream.getvalue() if name == "parquet" else stream.getvalue().decode())
        assert targets_of(read.tags) == targets, name
    assert targets_of({}) == targets_of(None) == ()
    with pytest.raises(InputError, match="targets"):
        targets_of({"targets": '[{"property": "colour"}]'})


def test_files_are_whole_or_parts_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.smi"
    with open_output(str(path)) as stream:
        stream.write("x\n")
        assert not path.exists()
    assert path.read_text() == "x\n"
    with pytest.raises(UsageError, match="exists"), open_output(str(path)):
        pass
    with pytest.raises(RuntimeError), open_output(str(path), force=True) as stream:
        stream.write("finished\n")
        stream.flush()
        raise RuntimeError
    assert path.read_text() == "x\n"
    assert path.with_name("a.smi.part").read_text() == "finished\n"


def test_a_journal_is_gone_on_with_wherever_it_was_cut_off(molecules: Molecules, tmp_path: Path) -> None:
    records = [with_geometry(RECORD | {"index": number}, molecules[number]) for number in range(5)]
    target, part = tmp_path / "a.xyz", tmp_path / "a.xyz.part"
    with Journal(target, {"seed": 0}) as journal:
        for record in records[:3]:
            journal.append(record)
    whole = part.read_bytes()
    for cut in (len(whole), len(whole) - 1, len(whole) - 300, 5, 0):
        part.write_bytes(whole[:cut])
        (tmp_path / "a.xyz.part.json").write_text('{"seed": 0}')
        with Journal(target, {"seed": 0}, resume=True, force=True) as journal:
            done = list(journal)
            assert done == records[: whole[:cut].count(b"\n")]
            for record in records[len(done) :]:
                journal.append(record)
            journal.finish(format_named("xyz"))
        assert target.read_bytes() == b"".join(map(text_of, records))
        assert list(tmp_path.iterdir()) == [target]


def text_of(record: Record) -> bytes:
    stream = io.BytesIO()
    format_named("xyz").write([record], stream)
    return stream.getvalue()


def test_a_journal_is_not_overwritten_nor_mixed(molecules: Molecules, tmp_path: Path) -> None:
    target = tmp_path / "a.sdf"
    with Journal(target, {"seed": 0}) as journal:
        journal.append(with_geometry(RECORD, molecules[0]))
    with pytest.raises(UsageError, match="interrupted"):
        Journal(target, {"seed": 0})
    with pytest.raises(UsageError, match="seed"):
        Journal(target, {"seed": 1}, resume=True)
    with Journal(target, {"seed": 1}, force=True) as journal:
        assert list(journal) == []
    target.write_text("finished")
    with pytest.raises(UsageError, match="exists"):
        Journal(target, {"seed": 1}, resume=True)


def test_a_prompt_cannot_end_a_record(molecules: Molecules) -> None:
    for prompt in ("$$$$", "> <state>", "low gap $$$$", "V2000"):
        for name in ("sdf", "sdf-v3000", "jsonl", "xyz"):
            content = text(name, molecules[3], molecules[4], prompt=prompt)
            assert detect(content).name == name.removesuffix("-v3000")
            read = list(read_molecules(content))
            assert [record.error for record in read] == ["", ""], (name, prompt)
            assert read[1].tags is not None
            assert read[1].tags["prompt"].strip() == prompt


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (f"{'9' * 4000}\nx\nH 0 0 0\n", 3),
        ('{"a": ' + "[" * 100_000, 1),
        ('{"numbers": [' + "1, " * 5000 + '1], "positions": [], "bonds": []}', 1),
    ],
)
def test_odd_contents_are_bad_records_and_no_crash(content: str, records: int) -> None:
    assert len(list(read_molecules(content))) == records


@pytest.mark.parametrize("content", ["²\nx\nH 0 0 0\n", "a high gap\nlow homo, no nitrogen\n"])
def test_lines_that_are_no_smiles_at_all_are_bad_input(content: str) -> None:
    with pytest.raises(InputError, match="SMILES"):
        list(read_molecules(content))


@pytest.mark.parametrize(
    "content", ["*\t0\tinvalid\n", "C1CC\nC(C)(C)(C)(C)C\n", "[NH4+].[Cl-] salt\nF/C=C\\F\n", "a gap\nCCO\n", ""]
)
def test_wrong_smiles_are_records(content: str) -> None:
    assert len(list(read_molecules(content))) == len(content.splitlines())


def test_a_cell_that_is_too_large_is_bad_input() -> None:
    with pytest.raises(InputError, match="no CSV"):
        list(read_molecules(f"smiles,x\nCC,{'x' * 200_000}\n"))
    with pytest.raises(InputError, match="no CSV"):
        list(read_molecules("smiles,x\nCC,1\nCCO\r,2\n"))


def test_undecodable_arguments_are_written(molecules: Molecules, tmp_path: Path) -> None:
    record = with_geometry(RECORD | {"prompt": "low gap \udcff"}, molecules[0])
    for name in ("jsonl", "sdf", "parquet"):
        with Journal(tmp_path / f"a.{name}", {}) as journal:
            journal.append(record)
            assert list(journal) == [record]
            journal.finish(format_named(name))
        (read,) = read_molecules(read_content(str(tmp_path / f"a.{name}")))
        assert not read.error


def test_a_packed_picture_or_table_of_columns_is_refused() -> None:
    for name in ("a.parquet.gz", "a.png.gz", "a.html.gz"):
        with pytest.raises(UsageError, match="not packed"):
            format_of(name)
