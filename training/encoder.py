"""Trains the encoder: emotions on GoEmotions; in the same run the embedding learns the situations and is held near MiniLM's.

python -m training.encoder [--out training/runs/encoder] [--epochs N]
Writes epoch<N>.pt after every epoch and goes on from the newest one there is.
"""

import argparse
import math
import random
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from training import data, metrics
from training.encoder_model import Branched, load_minilm, lower_states, open_tokenizer, pad_hidden, token_ids

arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("--out", type=Path, default=Path(__file__).parent / "runs" / "encoder")
arguments.add_argument("--epochs", type=int)
arguments = arguments.parse_args()
params = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text())["encoder"]
anchor, group = params["anchor"], params["situations"]
epochs = arguments.epochs or params["epochs"]
arguments.out.mkdir(parents=True, exist_ok=True)
random.seed(params["seed"])
torch.manual_seed(params["seed"])

# ── Texts ────────────────────────────────────────────────────────────────────────────────────────────────────────────
tokenizer = open_tokenizer(params["maxTokens"])
train_texts, train_y = data.emotions("train")
dev_texts, dev_y = data.emotions("dev")
anchor_texts = [text for name in ("clinc150", "banking77", "hwu64") for text in data.intents(name, "train")[0]]
anchor_texts = sorted({*anchor_texts, *data.exchange_messages()})
random.shuffle(anchor_texts)
anchor_texts = anchor_texts[: anchor["texts"]]
situations = data.situations()
wording_texts, wording_y = data.train_wordings(situations)
wording_texts += [situation["description"] for situation in situations]
wording_y = np.concatenate([wording_y, np.arange(len(situations))])


# ── Model; the frozen lower layers' output for every text; what the embedding is held to ─────────────────────────────
model = Branched(load_minilm(), params["sharedLayers"], train_y.shape[1], params["dropout"], params["frozenLayers"])
for parameter in [*model.embeddings.parameters(), *model.shared[: params["frozenLayers"]].parameters()]:
    parameter.requires_grad_(False)
train, dev, anchors, wordings, seventh = (
    lower_states(model, token_ids(tokenizer, texts))
    for texts in (train_texts, dev_texts, anchor_texts, wording_texts, data.dev_wordings(situations))
)
plain = train[: anchor["goemotionsTexts"]]


@torch.no_grad()
def outputs(of: Callable, states: list[np.ndarray], size: int = 64) -> torch.Tensor:
    """`of` one of the model's two outputs, in the order of `states`."""
    model.eval()
    order = sorted(range(len(states)), key=lambda i: len(states[i]))
    found = torch.cat([of(*pad_hidden([states[i] for i in order[at : at + size]])) for at in range(0, len(order), size)])
    return found[torch.from_numpy(np.argsort(order))]


held_anchors, held_plain, held_wordings = (outputs(model.embedding, states) for states in (anchors, plain, wordings))
class_vectors = nn.Parameter(torch.stack([held_wordings[torch.from_numpy(wording_y == i)].mean(0) for i in range(len(situations))]))
print("lower layers and frozen embeddings are ready", flush=True)

# ── Optimiser: one cycle over all epochs ─────────────────────────────────────────────────────────────────────────────
rate = params["learningRate"]
body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("head.")]
optimizer = torch.optim.AdamW(
    [
        {"params": [p for p in body if p.ndim > 1], "weight_decay": params["weightDecay"]},
        {"params": [p for p in body if p.ndim <= 1], "weight_decay": 0},
        {"params": model.head.parameters(), "lr": rate * params["headFactor"], "weight_decay": 0},
        {"params": [class_vectors], "lr": group["learningRate"], "weight_decay": 0},
    ],
    lr=rate,
    fused=True,
)
steps = epochs * math.ceil(len(train) / params["batch"])
warm = max(1, int(steps * params["warmUp"]))
scheduler = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda step: step / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))
)
situations_every = max(1, int(steps / (group["passes"] * len(wordings) / group["batch"])))


