"""What a line answers, going by the line alone: learned from the troupe's own lines, which say what each of them is for."""

import base64
import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.data import rows
from training.datasets import BadData
from training.shipped import RUNS, Reader, Reading

GENERAL = 2  # characters of the troupe that use a word in lines for any occasion: then anybody does
FELT = 0.5  # weight of the 28 emotions beside the embedding


@dataclass
class Softmax:
    names: list[str]
    weights: np.ndarray
    bias: np.ndarray

    def of(self, features: np.ndarray) -> np.ndarray:
        """Probabilities [lines, names]."""
        logits = features @ self.weights.T + self.bias
        exp = np.exp(logits - logits.max(1, keepdims=True))
        return exp / exp.sum(1, keepdims=True)


@dataclass
class Answers:
    situations: list[dict]
    situation: Softmax  # over the embedding
    occasion: Softmax  # over `features`: "emotion joy", "act greeting …"
    general: set[str]


def features(reading: Reading) -> np.ndarray:
    return np.concatenate([reading.embedding, FELT * reading.emotion], axis=1)


def learn(troupe: Path, reader: Reader, kept: Path = RUNS / "ingest") -> Answers:
    """`troupe` is a folder of characters with situations.jsonl. What was learned is kept, by the encoder's and the lines' sums."""
    universal, replies = of_all(troupe, "universal"), of_all(troupe, "situations")
    situations = rows(troupe / "situations.jsonl")
    if not universal or not replies:
        raise BadData(f"{troupe} has no lines to learn from what answers what; give the troupe's characters with --troupe")
    general = general_words(universal)
    told = json.dumps([reader.checksum, FELT, universal, replies], ensure_ascii=False)
    file = kept / f"answers-{hashlib.sha256(told.encode()).hexdigest()[:16]}.npz"
    if not file.exists():
        print(f"learning from {len(universal) + len(replies):,} lines of the troupe what answers what; kept for the next time", flush=True)
        occasion = fit(features(reader.read([text for _, text, _ in universal])), [of for _, _, of in universal], 8)
        situation = fit(reader.read([text for _, text, _ in replies]).embedding, [of for _, _, of in replies], 10)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.npz")
        np.savez(
            part,
            **{
                f"{name}.{key}": value
                for name, one in (("occasion", occasion), ("situation", situation))
                for key, value in vars(one).items()
            },
        )
        part.replace(file)
    with np.load(file) as saved:
        made = {
            name: Softmax(saved[f"{name}.names"].tolist(), saved[f"{name}.weights"], saved[f"{name}.bias"])
            for name in ("occasion", "situation")
        }
    return Answers(situations, made["situation"], made["occasion"], general)


def of_all(troupe: Path, kind: str) -> list[tuple[str, str, str]]:
    """(slug, text, what it is for) of every line in the characters' files; not of characters that came out of a script themselves."""
    found = []
    for file in sorted(troupe.glob(f"*/{kind}.jsonl")):
        if (file.parent / "manifest.json").exists():
            continue
        for row in rows(file):
            named = [f"{key} {row[key]}" for key in ("emotion", "act") if key in row] if kind == "universal" else [row["situation"]]
            found += [(file.parent.name, row["text"], of) for of in named[:1]]
    return found


def general_words(universal: list[tuple[str, str, str]]) -> set[str]:
    by = defaultdict(set)
    for slug, text, _ in universal:
        for word in re.findall(r"[a-z'-]+", text.lower()):
            by[word].add(slug)
    enough = min(GENERAL, len({slug for slug, _, _ in universal}))
    return {word for word, slugs in by.items() if len(slugs) >= enough}


def fit(features: np.ndarray, of: list[str], c: float) -> Softmax:
    model = LogisticRegression(C=c, max_iter=80).fit(features, of)
    return Softmax(list(model.classes_), model.coef_.astype(np.float32), model.intercept_.astype(np.float32))


def situation_vectors(model: Path) -> dict[str, np.ndarray]:
    """What the encoder was trained to tell the situations apart by; empty for a version without them."""
    file = model / "situations.json"
    if not file.exists():
        return {}
    told = json.loads(file.read_text(encoding="utf-8"))
    bytes_ = np.frombuffer(base64.b64decode(told["rows"]), np.int8).reshape(len(told["ids"]), -1)
    vectors = bytes_.astype(np.float32) * np.array(told["scales"], np.float32)[:, None]
    return dict(zip(told["ids"], vectors / np.linalg.norm(vectors, axis=1, keepdims=True), strict=True))
