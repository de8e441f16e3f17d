"""The start of a process among those that `torchrun` starts: Lightning Fabric joins them and gives each its device."""

import os

from t2d_mol.errors import UsageError


def join(device: str) -> str:
    """Join the processes that train together, if torchrun started more than one; return the device of this one.

    Raises:
        UsageError: if lightning-fabric is not installed.
    """
    size, local = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if size == 1:
        return device
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies import DDPStrategy
    except ImportError:
        raise UsageError("training in several processes needs Lightning Fabric", "pip install 't2d-mol[dist]'") from None
    gpu = device.startswith("cuda")
    strategy = DDPStrategy(process_group_backend="nccl" if gpu else "gloo")
    fabric = Fabric(accelerator="cuda" if gpu else "cpu", devices=local, num_nodes=size // local, strategy=strategy)
    fabric.launch()
    return str(fabric.device)
