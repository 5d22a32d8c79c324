"""Trains the safety heads on what the two branches of the encoder found; the branches stay as they are.

python -m training.train_safety [--emotion training/runs/emotion] [--embedding training/runs/embedding] [--out training/runs/encoder]
    [--graph models/encoder/v2] [--features FILE] [--share 0.15] [--set name=value …]
Joins the affect branch (the mean of some epochs' weights), the semantic one's newest checkpoint and the heads into encoder.pt, which
export reads. With --graph the branches are a released version's, int8 as they ship, each text alone: heads.pt is what export_heads reads.
"""

import argparse
import zlib
from pathlib import Path

import numpy as np
import onnx
import torch
import yaml
from torch.nn import functional as F

from training import data, metrics
from training.encoder_model import Branched, by_length, load_minilm, lower_states, open_tokenizer, token_ids
from training.folders import alone
from training.release import sha256, verify
from training.safety_graph import with_safety
from training.safety_model import LABELS, Safety, joined, seen, weighed
from training.shipped import encoder_of, session_runner
from training.steps import laid_over, load, newest, outputs, some, write

RUNS = Path(__file__).parent / "runs"
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--emotion", type=Path, default=RUNS / "emotion")
parser.add_argument("--embedding", type=Path, default=RUNS / "embedding")
parser.add_argument("--out", type=Path, default=RUNS / "encoder")
parser.add_argument("--graph", type=Path, help="a version whose branches stay, for heads alone")
parser.add_argument("--features", type=Path, help="keeps there what the branches find, for a sweep's next trial")
parser.add_argument("--share", type=float, default=1, help="of the texts to learn from; dev stays whole")
parser.add_argument("--set", nargs="*", default=[], help="name=value over params.yaml, for a trial")
arguments = parser.parse_args()
everything = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))
params = laid_over(everything["encoder"] | everything["safety"], arguments.set)
torch.manual_seed(params["seed"])

# ── Both branches in one model, or a version's graph ─────────────────────────────────────────────────────────────────
if arguments.graph:
    if wrong := verify(arguments.graph):
        raise SystemExit("; ".join(wrong))
    bare = with_safety(onnx.load(arguments.graph / "model.int8.onnx"), None)
    run, encode = session_runner(bare.SerializeToString(), outputs=("seen",)), encoder_of(arguments.graph, params["maxTokens"])
    branches = {"graph": sha256(arguments.graph / "model.int8.onnx")}
else:
    for folder in (arguments.emotion, arguments.embedding):
        if newest(folder) is None:
            raise SystemExit(f"{folder} holds no epoch<N>.pt; train that branch first (training/README.md)")
    model = Branched(load_minilm(), params["sharedLayers"], len(data.labels()), params["dropout"], params["frozenLayers"])
    # Epochs of one run lie in one basin, and the middle of it reads better than any of them (Izmailov et al. 2018, arXiv 1803.05407).
    epochs = [load(arguments.emotion / f"epoch{epoch}.pt", model=model)["model"] for epoch in params["affectEpochs"]]
    affect = {name: torch.stack([one[name].float() for one in epochs]).mean(0) for name in model.state_dict()}
    semantic = load(newest(arguments.embedding), model=model)
    joint = {name: semantic["model"][name] if name.startswith("semantic.") else affect[name] for name in model.state_dict()}
    model.load_state_dict(joint)
    tokenizer = open_tokenizer(params["maxTokens"])
    branches = {"head": model.head.weight.sum().item(), "top": model.semantic[-1].output.dense.weight.sum().item()}


def features(texts: list[str]) -> torch.Tensor:
    if arguments.graph:
        return torch.from_numpy(by_length(run, encode(texts), size=1)[0])
    return outputs(model, lambda hidden, mask: seen(model, hidden, mask), lower_states(model, token_ids(tokenizer, texts)))


# ── Features of every text ───────────────────────────────────────────────────────────────────────────────────────────
(train_texts, train_y, train_known), (test_texts, test_y, test_known) = (data.safety(split) for split in ("train", "dev"))
chosen = some(len(train_texts), arguments.share)
train_texts, train_y, train_known = [train_texts[i] for i in chosen], train_y[chosen], train_known[chosen]
made_from = branches | {"texts": zlib.crc32("\n".join([*train_texts, *test_texts]).encode()), "maxTokens": params["maxTokens"]}
kept = torch.load(arguments.features) if arguments.features and arguments.features.exists() else {}
if kept.get("madeFrom") == made_from:
    train, test = kept["train"], kept["test"]
else:
    train, test = features(train_texts), features(test_texts)
    if arguments.features:
        torch.save({"madeFrom": made_from, "train": train, "test": test}, arguments.features.with_suffix(".part"))
        arguments.features.with_suffix(".part").replace(arguments.features)