def batches(states: list[np.ndarray], size: int) -> list[list[int]]:
    """Indices in batches of like length, in random order."""
    order = np.random.permutation(len(states))
    found = []
    for start in range(0, len(order), size * 50):
        chunk = sorted(order[start : start + size * 50], key=lambda i: len(states[i]))
        found += [chunk[i : i + size] for i in range(0, len(chunk), size)]
    random.shuffle(found)
    return found


def endless(states: list[np.ndarray], size: int):
    while True:
        yield from batches(states, size)


def drift(states: list[np.ndarray], held: torch.Tensor, chosen: list[int]) -> torch.Tensor:
    """Mean squared distance of the embeddings to those of the frozen MiniLM."""
    return ((model.embedding(*pad_hidden([states[i] for i in chosen])) - held[chosen]) ** 2).sum(1).mean()


# ── Go on from the newest checkpoint ─────────────────────────────────────────────────────────────────────────────────
first_epoch = 0
if checkpoints := sorted(arguments.out.glob("epoch*.pt"), key=lambda path: int(path.stem[5:])):
    saved = torch.load(checkpoints[-1], weights_only=False)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    scheduler.load_state_dict(saved["scheduler"])
    class_vectors.data.copy_(saved["classVectors"])
    first_epoch = saved["epoch"]
    print(f"going on after epoch {first_epoch}", flush=True)

# ── Train ────────────────────────────────────────────────────────────────────────────────────────────────────────────
for epoch in range(first_epoch, epochs):
    np.random.seed(params["seed"] + epoch)
    random.seed(params["seed"] + epoch)
    next_anchors, next_plain = endless(anchors, anchor["batch"]), endless(plain, anchor["batch"])
    next_wordings = endless(wordings, group["batch"])
    model.train()
    started, sums = time.time(), defaultdict(list)
    plan = batches(train, params["batch"])
    for done, chosen in enumerate(plan, 1):
        step = scheduler.last_epoch
        logits = model.emotion(*pad_hidden([train[i] for i in chosen]))
        losses = {"emotion": F.binary_cross_entropy_with_logits(logits, torch.from_numpy(train_y[chosen]))}
        losses["emotion"].backward()
        if step % anchor["every"] == 1:
            losses["anchor"] = drift(anchors, held_anchors, next(next_anchors))
            (anchor["weight"] * losses["anchor"]).backward()
        if step % anchor["goemotionsEvery"] == 3:
            losses["plain"] = drift(plain, held_plain, next(next_plain))
            (anchor["weight"] * losses["plain"]).backward()
        if step % situations_every == 0:
            chosen = next(next_wordings)
            cosines = model.embedding(*pad_hidden([wordings[i] for i in chosen])) @ F.normalize(class_vectors, dim=-1).T
            losses["situations"] = F.cross_entropy(group["scale"] * cosines, torch.from_numpy(wording_y[chosen]))
            losses["situations"].backward()
        nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], params["clipNorm"])
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        for name, loss in losses.items():
            sums[name].append(loss.item())
        if done % 200 == 0:
            means = " ".join(f"{name} {np.mean(values):.4f}" for name, values in sums.items())
            speed = done * params["batch"] / (time.time() - started)
            print(f"epoch {epoch + 1} {done}/{len(plan)} {means} {speed:.0f} texts/s", flush=True)
            sums.clear()

    p = metrics.sigmoid(outputs(model.emotion, dev).numpy())
    one, per = metrics.best_threshold(p, dev_y), metrics.best_thresholds(p, dev_y)
    report = {
        "macroF1": float(metrics.f1_by_label(p, dev_y, one).mean()),
        "macroF1PerLabel": float(metrics.f1_by_label(p, dev_y, per).mean()),
        **metrics.situation_accuracy(outputs(model.embedding, wordings).numpy(), wording_y, outputs(model.embedding, seventh).numpy()),
    }
    print(f"epoch {epoch + 1}", {name: round(value, 4) for name, value in report.items()}, flush=True)
    saved = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "classVectors": class_vectors.data,
        "epoch": epoch + 1,
        "report": report,
    }
    torch.save(saved, arguments.out / "partial.pt")
    (arguments.out / "partial.pt").replace(arguments.out / f"epoch{epoch + 1}.pt")
