#!/usr/bin/env python3
"""Tests of the recipe; they need no data set and take about half a minute: python3 training/test_training.py"""
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional as F

from architecture import ARCHITECTURES, paper_layer_count
from checkpoint import save_checkpoint
from cifar10 import Images, augment, enlarge, normalise
from export import manifest, onnx_bytes, untrained_network
from make_skip_models import branchy_dense, branchy_resnet
from network import BranchyNetwork, LocalResponseNorm
from train import accuracies, checkpoint_path, parse_options, start_state, train, train_epoch
from warm_start import inflate_kernel, warm_start

PACKAGE = "branchy-alexnet-32"
LARGE_PACKAGE = "branchy-alexnet-128"
TOLERANCE = 1e-4  # logits are of the order of 1


def onnx_lrn(x: Tensor, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    """LRN word for word from the operator's specification: y = x / (bias + alpha / size * square_sum) ** beta."""
    channels = x.shape[1]
    sums = [(x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1] ** 2).sum(1) for c in range(channels)]
    return x / (bias + alpha / size * torch.stack(sums, dim=1)) ** beta


def run_onnx(content: bytes, x: Tensor) -> dict[str, Tensor]:
    """Evaluates a graph of the six operators that the packages use; returns all its tensors by name."""
    graph = onnx.load_model_from_string(content).graph
    values = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in graph.initializer}
    values["input"] = x
    for node in graph.node:
        inputs = [values[name] for name in node.input]
        given = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        if node.op_type == "Conv":
            result = F.conv2d(*inputs, stride=given["strides"], padding=given["pads"][:2])
        elif node.op_type == "MaxPool":
            result = F.max_pool2d(inputs[0], given["kernel_shape"], given["strides"], given["pads"][:2])
        elif node.op_type == "LRN":
            result = onnx_lrn(inputs[0], **given)
        else:
            simple = {"Relu": F.relu, "Flatten": lambda y: y.flatten(1), "Gemm": F.linear}
            result = simple[node.op_type](*inputs)
        values[node.output[0]] = result
    return values


def trained_network(package: str = PACKAGE) -> BranchyNetwork:
    """A network whose batch normalisations hold statistics and scales as after a training."""
    network = untrained_network(package, seed=1)
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
            module.running_mean.normal_(std=0.5)
            module.running_var.uniform_(0.5, 2.0)
    return network.eval()


def random_images(count: int) -> Images:
    torch.manual_seed(7)
    return Images(torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8), torch.randint(10, (count,)))


class ArchitectureTest(unittest.TestCase):
    def test_the_exits_count_12_16_19_20_and_22_layers(self) -> None:
        for architecture in ARCHITECTURES.values():
            counts = [paper_layer_count(architecture.exit_layers(name)) for name in architecture.exit_names]
            self.assertEqual(counts, [12, 16, 19, 20, 22], architecture.package)

    def test_lrn2_puts_out_64_kibibytes(self) -> None:
        for package, architecture in ARCHITECTURES.items():
            network = untrained_network(package, seed=1).eval()
            x = torch.zeros(1, *architecture.input_shape)
            self.assertEqual(run_onnx(onnx_bytes(network), x)["lrn2.out"].shape, (1, 64, 16, 16))


class LrnTest(unittest.TestCase):
    def test_value_and_gradient_equal_pytorchs_own(self) -> None:
        torch.manual_seed(3)
        x = (torch.randn(10, 32, 6, 6) * 100).requires_grad_()
        upstream = torch.randn_like(x)
        results = []
        for norm in (LocalResponseNorm(32), lambda y: F.local_response_norm(y, 5, 1e-4, 0.75, 1.0)):
            y = norm(x)
            results.append((y, *torch.autograd.grad(y, x, upstream)))
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)

    def test_it_equals_the_onnx_operator(self) -> None:
        torch.manual_seed(3)
        x = torch.randn(2, 32, 6, 6) * 100
        torch.testing.assert_close(LocalResponseNorm(32)(x), onnx_lrn(x, 5, 1e-4, 0.75, 1.0))


