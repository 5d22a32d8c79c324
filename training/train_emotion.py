"""Trains the encoder's affect branch: 28 emotions from GoEmotions.

python -m training.train_emotion [--out training/runs/emotion] [--epochs N] [--share 0.15] [--set name=value …]
Writes epoch<N>.pt after every epoch and goes on from the newest one there is.
"""

import argparse
import math
import random
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from training import data, metrics
from training.encoder_model import Branched, load_minilm, lower_states, open_tokenizer, pad_hidden, token_ids
from training.folders import MODEL_CODE, fresh_folder
from training.steps import Progress, batches, laid_over, load, newest, one_cycle, optimizer_of, outputs, save, some

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--out", type=Path, default=Path(__file__).parent / "runs" / "emotion")
arguments.add_argument("--epochs", type=int)
arguments.add_argument("--share", type=float, default=1, help="of the texts to learn from; dev stays whole")
arguments.add_argument("--set", nargs="*", default=[], help="name=value over params.yaml, for a trial")
arguments = arguments.parse_args()
everything = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))
params = laid_over(everything["encoder"] | everything["emotion"], arguments.set)
epochs = arguments.epochs or params["epochs"]
out = arguments.out
random.seed(params["seed"])
np.random.seed(params["seed"])
torch.manual_seed(params["seed"])

# ── Texts, and the frozen lower layers' output for each ──────────────────────────────────────────────────────────────
tokenizer = open_tokenizer(params["maxTokens"])
train_texts, train_y = data.emotions("train")
dev_texts, dev_y = data.emotions("dev")
kept = some(len(train_texts), arguments.share)
train_texts, train_y = [train_texts[i] for i in kept], train_y[kept]
made_by = [Path(__file__), *MODEL_CODE, *data.split_files("emotion.train", "emotion.dev")]
fresh_folder(out, params | {"epochs": epochs, "share": arguments.share}, made_by)
model = Branched(load_minilm(), params["sharedLayers"], train_y.shape[1], params["dropout"], params["frozenLayers"])
model.freeze_lower()
train, dev = (lower_states(model, token_ids(tokenizer, texts)) for texts in (train_texts, dev_texts))
print(f"{len(train)} texts are ready", flush=True)

# ── Optimiser: one cycle over all epochs ─────────────────────────────────────────────────────────────────────────────
optimizer = optimizer_of(model, [*model.shared, *model.affect], params, head=model.head)
steps = epochs * math.ceil(len(train) / params["batch"])
scheduler = one_cycle(optimizer, steps, params["warmUp"])
first_epoch = 0
if checkpoint := newest(out):
    first_epoch = load(checkpoint, model=model, optimizer=optimizer, scheduler=scheduler)["epoch"]
    print(f"going on after epoch {first_epoch}", flush=True)

# ── Train ────────────────────────────────────────────────────────────────────────────────────────────────────────────
progress = Progress(out, first_epoch * steps // epochs, steps)
for epoch in range(first_epoch, epochs):
    np.random.seed(params["seed"] + epoch)
    random.seed(params["seed"] + epoch)
    model.train()
    plan = batches(train, params["batch"])
    for done, chosen in enumerate(plan, 1):
        logits = model.emotion(*pad_hidden([train[i] for i in chosen]))
        loss = F.binary_cross_entropy_with_logits(logits, torch.from_numpy(train_y[chosen]))
        loss.backward()
        progress.step(bce=loss.item())
        nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], params["clipNorm"])
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        if done % 200 == 0:
            print(progress.tell(f"epoch {epoch + 1} {done}/{len(plan)}"), flush=True)

    p = metrics.sigmoid(outputs(model, model.emotion, dev).numpy())
    one, per = metrics.best_threshold(p, dev_y), metrics.best_thresholds(p, dev_y)
    report = {
        "macroF1": float(metrics.f1_by_label(p, dev_y, one).mean()),
        "macroF1PerLabel": float(metrics.f1_by_label(p, dev_y, per).mean()),
        "macroF1PerLabelCrossFitted": metrics.cross_fitted_macro_f1(p, dev_y),
    }
    print(f"epoch {epoch + 1}", {name: round(value, 4) for name, value in report.items()}, flush=True)
    save(out, epoch + 1, model=model, optimizer=optimizer, scheduler=scheduler, report=report)
