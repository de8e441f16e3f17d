"""Text to 3D molecules: an equivariant diffusion model on QM9 that reads prompts about molecular properties.

`t2d_mol.load()` returns a model that samples; heavy libraries are imported when it is called.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t2d_mol.api import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("t2d_mol.api").load
