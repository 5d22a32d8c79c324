"""A version of the task `generator`: a LoRA adapter as GGUF for the worker, as a PEFT folder for vLLM and the hub, and what it belongs to.

python -m training.adapter --version FOLDER --peft OUT
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.numpy import load_file, save_file

from training.gguf_files import MODULES, read_adapter, tokenizer_of, write_adapter, write_model
from training.language_model import Base, find
from training.release import file_entries, record, sha256, write_json

FILE = "adapter.gguf"
CARD = Path(__file__).parent / "generator_card.md"
MARKS = ("<!-- replies -->", "<!-- /replies -->")
SETTINGS = ("model_type", "num_attention_heads", "num_key_value_heads", "hidden_size", "num_hidden_layers")


class Settings:
    """What of a base's configuration an adapter's files depend on."""

    def __init__(self, values: dict):
        self.__dict__.update(values)


def tensors_of(model) -> tuple[dict[str, np.ndarray], int, float]:
    """(tensors as peft names them, rank, alpha). alpha / rank is what B·A is multiplied by, with or without rslora."""
    lora = model.peft_config["default"]
    scaling = next(part.scaling["default"] for part in model.modules() if isinstance(part, LoraLayer))
    tensors = {name: value.float().cpu().numpy() for name, value in get_peft_model_state_dict(model).items()}
    return tensors, lora.r, scaling * lora.r


def write_adapter_files(out: Path, model, base: Base, peft: bool) -> dict:
    """adapter.gguf, and a PEFT folder where asked for, or where llama.cpp reads none of such a base. Returns the manifest's `adapter`."""
    out.mkdir(parents=True, exist_ok=True)
    tensors, rank, alpha = tensors_of(model)
    written = {"kind": "lora", "file": FILE, "rank": rank, "alpha": alpha}
    try:
        write_adapter(out / FILE, tensors, model.get_base_model().config.get_text_config(), alpha)
    except ValueError as error:
        print(f"no {FILE}: {error}", flush=True)
        written["file"] = "peft/adapter_model.safetensors"
    if peft or not (out / FILE).exists():
        write_peft(out / "peft", tensors, rank, alpha, base.hub)
    return written


def write_whole(out: Path, model, tokenizer, base: Base) -> dict:
    """All weights as a transformers folder; as GGUF too where the base came as one. Returns the manifest's `adapter`."""
    model.save_pretrained(out / "hf")
    tokenizer.save_pretrained(out / "hf")
    if not base.file:
        return {"kind": "full", "file": "hf/model.safetensors"}
    write_model(out / "model.gguf", model, tokenizer, base.name, *tokenizer_of(base.file))
    return {"kind": "full", "file": "model.gguf"}


def describe(out: Path, config, base: Base, written: dict, template: dict, about: dict) -> None:
    """manifest.json and card.md. `about`: version, characters, data (name, sha256, rows of each file), params, metrics."""
    settings = {name: getattr(config, name) for name in SETTINGS if hasattr(config, name)}
    made_for = {name: getattr(base, name) for name in ("name", "source", "hub", "licence", "sha256")}
    manifest = {"task": "generator", "version": about["version"], "createdAt": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())}
    manifest |= {"base": made_for | settings, "adapter": written, "template": template}
    manifest |= {name: about[name] for name in ("characters", "data", "params")} | {"metrics": {}, "files": file_entries(out)}
    write_json(out / "manifest.json", manifest)
    card = CARD.read_text(encoding="utf-8")
    filled = about | made_for | {"characters": ", ".join(about["characters"]), "note": about["params"]["note"]}
    for name in ("version", "characters", "note", "name", "source", "licence"):
        card = card.replace("{{" + name + "}}", filled[name])
    (out / "card.md").write_text(card, encoding="utf-8")
    record(out, about["metrics"])


def tell_replies(folder: Path, replies: list[tuple[str, str, str]]) -> None:
    """Character, message and reply of each into the card."""
    lines = "\n".join(f"- {who}, asked *{said}*: {answered}" for who, said, answered in replies)
    card = (folder / "card.md").read_text(encoding="utf-8")
    before, _, rest = card.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    (folder / "card.md").write_text(f"{before}{MARKS[0]}\n{lines}\n{MARKS[1]}{after}", encoding="utf-8")


