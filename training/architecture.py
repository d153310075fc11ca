"""The five-exit AlexNets as plain data.

One description gives three things that must never disagree: the PyTorch module (`network.py`), the ONNX graph
(`export.py`) and the layer count of the Edgent paper (`paper_layer_count`).

Shapes are (channels, height, width) of one image, without the batch dimension.

Sources: A. Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012 (AlexNet);
S. Teerapittayanon et al., "BranchyNet", ICPR 2016 (side branches); E. Li et al., "Edge AI: On-Demand Accelerating Deep
Neural Network Inference via Edge Computing", IEEE TWC 2020 (five exits of 12, 16, 19, 20 and 22 layers).
"""
from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One layer; `kind` is conv, relu, lrn, pool, flatten, dropout or fc, the other fields hold where they apply."""

    name: str
    kind: str
    out: int = 0  # channels (conv) or features (fc) it puts out
    kernel: int = 0  # edge of the square window, pixels
    stride: int = 1  # pixels
    pad: int = 0  # zeros on each side, pixels
    rate: float = 0.0  # share of the values a dropout clears


@dataclass(frozen=True)
class Branch:
    """The layers that one early exit adds behind the trunk layer named `tap`."""

    name: str
    tap: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Architecture:
    """A trunk that ends in the last exit, and the branches of the exits before it."""

    package: str
    input_shape: Shape
    trunk: tuple[Layer, ...]
    branches: tuple[Branch, ...]

    @property
    def exit_names(self) -> tuple[str, ...]:
        """All exits, shortest first: exit1, exit2, ..."""
        return tuple(branch.name for branch in self.branches) + (f"exit{len(self.branches) + 1}",)

    def exit_layers(self, exit_name: str) -> tuple[Layer, ...]:
        """All layers from the input to one exit, in execution order."""
        for branch in self.branches:
            if branch.name == exit_name:
                end = next(i for i, layer in enumerate(self.trunk) if layer.name == branch.tap)
                return self.trunk[: end + 1] + branch.layers
        if exit_name != self.exit_names[-1]:
            raise ValueError(f"{self.package} has no exit {exit_name}")
        return self.trunk


def paper_layer_count(layers: tuple[Layer, ...]) -> int:
    """Counts as the Edgent paper does: every layer but flatten, which moves no data and computes nothing."""
    return sum(layer.kind != "flatten" for layer in layers)


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """Shape that `layer` makes of `shape`."""
    if layer.kind == "conv":
        return (layer.out, *(_window(layer, size) for size in shape[1:]))
    if layer.kind == "pool":
        return (shape[0], *(_window(layer, size) for size in shape[1:]))
    if layer.kind == "flatten":
        features = 1
        for size in shape:
            features *= size
        return (features,)
    return (layer.out,) if layer.kind == "fc" else shape


def _window(layer: Layer, size: int) -> int:
    return (size + 2 * layer.pad - layer.kernel) // layer.stride + 1


def _conv(name: str, out: int) -> Layer:
    return Layer(name, "conv", out=out, kernel=3, pad=1)


def _relu(name: str) -> Layer:
    return Layer(name, "relu")


def _pool(name: str) -> Layer:
    return Layer(name, "pool", kernel=2, stride=2)


def _dropout(name: str, rate: float) -> Layer:
    return Layer(name, "dropout", rate=rate)


def _fc(name: str, out: int) -> Layer:
    return Layer(name, "fc", out=out)


CLASSES = 10


def _trunk(conv1: Layer) -> tuple[Layer, ...]:
    """The 22 layers of the longest exit; lrn2 puts out 64x16x16, 64 KiB in float32."""
    return (
        conv1, _relu("relu1"), Layer("lrn1", "lrn"), _pool("pool1"),
        _conv("conv2", 64), _relu("relu2"), Layer("lrn2", "lrn"), _pool("pool2"),
        _conv("conv3", 128), _relu("relu3"),
        _conv("conv4", 128), _relu("relu4"),
        _conv("conv5", 256), _relu("relu5"), _pool("pool5"),
        Layer("flatten", "flatten"),
        _fc("fc6", 192), _relu("relu6"), _dropout("drop6", 0.2),
        _fc("fc7", 128), _relu("relu7"), _dropout("drop7", 0.2),
        _fc("fc8", CLASSES),
    )


def _two_conv_branch(name: str, tap: str, widths: tuple[int, int]) -> Branch:
    """Eight layers: conv-relu-pool twice, dropout, fc."""
    return Branch(name, tap, (
        _conv(f"{name}.conv1", widths[0]), _relu(f"{name}.relu1"), _pool(f"{name}.pool1"),
        _conv(f"{name}.conv2", widths[1]), _relu(f"{name}.relu2"), _pool(f"{name}.pool2"),
        Layer(f"{name}.flatten", "flatten"), _dropout(f"{name}.drop1", 0.1), _fc(f"{name}.fc1", CLASSES),
    ))


def _third_branch(name: str) -> Branch:
    """Nine layers: conv-relu-pool, conv-relu, fc-relu-dropout, fc."""
    return Branch(name, "relu3", (
        _conv(f"{name}.conv1", 24), _relu(f"{name}.relu1"), _pool(f"{name}.pool1"),
        _conv(f"{name}.conv2", 32), _relu(f"{name}.relu2"),
        Layer(f"{name}.flatten", "flatten"),
        _fc(f"{name}.fc1", 48), _relu(f"{name}.relu3"), _dropout(f"{name}.drop1", 0.1),
        _fc(f"{name}.fc2", CLASSES),
    ))


def _fourth_branch(name: str) -> Branch:
    """Eight layers: conv-relu-pool-dropout, fc-relu-dropout, fc."""
    return Branch(name, "relu4", (
        _conv(f"{name}.conv1", 32), _relu(f"{name}.relu1"), _pool(f"{name}.pool1"),
        Layer(f"{name}.flatten", "flatten"), _dropout(f"{name}.drop1", 0.1),
        _fc(f"{name}.fc1", 48), _relu(f"{name}.relu2"), _dropout(f"{name}.drop2", 0.1),
        _fc(f"{name}.fc2", CLASSES),
    ))


def _branchy_alexnet(size: int, conv1: Layer) -> Architecture:
    return Architecture(f"branchy-alexnet-{size}", (3, size, size), _trunk(conv1), (
        _two_conv_branch("exit1", "pool1", (32, 48)),
        _two_conv_branch("exit2", "pool2", (40, 64)),
        _third_branch("exit3"),
        _fourth_branch("exit4"),
    ))


ARCHITECTURES = {
    architecture.package: architecture
    for architecture in (
        _branchy_alexnet(32, Layer("conv1", "conv", out=32, kernel=5, pad=2)),
        _branchy_alexnet(128, Layer("conv1", "conv", out=32, kernel=11, stride=4, pad=4)),
    )
}
