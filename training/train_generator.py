"""Fine-tunes a language model on the characters' replies: the prompt is the worker's, the loss is on the reply alone.

python -m training.train_generator [--base NAME|FOLDER|FILE.gguf] [--minutes 15] [--full] [--peft] [--out training/runs/generator]
Writes checkpoints under --out and training/build/generator/<version>/. Started again, it goes on after the newest checkpoint. With
--minutes the learning rate falls to nothing by then, whatever of the epochs is done.
"""

import argparse
import hashlib
import math
import time
from functools import partial
from itertools import islice
from pathlib import Path

import torch
import yaml

from training import adapter, data, tracking
from training.folders import fresh_folder
from training.generator_rows import INGESTED, Exemplars, Told, told
from training.language_model import autocast, device_of, find, open_base, shares_prefix, template_of, use_format, with_lora
from training.packing import Renderer, dev_packs, examples, losses, packs, perplexities
from training.prompt import read_card
from training.release import sha256
from training.steps import laid_over, load, write

HERE = Path(__file__).parent
CODE = [HERE / name for name in ("train_generator.py", "generator_rows.py", "packing.py", "prompt.py", "language_model.py")]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="a GGUF file, a folder, a name on the hub; by default params.yaml's")
    parser.add_argument("--full", action="store_true", help="all weights, not a LoRA")
    parser.add_argument("--peft", action="store_true", help="also a PEFT folder in the version")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of training, interruptions not counted")
    parser.add_argument("--out", type=Path, default=HERE / "runs" / "generator")
    parser.add_argument("--build", type=Path, default=HERE / "build" / "generator")
    parser.add_argument("--characters", type=Path, default=data.CHARACTERS)
    parser.add_argument("--ingested", type=Path, default=INGESTED)
    parser.add_argument("--from", dest="start", type=Path, help="a checkpoint whose weights to begin with")
    parser.add_argument("--set", nargs="*", default=[], help="name=value over params.yaml")
    arguments = parser.parse_args(argv)
    params = laid_over(yaml.safe_load((HERE / "params.yaml").read_text(encoding="utf-8"))["generator"], arguments.set)
    name = params["base"] = arguments.base or params["base"]
    full = params["full"] = arguments.full or params["full"]
    torch.manual_seed(params["seed"])

    # ── The base, and what it learns ─────────────────────────────────────────────────────────────────────────────────
    base, device = find(name), device_of()
    rows, unseen = told("train", arguments.characters, arguments.ingested), told("dev", arguments.characters, arguments.ingested)
    files = data_files(arguments.characters, arguments.ingested)
    sums = hashlib.sha256("".join(sorted(entry["sha256"] for entry in files)).encode()).hexdigest()
    fresh_folder(arguments.out, heard(params) | {"base": base.sha256 or name, "data": sums}, CODE)
    model, tokenizer = open_base(base, name)
    kind = use_format(model, tokenizer, params["format"], full)
    context = min(params["context"], model.config.get_text_config().max_position_embeddings)
    slugs = sorted({row.character for row in rows})
    cards = {slug: read_card(arguments.characters / slug / "card.json") for slug in slugs}
    render = partial(Renderer, tokenizer, cards, kind, context, params["promptTokens"])
    exemplars, share = Exemplars(rows), shares_prefix(model.config)
    model = (model if full else with_lora(model, params)).to(device)
    learning = [p for p in model.parameters() if p.requires_grad]
    precision = partial(autocast, device, params["precision"])
    print(f"{base.name}: {len(rows)} replies to learn of {', '.join(slugs)}", flush=True)
    print(f"{sum(p.numel() for p in learning):,} weights learn, on {device}", flush=True)

    # ── Optimiser; where an interrupted run was ──────────────────────────────────────────────────────────────────────
    optimizer = torch.optim.AdamW(learning, lr=params["learningRate"], weight_decay=params["weightDecay"], betas=(0.9, 0.98))
    weights = Learning(model)
    done, step, elapsed, figures = 0, 0, 0.0, {}
    if arguments.start:
        load(arguments.start, weights=weights)
    if checkpoint := newest(arguments.out):
        saved = load(checkpoint, weights=weights, optimizer=optimizer)
        done, step, elapsed, figures = saved["done"], saved["step"], saved["elapsed"], saved["figures"]
        torch.set_rng_state(saved["rng"])
        print(f"going on after step {step} ({checkpoint.name})", flush=True)
    dev = dev_packs(unseen, render(), exemplars, params, share)
    if not figures:
        figures = {"basePerplexity" + of: value for of, value in perplexities(model, dev, device, precision).items()}
        print("before:", told_as(figures), flush=True)

    # ── Train ────────────────────────────────────────────────────────────────────────────────────────────────────────
    whole, limit = params["epochs"] * len(rows), arguments.minutes * 60
    started = last_saved = time.time() - elapsed
    begun, lately, tokens, renderer = done, [], 0, render()

    def keep() -> None:
        state = {"weights": weights.state_dict(), "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}
        write(arguments.out / f"step{step}.pt", state | {"done": done, "step": step, "elapsed": time.time() - started, "figures": figures})
        for old in sorted(arguments.out.glob("step*.pt"), key=number)[:-2]:
            old.unlink()

    def stop(what: str) -> None:
        last = newest(arguments.out)
        kept = f"the last good checkpoint, {last}, is kept: --from begins with its weights" if last else "there was no checkpoint yet"
        raise SystemExit(f"{what} at step {step + 1}: training stopped; {kept}. Lower generator.learningRate in params.yaml")

    model.train()
    for pack in islice(plan(rows, renderer, exemplars, params, share), step, None):
        part = max(done / whole, (time.time() - started) / limit)
        if part >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = params["learningRate"] * min(1.0, (step + 1) / params["warmUpSteps"]) * (1 - part)
        with precision():
            loss = torch.cat(losses(model, pack, device)).mean()
        if not math.isfinite(loss.item()):
            stop(f"the loss is {loss.item()}")
        loss.backward()
        if not math.isfinite(torch.nn.utils.clip_grad_norm_(learning, params["clipNorm"]).item()):
            stop("the gradient is no number")
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done, step, tokens = done + len(pack.examples), step + 1, tokens + pack.tokens
        lately.append(loss.item())
        if step % params["tellEvery"] == 0:
            spent = time.time() - started
            left = min((spent - elapsed) / (done - begun) * (whole - done), limit - spent) / 60
            mean, speed = sum(lately) / len(lately), tokens / (spent - elapsed)
            print(f"step {step} {100 * part:.0f} % loss {mean:.4f} {speed:.0f} tokens/s left {left:.0f} min", flush=True)
            lately.clear()
        if time.time() - last_saved > params["checkpointMinutes"] * 60:
            keep()
            last_saved = time.time()
    keep()
    if renderer.too_long:
        print(f"{renderer.too_long} replies left out: card, message and reply are longer than {context} tokens", flush=True)

    # ── What it is worth, and the files ──────────────────────────────────────────────────────────────────────────────
    figures |= {"devPerplexity" + of: value for of, value in perplexities(model, dev, device, precision).items()}
    figures |= {"repliesSeen": done, "steps": step, "minutes": (time.time() - started) / 60}
    print("after:", told_as(figures), flush=True)
    out = arguments.build / params["version"]
    about = {"version": params["version"], "characters": slugs, "data": files, "params": params, "metrics": figures}
    written = adapter.write_whole(out, model, tokenizer, base) if full else adapter.write_adapter_files(out, model, base, arguments.peft)
    adapter.describe(out, model.config.get_text_config(), base, written, template_of(tokenizer, kind), about)
    with tracking.run("generator", params) as tracked:
        tracked.metrics(figures)
    print(f"{out} is ready", flush=True)


def heard(params: dict) -> dict:
    """Those that make other weights."""
    return {name: value for name, value in params.items() if name not in {"devReplies", "tellEvery", "checkpointMinutes"}}


def plan(rows: list[Told], renderer: Renderer, exemplars: Exemplars, params: dict, share: bool):
    """Epoch by epoch without end, the same at every call."""
    epoch = 0
    while True:
        found = examples(rows, renderer, exemplars, params["exemplarShare"], params["exemplarMost"], f"{params['seed']} {epoch}")
        none = True
        for pack in packs(found, params["tokens"], share):
            none = False
            yield pack
        if none:
            raise SystemExit(f"nothing to learn from: no card, message and reply fit into generator.context ({renderer.context} tokens)")
        epoch += 1


class Learning:
    """The weights that learn, by name, as a checkpoint holds them."""

    def __init__(self, model):
        self.named = {name: p for name, p in model.named_parameters() if p.requires_grad}

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {name: p.detach() for name, p in self.named.items()}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        if set(state) != set(self.named):
            raise ValueError(f"{len(set(state) ^ set(self.named))} weights are in one of them alone")
        for name, p in self.named.items():
            p.copy_(state[name])


def data_files(characters: Path, ingested: Path) -> list[dict]:
    """As a manifest lists them. Universal lines answer no message and are not learnt."""
    found = [file for file in sorted(characters.glob("**/*.jsonl")) if file.name != "universal.jsonl"]
    found += sorted(ingested.glob("*/train.jsonl"))
    return [{"name": f"{file.parent.name}/{file.name}", "sha256": sha256(file), "rows": len(data.rows(file))} for file in found]


def number(path: Path) -> int:
    return int(path.stem.removeprefix("step"))


def newest(folder: Path) -> Path | None:
    return max(folder.glob("step*.pt"), key=number, default=None)


def told_as(figures: dict) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


if __name__ == "__main__":
    main()