def read_version(folder: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """(manifest, tensors as peft names them). ValueError where the adapter is not what the manifest says."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    described = next((entry for entry in manifest["files"] if entry["path"] == FILE), None)
    if not described or sha256(folder / FILE) != described["sha256"]:
        raise ValueError(f"{folder / FILE} is not the adapter that its manifest describes: restore it, or train it again")
    tensors, alpha = read_adapter(folder / FILE, Settings(manifest["base"]))
    if alpha != manifest["adapter"]["alpha"]:
        raise ValueError(f"{folder / FILE} has alpha {alpha}, its manifest {manifest['adapter']['alpha']}")
    return manifest, tensors


def open_version(folder: Path, base: str | None = None) -> tuple[dict, dict[str, np.ndarray], Base, str]:
    """(manifest, tensors, base, its name: the version's own unless one is given). SystemExit where they do not belong together."""
    try:
        manifest, tensors = read_version(folder)
        name = base or manifest["base"]["name"]
        found = find(name)
        belongs(manifest, found)
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"{folder}: {error}") from None
    return manifest, tensors, found, name


def with_adapter(model, tensors: dict[str, np.ndarray], manifest: dict, learning: bool = False):
    """The adapter's own numbers over the base, as a PEFT model; dropout only where it goes on learning."""
    described, params = manifest["adapter"], manifest["params"]
    targets = sorted({name.split(".lora_")[0].rsplit(".", 1)[1] for name in tensors})
    lora = {"r": described["rank"], "lora_alpha": described["alpha"], "lora_dropout": params["dropout"] if learning else 0.0}
    tuned = get_peft_model(model, LoraConfig(**lora, target_modules=targets))
    found = set_peft_model_state_dict(tuned, {name: torch.from_numpy(value.copy()) for name, value in tensors.items()})
    if found.unexpected_keys:
        raise ValueError(f"the adapter has tensors that the base has no place for: {', '.join(found.unexpected_keys[:3])}")
    return tuned if learning else tuned.eval()


def belongs(manifest: dict, base: Base) -> None:
    """Refuses an adapter of another base, by name: ValueError."""
    made_for = manifest["base"]
    same = made_for["sha256"] == base.sha256 if made_for["sha256"] and base.sha256 else made_for["name"] == base.name
    if not same:
        sums = f"sha256 {str(made_for['sha256'])[:12]}…, not {str(base.sha256)[:12]}…"
        raise ValueError(
            f"generator {manifest['version']} was made for {made_for['name']} ({made_for['source']}), but the base is {base.name} "
            f"({sums}): take that base, or an adapter of this one"
        )


def write_peft(out: Path, tensors: dict[str, np.ndarray], rank: int, alpha: float, base_name: str) -> None:
    """adapter_config.json and adapter_model.safetensors, as peft and vLLM read them."""
    out.mkdir(parents=True, exist_ok=True)
    targets = sorted({name.split(".lora_")[0].rsplit(".", 1)[1] for name in tensors})
    alpha = int(alpha) if alpha == int(alpha) else alpha
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, base_model_name_or_path=base_name, task_type="CAUSAL_LM")
    config.inference_mode = True
    config.save_pretrained(out)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, out / "adapter_model.safetensors", {"format": "pt"})


def layout_faults(folder: Path, settings: dict) -> list[str]:
    """What keeps vLLM from reading a PEFT folder, a sentence each: its rules for the configuration and for names, the base's shapes."""
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    faults = [f"adapter_config.json has no {name}" for name in ("r", "lora_alpha", "target_modules") if not config.get(name)]
    faults += [f"vLLM reads no adapter with {name}" for name in ("modules_to_save", "use_dora") if config.get(name)]
    if config.get("bias", "none") != "none":
        faults.append(f"vLLM reads no adapter with bias {config['bias']}")
    tensors = load_file(folder / "adapter_model.safetensors")
    pairs: dict[str, set[str]] = {}
    for name, value in tensors.items():
        parts = name.split(".")
        if parts[:2] != ["base_model", "model"] or parts[-1] != "weight" or parts[-2] not in ("lora_A", "lora_B"):
            faults.append(f"{name} is not named base_model.model.<module>.lora_A.weight or …lora_B.weight")
            continue
        module, part = ".".join(parts[2:-2]), parts[-2]
        pairs.setdefault(module, set()).add(part)
        if module.rsplit(".", 1)[1] not in config.get("target_modules", ()):
            faults.append(f"{module} is not among target_modules")
        if value.shape[0 if part == "lora_A" else 1] != config.get("r"):
            faults.append(f"{name} has shape {list(value.shape)}: r is {config.get('r')}")
        elif "q_proj" in module or "o_proj" in module:
            width = value.shape[1 if part == "lora_A" else 0]
            if width != settings["hidden_size"]:
                faults.append(f"{name} has shape {list(value.shape)}: the base is {settings['hidden_size']} wide")
    faults += [f"{module} has {' and '.join(sorted(found))} alone" for module, found in pairs.items() if len(found) < 2]
    wanted = {f"model.layers.{i}.{module}" for i in range(settings["num_hidden_layers"]) for module in MODULES}
    faults += [f"{module} has no adapter" for module in sorted(wanted - set(pairs))]
    return faults


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", type=Path, required=True)
    parser.add_argument("--peft", type=Path, required=True)
    arguments = parser.parse_args(argv)
    try:
        manifest, tensors = read_version(arguments.version)
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"{arguments.version}: {error}") from None
    described = manifest["adapter"]
    write_peft(arguments.peft, tensors, described["rank"], described["alpha"], manifest["base"]["hub"])
    if faults := layout_faults(arguments.peft, manifest["base"]):
        raise SystemExit("\n".join(faults))
    print(f"{arguments.peft} is ready: {len(tensors)} tensors of rank {described['rank']} for {manifest['base']['name']}")


if __name__ == "__main__":
    main()
