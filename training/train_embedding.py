"""Trains the encoder's semantic branch: wordings of one situation together, neighbours apart, and elsewhere held to two teachers.

python -m training.train_embedding [--out training/runs/embedding] [--teacher training/runs/mpnet] [--epochs N]
    [--share 0.15] [--set name=value …]
MiniLM's own embedding keeps what it knows (distance), all-mpnet-base-v2 says which texts are alike (the batch's cosines) and which
situations a wording could belong to (shares); readers said for which messages a situation's replies fit and for which they are wrong
(marks); and the safety texts teach it what the safety heads will look for. Writes epoch<N>.pt after every epoch and goes on from the
newest one there is.
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

from training import data, metrics, teacher_vectors
from training.encoder_model import Branched, load_minilm, lower_states, open_tokenizer, pad_hidden, token_ids
from training.folders import MODEL_CODE, fresh_folder
from training.marks import losses
from training.safety_model import LABELS, semantic_end, weighed
from training.steps import Progress, batches, endless, laid_over, load, newest, one_cycle, optimizer_of, outputs, save, some

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--out", type=Path, default=Path(__file__).parent / "runs" / "embedding")
arguments.add_argument("--teacher", type=Path, default=teacher_vectors.RUNS)
arguments.add_argument("--epochs", type=int)
arguments.add_argument("--share", type=float, default=1, help="of each situation's wordings and of the other texts; dev stays whole")
arguments.add_argument("--set", nargs="*", default=[], help="name=value over params.yaml, for a trial")
arguments = arguments.parse_args()
everything = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))
harm = {name: everything["safety"][name] for name in ("otherHarm", "otherHarmSelfHarm", "trapWeight")}
params = laid_over(everything["encoder"] | harm | everything["embedding"], arguments.set)
epochs = arguments.epochs or params["epochs"]
random.seed(params["seed"])
np.random.seed(params["seed"])
torch.manual_seed(params["seed"])

# ── Texts, the frozen lower layers' output, and what both teachers say ───────────────────────────────────────────────
teacher = teacher_vectors.read(arguments.teacher)
situations = data.situations()
pairs = data.wordings(situations, "train")
owner = np.array([i for _, i in pairs])
own = [np.flatnonzero(owner == i) for i in range(len(situations))]
kept = np.concatenate([indices[some(len(indices), arguments.share)] for indices in own])
wording_texts, owner = [pairs[i][0] for i in kept], owner[kept]
anchor_texts = data.anchor_texts()
if unknown := sum(text not in teacher for text in [*(text for text, _ in pairs), *anchor_texts]):
    raise SystemExit(f"{arguments.teacher} lacks {unknown} of the texts: run python -m training.teacher_vectors first")
anchor_texts = [anchor_texts[i] for i in some(len(anchor_texts), arguments.share)]
splits = ("wordings.train", "wordings.dev", "anchors", "marked.train", "safety.train")
made_by = [Path(__file__), *MODEL_CODE, *data.split_files(*splits)]
fresh_folder(arguments.out, params | {"epochs": epochs, "share": arguments.share}, made_by)
tokenizer = open_tokenizer(params["maxTokens"])
model = Branched(load_minilm(), params["sharedLayers"], len(data.labels()), params["dropout"], params["frozenLayers"])
model.freeze_lower()
wordings, anchors, dev = (
    lower_states(model, token_ids(tokenizer, texts))
    for texts in (wording_texts, anchor_texts, [text for text, _ in data.wordings(situations, "dev")])
)
(marked_texts, fits, wrong), (judged_texts, judged_fits, judged_wrong) = (data.marked(situations, split) for split in ("train", "dev"))
kept = some(len(marked_texts), arguments.share)
marked_texts, fits, wrong = [marked_texts[i] for i in kept], torch.from_numpy(fits[kept]), torch.from_numpy(wrong[kept])
harm_texts, harm_y, harm_known = data.safety("train")
kept = some(len(harm_texts), arguments.share)
harm_texts, harm_y, harm_known = [harm_texts[i] for i in kept], harm_y[kept], harm_known[kept]
harm_weight = torch.from_numpy(weighed(harm_texts, harm_y, harm_known, params))
harm_y = torch.from_numpy(harm_y)
marked, judged, harmful = (lower_states(model, token_ids(tokenizer, texts)) for texts in (marked_texts, judged_texts, harm_texts))
(clinc_texts, clinc_y), (asked_texts, asked_y) = data.intents("clinc150", "train"), data.intents("clinc150", "dev")
kept = some(len(clinc_texts), arguments.share)
clinc_texts, clinc_y = [clinc_texts[i] for i in kept], clinc_y[kept]
clinc, asked = (lower_states(model, token_ids(tokenizer, texts)) for texts in (clinc_texts, asked_texts))
held_anchors, held_wordings = (outputs(model, model.embedding, states) for states in (anchors, wordings))
wording_teacher = torch.from_numpy(np.stack([teacher[text] for text in wording_texts]).astype(np.float32))
anchor_teacher = torch.from_numpy(np.stack([teacher[text] for text in anchor_texts]).astype(np.float32))


def sums_of(of: torch.Tensor) -> torch.Tensor:
    """The sum of each situation's vectors; scaled to unit length, their mean."""
    return torch.zeros(len(situations), of.shape[1]).index_add_(0, torch.from_numpy(owner), of)


