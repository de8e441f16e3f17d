"""The mean of checkpoints, which may have a lower loss than any of them: see that it does.

Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing inference
time (ICML 2022). Only runs that began with the same weights have one
worth taking, and not always.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from t2d_mol.checkpoint import NETWORKS, Checkpoint
from t2d_mol.errors import UsageError


def averaged(checkpoints: Sequence[Checkpoint], base: Checkpoint, networks: Sequence[str] = NETWORKS) -> Checkpoint:
    """Return `base` with the mean of each of `networks` that all the checkpoints hold.

    Raises:
        UsageError: if none is in all of them, or one is of another kind in one of them than in `base`: of other sizes, an
            encoder of other words, a denoiser of other scales.
    """
    weights, shared = dict(base.weights), [name for name in networks if all(name in one.weights for one in checkpoints)]
    if not shared:
        raise UsageError(f"there is none of {', '.join(networks)} in all of the checkpoints")
    for name in shared:
        if any(_kind(one, name) != _kind(base, name) for one in checkpoints):
            raise UsageError(f"the checkpoints' networks called {name} are of different kinds", "their mean means nothing")
        weights[name] = _mean([one.floats(name) for one in checkpoints])
    parts = [_part(one, base) for one in checkpoints]
    return base.replace(weights=weights, provenance=base.provenance | {"average": {"of": parts, "networks": shared}})


def _kind(one: Checkpoint, name: str) -> tuple[Any, ...]:
    """Return what two networks of a name must agree in for their mean to mean anything."""
    scales = one.config.diffusion
    noised = (scales.position_scale, scales.type_scale, scales.bond_scale) if name in ("denoiser", "guide") else ()
    return getattr(one.config, name), one.vocabulary if name == "encoder" else (), noised


def _mean(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the means of floating tensors; others, which are alike, are those of the first."""
    return {
        key: torch.stack([state[key] for state in states]).mean(0) if value.is_floating_point() else value
        for key, value in states[0].items()
    }


def _part(one: Checkpoint, base: Checkpoint) -> dict[str, Any]:
    """Return which weights a checkpoint holds and what is told of it beside what is told of the base."""
    own = {stage: told for stage, told in one.provenance.items() if base.provenance.get(stage) != told}
    return {"digest": one.digest(), **own}
