"""Trains the ranker on the corpus: the true reply against others of the same character; who says what; which face goes with a reply.

python -m training.ranker [--encoder models/encoder/v2] [--out training/build/ranker] [--share 0.15] [--set name=value …]
The embeddings are those of the int8 encoder that ships, each text read alone.
"""

import argparse
import json
import random
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import yaml
from safetensors.torch import save_file
from torch.nn import functional as F

from training import data
from training.metrics import retrieval
from training.ranker_model import Ranker
from training.release import file_entries, sha256, write_json
from training.shipped import open_reader
from training.steps import laid_over, some

GRAVE = {"sadness", "grief", "fear", "remorse"}
LIGHT = {"amusement", "excitement", "joy", "pride"}


@dataclass
class Pair:
    """A message and the reply that was written for it."""

    speaker: int
    message: str
    before: tuple[str, ...]
    reply: str
    face: str | None
    emotion: str
    group: str  # pairs of one group are not each other's negatives
    dev: bool


def pairs(slugs: list[str]) -> list[Pair]:
    """Exchanges and conversations, every tenth of them unseen; the situations' replies, each to one wording that is trained on."""
    found, situations = [], data.situations()
    wordings = {}
    for text, i in data.wordings(situations, "train"):
        wordings.setdefault(situations[i]["id"], []).append(text)
    emotions = {situation["id"]: situation["emotion"] for situation in situations}
    for split in ("train", "dev"):
        for row in data.exchanges(split):
            asked, said = row["turns"][0]["text"], row["turns"][1]["text"]
            found.append(Pair(slugs.index(row["character"]), asked, (), said, None, row["emotion"], row["id"], split == "dev"))
    for speaker, slug in enumerate(slugs):
        folder = data.CHARACTERS / slug
        for row in data.rows(folder / "situations.jsonl"):
            texts = wordings[row["situation"]]
            asked = texts[zlib.crc32(row["id"].encode()) % len(texts)]
            group = f"{slug} {row['situation']}"
            found.append(Pair(speaker, asked, (), row["text"], row["expression"], emotions[row["situation"]], group, False))
        for row in data.rows(folder / "conversations.jsonl"):
            turns, dev = row["turns"], zlib.crc32(row["id"].encode()) % 10 == 0
            for at in range(1, len(turns)):
                if turns[at]["role"] == "character" and turns[at - 1]["role"] == "user":
                    before = tuple(turn["text"] for turn in turns[max(0, at - 3) : at - 1])
                    asked, said = turns[at - 1], turns[at]
                    emotion, group = asked.get("emotion", "neutral"), f"{row['id']} {at}"
                    found.append(Pair(speaker, asked["text"], before, said["text"], said.get("expression"), emotion, group, dev))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "build" / "ranker")
    parser.add_argument("--share", type=float, default=1, help="of the pairs to learn from; the unseen ones stay whole")
    parser.add_argument("--set", nargs="*", default=[], help="name=value over params.yaml, for a trial")
    arguments = parser.parse_args()
    params = laid_over(yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))["ranker"], arguments.set)
    encoder = arguments.encoder or data.ROOT / "models" / "encoder" / live_version("encoder")
    torch.manual_seed(params["seed"])
    random.seed(params["seed"])
    torch.set_num_threads(1)

    # ── Pairs and their numbers ──────────────────────────────────────────────────────────────────────────────────────
    slugs = sorted(path.parent.name for path in data.CHARACTERS.glob("*/card.json"))
    labels = data.labels()
    everything = pairs(slugs)
    texts = list(dict.fromkeys(text for pair in everything for text in (pair.message, pair.reply, *pair.before)))
    reading = open_reader(encoder).read(texts)
    d, row_of = reading.embedding.shape[1], {text: i for i, text in enumerate(texts)}

    def stack(chosen: list[Pair]) -> dict[str, torch.Tensor]:
        face = np.zeros((len(chosen), len(labels)), np.float32)
        for i, pair in enumerate(chosen):
            if pair.face:
                face[i, labels.index(pair.face)] = 1
        asked, said = [row_of[pair.message] for pair in chosen], [row_of[pair.reply] for pair in chosen]
        turns = [[row_of[text] for text in pair.before] for pair in chosen]
        before = np.stack([reading.embedding[rows].mean(0) if rows else np.zeros(d) for rows in turns]).astype(np.float32)
        arrays = (reading.embedding[asked], before, reading.emotion[asked], reading.embedding[said], face)
        return dict(zip(("message", "before", "felt", "reply", "face"), map(torch.from_numpy, arrays), strict=True))

    train = [pair for pair in everything if not pair.dev]
    train = [train[i] for i in some(len(train), arguments.share)]
    unseen = [pair for pair in everything if pair.dev]
    x, z = stack(train), stack(unseen)
    speaker, face_known = torch.tensor([pair.speaker for pair in train]), x["face"].sum(1) > 0
    groups = np.array([pair.group for pair in train])
    print(f"{len(train)} pairs to learn from, {len(unseen)} unseen", flush=True)

    # ── Does this answer that? The batch's other replies are wrong, all of one character ─────────────────────────────
    ranker = Ranker(d, params["inner"], len(labels), len(slugs), params["dropout"])
    optimizer = torch.optim.AdamW(ranker.parameters(), lr=params["learningRate"], weight_decay=params["weightDecay"])
    by_speaker = [np.flatnonzero(speaker.numpy() == s) for s in range(len(slugs))]
    steps = params["epochs"] * len(train) // params["batch"]
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, params["learningRate"], total_steps=steps + 1)
    rng = np.random.default_rng(params["seed"])
    history = []
    for step in range(steps):
        ranker.train()
        mine = by_speaker[step % len(slugs)]
        # Half of a batch are a message's nearest ones: like messages and their replies are what it has to tell apart.
        seeds = rng.choice(mine, params["batch"] // 8, replace=False)
        near = (x["message"][seeds] @ x["message"][mine].T).topk(5, dim=1).indices.numpy()
        chosen = np.unique(np.concatenate([mine[near].ravel(), rng.choice(mine, params["batch"] // 2, replace=False)]))
        part = {name: tensor[chosen] for name, tensor in x.items()}
        # Faces tell situations' replies from exchanges', which have none: hidden half of the time.
        part["face"] = part["face"] * torch.from_numpy((rng.random((len(chosen), 1)) < 0.5).astype(np.float32))
        scores = ranker(**part)
        same = torch.from_numpy((groups[chosen][:, None] == groups[chosen][None]) & ~np.eye(len(chosen), dtype=bool))
        scores = scores.masked_fill(same, -1e4)
        truth = torch.arange(len(chosen))
        loss = F.cross_entropy(scores, truth) + F.cross_entropy(scores.T, truth)
        who = F.cross_entropy(ranker.speaker(part["reply"]), speaker[chosen])
        known = face_known[chosen]
        shown = F.cross_entropy(ranker.expression(part["reply"][known]), x["face"][chosen][known].argmax(1)) if known.any() else 0
        (loss + params["speakerWeight"] * who + params["faceWeight"] * shown).backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        history.append(loss.item())
        if (step + 1) % 500 == 0:
            print(f"{step + 1}/{steps} loss {np.mean(history[-500:]):.4f}", flush=True)

    # ── What it is worth ─────────────────────────────────────────────────────────────────────────────────────────────
    ranker.eval()
    figures = {}
    with torch.no_grad():
        exchanges = [i for i, pair in enumerate(unseen) if " " not in pair.group]
        talks = [i for i, pair in enumerate(unseen) if " " in pair.group]
        for name, chosen in (("exchanges", exchanges), ("conversations", talks)):
            who = np.array([unseen[i].speaker for i in chosen])
            part = {key: tensor[chosen] for key, tensor in z.items()}
            alone = part | {"before": torch.zeros_like(part["before"]), "face": torch.zeros_like(part["face"])}
            figures[f"{name}CosineMrr"], figures[f"{name}CosineHit1"] = retrieval((part["message"] @ part["reply"].T).numpy(), who)
            figures[f"{name}Mrr"], figures[f"{name}Hit1"] = retrieval(ranker(**alone).numpy(), who)
            if name == "conversations":
                figures["conversationsWithHistoryMrr"], figures["conversationsWithHistoryHit1"] = retrieval(
                    ranker(**(part | {"face": alone["face"]})).numpy(), who
                )
        guessed = ranker.speaker(z["reply"]).argmax(1).numpy()
        figures["speakerAccuracy"] = float((guessed == [pair.speaker for pair in unseen]).mean())
        faces = ranker.expression(z["reply"]).softmax(-1).numpy()
        light = faces[:, [labels.index(label) for label in sorted(LIGHT)]].sum(1)
        known = [i for i, pair in enumerate(unseen) if pair.face]
        is_light = np.array([unseen[i].face in LIGHT for i in known])
        grave_y = np.array([unseen[i].face in {"caring", "sadness", "grief", "remorse", "fear"} for i in known])
        limit = np.quantile(light[known][grave_y], 0.95) if grave_y.any() else 1.0
        figures["lightRecallAt5"] = float((light[known][is_light] > limit).mean()) if is_light.any() else 0.0
    for name, value in figures.items():
        print(f"{name:32} {value:.4f}")

    # ── The files ────────────────────────────────────────────────────────────────────────────────────────────────────
    out = arguments.out / params["version"]
    out.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().half().contiguous() for name, tensor in ranker.state_dict().items()}, out / "ranker.safetensors")
    config = {"encoder": sha256(encoder / "model.int8.onnx"), "dimensions": d, "inner": params["inner"], "labels": labels,
              "speakers": slugs, "grave": sorted(GRAVE), "light": sorted(LIGHT), "lightLimit": round(float(limit), 4)}  # fmt: skip
    write_json(out / "config.json", config)
    files = sorted(data.CHARACTERS.glob("*/*.jsonl"))
    manifest = {
        "task": "ranker",
        "version": params["version"],
        "createdAt": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        "base": {"name": "encoder", "source": str(encoder.name), "licence": "Apache-2.0", "sha256": config["encoder"]},
        "data": [
            {"name": f"Troupe {file.parent.name} {file.stem}", "licence": "Apache-2.0", "source": str(file.relative_to(data.ROOT)),
             "sha256": sha256(file), "rows": len(data.rows(file))} for file in files
        ],  # fmt: skip
        "params": params,
        "metrics": {name: round(value, 6) for name, value in figures.items()},
        "files": file_entries(out),
    }
    write_json(out / "manifest.json", manifest)
    card = (Path(__file__).parent / "ranker_card.md").read_text(encoding="utf-8").replace("{{version}}", params["version"])
    table = "\n".join(f"| {name} | {value:.4g} |" for name, value in figures.items())
    (out / "card.md").write_text(card.replace("{{figures}}", table), encoding="utf-8")
    print(f"{out} is ready", flush=True)


def live_version(task: str) -> str:
    return json.loads((data.ROOT / "models" / "registry.json").read_text(encoding="utf-8"))["tasks"][task]["live"]


if __name__ == "__main__":
    main()
