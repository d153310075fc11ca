"""The PyTorch module of an architecture, for training, and its weights as the exported graph holds them."""
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from architecture import Architecture, Layer, Shape, output_shape

# AlexNet, section 3.3, but with the bias k = 1 that ONNX and PyTorch take as default. Both divide alpha by the size.
LRN_SIZE, LRN_ALPHA, LRN_BETA, LRN_BIAS = 5, 1e-4, 0.75, 1.0


LRN_CHUNK = 8  # images normalised at once; their values stay in a core's cache over the dozen passes


class _BandedNorm(torch.autograd.Function):
    """LRN and its derivative; `band` (channels, channels, 1, 1) sums neighbours and carries alpha / size.

    With s = bias + band x², y = x s^-b and dL/dx = g s^-b - 2 b x band(g x s^-(b+1)), as the band is symmetric.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, band: Tensor) -> Tensor:
        ctx.save_for_backward(x, band)
        y = torch.empty_like(x)
        for part, out in zip(x.split(LRN_CHUNK), y.split(LRN_CHUNK), strict=True):
            root = F.conv2d(part * part, band).add_(LRN_BIAS).rsqrt_()
            torch.mul(part, root.sqrt().mul_(root), out=out)  # s^-3/4 = s^-1/2 s^-1/4
        return y

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        x, band = ctx.saved_tensors
        result = torch.empty_like(x)
        chunks = zip(x.split(LRN_CHUNK), gradient.split(LRN_CHUNK), result.split(LRN_CHUNK), strict=True)
        for part, upstream, out in chunks:
            root = F.conv2d(part * part, band).add_(LRN_BIAS).rsqrt_()
            direct = root.sqrt().mul_(root).mul_(upstream)
            around = F.conv2d(root.mul_(root).mul_(direct).mul_(part), band)
            torch.sub(direct, around.mul_(part), alpha=2 * LRN_BETA, out=out)
        return result, None


class LocalResponseNorm(nn.Module):
    """y = x / (bias + alpha / size * sum of squares over `size` neighbouring channels) ** beta.

    Equal to `F.local_response_norm`, several times faster on a CPU: the sum over channels is a 1x1 convolution with a
    band matrix, the power two square roots.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        index = torch.arange(channels)
        band = (index[:, None] - index[None, :]).abs() <= LRN_SIZE // 2
        self.register_buffer("band", band.float()[:, :, None, None] * (LRN_ALPHA / LRN_SIZE), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return _BandedNorm.apply(x, self.band)


class Normalised(nn.Module):
    """A convolution or a fully connected layer followed by a batch normalisation that the export folds away."""

    def __init__(self, linear: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.linear = linear
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.linear(x))


class BranchyNetwork(nn.Module):
    """Runs all exits at once. Input (batch, *input_shape), output one (batch, classes) tensor of logits an exit."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = nn.ModuleDict()
        shapes = self._add(architecture.trunk, architecture.input_shape)
        for branch in architecture.branches:
            self._add(branch.layers, shapes[branch.tap])

    def _add(self, layers: tuple[Layer, ...], shape: Shape) -> dict[str, Shape]:
        shapes = {}
        for layer in layers:
            is_last = layer is layers[-1]
            self.layers[_key(layer)] = _module(layer, shape, is_last)
            shape = shapes[layer.name] = output_shape(layer, shape)
        return shapes

    def forward(self, x: Tensor) -> list[Tensor]:
        taps = {branch.tap: branch for branch in self.architecture.branches}
        exits = []
        for layer in self.architecture.trunk:
            x = self.layers[_key(layer)](x)
            if layer.name in taps:
                exits.append(self._branch(taps[layer.name].layers, x))
        return [*exits, x]

    def _branch(self, layers: tuple[Layer, ...], x: Tensor) -> Tensor:
        for layer in layers:
            x = self.layers[_key(layer)](x)
        return x

    def folded_weights(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Weight and bias of every conv and fc layer by layer name, batch normalisations folded in, float32.

        Conv weights are (out, in, kernel, kernel), fc weights (out, in).
        """
        named = {_key(layer): layer.name for name in self.architecture.exit_names
                 for layer in self.architecture.exit_layers(name)}
        return {named[key]: _fold(module) for key, module in self.layers.items()
                if isinstance(module, (Normalised, nn.Linear))}


def _key(layer: Layer) -> str:
    return layer.name.replace(".", "_")  # a ModuleDict refuses dots


def _module(layer: Layer, shape: Shape, is_last: bool) -> nn.Module:
    if layer.kind == "conv":
        conv = nn.Conv2d(shape[0], layer.out, layer.kernel, layer.stride, layer.pad, bias=False)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        return Normalised(conv, nn.BatchNorm2d(layer.out))
    if layer.kind == "fc" and not is_last:
        linear = nn.Linear(shape[0], layer.out, bias=False)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        return Normalised(linear, nn.BatchNorm1d(layer.out))
    if layer.kind == "fc":
        return nn.Linear(shape[0], layer.out)
    if layer.kind == "lrn":
        return LocalResponseNorm(shape[0])
    if layer.kind == "pool":
        return nn.MaxPool2d(layer.kernel, layer.stride)
    simple = {"relu": nn.ReLU, "flatten": nn.Flatten}
    return nn.Dropout(layer.rate) if layer.kind == "dropout" else simple[layer.kind]()


def _fold(module: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """gamma * (W x - mean) / sqrt(var + eps) + beta, written as one weight and one bias; computed in float64."""
    if isinstance(module, nn.Linear):
        return module.weight.detach().cpu().numpy(), module.bias.detach().cpu().numpy()
    norm = module.norm
    scale = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    weight = module.linear.weight.detach().double()
    folded = weight * scale.view(-1, *[1] * (weight.dim() - 1))
    bias = norm.bias.detach().double() - norm.running_mean.double() * scale
    return folded.float().cpu().contiguous().numpy(), bias.float().cpu().numpy()
