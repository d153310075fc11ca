#!/usr/bin/env python3
"""Trains a five-exit AlexNet on CIFAR-10 by the joint loss of BranchyNet and exports it as a model package.

    python3 training/train.py --data ../shared/data/cifar10 --package branchy-alexnet-32
"""
import argparse
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from architecture import ARCHITECTURES
from checkpoint import TrainingState, load_checkpoint, save_checkpoint
from cifar10 import Images, augment, enlarge, normalise, read_split
from export import DEFAULT_SEED, torch_version, untrained_network, write_package
from network import BranchyNetwork
from warm_start import warm_start

# Weights of the exits in the joint loss (BranchyNet, section 3.2). The trunk belongs to the deep exits: with equal
# weights it is shaped for exits 1 and 2 and the last three saturate at the same accuracy.
EXIT_WEIGHTS = (0.2, 0.25, 0.4, 0.6, 1.0)

LABEL_SMOOTHING = 0.1
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
WARM_UP = 0.2  # share of all steps in which the learning rate rises
EVALUATION_BATCH = 500


def learning_rate(step: int, steps: int, peak: float) -> float:
    """One cycle: linear from peak / 25 to `peak`, then half a cosine down to 0 at the last step."""
    rise = max(1, int(steps * WARM_UP))
    if step < rise:
        return peak * (1 + 24 * step / rise) / 25
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def joint_loss(logits: list[Tensor], labels: Tensor) -> Tensor:
    """Weighted sum over the exits of the cross-entropy."""
    losses = [F.cross_entropy(exit_logits, labels, label_smoothing=LABEL_SMOOTHING) for exit_logits in logits]
    return sum(weight * loss for weight, loss in zip(EXIT_WEIGHTS, losses, strict=True))


def make_optimizer(network: BranchyNetwork) -> torch.optim.SGD:
    """SGD with Nesterov momentum; biases and batch normalisations do not decay."""
    kernels = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() == 1]
    groups = [{"params": kernels, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=0.0, momentum=MOMENTUM, nesterov=True)


def train_epoch(state: TrainingState, images: Images, options: argparse.Namespace) -> float:
    """One pass over the training images; returns the mean joint loss.

    All randomness follows from the seed and the epoch, so a resumed run draws what an uninterrupted one would.
    """
    torch.manual_seed(state.seed * 1000 + state.epoch)
    state.network.train()
    size = state.network.architecture.input_shape[-1]
    order = torch.randperm(len(images)).to(images.labels.device)
    batches = max(1, len(images) // options.batch)
    total = 0.0
    progress = tqdm(range(batches), desc=f"epoch {state.epoch + 1}/{options.epochs}", mininterval=5)
    for batch in progress:
        chosen = order[batch * options.batch : (batch + 1) * options.batch]
        pixels = normalise(enlarge(augment(images.pixels[chosen]), size))
        rate = learning_rate(state.epoch * batches + batch, options.epochs * batches, options.peak_rate)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad(set_to_none=True)
        loss = joint_loss(state.network(pixels), images.labels[chosen])
        loss.backward()
        state.optimizer.step()
        total += loss.item()
        progress.set_postfix(loss=f"{total / (batch + 1):.3f}", rate=f"{rate:.4f}", refresh=False)
    state.epoch += 1
    return total / batches


@torch.no_grad()
def accuracies(network: BranchyNetwork, images: Images) -> list[float]:
    """Share of correct top-1 answers, 0..1, of each exit."""
    network.eval()
    size = network.architecture.input_shape[-1]
    correct = torch.zeros(len(network.architecture.exit_names), device=images.labels.device)
    for start in range(0, len(images), EVALUATION_BATCH):
        pixels = normalise(enlarge(images.pixels[start : start + EVALUATION_BATCH], size))
        labels = images.labels[start : start + EVALUATION_BATCH]
        correct += torch.stack([(logits.argmax(1) == labels).sum() for logits in network(pixels)])
    return (correct / len(images)).tolist()


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.bin.xz and test.bin.xz")
    parser.add_argument("--package", required=True, choices=sorted(ARCHITECTURES))
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of the packages (default: models)")
    parser.add_argument("--checkpoints", type=Path, help="folder of last.pt (default: training/checkpoints/PACKAGE)")
    parser.add_argument("--resume", action="store_true", help="continue from last.pt")
    parser.add_argument("--init-from", type=Path, help="checkpoint of the 32-pixel package to start from")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=128, help="images a step")
    parser.add_argument("--peak-rate", type=float, default=0.1, help="highest learning rate of the cycle")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's choice)")
    parser.add_argument("--limit", type=int, help="use the first N training and test images only (smoke test)")
    options = parser.parse_args(arguments)
    options.checkpoints = options.checkpoints or Path(__file__).parent / "checkpoints" / options.package
    return options


def start_state(options: argparse.Namespace, device: str | torch.device) -> TrainingState:
    """The state at the last checkpoint when resuming, else at a warm start or before the first step."""
    network = untrained_network(options.package, options.seed)
    if options.init_from:
        saved = torch.load(options.init_from, map_location="cpu")
        warm_start(network, saved["network"], ARCHITECTURES[saved["package"]].trunk[0])
    network = network.to(device, memory_format=torch.channels_last)
    state = TrainingState(network, make_optimizer(network), options.seed)
    if options.resume and checkpoint_path(options).exists():
        load_checkpoint(checkpoint_path(options), state)
    return state


def checkpoint_path(options: argparse.Namespace) -> Path:
    return options.checkpoints / "last.pt"


def train(options: argparse.Namespace, training: Images, test: Images) -> BranchyNetwork:
    """Trains to the last epoch, with a checkpoint and a line of test accuracies (percent) after each."""
    state = start_state(options, training.labels.device)
    print(f"after epoch {state.epoch}: test", _percentages(accuracies(state.network, test)), flush=True)
    while state.epoch < options.epochs:
        loss = train_epoch(state, training, options)
        save_checkpoint(checkpoint_path(options), state)
        shares = _percentages(accuracies(state.network, test))
        print(f"after epoch {state.epoch}: loss {loss:.4f}, test {shares}", flush=True)
    return state.network


def _percentages(shares: list[float]) -> str:
    return " ".join(f"{100 * share:.2f}" for share in shares)


def main() -> None:
    options = parse_options()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # vanishing momenta would otherwise slow a CPU down
    device = "cuda" if torch.cuda.is_available() else "cpu"
    training = read_split(options.data, "train", options.limit).to(device)
    test = read_split(options.data, "test", options.limit).to(device)
    network = train(options, training, test).eval()
    folder = write_package(network, options.out,
                           {"epochs": options.epochs, "seed": options.seed, "torch": torch_version()})
    print(f"wrote {folder}")


if __name__ == "__main__":
    main()
