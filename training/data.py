"""What the stages learn from and are judged on: the splits that `prepare` froze, the public intent sets, the troupe's own corpus."""

import hashlib
import json
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from training import datasets

ROOT = datasets.ROOT
DATA = datasets.FETCHED if datasets.WHERE.startswith("http") else Path(datasets.WHERE)
CHARACTERS = ROOT / "characters"
TEXTS = ROOT / "training" / "texts"  # written by hand for training and tests
PREPARED = ROOT / "training" / "prepared"
SAFETY = ["hate", "self-harm", "violence", "sexual", "harassment", "prompt-injection"]


def rows(path: Path) -> list[dict]:
    """JSON Lines, gzipped or not."""
    return datasets.lines(path)


def column(file: str, name: str) -> list[str]:
    """One column of a declared data set's file."""
    return [row[name] for row in datasets.rows(file)]


@cache
def prepared(name: str) -> list[dict]:
    """A split as `prepare` wrote it. Refuses one that is not here, was touched, or was made from what has changed since."""
    again = "run python -m training.prepare"
    file, manifest = PREPARED / f"{name}.jsonl", prepared_manifest()
    if name not in manifest["files"] or not file.exists():
        raise datasets.BadData(f"{file} is not here: {again} first")
    described = manifest["files"][name]
    if hashlib.sha256(file.read_bytes()).hexdigest() != described["sha256"]:
        raise datasets.BadData(f"{file} is not what prepare wrote: {again} again")
    for source, made_from in described["sources"].items():
        own = ROOT / source
        now = hashlib.sha256(own.read_bytes()).hexdigest() if own.exists() else datasets.entry(source)[1]["sha256"]
        if now != made_from["sha256"]:
            raise datasets.BadData(f"{source} has changed since {file} was made of it: {again} again")
    return rows(file)


def split_files(*names: str) -> list[Path]:
    """The files of these splits: what a stage reads of them is what its checkpoints depend on."""
    return [PREPARED / f"{name}.jsonl" for name in names]


def prepared_manifest() -> dict:
    if not (PREPARED / "manifest.json").exists():
        raise datasets.BadData(f"{PREPARED} is not here: run python -m training.prepare first")
    manifest = json.loads((PREPARED / "manifest.json").read_text(encoding="utf-8"))
    if manifest["params"] != yaml.safe_load((ROOT / "training" / "params.yaml").read_text(encoding="utf-8"))["prepare"]:
        raise datasets.BadData(f"{PREPARED} was made with other parameters: run python -m training.prepare again")
    return manifest


def labels() -> list[str]:
    """The 28 labels in GoEmotions' order, which is the head's order."""
    return datasets.taxonomy("emotion")


def emotions(split: str) -> tuple[list[str], np.ndarray]:
    """GoEmotions "train" or "dev": texts, and a float32 matrix [texts, 28] of zeros and ones."""
    found = prepared(f"emotion.{split}")
    return [row["text"] for row in found], multi_hot([row["labels"] for row in found], labels())


def multi_hot(named: list[list[str]], order: list[str]) -> np.ndarray:
    place = {label: i for i, label in enumerate(order)}
    matrix = np.zeros((len(named), len(order)), np.float32)
    for i, names in enumerate(named):
        matrix[i, [place[name] for name in names]] = 1
    return matrix


def intents(name: str, split: str) -> tuple[list[str], np.ndarray]:
    """clinc150, banking77 or hwu64 as published; "train" or "dev". Out of scope is "oos"."""
    found = datasets.rows(f"{name}/{split}.jsonl")
    return [row["text"] for row in found], np.array([row["intent"] for row in found])


def situations() -> list[dict]:
    return rows(CHARACTERS / "situations.jsonl")


def openings() -> list[dict]:
    """The situations that a talk may begin with; the others are only looked for once it goes on, among themselves."""
    return [situation for situation in situations() if "after" not in situation]


def held_out(situation: dict) -> int:
    """Which of a situation's own wordings is never trained on: any of them, the same one every time."""
    return zlib.crc32(situation["id"].encode()) % len(situation["examples"])


def wordings(found: list[dict], split: str) -> list[tuple[str, int]]:
    """(text, index of its situation). "dev" is one of each situation's own wordings; "train" all others, descriptions included, but
    those that are nearly one of dev's."""
    index = {situation["id"]: i for i, situation in enumerate(found)}
    return [(row["text"], index[row["situation"]]) for row in prepared(f"wordings.{split}") if row["situation"] in index]


def marked(found: list[dict], split: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """First messages that readers marked situations' replies for: texts, and two float32 matrices [texts, situations] of zeros and ones,
    which situations fit and which are wrong. "train" or "dev"."""
    rows, order = prepared(f"marked.{split}"), [situation["id"] for situation in found]
    known = set(order)
    fits, wrong = (multi_hot([[id for id in row[name] if id in known] for row in rows], order) for name in ("fits", "wrong"))
    return [row["text"] for row in rows], fits, wrong


def exchanges(split: str) -> list[dict]:
    """Every tenth exchange by its id is "dev", all others but those whose opening is nearly one of dev's are "train"."""
    return prepared(f"exchanges.{split}")


def anchor_texts() -> list[str]:
    """What people write anywhere, labels unused: the embedding is held to a teacher's on these."""
    return [row["text"] for row in prepared("anchors")]


def safety(split: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts, a float32 matrix [texts, 6] of zeros and ones, and which of them somebody judged. "train": our own texts, OpenAI's
    moderation set, prompt injections, everyday wordings; "dev": our own second set; "test": HateCheck and XSTest, never tuned on."""
    found = prepared(f"safety.{split}")
    y = multi_hot([row["labels"] for row in found], SAFETY)
    return [row["text"] for row in found], y, 1 - multi_hot([row["unknown"] for row in found], SAFETY)


def exchange_messages() -> list[str]:
    """The first user message of every exchange."""
    files = sorted(CHARACTERS.glob("*/exchanges.jsonl"))
    return [row["turns"][0]["text"] for file in files for row in rows(file)]


def origins() -> list[tuple[str, str, str, Path]]:
    """Name, licence, source and file of everything the encoder learns or is calibrated from."""
    found = [
        (f"{described['name']} {entry['use']}", described["licence"], described["source"], datasets.path(f"{key}/{name}"))
        for key, described in datasets.declared()["sets"].items()
        for name, entry in described["files"].items()
        if entry["use"] == "train" or f"{key}/{name}" == "goemotions/dev.jsonl"
    ]
    for own in datasets.declared()["own"]:
        for file in datasets.own_files(own):
            described = datasets.declared()["own"][own]
            found.append((described["name"], described["licence"], str(file.relative_to(ROOT)), file))
    return found
