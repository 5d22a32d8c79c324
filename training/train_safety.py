"""Trains the safety heads and their own layers on top of the affect branch's lower ones; both branches stay as they are.

python -m training.train_safety [--emotion training/runs/emotion] [--embedding training/runs/embedding] [--out training/runs/encoder]
    [--features FILE] [--share 0.15] [--set name=value …]
Writes epoch<N>.pt after every epoch and goes on from the newest one there is. At the end it joins both branches' newest checkpoints and
the best epoch's heads into encoder.pt, which is what export reads. Best is judged on texts to learn from that were kept out of learning.
"""

import argparse
import copy
import math
import random
import zlib
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from training import data, metrics, safety_model
from training.encoder_model import Branched, load_minilm, lower_states, open_tokenizer, pad_hidden, token_ids
from training.folders import MODEL_CODE, fresh_folder
from training.safety_model import LABELS, Safety, below
from training.steps import Progress, batches, laid_over, load, newest, one_cycle, optimizer_of, outputs, save, some, write

RUNS = Path(__file__).parent / "runs"
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--emotion", type=Path, default=RUNS / "emotion")
parser.add_argument("--embedding", type=Path, default=RUNS / "embedding")
parser.add_argument("--out", type=Path, default=RUNS / "encoder")
parser.add_argument("--features", type=Path, help="keeps there what the branches find, for a sweep's next trial")
parser.add_argument("--share", type=float, default=1, help="of the texts to learn from; dev stays whole")
parser.add_argument("--set", nargs="*", default=[], help="name=value over params.yaml, for a trial")
arguments = parser.parse_args()
everything = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))
params = laid_over(everything["encoder"] | everything["safety"], arguments.set)
random.seed(params["seed"])
np.random.seed(params["seed"])
torch.manual_seed(params["seed"])

# ── Both branches in one model ───────────────────────────────────────────────────────────────────────────────────────
for folder in (arguments.emotion, arguments.embedding):
    if newest(folder) is None:
        raise SystemExit(f"{folder} holds no epoch<N>.pt; train that branch first (training/README.md)")
model = Branched(load_minilm(), params["sharedLayers"], len(data.labels()), params["dropout"], params["frozenLayers"])
affect, semantic = (load(newest(folder), model=model) for folder in (arguments.emotion, arguments.embedding))
joined = {name: (semantic if name.startswith("semantic.") else affect)["model"][name] for name in model.state_dict()}
model.load_state_dict(joined)

# ── What the branches find in every text, and the states their own layers start from ────────────────────────────────
tokenizer = open_tokenizer(params["maxTokens"])
(train_texts, train_y, train_known), (test_texts, test_y, test_known) = (data.safety(split) for split in ("train", "dev"))
chosen = some(len(train_texts), arguments.share)
train_texts, train_y, train_known = [train_texts[i] for i in chosen], train_y[chosen], train_known[chosen]
made_by = [Path(__file__), Path(safety_model.__file__), *MODEL_CODE, *data.split_files("safety.train", "safety.dev")]
fresh_folder(arguments.out, params | {"share": arguments.share}, [*made_by, newest(arguments.emotion), newest(arguments.embedding)])
made_from = {"texts": zlib.crc32("\n".join([*train_texts, *test_texts]).encode()), "maxTokens": params["maxTokens"],
             "branch": params["branch"], "head": model.head.weight.sum().item(),
             "top": model.semantic[-1].output.dense.weight.sum().item()}  # fmt: skip


def found_in(texts: list[str]) -> tuple[torch.Tensor, list[np.ndarray]]:
    """What both branches find [texts, 2 · hidden], and of each text the states [tokens, hidden] under the heads' own layers, float16."""
    lower = lower_states(model, token_ids(tokenizer, texts))
    both, states = outputs(model, model.both, lower), []
    with torch.no_grad():
        for row in lower:
            states.append(below(model, params["branch"], *pad_hidden([row]))[0].half().numpy())
    return both, states


kept = torch.load(arguments.features, weights_only=False) if arguments.features and arguments.features.exists() else {}
if kept.get("madeFrom") == made_from:
    train, test = kept["train"], kept["test"]
else:
    train, test = found_in(train_texts), found_in(test_texts)
    if arguments.features:
        torch.save({"madeFrom": made_from, "train": train, "test": test}, arguments.features.with_suffix(".part"))
        arguments.features.with_suffix(".part").replace(arguments.features)
unseen = np.arange(len(train_texts)) % params["unseenOf"] == 0  # kept out of learning: the best epoch, scale, shift and thresholds
seen = np.flatnonzero(~unseen)
print(f"{len(seen)} texts to learn from, {unseen.sum()} to choose by, {len(test_texts)} to look at", flush=True)

# ── Heads, layers of their own, optimiser ────────────────────────────────────────────────────────────────────────────
layers = model.affect[len(model.affect) - params["branch"] :]
width = train[0].shape[1] + (model.head.in_features if params["branch"] else 0)
heads = Safety(width, params["inner"], params["headDropout"], layers)
for parameter in heads.parameters():
    parameter.requires_grad_(True)
optimizer = optimizer_of(heads, [*heads.branch], params, head=nn.ModuleList([heads.inner, heads.out]))
steps = params["epochs"] * math.ceil(len(seen) / params["batch"])
scheduler = one_cycle(optimizer, steps, params["warmUp"])
best = {"score": -1.0}
first_epoch = 0
if checkpoint := newest(arguments.out):
    saved = load(checkpoint, heads=heads, optimizer=optimizer, scheduler=scheduler)
    first_epoch, best = saved["epoch"], saved["best"]
    print(f"going on after epoch {first_epoch}", flush=True)