class ExportTest(unittest.TestCase):
    def test_the_folded_graph_answers_as_the_network(self) -> None:
        for package, architecture in ARCHITECTURES.items():
            network = trained_network(package)
            x = torch.randn(2, *architecture.input_shape)
            values = run_onnx(onnx_bytes(network), x)
            with torch.no_grad():
                logits = network(x)
            for name, expected in zip(architecture.exit_names, logits, strict=True):
                torch.testing.assert_close(values[name], expected, rtol=TOLERANCE, atol=TOLERANCE)

    def test_equal_weights_give_equal_bytes(self) -> None:
        self.assertEqual(onnx_bytes(trained_network()), onnx_bytes(trained_network()))

    def test_the_graph_holds_inference_nodes_only_and_fits_the_limit(self) -> None:
        content = onnx_bytes(trained_network())
        self.assertLessEqual(len(content), 8_000_000)
        operators = {node.op_type for node in onnx.load_model_from_string(content).graph.node}
        self.assertEqual(operators, {"Conv", "Relu", "LRN", "MaxPool", "Flatten", "Gemm"})

    def test_the_manifest_counts_the_nodes_of_each_branch(self) -> None:
        content = onnx_bytes(trained_network())
        entries = manifest(ARCHITECTURES[PACKAGE], content, {})["exits"]
        producers = {node.output[0]: node for node in onnx.load_model_from_string(content).graph.node}

        def nodes_behind(tensor: str) -> int:
            return 1 + nodes_behind(producers[tensor].input[0]) if tensor in producers else 0

        for entry in entries:
            self.assertEqual(entry["nodes"], nodes_behind(entry["name"]))

    def test_skip_models_are_small_and_reproducible(self) -> None:
        for make in (branchy_resnet, branchy_dense):
            content = make().SerializeToString(deterministic=True)
            self.assertEqual(content, make().SerializeToString(deterministic=True))
            self.assertLessEqual(len(content), 150_000)


class DataTest(unittest.TestCase):
    def test_augmentation_shifts_and_mirrors_only(self) -> None:
        pixels = random_images(64).pixels
        padded = F.pad(pixels, [4] * 4)
        for original, changed in zip(padded, augment(pixels), strict=True):
            windows = [original[:, top : top + 32, left : left + 32] for top in range(9) for left in range(9)]
            self.assertTrue(any(torch.equal(changed, w) or torch.equal(changed, w.flip(2)) for w in windows))

    def test_normalising_uses_the_published_statistics(self) -> None:
        white = normalise(torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))[0, :, 0, 0]
        np.testing.assert_allclose(white, [2.058844, 2.126802, 2.115807], atol=1e-5)


class WarmStartTest(unittest.TestCase):
    def test_without_ridge_an_inflated_kernel_answers_alike_inside_the_image(self) -> None:
        small, large = (ARCHITECTURES[package].trunk[0] for package in (PACKAGE, LARGE_PACKAGE))
        kernel = torch.randn(8, 3, small.kernel, small.kernel)
        image = torch.randn(1, 3, 32, 32)
        enlarged = F.interpolate(image, scale_factor=4, mode="bilinear", align_corners=False)
        before = F.conv2d(image, kernel, stride=small.stride, padding=small.pad)
        inflated = inflate_kernel(kernel, small, large, ridge=0.0)
        after = F.conv2d(enlarged, inflated, stride=large.stride, padding=large.pad)
        inner = slice(2, -2)
        torch.testing.assert_close(after[..., inner, inner], before[..., inner, inner], rtol=1e-3, atol=1e-3)

    def test_the_ridge_bounds_the_norm(self) -> None:
        small, large = (ARCHITECTURES[package].trunk[0] for package in (PACKAGE, LARGE_PACKAGE))
        kernel = torch.randn(8, 3, small.kernel, small.kernel)
        self.assertLess(inflate_kernel(kernel, small, large).norm(), 4 * kernel.norm())

    def test_all_weights_but_the_first_kernel_are_kept(self) -> None:
        small = trained_network().state_dict()
        network = untrained_network(LARGE_PACKAGE, seed=2)
        warm_start(network, small, ARCHITECTURES[PACKAGE].trunk[0])
        changed = [name for name, value in network.state_dict().items()
                   if value.shape != small[name].shape or not torch.equal(value, small[name])]
        self.assertEqual(changed, ["layers.conv1.linear.weight"])

    def test_enlarging_is_bilinear_with_half_pixel_centres(self) -> None:
        step = torch.tensor([0, 80], dtype=torch.uint8).expand(1, 1, 2, 2)
        self.assertEqual(enlarge(step, 8)[0, 0, 0].tolist(), [0, 0, 10, 30, 50, 70, 80, 80])


class ResumeTest(unittest.TestCase):
    def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(self) -> None:
        images = random_images(32)
        with tempfile.TemporaryDirectory() as folder:
            whole, resumed = (self._options(folder, name) for name in ("whole", "resumed"))
            expected = train(whole, images, images).state_dict()

            interrupted = start_state(resumed, "cpu")
            train_epoch(interrupted, images, resumed)
            save_checkpoint(checkpoint_path(resumed), interrupted)
            actual = train(resumed, images, images).state_dict()
        for name, value in expected.items():
            torch.testing.assert_close(actual[name], value, rtol=0, atol=0, msg=name)

    def test_training_learns_a_handful_of_images(self) -> None:
        images = random_images(32)
        with tempfile.TemporaryDirectory() as folder:
            options = self._options(folder, "overfit", "--epochs", "40")
            self.assertGreater(min(accuracies(train(options, images, images), images)), 0.5)

    @staticmethod
    def _options(folder: str, name: str, *more: str) -> object:
        return parse_options(["--data", folder, "--package", PACKAGE, "--checkpoints", str(Path(folder) / name),
                              "--batch", "16", "--epochs", "2", "--resume", *more])


if __name__ == "__main__":
    unittest.main()
