#!/usr/bin/env python3
"""Exports a five-exit AlexNet as one ONNX file with its manifest.

    python3 training/export.py --package branchy-alexnet-32 --checkpoint .../last.pt
    python3 training/export.py --package branchy-alexnet-32 --untrained
"""
import argparse
import hashlib
import json
from pathlib import Path

import torch

from architecture import ARCHITECTURES, CLASSES, Architecture, Layer, paper_layer_count
from cifar10 import LABELS, MEAN, STD
from network import LRN_ALPHA, LRN_BETA, LRN_BIAS, LRN_SIZE, BranchyNetwork
from onnx_writer import GraphWriter, write_atomically

DEFAULT_SEED = 20201


def onnx_bytes(network: BranchyNetwork) -> bytes:
    """The network as one ONNX file with an output of logits an exit; equal weights give equal bytes."""
    architecture = network.architecture
    export = _Export(network)
    export.write(architecture.trunk, "input", architecture.exit_names[-1])
    for branch in architecture.branches:
        export.write(branch.layers, export.tensors[branch.tap], branch.name)
    model = export.writer.model(architecture.input_shape, {name: CLASSES for name in architecture.exit_names})
    return model.SerializeToString(deterministic=True)


class _Export:
    """Turns layers into nodes; `tensors` maps each layer to the tensor it puts out."""

    def __init__(self, network: BranchyNetwork) -> None:
        self.writer = GraphWriter(network.architecture.package)
        self.weights = network.folded_weights()
        self.tensors: dict[str, str] = {}

    def write(self, layers: tuple[Layer, ...], tensor: str, exit_name: str) -> None:
        """Adds the nodes of `layers`, reading `tensor`; the last one puts out `exit_name`."""
        for layer in layers:
            output = exit_name if layer is layers[-1] else None
            tensor = self.tensors[layer.name] = self._node(layer, tensor, output)

    def _node(self, layer: Layer, tensor: str, output: str | None) -> str:
        """Adds the node of one layer (dropout has none) and returns the tensor it puts out."""
        add = self.writer.add
        if layer.kind == "dropout":
            return tensor
        if layer.kind == "relu":
            return add("Relu", layer.name, [tensor])
        if layer.kind == "flatten":
            return add("Flatten", layer.name, [tensor], axis=1)
        if layer.kind == "lrn":
            return add("LRN", layer.name, [tensor], size=LRN_SIZE, alpha=LRN_ALPHA, beta=LRN_BETA, bias=LRN_BIAS)
        window = {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2, "pads": [layer.pad] * 4}
        if layer.kind == "pool":
            return add("MaxPool", layer.name, [tensor], **window)
        weight, bias = self.weights[layer.name]
        inputs = [tensor, self.writer.weight(f"{layer.name}.weight", weight),
                  self.writer.weight(f"{layer.name}.bias", bias)]
        if layer.kind == "conv":
            return add("Conv", layer.name, inputs, **window)
        return add("Gemm", layer.name, inputs, output, transB=1)


def manifest(architecture: Architecture, model: bytes, training: dict[str, object]) -> dict[str, object]:
    """The package's manifest; accuracies are measured by `edgent model evaluate` on the exported file, never here."""
    _, height, width = architecture.input_shape
    return {
        "formatVersion": 1,
        "name": architecture.package,
        "version": "1.0.0",
        "file": "model.onnx",
        "digest": f"sha256:{hashlib.sha256(model).hexdigest()}",
        "input": {"name": "input", "dtype": "float32", "shape": list(architecture.input_shape)},
        "preprocessing": {
            "resize": {"width": width, "height": height, "kernel": "linear"},
            "channels": "RGB", "layout": "NCHW", "scale": 1 / 255, "mean": list(MEAN), "std": list(STD),
        },
        "labels": list(LABELS),
        "exits": [_exit_entry(architecture, name) for name in architecture.exit_names],
        "training": {"recipe": "training/train.py", **training},
    }


def _exit_entry(architecture: Architecture, name: str) -> dict[str, object]:
    layers = architecture.exit_layers(name)
    return {"name": name, "paperLayers": paper_layer_count(layers),
            "nodes": sum(layer.kind != "dropout" for layer in layers)}


def write_package(network: BranchyNetwork, out: Path, training: dict[str, object]) -> Path:
    """Writes model.onnx and manifest.json into `out`/<package>; returns that folder."""
    folder = out / network.architecture.package
    model = onnx_bytes(network)
    write_atomically(folder / "model.onnx", model)
    text = json.dumps(manifest(network.architecture, model, training), indent=2) + "\n"
    write_atomically(folder / "manifest.json", text.encode())
    return folder


def torch_version() -> str:
    """PyTorch's version without the build's suffix, such as 1.13.1 for 1.13.1+cu117."""
    return torch.__version__.split("+")[0]


def untrained_network(package: str, seed: int) -> BranchyNetwork:
    """The network as it stands before the first step, reproducible by its seed."""
    torch.manual_seed(seed)
    return BranchyNetwork(ARCHITECTURES[package])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True, choices=sorted(ARCHITECTURES))
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of the packages (default: models)")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path, help="a checkpoint of train.py")
    source.add_argument("--untrained", action="store_true", help="the weights before the first step")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="seed of untrained weights")
    options = parser.parse_args()
    network = untrained_network(options.package, options.seed)
    epochs, seed = 0, options.seed
    if options.checkpoint:
        saved = torch.load(options.checkpoint, map_location="cpu")
        network.load_state_dict(saved["network"])
        epochs, seed = saved["epoch"], saved["seed"]
    network.eval()
    folder = write_package(network, options.out, {"epochs": epochs, "seed": seed, "torch": torch_version()})
    print(f"wrote {folder}")


if __name__ == "__main__":
    main()