def read(found: tuple[torch.Tensor, list[np.ndarray]], rows: np.ndarray) -> torch.Tensor:
    """Logits [rows, 6]."""
    states, mask = pad_hidden([found[1][i] for i in rows])
    return heads(found[0][rows], states, mask)


@torch.no_grad()
def read_all(found: tuple[torch.Tensor, list[np.ndarray]], rows: np.ndarray) -> np.ndarray:
    heads.eval()
    return np.concatenate([read(found, part).numpy() for part in np.array_split(rows, max(1, len(rows) // 64))])


def recalls(z: np.ndarray, y: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """By label, where 5 % of what is not of that label is taken for it; labels without a text are left out."""
    found = {}
    for i, label in enumerate(LABELS):
        positive, negative = (known[:, i] > 0) & (y[:, i] > 0), (known[:, i] > 0) & (y[:, i] == 0)
        if positive.any() and negative.any():
            found[label] = float((z[positive, i] > metrics.threshold_at(z[negative, i], 0.95)).mean())
    return found


# ── Train. What nobody judged weighs nothing; a rare label's examples weigh more ─────────────────────────────────────
truth, judged = torch.from_numpy(train_y), torch.from_numpy(train_known)
positive = truth[seen].sum(0)
weight = ((judged[seen].sum(0) - positive) / positive.clamp(min=1)).clamp(1, params["mostWeight"])
progress = Progress(arguments.out, first_epoch * steps // params["epochs"], steps)
for epoch in range(first_epoch, params["epochs"]):
    if epoch - best.get("epoch", epoch) >= params["patience"]:
        print(f"nothing gained in {params['patience']} epochs", flush=True)
        break
    np.random.seed(params["seed"] + epoch)
    random.seed(params["seed"] + epoch)
    heads.train()
    plan = batches([train[1][i] for i in seen], params["batch"])
    for done, part in enumerate(plan, 1):
        rows = seen[part]
        loss = F.binary_cross_entropy_with_logits(read(train, rows), truth[rows], pos_weight=weight, reduction="none")
        loss = (loss * judged[rows]).sum() / judged[rows].sum()
        loss.backward()
        progress.step(bce=loss.item())
        nn.utils.clip_grad_norm_(heads.parameters(), params["clipNorm"])
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        if done % 50 == 0:
            print(progress.tell(f"epoch {epoch + 1} {done}/{len(plan)}"), flush=True)
    z = read_all(train, np.flatnonzero(unseen))
    by_label = recalls(z, train_y[unseen], train_known[unseen])
    score = float(np.mean([*by_label.values()] or [0.0]))
    print(f"epoch {epoch + 1} unseen, recall at 5 %: {score:.4f}", {name: round(value, 3) for name, value in by_label.items()}, flush=True)
    if score > best["score"]:
        best = {"score": score, "epoch": epoch + 1, "heads": copy.deepcopy(heads.state_dict()), "unseen": z}
    save(arguments.out, epoch + 1, heads=heads, optimizer=optimizer, scheduler=scheduler, best=best)

# ── Scale and shift a label from the texts kept out, so that a probability means what it says ────────────────────────
heads.load_state_dict(best["heads"])
z, y, known_rows = best["unseen"], train_y[unseen], train_known[unseen]
scale, shift, thresholds, certain = [], [], [], []
for i in range(len(LABELS)):
    known = known_rows[:, i] > 0
    one_scale, one_shift = metrics.fit_platt(z[known, i : i + 1], y[known, i : i + 1])
    scale.append(one_scale[0])
    shift.append(one_shift[0])
    p = metrics.sigmoid(z[known, i] * one_scale[0] + one_shift[0])
    negative = y[known, i] == 0
    thresholds.append(metrics.threshold_at(p[negative], 1 - params["falseAlarms"]))
    certain.append(metrics.threshold_at(p[negative], 1 - params["certainFalseAlarms"]))
scale, shift = torch.tensor(np.array(scale)).float(), torch.tensor(np.array(shift)).float()
with torch.no_grad():
    heads.out.weight.mul_(scale[:, None])
    heads.out.bias.mul_(scale).add_(shift)
p = metrics.sigmoid(read_all(test, np.arange(len(test_texts))))
report = {}
for i, label in enumerate(LABELS):
    known = test_known[:, i] > 0
    positive, negative = known & (test_y[:, i] > 0), known & (test_y[:, i] == 0)
    report[f"safety.{label}.recall"] = float((p[positive, i] >= thresholds[i]).mean())
    report[f"safety.{label}.falseAlarms"] = float((p[negative, i] >= thresholds[i]).mean())
    report[f"safety.{label}.certainRecall"] = float((p[positive, i] >= certain[i]).mean())
    report[f"safety.{label}.certainFalseAlarms"] = float((p[negative, i] >= certain[i]).mean())
    report[f"safety.{label}.recallAt5"] = float((p[positive, i] > metrics.threshold_at(p[negative, i], 0.95)).mean())
    shown = {name.rsplit(".", 1)[1]: round(value, 3) for name, value in report.items() if f".{label}." in name}
    print(f"{label:17} {int(positive.sum()):4} texts", shown, f"threshold {thresholds[i]:.2f}", flush=True)

saved = {
    "model": model.state_dict(),
    "safety": heads.state_dict(),
    "classVectors": semantic["classVectors"],
    "situations": semantic["situations"],
    "safetyThresholds": thresholds,
    "safetyCertain": certain,
    "report": report,
    "branches": {"emotion": affect["report"] | {"epoch": affect["epoch"]}, "embedding": semantic["report"] | {"epoch": semantic["epoch"]}},
}
write(arguments.out / "encoder.pt", saved)
