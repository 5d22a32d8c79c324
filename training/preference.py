"""Teaches an adapter from votes: KTO on thumbs, DPO where one person liked one reply to a message and not another.

python -m training.preference --votes training/runs/export/votes.jsonl --from training/build/generator/v1 [--method kto|dpo]
The reference is the adapter it begins from. Writes training/build/generator/<preference.version>/; every fifth vote, by its id, is kept
out and judges it. Started again, it goes on after the newest checkpoint.
"""

import argparse
import math
import time
from functools import partial
from pathlib import Path

import torch
import yaml
from sklearn.metrics import roc_auc_score
from transformers import TrainerCallback
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

from datasets import Dataset
from training import adapter, data, tracking
from training.folders import fresh_folder
from training.generator_rows import Exemplars, told
from training.language_model import autocast, device_of, open_base, shares_prefix, template_of, use_format
from training.packing import Example, Renderer, dev_packs, losses, packs, perplexities
from training.preference_rows import pairs, read
from training.prompt import read_card
from training.release import sha256
from training.steps import laid_over

HERE = Path(__file__).parent
CODE = [HERE / name for name in ("preference.py", "preference_rows.py", "packing.py", "prompt.py")]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=Path, default=HERE / "runs" / "export" / "votes.jsonl")
    parser.add_argument("--from", dest="start", type=Path, required=True, help="the generator's version to begin from")
    parser.add_argument("--base", help="by default the one that the version names")
    parser.add_argument("--method", choices=["kto", "dpo"], default="kto")
    parser.add_argument("--peft", action="store_true", help="also a PEFT folder in the version")
    parser.add_argument("--out", type=Path, default=HERE / "runs" / "preference")
    parser.add_argument("--build", type=Path, default=HERE / "build" / "generator")
    parser.add_argument("--characters", type=Path, default=data.CHARACTERS)
    parser.add_argument("--set", nargs="*", default=[], help="name=value over params.yaml")
    arguments = parser.parse_args(argv)
    everything = yaml.safe_load((HERE / "params.yaml").read_text(encoding="utf-8"))
    params = laid_over(everything["preference"], arguments.set)

    # ── The adapter to begin from, and the votes ─────────────────────────────────────────────────────────────────────
    manifest, tensors, base, name = adapter.open_version(arguments.start, arguments.base)
    made = {"method": arguments.method, "from": manifest["files"], "votes": sha256(arguments.votes)}
    fresh_folder(arguments.out, params | made, CODE, "checkpoint-*")
    model, tokenizer = open_base(base, name)
    kind = use_format(model, tokenizer, "tokens" if manifest["template"]["kind"] == "tokens" else "chat", full=False)
    like = manifest["params"]
    cards = {slug: read_card(arguments.characters / slug / "card.json") for slug in manifest["characters"]}
    renderer = Renderer(tokenizer, cards, kind, like["context"], like["promptTokens"])
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(renderer.end)  # what trl ends a completion with
    found, left = read(arguments.votes, renderer)
    for why, count in left.items():
        print(f"{count} votes left out: {why}")
    learning, judging = [row for row in found if not row["heldOut"]], [row for row in found if row["heldOut"]]
    chosen = pairs(learning) if arguments.method == "dpo" else learning
    if len(chosen) < params["least"]:
        what = "pairs of thumbs up and down by one person on one message" if arguments.method == "dpo" else "votes"
        raise SystemExit(f"{arguments.votes} has {len(chosen)} {what} to learn from; preference.least in params.yaml is {params['least']}")
    model = adapter.with_adapter(model, tensors, manifest, learning=True)
    device, precision = device_of(), partial(autocast, device_of(), like["precision"])
    model.to(device)
    share = shares_prefix(model.config)
    rows = told("dev", arguments.characters)
    dev = dev_packs([row for row in rows if row.character in cards], renderer, Exemplars(rows), like, share)
    before = rewards(model, judging, renderer, device, share, like["tokens"])
    figures = {"perplexityBefore": perplexities(model, dev, device, precision)[""]}

    # ── Train ────────────────────────────────────────────────────────────────────────────────────────────────────────
    order = torch.randperm(len(chosen), generator=torch.Generator().manual_seed(params["seed"])).tolist()
    names = ("prompt", "chosen", "rejected") if arguments.method == "dpo" else ("prompt", "completion", "label")
    rows_of = Dataset.from_list([{key: chosen[i][key] for key in names} for i in order])
    settings = {
        "output_dir": str(arguments.out), "seed": params["seed"], "num_train_epochs": params["epochs"],
        "learning_rate": params["learningRate"], "per_device_train_batch_size": params["batch"],
        "gradient_accumulation_steps": params["accumulate"], "beta": params["beta"],
        "max_length": like["context"], "save_steps": params["saveEvery"], "save_total_limit": 2, "logging_steps": 1, "disable_tqdm": True,
        "logging_nan_inf_filter": False, "report_to": [], "bf16": device.type == "cuda", "use_cpu": device.type == "cpu",
        "dataloader_drop_last": True, "gradient_checkpointing": False, "dataloader_pin_memory": device.type == "cuda",
    }  # fmt: skip
    Config, Trainer = (DPOConfig, DPOTrainer) if arguments.method == "dpo" else (KTOConfig, KTOTrainer)
    if arguments.method == "kto":  # its KL term pairs each row with its neighbour's completion: the order is fixed, the batch at least two
        up = sum(row["label"] for row in chosen)
        balance = (len(chosen) - up) / max(up, 1)
        settings |= {"desirable_weight": max(1.0, balance), "undesirable_weight": max(1.0, 1 / max(balance, 1e-3))}
    trainer = Trainer(model, args=Config(**settings), train_dataset=rows_of, processing_class=tokenizer, callbacks=[Told(arguments.out)])
    trainer.train(resume_from_checkpoint=newest(arguments.out))

    # ── What it is worth, and the files ──────────────────────────────────────────────────────────────────────────────
    model.set_adapter("default")
    after = rewards(model, judging, renderer, device, share, like["tokens"])
    figures["perplexityAfter"] = perplexities(model, dev, device, precision)[""]
    labels = [row["label"] for row in judging]
    figures |= {"votesLearnt": len(chosen), "votesHeldOut": len(judging), "steps": trainer.state.global_step}
    if len(set(labels)) == 2:
        figures["heldOutAuc"] = float(roc_auc_score(labels, [b - a for a, b in zip(before, after, strict=True)]))
    for key, value in figures.items():
        print(f"{key:20} {value:.4f}")
    out = arguments.build / params["version"]
    votes = {"name": f"votes/{arguments.votes.name}", "sha256": sha256(arguments.votes), "rows": len(found)}
    note = f"Begun from {manifest['version']}, then {arguments.method.upper()} on votes."
    about = {"version": params["version"], "characters": manifest["characters"], "data": [*manifest["data"], votes], "metrics": figures}
    about["params"] = like | {"preference": params | {"method": arguments.method, "from": manifest["version"]}, "note": note}
    written = adapter.write_adapter_files(out, model, base, arguments.peft)
    adapter.describe(out, model.config.get_text_config(), base, written, template_of(tokenizer, kind), about)
    with tracking.run("preference", params) as tracked:
        tracked.metrics(figures)
    print(f"{out} is ready", flush=True)


