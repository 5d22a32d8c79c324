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
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}


def permuted(rows: np.ndarray, heads: int) -> np.ndarray:
    """[heads · d, n] from transformers' order to llama.cpp's, head by head."""
    n, width = rows.shape
    return np.ascontiguousarray(rows.reshape(heads, 2, n // heads // 2, width).swapaxes(1, 2).reshape(n, width))


def write_adapter(path: Path, tensors: dict[str, np.ndarray], config, alpha: float) -> None:
    """`tensors` as peft names them (…layers.N.self_attn.q_proj.lora_A.weight). llama.cpp scales by alpha / r, as peft does without rslora."""
    writer = gguf.GGUFWriter(path, "llama")
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


def write_model(path: Path, model, tokenizer, name: str, pre: str) -> None:
    """A LlamaForCausalLM and a byte-level BPE tokenizer; matrices in f16, norms in f32. `pre` is llama.cpp's name of the pre-tokenizer."""
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
    write_tokenizer(writer, tokenizer, pre)
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        value = tensor.float().cpu().numpy()
        writer.add_tensor(place(key), value if value.ndim == 1 else in_order(key, value, config).astype(np.float16))
    finish(writer)


def write_tokenizer(writer: gguf.GGUFWriter, tokenizer, pre: str) -> None:
    special = set(tokenizer.all_special_ids)
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


def in_order(key: str, value: np.ndarray, config) -> np.ndarray:
    if key.removesuffix(".weight").endswith("q_proj"):
        return permuted(value, config.num_attention_heads)
    return permuted(value, config.num_key_value_heads) if key.removesuffix(".weight").endswith("k_proj") else value


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