# The share a wording has in every situation by the teacher, the wording itself left out of its own situation's mean.
sums = sums_of(wording_teacher)
cosines = wording_teacher @ F.normalize(sums, dim=-1).T
apart = F.normalize(sums[owner] - wording_teacher, dim=-1)
cosines[torch.arange(len(owner)), torch.from_numpy(owner)] = (wording_teacher * apart).sum(1)
shares = (params["teacherScale"] * cosines).softmax(-1)
print(f"teacher, leave one out: {(shares.argmax(1).numpy() == owner).mean():.4f} of {len(owner)} wordings", flush=True)
targets = (1 - params["distil"]) * F.one_hot(torch.from_numpy(owner), len(situations)) + params["distil"] * shares
class_vectors = nn.Parameter(F.normalize(sums_of(held_wordings), dim=-1))

harm_head = nn.Linear(2 * held_wordings.shape[1], len(LABELS))

# ── Optimiser ────────────────────────────────────────────────────────────────────────────────────────────────────────
optimizer = optimizer_of(model, [*model.shared, *model.semantic], params, head=harm_head, vectors=[class_vectors])
steps = epochs * math.ceil(len(wordings) / params["batch"])
scheduler = one_cycle(optimizer, steps, params["warmUp"])
first_epoch = 0
if checkpoint := newest(arguments.out):
    saved = load(checkpoint, model=model, harm=harm_head, optimizer=optimizer, scheduler=scheduler)
    class_vectors.data.copy_(saved["classVectors"])
    first_epoch = saved["epoch"]
    print(f"going on after epoch {first_epoch}", flush=True)


def report() -> dict[str, float]:
    known, inside = clinc_y != "oos", asked_y != "oos"
    x, z = outputs(model, model.embedding, clinc).numpy(), outputs(model, model.embedding, asked).numpy()
    found = outputs(model, model.embedding, dev).numpy()
    vectors = F.normalize(class_vectors.detach(), dim=-1).numpy()
    learned = found @ vectors.T
    return {
        **metrics.situation_accuracy(outputs(model, model.embedding, wordings).numpy(), owner, found),
        "situationLearnedTop1": float((learned.argmax(1) == np.arange(len(found))).mean()),
        "situationLearnedTop5": float((np.argsort(-learned, 1)[:, :5] == np.arange(len(found))[:, None]).any(1).mean()),
        "markedFirstFits": first_fits(outputs(model, model.embedding, judged).numpy() @ vectors.T),
        "clincNearest": float((clinc_y[known][(z[inside] @ x[known].T).argmax(1)] == asked_y[inside]).mean()),
    }


def first_fits(scores: np.ndarray) -> float:
    """Of the messages that some marked situation fits: for how many the first of the marked ones does."""
    among = np.where(judged_fits + judged_wrong > 0, scores, -np.inf)
    some_fit = judged_fits.any(1)
    return float(judged_fits[np.arange(len(scores)), among.argmax(1)][some_fit].mean())


# ── Train ────────────────────────────────────────────────────────────────────────────────────────────────────────────
if first_epoch == 0:
    print("before", {name: round(value, 4) for name, value in report().items()}, flush=True)
progress = Progress(arguments.out, first_epoch * steps // epochs, steps)
for epoch in range(first_epoch, epochs):
    np.random.seed(params["seed"] + epoch)
    random.seed(params["seed"] + epoch)
    next_anchors = endless(anchors, params["anchorBatch"])
    next_marked, next_harmful = endless(marked, params["markedBatch"]), endless(harmful, params["safetyBatch"])
    model.train()
    plan = batches(wordings, params["batch"])
    for done, chosen in enumerate(plan, 1):
        found = model.embedding(*pad_hidden([wordings[i] for i in chosen]))
        loss = F.cross_entropy(params["scale"] * found @ F.normalize(class_vectors, dim=-1).T, targets[chosen])
        loss.backward()

        chosen = next(next_anchors)
        found = model.embedding(*pad_hidden([anchors[i] for i in chosen]))
        distance = ((found - held_anchors[chosen]) ** 2).sum(1).mean()
        alike = ((found @ found.T - anchor_teacher[chosen] @ anchor_teacher[chosen].T) ** 2).mean()
        (params["anchorWeight"] * distance + params["alikeWeight"] * alike).backward()

        chosen = next(next_marked)
        found = model.embedding(*pad_hidden([marked[i] for i in chosen]))
        scores = params["scale"] * found @ F.normalize(class_vectors, dim=-1).T
        marks = losses(scores, fits[chosen], wrong[chosen]).mean()
        (params["markedWeight"] * marks).backward()

        chosen = next(next_harmful)
        logits = harm_head(semantic_end(model, *pad_hidden([harmful[i] for i in chosen])))
        bce = F.binary_cross_entropy_with_logits(logits, harm_y[chosen], reduction="none") * harm_weight[chosen]
        safety = bce.sum() / harm_weight[chosen].sum().clamp(min=1)
        (params["safetyWeight"] * safety).backward()
        progress.step(situations=loss.item(), anchor=distance.item(), alike=alike.item(), marks=marks.item(), safety=safety.item())
        nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], params["clipNorm"])
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        if done % 50 == 0:
            print(progress.tell(f"epoch {epoch + 1} {done}/{len(plan)}"), flush=True)
    found = report()
    print(f"epoch {epoch + 1}", {name: round(value, 4) for name, value in found.items()}, flush=True)
    learned = {"classVectors": class_vectors.data, "situations": [row["id"] for row in situations]}
    save(arguments.out, epoch + 1, model=model, harm=harm_head, optimizer=optimizer, scheduler=scheduler, report=found, **learned)
