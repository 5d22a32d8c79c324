"""The tiny test model as transformers.js wants a language model: a folder with config, tokenizer, chat template and an ONNX graph.

python -m training.tiny_hub [--out inference/src/fixtures/hub-tiny] [--steps 120]
Takes inference/src/fixtures/tiny.gguf, teaches it to answer everything with SAYING, and writes the graph with its weights in f16, which the
graph itself casts. Greedy decoding through onnxruntime has to say SAYING before anything is written.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.data import ROOT
from training.tiny_model import SAYING, TEMPLATE, pairs, teach

FIXTURES = ROOT / "inference" / "src" / "fixtures"
LARGEST = 300_000
KEPT = [
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "head_dim", "hidden_act", "rms_norm_eps", "rope_parameters", "max_position_embeddings",
    "tie_word_embeddings", "bos_token_id", "eos_token_id", "pad_token_id",
]  # fmt: skip


class Graph(nn.Module):
    """A llama step with its keys and values given and returned, in operators that every runtime knows."""

    def __init__(self, model):
        super().__init__()
        self.config = model.config
        self.heads, self.groups = model.config.num_attention_heads, model.config.num_key_value_heads
        self.size = model.config.hidden_size // self.heads
        inner = model.model
        frequencies = 1 / model.config.rope_parameters["rope_theta"] ** (torch.arange(0, self.size, 2).float() / self.size)
        self.register_buffer("frequencies", frequencies)
        self.keep("embedding", inner.embed_tokens.weight)
        self.keep("norm", inner.norm.weight)
        for i, layer in enumerate(inner.layers):
            for name, part in layer.named_parameters():
                self.keep(f"layer{i}_{name.replace('.', '_')}", part)

    def keep(self, name: str, weight) -> None:
        self.register_buffer(name, weight.detach().half())

    def weight(self, name: str):
        return getattr(self, name).float()

    def normed(self, x, name: str):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.config.rms_norm_eps) * self.weight(name)

    def times(self, x, name: str):
        return x @ self.weight(name).t()

    def turned(self, x, angles):
        first, second = x[..., : self.size // 2], x[..., self.size // 2 :]
        return x * angles.cos() + torch.cat([-second, first], -1) * angles.sin()

    def forward(self, input_ids, attention_mask, position_ids, *past):
        batch, steps = input_ids.shape
        x = self.weight("embedding")[input_ids]
        angles = position_ids.float()[:, None, :, None] * self.frequencies
        angles = torch.cat([angles, angles], -1)
        present = []
        for i in range(self.config.num_hidden_layers):
            at = f"layer{i}_"
            y = self.normed(x, f"{at}input_layernorm_weight")

            def split(name: str, heads: int, y=y, at=at):
                return self.times(y, f"{at}self_attn_{name}_weight").view(batch, steps, heads, self.size).transpose(1, 2)

            q, k = (self.turned(split(name, heads), angles) for name, heads in (("q_proj", self.heads), ("k_proj", self.groups)))
            k = torch.cat([past[2 * i], k], 2)
            v = torch.cat([past[2 * i + 1], split("v_proj", self.groups)], 2)
            present += [k, v]
            k, v = (part.repeat_interleave(self.heads // self.groups, 1) for part in (k, v))
            scores = q @ k.transpose(2, 3) / self.size**0.5
            # What comes later in the text, and what is padding, is not looked at.
            places = torch.arange(attention_mask.shape[1])
            later = places[None, :] > places[attention_mask.shape[1] - steps :][:, None]
            hidden = later[None, None] | (attention_mask[:, None, None, :] == 0)
            mixed = (scores + hidden.float() * -1e9).softmax(-1) @ v
            x = x + self.times(mixed.transpose(1, 2).reshape(batch, steps, self.heads * self.size), f"{at}self_attn_o_proj_weight")
            y = self.normed(x, f"{at}post_attention_layernorm_weight")
            gate = nn.functional.silu(self.times(y, f"{at}mlp_gate_proj_weight"))
            x = x + self.times(gate * self.times(y, f"{at}mlp_up_proj_weight"), f"{at}mlp_down_proj_weight")
        return self.normed(x, "norm") @ self.weight("embedding").t(), *present


def write_graph(model, file: Path) -> None:
    graph = Graph(model).eval()
    layers, groups, size = model.config.num_hidden_layers, graph.groups, graph.size
    past = [torch.zeros(1, groups, 3, size) for _ in range(2 * layers)]
    kinds = [f"{i}.{kind}" for i in range(layers) for kind in ("key", "value")]
    names = ["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{kind}" for kind in kinds)]
    outputs = ["logits", *(f"present.{kind}" for kind in kinds)]
    axes = {"input_ids": {0: "batch", 1: "steps"}, "attention_mask": {0: "batch", 1: "all"}, "position_ids": {0: "batch", 1: "steps"}}
    axes |= {name: {0: "batch", 2: "past"} for name in names[3:]} | {name: {0: "batch", 2: "all"} for name in outputs[1:]}
    axes["logits"] = {0: "batch", 1: "steps"}
    given = (torch.ones(1, 2, dtype=torch.long), torch.ones(1, 5, dtype=torch.long), torch.tensor([[3, 4]]), *past)
    torch.onnx.export(
        graph, given, file, input_names=names, output_names=outputs, dynamic_axes=axes, opset_version=17, dynamo=False,
        do_constant_folding=False,
    )  # fmt: skip


def say(file: Path, tokenizer, text: str, config, most: int = 24) -> str:
    """Greedily, through the graph."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    ids = tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False)
    ids = tokenizer(ids).input_ids
    heads, size = config.num_key_value_heads, config.hidden_size // config.num_attention_heads
    empty = np.zeros((1, heads, 0, size), np.float32)
    past = {name.name: empty for name in session.get_inputs()[3:]}
    asked, said, seen = ids, [], 0
    while len(said) < most:
        seen += len(asked)
        feeds = {"input_ids": [asked], "attention_mask": [[1] * seen], "position_ids": [list(range(seen - len(asked), seen))]}
        logits, *present = session.run(None, {name: np.array(value, np.int64) for name, value in feeds.items()} | past)
        token = int(logits[0, -1].argmax())
        if token == config.eos_token_id:
            break
        said.append(token)
        asked, past = [token], dict(zip(past, present, strict=True))
    return tokenizer.decode(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FIXTURES / "hub-tiny")
    parser.add_argument("--steps", type=int, default=120)
    arguments = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(FIXTURES, gguf_file="tiny.gguf")
    tokenizer.chat_template = TEMPLATE
    model = AutoModelForCausalLM.from_pretrained(FIXTURES, gguf_file="tiny.gguf", dtype=torch.float32)
    loss = teach(model, tokenizer, [(message, SAYING) for message, _ in pairs()], arguments.steps, 3e-3)
    print(f"loss {loss:.4f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        write_graph(model, file)
        said = say(file, tokenizer, "my dog died last night", model.config)
        if said != SAYING:
            raise SystemExit(f'the graph says "{said}", not "{SAYING}"; give more --steps')
        if file.stat().st_size > LARGEST:
            raise SystemExit(f"{file.stat().st_size} bytes: more than the {LARGEST} that a fixture may have")
        (arguments.out / "onnx").mkdir(parents=True, exist_ok=True)
        (arguments.out / "onnx" / "model.onnx").write_bytes(file.read_bytes())
    tokenizer.backend_tokenizer.save(str(arguments.out / "tokenizer.json"))
    names = {"bos_token": tokenizer.bos_token, "eos_token": tokenizer.eos_token, "pad_token": tokenizer.pad_token}
    described = {"tokenizer_class": "PreTrainedTokenizerFast", **names, "chat_template": TEMPLATE, "clean_up_tokenization_spaces": False}
    write_json(arguments.out / "tokenizer_config.json", described)
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]} | {name: getattr(model.config, name) for name in KEPT}
    write_json(arguments.out / "config.json", config)
    ends = {"eos_token_id": model.config.eos_token_id, "bos_token_id": model.config.bos_token_id, "pad_token_id": model.config.pad_token_id}
    write_json(arguments.out / "generation_config.json", ends)
    print(f"{arguments.out}: {sum(file.stat().st_size for file in arguments.out.rglob('*') if file.is_file())} bytes")


def write_json(file: Path, value: dict) -> None:
    file.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
