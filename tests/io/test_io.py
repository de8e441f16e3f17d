"""Formats: what is written is read, by us and by RDKit; what is damaged is reported."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from t2d_mol.checkpoint import Statistics
from t2d_mol.errors import InputError, UsageError
from t2d_mol.io.output import open_output
from t2d_mol.io.readers import PromptRow, detect, holds_prompts, read_molecules, read_prompts, read_text
from t2d_mol.io.record import RECORD_KEYS, targets_of, to_record
from t2d_mol.io.writers import WRITERS, csv_header, writer
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
}


def charged() -> Molecule:
    """Formate and ammonium's neighbour: a zwitterion's pieces show charges in a mol block."""
    numbers = np.array([7, 1, 1, 1, 1, 8], np.uint8)
    bonds = np.zeros((6, 6), np.uint8)
    bonds[0, 1:5] = bonds[1:5, 0] = 1
    return Molecule(numbers, np.arange(18, dtype=np.float32).reshape(6, 3), bonds, np.array([1, 0, 0, 0, 0, -1], np.int8))


def everything(molecules: Molecules) -> list[Molecule]:
    return [*(molecules[index] for index in range(len(molecules))), charged()]


@pytest.mark.parametrize("name", ["sdf", "jsonl", "xyz"])
def test_molecules_come_back_as_they_were(name: str, molecules: Molecules) -> None:
    written = everything(molecules)
    text = "".join(WRITERS[name](molecule, RECORD) for molecule in written)
    assert detect(text) == name
    read = list(read_molecules(text))
    assert len(read) == len(written)
    for record, molecule in zip(read, written, strict=True):
        assert record.error == ""
        assert record.molecule is not None
        assert record.molecule.numbers.tolist() == molecule.numbers.tolist()
        np.testing.assert_allclose(record.molecule.positions, molecule.positions, atol=6e-5)
        if name != "xyz":
            np.testing.assert_array_equal(record.molecule.bonds, molecule.bonds)
            np.testing.assert_array_equal(record.molecule.charges, molecule.charges)


def test_rdkit_reads_our_sdf_with_its_tags(molecules: Molecules, tmp_path: Path) -> None:
    path = tmp_path / "a.sdf"
    path.write_text("".join(writer("sdf")(molecule, RECORD) for molecule in everything(molecules)))
    mols = list(Chem.SDMolSupplier(str(path), removeHs=False))
    assert len(mols) == len(molecules) + 1
    assert all(mol is not None for mol in mols)
    assert set(mols[0].GetPropsAsDict()) == set(RECORD_KEYS) - {key for key, value in RECORD.items() if value == ""} | {
        key for key, value in RECORD.items() if value == "" and mols[0].HasProp(key)
    }
    assert json.loads(mols[0].GetProp("predicted")) == {"mu": 1.4}
    assert "\n" not in mols[0].GetProp("prompt")


def test_csv_has_one_row_a_record() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_header() + WRITERS["csv"](charged(), RECORD))))
    assert tuple(rows[0]) == RECORD_KEYS
    assert rows[0]["prompt"] == RECORD["prompt"]
    assert json.loads(rows[0]["targets"]) == RECORD["targets"]


def test_smi_is_three_columns_with_a_star_for_none() -> None:
    assert WRITERS["smi"](charged(), RECORD) == "CCO\t3\tvalid\n"
    assert WRITERS["smi"](charged(), RECORD | {"smiles": None, "state": "invalid"}) == "*\t3\tinvalid\n"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match="pdb"):
        writer("pdb")


def test_bad_records_among_good_ones_are_numbered(molecules: Molecules) -> None:
    good = [WRITERS["sdf"](molecules[index], RECORD) for index in range(3)]
    text = good[0] + good[1].replace("V2000", "V9000") + good[2]
    read = list(read_molecules(text, "sdf"))
    assert [bool(record.error) for record in read] == [False, True, False]
    lines = [WRITERS["jsonl"](molecules[index], RECORD) for index in range(3)]
    nan = json.dumps(json.loads(lines[1]) | {"positions": [[float("nan")] * 3] * len(molecules[1])}) + "\n"
    for bad in (
        "{broken\n",
        nan,
        '{"numbers": [92], "positions": [[0, 0, 0]]}\n',
        '{"numbers": [], "positions": []}\n',
    ):
        read = list(read_molecules(lines[0] + bad + lines[2]))
        assert [bool(record.error) for record in read] == [False, True, False]
    frames = [WRITERS["xyz"](molecules[index], RECORD) for index in range(2)]
    read = list(read_molecules(frames[0] + "1\nbad\nXx 0 0 0\n" + frames[1]))
    assert [bool(record.error) for record in read] == [False, True, False]
    assert "Xx" in read[1].error
    cut = list(read_molecules(frames[0] + frames[1][:30]))
    assert [bool(record.error) for record in cut] == [False, True]


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe\x00bad", b"\x00\x01binary"])
def test_what_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_text(str(path))
    with pytest.raises(InputError):
        read_text(str(tmp_path))
    with pytest.raises(InputError):
        read_text(str(tmp_path / "none"))


def test_prompts_are_read_from_csv_and_lines(tmp_path: Path) -> None:
    table, lines = tmp_path / "a.csv", tmp_path / "b.txt"
    table.write_text('id,prompt\n1,"a, b"\n2,c\n')
    lines.write_text("first\n\nsecond\n")
    assert read_prompts(str(table)) == [PromptRow("a, b", 2, {"id": "1"}), PromptRow("c", 3, {"id": "2"})]
    assert [(row.text, row.line) for row in read_prompts(str(lines))] == [("first", 1), ("second", 3)]


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
    for name in ("sdf", "xyz", "jsonl"):
        (read,) = read_molecules(writer(name)(molecules[12], record))
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
