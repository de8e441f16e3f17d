"""Imports run one way, and the way to `--help` passes no heavy library."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "t2d_mol"
LAYERS = [
    {"properties", "units", "elements", "errors", "cores"},
    {"molecule", "config", "checkpoint", "judge_checkpoint", "padding", "portion", "denoising"},
    {"targets"},
    {"prompts", "qm9", "nn", "diffusion", "chem"},
    {"text2data", "encoding"},
    {"training"},
    {"planning"},
    {"batching", "conditioning", "choosing"},
    {"generation", "io"},
    {"evaluation", "api"},
    {"pool", "study"},
    {"cli"},
    {"__main__", "__init__"},
]
LAYER_OF = {name: number for number, layer in enumerate(LAYERS) for name in layer}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("t2d_mol"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {a.name for a in node.names if (PACKAGE / a.name).exists()}
    return found


def imported(node: ast.ImportFrom | ast.Import) -> set[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return {name.split(".")[0] for name in names}


def test_every_part_has_a_layer() -> None:
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")}
    assert parts <= set(LAYER_OF)


def test_imports_run_one_way() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        own = part_of(path)
        for other in imports(path) - {own}:
            same = LAYER_OF[other] == LAYER_OF[own] and LAYER_OF[own] > 1
            if LAYER_OF[other] > LAYER_OF[own] or same:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {other}")
    assert not wrong


def test_rdkit_is_imported_in_chem_and_io_only_and_lazily() -> None:
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        allowed = part_of(path) in {"chem", "io"}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import) and "rdkit" in imported(node):
                assert allowed, path
                guarded = "TYPE_CHECKING" in path.read_text()
                assert node not in tree.body or guarded, f"{path} imports rdkit at the top"


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys, contextlib\n"
        "from t2d_mol.cli import app\n"
        "with contextlib.suppress(SystemExit): app(['sample', '--help'])\n"
        "print(sorted({'torch', 'numpy', 'rdkit', 'e3nn'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_training_and_sampling_run_where_rdkit_is_missing(tiny_file: Path, data_file: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "run.py").write_text(
        "import sys, importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'rdkit' else find(name, *a)\n"
        "sys.modules['rdkit'] = None\n"
        "from t2d_mol.cli import app\n"
        "app(sys.argv[1:])\n"
    )

    def run(*arguments: str) -> str:
        command = [sys.executable, str(blocked / "run.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    out = run("sample", "--checkpoint", str(tiny_file), "-n", "2", "--steps", "4", "--format", "smi")
    assert [line.split("\t")[2] for line in out.splitlines()] == ["unjudged", "unjudged"]
    run("pretrain", "--preset", "tiny", "--steps", "2", "--data", str(data_file), "-o", str(tmp_path / "run"), "-q")
    assert (tmp_path / "run" / "last.safetensors").exists()


def test_nothing_is_unpickled_evaluated_or_given_to_a_shell() -> None:
    forbidden = {"eval", "exec", "compile", "load", "loads", "system", "popen"}
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                assert not imported(node) & {"pickle", "cloudpickle", "dill", "marshal", "shelve"}, path
            if isinstance(node, ast.Call):
                function = node.func
                if isinstance(function, ast.Name):
                    assert function.id not in {"eval", "exec", "compile"}, path
                if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                    named = (function.value.id, function.attr)
                    assert named not in {
                        (owner, name) for owner in ("os", "torch", "pickle") for name in forbidden - {"compile"}
                    }
                shell = [word for word in node.keywords if word.arg == "shell"]
                assert not shell, path
