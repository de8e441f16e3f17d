"""Processes that train together, each on its rows of every batch; all of it does nothing where there is one."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


def size() -> int:
    """Return how many processes train together."""
    return torch.distributed.get_world_size() if _together() else 1


def rank() -> int:
    """Return the number of this process; 0 writes what all share."""
    return torch.distributed.get_rank() if _together() else 0


def own_rows(count: int) -> slice:
    """Return the rows of a batch of `count` that are this process's; their number differs by one at most.

    Of a batch with fewer rows than there are processes, those beyond them take the first, which `own_share` then leaves out.
    """
    if count < size():
        own = rank() if rank() < count else 0
        return slice(own, own + 1)
    return slice(rank() * count // size(), (rank() + 1) * count // size())


def own_share(values: Tensor, count: int) -> Tensor:
    """Return this process's share of the mean over a batch of `count`, of which `values` are its own rows.

    The mean of the shares over the processes is the mean over the batch, and so are their gradients.
    """
    return values.sum() * (size() / count if rank() < count else 0.0)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their mean over the processes; those that no process has stay None."""
    if size() == 1:
        return
    held: Sequence[nn.Parameter] = list(parameters)
    present = torch.tensor([float(parameter.grad is not None) for parameter in held], device=held[0].device)
    flat = torch.cat(
        [(torch.zeros_like(p) if p.grad is None else p.grad).detach().flatten().float() for p in held] + [present]
    )
    torch.distributed.all_reduce(flat)
    values, found = flat[: -len(held)] / size(), flat[-len(held) :].tolist()
    for parameter, part, count in zip(held, torch.split(values, [p.numel() for p in held]), found, strict=True):
        parameter.grad = part.view_as(parameter).to(parameter.dtype) if count else None


def averaged(value: float | Tensor, device: torch.device | str = "cpu") -> float:
    """Return the mean of a number over the processes."""
    if size() == 1:
        return float(value)
    total = torch.as_tensor(value, dtype=torch.float32).detach().to(device).clone()
    torch.distributed.all_reduce(total)
    return float(total) / size()


def of_first(values: Sequence[float], device: torch.device | str = "cpu") -> list[float]:
    """Return the numbers that the first process has."""
    if size() == 1:
        return list(values)
    told = torch.tensor(values, dtype=torch.float64, device=device)
    torch.distributed.broadcast(told, 0)
    return [float(value) for value in told]


def wait() -> None:
    """Return when all processes have come here."""
    if size() > 1:
        torch.distributed.barrier()


def _together() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
