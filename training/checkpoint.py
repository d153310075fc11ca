"""One file that holds all a run needs to continue: weights, momenta, finished epochs and the seed."""
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from network import BranchyNetwork


@dataclass
class TrainingState:
    """What a run changes; `epoch` counts the finished epochs."""

    network: BranchyNetwork
    optimizer: torch.optim.Optimizer
    seed: int
    epoch: int = 0


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Replaces `path` in one step: an interruption leaves the old file or the new one, never a torn one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    torch.save({"package": state.network.architecture.package, "epoch": state.epoch, "seed": state.seed,
                "network": state.network.state_dict(), "optimizer": state.optimizer.state_dict()}, draft)
    os.replace(draft, path)


def load_checkpoint(path: Path, state: TrainingState) -> None:
    """Restores weights, momenta and the number of finished epochs in place."""
    saved = torch.load(path, map_location="cpu")
    expected = (state.network.architecture.package, state.seed)
    if (saved["package"], saved["seed"]) != expected:
        raise ValueError(f"{path} holds {saved['package']} with seed {saved['seed']}, expected {expected}")
    state.network.load_state_dict(saved["network"])
    state.optimizer.load_state_dict(saved["optimizer"])
    state.epoch = saved["epoch"]
