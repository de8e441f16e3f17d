"""Wordings the text encoder is never trained on: frames, names and levels that no template writes."""

from random import Random
from typing import Final

from t2d_mol.molecule import Target

FRAMES: Final = (
    "I need one structure whose {name} should be {level}",
    "{level} {name} please",
    "make some molecules having {level} {name}",
    "{name}: {level}",
)
NAMES: Final = {
    "alpha": ("polarisability", "isotropic polarisability"),
    "homo": ("highest occupied molecular orbital energy", "highest occupied molecular orbital"),
    "lumo": ("lowest unoccupied molecular orbital energy", "lowest unoccupied molecular orbital"),
    "gap": ("band gap", "homo-lumo energy gap"),
    "mu": ("dipole moment", "dipole"),
    "cv": ("specific heat", "heat capacity at constant volume"),
}
"""Names no template writes; the dipole moment has no further ones, so only frame and level are new there."""

LEVEL_WORDS: Final = {
    0: ("minimal", "lowest"),
    1: ("lower", "modest"),
    2: ("intermediate", "typical"),
    3: ("elevated", "big"),
    4: ("enormous", "maximal"),
}


def unseen_prompt(target: Target, rng: Random) -> str:
    """Return a sentence for a `level` target in words no template uses."""
    assert target.level is not None
    level, name = rng.choice(LEVEL_WORDS[target.level]), rng.choice(NAMES[target.property])
    return rng.choice(FRAMES).format(level=level, name=name)
