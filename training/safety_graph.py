"""The safety heads in the encoder's ONNX graph, float32 or int8: taken out, put in, or only what they read from."""

import copy

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.safety_model import LAYERS

MICROSOFT = "com.microsoft"


def with_safety(model: onnx.ModelProto, heads: dict[str, np.ndarray] | None) -> onnx.ModelProto:
    """The same graph with these heads (Safety's parameters by name) in the place of those it has; output `safety`, probabilities. None:
    no heads, and an output `seen` with what they read from (safety_model.seen)."""
    model = without_safety(model)
    graph = model.graph
    names = {node.name for node in graph.node}

    def layers(part: str) -> int:
        return next(i for i in range(len(names)) if f"{part}.{i}.norm" not in names)

    def node(op: str, inputs: list[str], name: str, domain: str = "", **attributes) -> str:
        graph.node.append(helper.make_node(op, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def weight(name: str, array: np.ndarray, dtype=np.float32) -> str:
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype), name))
        return name

    def mean(x: str, name: str) -> str:
        total = node("ReduceSum", [node("Mul", [x, "mask3"], f"{name}.masked"), "axis1"], f"{name}.sum", keepdims=0)
        return node("Div", [total, "count"], f"{name}.mean")

    # A padding token is too low to be the largest.
    ones, far = weight("safety.one", [1.0]), weight("safety.far", [1e4])
    padding = node("Mul", [node("Sub", ["mask3", ones], "safety.absent"), far], "safety.padding")
    found = [mean(f"shared.{layers('shared') - 1}.norm", "safety.shared")]
    for part, end in (("semantic", "embedding"), ("affect", "affect.mean")):
        last = layers(part) - 1
        found += [mean(f"{part}.{i}.norm", f"safety.{part}.{i}") for i in range(max(0, last + 1 - LAYERS), last)]
        above = node("Add", [f"{part}.{last}.norm", padding], f"safety.{part}.above")
        found += [end, node("ReduceMax", [above], f"safety.{part}.max", axes=[1], keepdims=0)]
    if heads is None:
        node("Concat", found, "seen", axis=-1)
        graph.output.append(helper.make_tensor_value_info("seen", TensorProto.FLOAT, ["b", None]))
        return model
    x = node("Concat", found, "safety.seen", axis=-1)
    half = weight("safety.inner.half", heads["inner.weight"].T, np.float16)
    x = node("MatMul", [x, node("Cast", [half], "safety.inner.weight", to=TensorProto.FLOAT)], "safety.inner")
    x = node("BiasGelu", [x, weight("safety.inner.bias", heads["inner.bias"])], "safety.inner.gelu", MICROSOFT)
    x = node("MatMul", [x, weight("safety.out.weight", heads["out.weight"].T)], "safety.out")
    node("Sigmoid", [node("Add", [x, weight("safety.out.bias", heads["out.bias"])], "safety.logits")], "safety")
    graph.output.append(helper.make_tensor_value_info("safety", TensorProto.FLOAT, ["b", len(heads["out.bias"])]))
    return model


def without_safety(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy without its heads; everything else is as it was, bit by bit."""
    model = copy.deepcopy(model)
    for part in (model.graph.node, model.graph.initializer, model.graph.output):
        for found in [one for one in part if one.name == "safety" or one.name.startswith("safety.")]:
            part.remove(found)
    return model
