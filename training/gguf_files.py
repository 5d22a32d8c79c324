"""Llama-shaped weights as GGUF files for llama.cpp: a LoRA adapter, or a whole model with its tokenizer.

llama.cpp keeps the rows of q and k in the order of its own rotary (pairs side by side), transformers in halves: every matrix whose rows are
q's or k's is permuted on the way, lora_B of these two included. Shapes: lora_A [r, in], lora_B [out, r].
"""

import json
from pathlib import Path

import gguf
import numpy as np

MODULES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
NORMS = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
# transformers' model type → (llama.cpp's architecture, whether it keeps q and k permuted). Tested: llama alone.
ARCHITECTURES = {"llama": ("llama", True), "mistral": ("llama", True), "qwen2": ("qwen2", False), "qwen3": ("qwen3", False)}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}


def architecture(config) -> str:
    if config.model_type not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ValueError(f"files for llama.cpp are written of {known}, not of {config.model_type}: take the PEFT folder (--peft)")
    return ARCHITECTURES[config.model_type][0]


def permuted(rows: np.ndarray, heads: int) -> np.ndarray:
    """[heads · d, n] from transformers' order to llama.cpp's, head by head."""
    n, width = rows.shape
    return np.ascontiguousarray(rows.reshape(heads, 2, n // heads // 2, width).swapaxes(1, 2).reshape(n, width))


def restored(rows: np.ndarray, heads: int) -> np.ndarray:
    """The way back."""
    n, width = rows.shape
    return np.ascontiguousarray(rows.reshape(heads, n // heads // 2, 2, width).swapaxes(1, 2).reshape(n, width))


def write_adapter(path: Path, tensors: dict[str, np.ndarray], config, alpha: float) -> None:
    """`tensors` as peft names them (…layers.N.self_attn.q_proj.lora_A.weight). llama.cpp scales by alpha / r, as peft does without
    rslora. ValueError where llama.cpp has no place for one of them."""
    writer = gguf.GGUFWriter(path, architecture(config))
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(alpha))
    for name, value in sorted(tensors.items()):
        layer, rest = name.split("model.layers.")[1].split(".", 1)
        module, part = rest.removesuffix(".weight").rsplit(".lora_", 1)
        if module not in MODULES:
            raise ValueError(f"{name}: llama.cpp has no place for an adapter of {module}; target {', '.join(MODULES)}")
        if part == "B":
            value = in_order(module, value, config)
        writer.add_tensor(f"blk.{layer}.{MODULES[module]}.weight.lora_{part.lower()}", value.astype(np.float16))
    finish(writer)


def read_adapter(path: Path, config) -> tuple[dict[str, np.ndarray], float]:
    """What `write_adapter` wrote: (tensors as peft names and orders them, alpha). ValueError for any other file."""
    try:
        reader = gguf.GGUFReader(path)
        kind, alpha = (reader.fields[name].contents() for name in ("adapter.type", "adapter.lora.alpha"))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{path} is no whole LoRA adapter ({error})") from None
    modules, tensors = {short: module for module, short in MODULES.items()}, {}
    for tensor in reader.tensors:
        _, layer, short, _, part = tensor.name.split(".")
        module, part = modules[short], part.removeprefix("lora_").upper()
        value = np.asarray(tensor.data, np.float32)
        name = f"base_model.model.model.layers.{layer}.{module}.lora_{part}.weight"
        tensors[name] = in_order(module, value, config, restored) if part == "B" else value
    if kind != "lora" or not tensors:
        raise ValueError(f"{path} is no LoRA adapter, but {kind} of {len(tensors)} tensors")
    return tensors, float(alpha)


def tokenizer_of(path: Path) -> tuple[str, set[int]]:
    """(llama.cpp's name of how text is cut before the merges, the tokens that no text is made of) of a model's file."""
    fields = gguf.GGUFReader(path).fields
    kinds = fields["tokenizer.ggml.token_type"].contents()
    return fields["tokenizer.ggml.pre"].contents(), {i for i, kind in enumerate(kinds) if kind == gguf.TokenType.CONTROL}


def write_model(path: Path, model, tokenizer, name: str, pre: str, control: set[int] = frozenset()) -> None:
    """A LlamaForCausalLM and a byte-level BPE tokenizer; matrices in f16, norms in f32. `pre` and, beside the tokenizer's own special
    tokens, `control` are as in `tokenizer_of`."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    write_tokenizer(writer, tokenizer, pre, control | set(tokenizer.all_special_ids))
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        value = tensor.float().cpu().numpy()
        writer.add_tensor(place(key), value if value.ndim == 1 else in_order(key, value, config).astype(np.float16))
    finish(writer)


def write_tokenizer(writer: gguf.GGUFWriter, tokenizer, pre: str, special: set[int]) -> None:
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for i in range(len(tokens))])
    writer.add_token_merges(merges(tokenizer))
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)


def merges(tokenizer) -> list[str]:
    found = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in found]


def place(key: str) -> str:
    if key in WHOLE:
        return WHOLE[key]
    layer, rest = key.removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{(MODULES | NORMS)[rest.removesuffix('.weight')]}.weight"


def in_order(key: str, value: np.ndarray, config, order=permuted) -> np.ndarray:
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(key.removesuffix(".weight").split(".")[-1])
    return order(value, heads) if heads and ARCHITECTURES[config.model_type][1] else value


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
