"""What tests share: the self-computed fixture as a data set, a tiny checkpoint, where the real archive lies."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from t2d_mol.checkpoint import Checkpoint, Statistics
from t2d_mol.chem.annotation import annotate
from t2d_mol.config import PRESETS, ModelConfig
from t2d_mol.encoding import text_encoder
from t2d_mol.evaluation.calibration import finished
from t2d_mol.judge_checkpoint import JudgeCheckpoint
from t2d_mol.nn.denoiser import EquivariantDenoiser
from t2d_mol.nn.judge_network import JudgeNetwork
from t2d_mol.nn.property_network import PropertyNetwork
from t2d_mol.prompts.senses import vocabulary
from t2d_mol.qm9.archive import prepare
from t2d_mol.qm9.dataset import Molecules
from t2d_mol.training.pretrain import blank_checkpoint, statistics_of

TOP = Path(__file__).parents[1]
FIXTURE = TOP / "data" / "fixture"
torch.set_num_threads(1)
os.environ.setdefault("T2D_MOL_THREADS", "1")  # of the commands that tests start, several at a time


@pytest.fixture(scope="session")
def real_archive() -> Path:
    """The real archive, by T2D_MOL_QM9 (a folder or file) or beside the repository."""
    place = Path(os.environ.get("T2D_MOL_QM9", TOP.parent / "shared" / "qm9"))
    archive = place / "dsgdb9nsd.xyz.tar.bz2" if place.is_dir() else place
    if not archive.exists():
        pytest.skip("the real QM9 archive is not on this machine (set T2D_MOL_QM9)")
    return archive


@pytest.fixture(scope="session")
def molecules() -> Molecules:
    return prepare(FIXTURE / "fixture.xyz.tar.bz2", FIXTURE / "uncharacterized.txt", annotate)


@pytest.fixture(scope="session")
def data_file(molecules: Molecules, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "fixture.safetensors"
    molecules.save(path)
    return path


@pytest.fixture(scope="session")
def qm9_statistics() -> Statistics:
    """QM9's statistics, those of the bundled checkpoint."""
    from t2d_mol.generation import BUNDLED

    return Checkpoint.load(BUNDLED).statistics


@pytest.fixture(scope="session")
def tiny() -> ModelConfig:
    return PRESETS["tiny"]


@pytest.fixture(scope="session")
def tiny_checkpoint(molecules: Molecules, tiny: ModelConfig) -> Checkpoint:
    """An untrained tiny model over the fixture, with every network."""
    torch.manual_seed(0)
    base = blank_checkpoint(molecules, tiny)
    words = vocabulary()
    networks = {
        "denoiser": EquivariantDenoiser(tiny.denoiser, tiny.diffusion),
        "encoder": text_encoder(tiny.encoder, words, base.statistics),
        "predictor": PropertyNetwork(tiny.predictor),
    }
    values = molecules.properties()
    statistics = statistics_of(values)
    normalised = (values - np.array(statistics.mean)) / np.array(statistics.mad)
    joint = torch.from_numpy(np.concatenate([molecules.sizes()[:, None], normalised], 1)).float()
    weights = {name: network.state_dict() for name, network in networks.items()}
    structures = torch.from_numpy(molecules.structures())
    known = {"joint": joint, "structures": structures, "statistics": statistics}
    return base.replace(weights=weights, vocabulary=words, **known)


@pytest.fixture(scope="session")
def tiny_judge(molecules: Molecules, tiny: ModelConfig) -> JudgeCheckpoint:
    """An untrained judge, calibrated and measured on the fixture."""
    torch.manual_seed(0)
    statistics = statistics_of(molecules.properties())
    return finished(JudgeCheckpoint(tiny.predictor, statistics, JudgeNetwork(tiny.predictor).state_dict()), molecules)


@pytest.fixture(scope="session")
def judge_file(tiny_judge: JudgeCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    tiny_judge.save(path)
    return path


@pytest.fixture(scope="session")
def tiny_file(tiny_checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    tiny_checkpoint.save(path)
    return path
