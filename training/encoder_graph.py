"""The encoder as one ONNX graph of fused operators, and its int8 form."""

import copy

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

MICROSOFT = "com.microsoft"
HEAD = "head"  # the emotion head's MatMul, left in float32 so that calibration can be folded into it
POSITIONS = 128  # rows of the position table that ship; callers cut texts to 64 tokens


def encoder_graph(state: dict[str, np.ndarray], heads: int, epsilon: float = 1e-12) -> onnx.ModelProto:
    """`state`: Branched's parameters by name. Outputs: embedding (unit vectors), emotion (probabilities), in float32. Safety's heads are
    put in by safety_graph.py."""
    nodes, weights = [], []

    def add(name: str, array: np.ndarray, dtype=np.float32) -> str:
        weights.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype), name))
        return name

    def node(op: str, inputs: list[str], output: str, domain: str = "", **attributes) -> str:
        nodes.append(helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def linear(x: str, prefix: str, name: str) -> str:
        return node("MatMul", [x, add(f"{name}.weight", state[f"{prefix}.weight"].T)], name)

    def add_norm(x: str, skip: str, prefix: str, name: str) -> str:
        """Layer norm of x + skip + the bias of the dense layer that made x."""
        scale, shift, bias = (add(f"{name}.{k}", state[f"{prefix}.{k}"]) for k in ("LayerNorm.weight", "LayerNorm.bias", "dense.bias"))
        return node("SkipLayerNormalization", [x, skip, scale, shift, bias], name, MICROSOFT, epsilon=epsilon)

    def layer(x: str, at: str) -> str:
        joined = [
            np.concatenate([state[f"{at}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")])
            for kind in ("weight", "bias")
        ]
        qkv, qkv_bias = add(f"{at}.qkv", joined[0].T), add(f"{at}.qkv.bias", joined[1])
        attended = node("Attention", [x, qkv, qkv_bias, "mask32"], f"{at}.attention", MICROSOFT, num_heads=heads)
        attended = linear(attended, f"{at}.attention.output.dense", f"{at}.attention.output")
        x = add_norm(attended, x, f"{at}.attention.output", f"{at}.attention.norm")
        wide = linear(x, f"{at}.intermediate.dense", f"{at}.up")
        bias = add(f"{at}.up.bias", state[f"{at}.intermediate.dense.bias"])
        wide = node("BiasGelu", [wide, bias], f"{at}.gelu", MICROSOFT)
        return add_norm(linear(wide, f"{at}.output.dense", f"{at}.down"), x, f"{at}.output", f"{at}.norm")

    def mean(x: str, name: str) -> str:
        total = node("ReduceSum", [node("Mul", [x, "mask3"], f"{name}.masked"), "axis1"], f"{name}.sum", keepdims=0)
        return node("Div", [total, "count"], f"{name}.mean")

    for i in range(1, 3):
        add(f"axis{i}", [i], np.int64)
    node("Cast", ["attention_mask"], "mask32", to=TensorProto.INT32)
    node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    node("Unsqueeze", ["mask", "axis2"], "mask3")
    node("ReduceSum", ["mask", "axis1"], "count", keepdims=1)

    # Every token is of type 0: its row joins the position table. Positions are 0 … s − 1.
    table = state["embeddings.position_embeddings.weight"] + state["embeddings.token_type_embeddings.weight"][0]
    add("zero", [0], np.int64)
    node("Shape", ["input_ids"], "length", start=1, end=2)
    node("Slice", [add("positions", table[:POSITIONS]), "zero", "length"], "position")
    node("Gather", [add("words", state["embeddings.word_embeddings.weight"]), "input_ids"], "word")
    node("Add", ["word", "position"], "embedded")
    norm = [add(f"embeddings.{k}", state[f"embeddings.LayerNorm.{k}"]) for k in ("weight", "bias")]
    x = node("LayerNormalization", ["embedded", *norm], "x", epsilon=epsilon)

    def depth(part: str) -> int:
        return len({name.split(".")[1] for name in state if name.startswith(f"{part}.")})

    for i in range(depth("shared")):
        x = layer(x, f"shared.{i}")
    semantic = affect = x
    for i in range(depth("semantic")):
        semantic, affect = layer(semantic, f"semantic.{i}"), layer(affect, f"affect.{i}")
    node("LpNormalization", [mean(semantic, "semantic")], "embedding", axis=-1, p=2)
    felt = mean(affect, "affect")
    head = [add("head.weight", state["head.weight"].T), add("head.bias", state["head.bias"])]
    node("Add", [node("MatMul", [felt, head[0]], HEAD), head[1]], "logits")
    node("Sigmoid", ["logits"], "emotion")

    labels, hidden = state["head.weight"].shape
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "encoder",
        [value(name, TensorProto.INT64, ["b", "s"]) for name in ("input_ids", "attention_mask")],
        [value("embedding", TensorProto.FLOAT, ["b", hidden]), value("emotion", TensorProto.FLOAT, ["b", labels])],
        weights,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def quantise(source, target) -> None:
    """Dynamic int8 (activations u8, weights s8, one scale a channel); the word table int8 with one scale a word."""
    model = _int8_words(onnx.load(source))
    onnx.save(model, target)
    quantize_dynamic(
        target,
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul", "Attention"],
        nodes_to_exclude=[HEAD],
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )


def fold_calibration(model: onnx.ModelProto, weight: np.ndarray, bias: np.ndarray) -> onnx.ModelProto:
    """The same graph with another head; the head is float32 in every form of the graph."""
    model = copy.deepcopy(model)
    wanted = {"head.weight": weight.T, "head.bias": bias}
    for tensor in model.graph.initializer:
        if tensor.name in wanted:
            array = np.ascontiguousarray(wanted.pop(tensor.name), np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    if wanted:
        raise ValueError(f"the graph has no {' and no '.join(wanted)} in float32")
    return model


def _int8_words(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = model.graph
    index, words = next((i, t) for i, t in enumerate(graph.initializer) if t.name == "words")
    table = numpy_helper.to_array(words)
    scale = np.maximum(np.abs(table).max(1, keepdims=True), 1e-12) / 127
    del graph.initializer[index]
    graph.initializer.append(numpy_helper.from_array(np.round(table / scale).astype(np.int8), "words8"))
    graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), "words8.scale"))
    at = next(i for i, n in enumerate(graph.node) if n.output[0] == "word")
    gather = helper.make_node
    replacement = [
        gather("Gather", ["words8", "input_ids"], ["word8"], name="word8"),
        gather("Cast", ["word8"], ["word8.float"], name="word8.float", to=TensorProto.FLOAT),
        gather("Gather", ["words8.scale", "input_ids"], ["word.scale"], name="word.scale"),
        gather("Mul", ["word8.float", "word.scale"], ["word"], name="word"),
    ]
    del graph.node[at]
    for offset, new in enumerate(replacement):
        graph.node.insert(at + offset, new)
    return model