train_known = torch.from_numpy(weighed(train_texts, train_y, train_known, params))
train_y = torch.from_numpy(train_y)
mean, deviation = train.mean(0), train.std(0) + 1e-6
print(f"{len(train_texts)} texts to learn from, {len(test_texts)} to look at", flush=True)


def fit(chosen: np.ndarray) -> Safety:
    """Learns from the rows `chosen`: networks from several beginnings, joined into one. What nobody judged weighs nothing; a rare label's
    examples weigh more."""
    positive = train_y[chosen].sum(0)
    weight = ((train_known[chosen].sum(0) - positive) / positive.clamp(min=1)).clamp(1, params["mostWeight"])
    nets = []
    for member in range(params["members"]):
        seed = params["seed"] + member
        torch.manual_seed(seed)
        net, random = Safety(train.shape[1], params["inner"], params["headDropout"]), np.random.default_rng(seed)
        optimizer = torch.optim.AdamW(net.parameters(), lr=params["learningRate"], weight_decay=params["weightDecay"], fused=True)
        for _ in range(params["epochs"]):
            for part in torch.from_numpy(random.permutation(chosen)).split(params["batch"]):
                x = (train[part] - mean) / deviation
                logits = net(x + params["jitter"] * torch.randn_like(x))
                loss = F.binary_cross_entropy_with_logits(logits, train_y[part], pos_weight=weight, reduction="none")
                ((loss * train_known[part]).sum() / train_known[part].sum()).backward()
                optimizer.step()
                optimizer.zero_grad()
        nets.append(net)
    return joined(nets, mean, deviation)


# ── Scale and shift a label from texts the heads did not see (five folds), so that a probability means what it says ───
folds = np.arange(len(train)) % 5
unseen = np.zeros_like(train_y.numpy())
for fold in range(5):
    fitted = fit(np.flatnonzero(folds != fold))
    with torch.no_grad():
        unseen[folds == fold] = fitted(train[folds == fold]).numpy()
heads = fit(np.arange(len(train)))
scale, shift, thresholds, certain = [], [], [], []
for i in range(len(LABELS)):
    known = train_known[:, i].numpy() > 0
    one_scale, one_shift = metrics.fit_platt(unseen[known, i : i + 1], train_y[known, i : i + 1].numpy())
    scale.append(one_scale[0])
    shift.append(one_shift[0])
    p = metrics.sigmoid(unseen[known, i] * one_scale[0] + one_shift[0])
    negative = train_y[known, i].numpy() == 0
    thresholds.append(metrics.threshold_at(p[negative], 1 - params["falseAlarms"]))
    certain.append(metrics.threshold_at(p[negative], 1 - params["certainFalseAlarms"]))
scale, shift = torch.tensor(np.array(scale)).float(), torch.tensor(np.array(shift)).float()
with torch.no_grad():
    heads.out.weight.mul_(scale[:, None])
    heads.out.bias.mul_(scale).add_(shift)
    p = torch.sigmoid(heads(test)).numpy()
report = {}
for i, label in enumerate(LABELS):
    known = test_known[:, i] > 0
    positive, negative = known & (test_y[:, i] > 0), known & (test_y.sum(1) == 0)  # as evaluate_safety counts: among what is harmless
    report[f"safety.{label}.recall"] = float((p[positive, i] >= thresholds[i]).mean())
    report[f"safety.{label}.falseAlarms"] = float((p[negative, i] >= thresholds[i]).mean())
    report[f"safety.{label}.certainRecall"] = float((p[positive, i] >= certain[i]).mean())
    report[f"safety.{label}.certainFalseAlarms"] = float((p[negative, i] >= certain[i]).mean())
    report[f"safety.{label}.recallAt5"] = float((p[positive, i] > metrics.threshold_at(p[negative, i], 0.95)).mean())
    shown = {name.rsplit(".", 1)[1]: round(value, 3) for name, value in report.items() if f".{label}." in name}
    print(f"{label:17} {int(positive.sum()):4} texts", shown, f"threshold {thresholds[i]:.2f}", flush=True)

alone(arguments.out)
arguments.out.mkdir(parents=True, exist_ok=True)
saved = {"safety": heads.state_dict(), "safetyThresholds": thresholds, "safetyCertain": certain, "report": report}
if arguments.graph:
    write(arguments.out / "heads.pt", saved | {"graph": branches["graph"]})
else:
    saved |= {"model": model.state_dict(), "classVectors": semantic["classVectors"], "situations": semantic["situations"]}
    saved["branches"] = {"emotion": {"epochs": params["affectEpochs"]}, "embedding": semantic["report"] | {"epoch": semantic["epoch"]}}
    write(arguments.out / "encoder.pt", saved)
