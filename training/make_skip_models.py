#!/usr/bin/env python3
"""Writes two small untrained branchy graphs with skip connections, to test cutting where one tensor is not enough.

    python3 training/make_skip_models.py [--out shared/model/fixtures]

Sources: K. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; G. Huang et al., "Densely Connected
Convolutional Networks", CVPR 2017. Shapes in comments are (channels, height, width).
"""
import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from onnx_writer import GraphWriter, write_atomically

INPUT_SHAPE = (3, 32, 32)
CLASSES = 10
SEED = 20202


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: its name, channels and the edge of its square feature map in pixels."""

    tensor: str
    channels: int
    edge: int


class SkipGraph:
    """Layers with random weights, written in the order of the calls."""

    def __init__(self, name: str) -> None:
        self.writer = GraphWriter(name)
        self.random = np.random.RandomState(SEED)  # its stream is frozen for good, unlike that of default_rng

    def _weights(self, name: str, shape: tuple[int, ...]) -> list[str]:
        """Weight (He initialisation) and bias (small, so that no sum is zero by chance)."""
        spread = np.sqrt(2 / np.prod(shape[1:]))
        return [self.writer.weight(f"{name}.weight", self.random.standard_normal(shape) * spread),
                self.writer.weight(f"{name}.bias", self.random.standard_normal(shape[0]) * 0.1)]

    def conv(self, name: str, x: Value, channels: int, kernel: int = 3, stride: int = 1) -> Value:
        """A convolution that keeps the edge, or divides it by `stride`."""
        inputs = [x.tensor, *self._weights(name, (channels, x.channels, kernel, kernel))]
        tensor = self.writer.add("Conv", name, inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                                 pads=[kernel // 2] * 4)
        return Value(tensor, channels, x.edge // stride)

    def relu(self, name: str, x: Value) -> Value:
        return Value(self.writer.add("Relu", name, [x.tensor]), x.channels, x.edge)

    def pool(self, name: str, x: Value, op: str = "MaxPool", size: int = 2) -> Value:
        tensor = self.writer.add(op, name, [x.tensor], kernel_shape=[size] * 2, strides=[size] * 2)
        return Value(tensor, x.channels, x.edge // size)

    def add(self, name: str, x: Value, y: Value) -> Value:
        return Value(self.writer.add("Add", name, [x.tensor, y.tensor]), x.channels, x.edge)

    def concat(self, name: str, values: list[Value]) -> Value:
        tensor = self.writer.add("Concat", name, [value.tensor for value in values], axis=1)
        return Value(tensor, sum(value.channels for value in values), values[0].edge)

    def head(self, exit_name: str, x: Value) -> None:
        """Average pool to 2x2, flatten, fully connected: the logits of one exit."""
        pooled = self.pool(f"{exit_name}.pool", x, "AveragePool", x.edge // 2)
        flat = self.writer.add("Flatten", f"{exit_name}.flatten", [pooled.tensor], axis=1)
        inputs = [flat, *self._weights(f"{exit_name}.fc", (CLASSES, x.channels * 4))]
        self.writer.add("Gemm", f"{exit_name}.fc", inputs, exit_name, transB=1)

    def residual(self, name: str, x: Value, channels: int, stride: int = 1) -> Value:
        """conv-relu-conv beside the identity, or beside a 1x1 convolution where the shape changes."""
        y = self.relu(f"{name}.relu1", self.conv(f"{name}.conv1", x, channels, stride=stride))
        y = self.conv(f"{name}.conv2", y, channels)
        same = stride == 1 and channels == x.channels
        shortcut = x if same else self.conv(f"{name}.shortcut", x, channels, kernel=1, stride=stride)
        return self.relu(f"{name}.relu2", self.add(f"{name}.add", y, shortcut))

    def dense(self, name: str, values: list[Value], growth: int) -> Value:
        """One dense layer: `growth` new channels from all values before it."""
        joined = self.concat(f"{name}.concat", values) if len(values) > 1 else values[0]
        return self.relu(f"{name}.relu", self.conv(f"{name}.conv", joined, growth))


def branchy_resnet() -> onnx.ModelProto:
    """Three exits; exit2 hangs inside block3 and adds what its shortcut carries, so a cut there holds two tensors."""
    graph = SkipGraph("branchy-resnet")
    image = Value("input", INPUT_SHAPE[0], INPUT_SHAPE[1])
    stem = graph.pool("stem.pool", graph.relu("stem.relu", graph.conv("stem.conv", image, 12)))  # 12x16x16
    block1 = graph.residual("block1", stem, 12)
    graph.head("exit1", block1)
    block2 = graph.residual("block2", block1, 20, stride=2)  # 20x8x8

    inner = graph.relu("block3.relu1", graph.conv("block3.conv1", block2, 20))
    side = graph.add("exit2.add", graph.conv("exit2.conv", inner, 20), block2)
    graph.head("exit2", graph.relu("exit2.relu", side))
    joined = graph.add("block3.add", graph.conv("block3.conv2", inner, 20), block2)
    block3 = graph.relu("block3.relu2", joined)

    graph.head("exit3", graph.residual("block4", block3, 28, stride=2))  # 28x4x4
    return graph.writer.model(INPUT_SHAPE, {"exit1": CLASSES, "exit2": CLASSES, "exit3": CLASSES})


def branchy_dense() -> onnx.ModelProto:
    """Two dense blocks and an Add that spans both; exit1 hangs inside the first block, exit2 inside the second."""
    graph = SkipGraph("branchy-dense")
    image = Value("input", INPUT_SHAPE[0], INPUT_SHAPE[1])
    stem = graph.pool("stem.pool", graph.relu("stem.relu", graph.conv("stem.conv", image, 12)))  # 12x16x16

    first = [stem]
    first.append(graph.dense("block1.layer1", first, 8))
    first.append(graph.dense("block1.layer2", first, 8))
    graph.head("exit1", graph.relu("exit1.relu", graph.conv("exit1.conv", graph.concat("exit1.concat", first), 16)))
    first.append(graph.dense("block1.layer3", first, 8))
    narrowed = graph.conv("transition1.conv", graph.concat("transition1.concat", first), 20, kernel=1)
    transition1 = graph.pool("transition1.pool", narrowed)  # 20x8x8

    second = [transition1]
    second.append(graph.dense("block2.layer1", second, 12))
    second.append(graph.dense("block2.layer2", second, 12))
    graph.head("exit2", graph.concat("exit2.concat", second))
    second.append(graph.dense("block2.layer3", second, 12))
    widened = graph.conv("transition2.conv", graph.concat("transition2.concat", second), 24, kernel=1)

    carried = graph.conv("across.conv", stem, 24, kernel=1, stride=2)  # from before block1 to behind block2
    graph.head("exit3", graph.relu("across.relu", graph.add("across.add", widened, carried)))
    return graph.writer.model(INPUT_SHAPE, {"exit1": CLASSES, "exit2": CLASSES, "exit3": CLASSES})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("shared/model/fixtures"))
    out = parser.parse_args().out
    for model in (branchy_resnet(), branchy_dense()):
        content = model.SerializeToString(deterministic=True)
        path = out / f"{model.graph.name}.onnx"
        write_atomically(path, content)
        print(f"wrote {path}, {len(content)} bytes, {len(model.graph.node)} nodes")


if __name__ == "__main__":
    main()
