"""Writes ONNX graphs node by node, with the names we choose.

PyTorch's exporter writes a dozen nodes for one LRN, numbers its tensors and changes between versions; the graphs here
hold one node a layer, and the same weights give the same bytes.
"""
import os
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = 7  # the version that came with opset 13


class GraphWriter:
    """Collects nodes and initializers of one graph; every node has one output, named like the node or as given."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(self, op: str, name: str, inputs: list[str], output: str | None = None, **attributes: object) -> str:
        """Adds a node and returns the name of its output tensor."""
        output = output or f"{name}.out"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def weight(self, name: str, values: np.ndarray) -> str:
        """Adds an initializer and returns its name."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
        return name

    def model(self, input_shape: tuple[int, ...], outputs: dict[str, int]) -> onnx.ModelProto:
        """The checked model; its input is `input` (batch, *input_shape), its outputs are (batch, features)."""
        graph = helper.make_graph(
            self.nodes, self.name,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *input_shape])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", features])
             for name, features in outputs.items()],
            self.initializers)
        model = helper.make_model(graph, producer_name="edgent-fleet", ir_version=IR_VERSION,
                                  opset_imports=[helper.make_opsetid("", OPSET)])
        onnx.checker.check_model(model, full_check=True)
        return model


def write_atomically(path: Path, content: bytes) -> None:
    """Readers see the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    os.replace(draft, path)