class Told(TrainerCallback):
    """A line of progress, and an end in clear words where the loss is no number."""

    def __init__(self, folder: Path, clock=time.time):
        self.folder, self.clock, self.started, self.first = folder, clock, None, 0

    def on_train_begin(self, args, state, control, **_):
        self.started, self.first = self.clock(), state.global_step

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" not in (logs or {}):
            return
        if not math.isfinite(logs["loss"]):
            last = newest(self.folder)
            kept = f"the last good checkpoint is {last}" if last else "there was no checkpoint yet"
            what = f"the loss is {logs['loss']} at step {state.global_step}: training stopped"
            raise SystemExit(f"{what}; {kept}. Lower preference.learningRate in params.yaml")
        each = (self.clock() - self.started) / max(1, state.global_step - self.first)
        minutes = each * (state.max_steps - state.global_step) / 60
        print(f"step {state.global_step}/{state.max_steps} loss {logs['loss']:.4f} left {minutes:.0f} min", flush=True)


def newest(folder: Path) -> str | None:
    found = max(folder.glob("checkpoint-*/trainer_state.json"), key=lambda file: int(file.parent.name.split("-")[1]), default=None)
    return str(found.parent) if found else None


@torch.no_grad()
def rewards(model, rows: list[dict], renderer: Renderer, device: torch.device, share: bool, tokens: int) -> list[float]:
    """Log-probability of each row's completion, in the order of the rows."""
    model.eval()
    examples = []
    for i, row in enumerate(rows):
        prompt = renderer.ids(row["prompt"])
        examples.append((row["character"], Example([*prompt, *renderer.ids(row["completion"]), renderer.end], len(prompt), str(i))))
    found = [0.0] * len(rows)
    for pack in packs(iter(examples), tokens, share):
        for example, loss in zip(pack.examples, losses(model, pack, device), strict=True):
            found[int(example.kind)] = -loss.sum().item()
    return found


if __name__ == "__main__":
    main()
