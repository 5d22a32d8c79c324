"""Reads the public data sets (TROUPE_DATA, by default shared/data beside the repository) and the troupe's own corpus."""

import gzip
import json
import os
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("TROUPE_DATA", ROOT.parent / "shared" / "data"))
CHARACTERS = ROOT / "characters"
TEXTS = Path(__file__).resolve().parent / "texts"  # written by hand for training and tests
SAFETY = ["hate", "self-harm", "violence", "sexual", "harassment", "prompt-injection"]


def rows(path: Path) -> list[dict]:
    """JSON Lines, gzipped or not."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not here; set TROUPE_DATA to the folder that holds goemotions/, clinc150/ …")
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def labels() -> list[str]:
    """The 28 labels in GoEmotions' order, which is the head's order."""
    return json.loads((DATA / "goemotions" / "labels.json").read_text(encoding="utf-8"))["labels"]


def emotions(split: str) -> tuple[list[str], np.ndarray]:
    """GoEmotions "train" or "dev": texts, and a float32 matrix [texts, 28] of zeros and ones."""
    found = rows(DATA / "goemotions" / {"train": "train.jsonl.gz", "dev": "dev.jsonl"}[split])
    return [row["text"] for row in found], multi_hot([row["labels"] for row in found], labels())


def multi_hot(named: list[list[str]], order: list[str]) -> np.ndarray:
    column = {label: i for i, label in enumerate(order)}
    matrix = np.zeros((len(named), len(order)), np.float32)
    for i, names in enumerate(named):
        matrix[i, [column[name] for name in names]] = 1
    return matrix


def intents(name: str, split: str) -> tuple[list[str], np.ndarray]:
    """clinc150, banking77 or hwu64; "train" or "dev". Out of scope is "oos"."""
    found = rows(DATA / name / f"{split}.jsonl")
    return [row["text"] for row in found], np.array([row["intent"] for row in found])


def situations() -> list[dict]:
    return rows(CHARACTERS / "situations.jsonl")


def train_wordings(found: list[dict]) -> tuple[list[str], np.ndarray]:
    """The first six wordings of each situation, and the index of the situation each belongs to."""
    pairs = [(text, i) for i, situation in enumerate(found) for text in situation["examples"][:6]]
    return [text for text, _ in pairs], np.array([i for _, i in pairs])


def dev_wordings(found: list[dict]) -> list[str]:
    """The seventh wording of each situation: never trained on."""
    return [situation["examples"][6] for situation in found]


def held_out(situation: dict) -> int:
    """Which of a situation's own wordings is never trained on: any of them, the same one every time."""
    return zlib.crc32(situation["id"].encode()) % len(situation["examples"])


def wordings(found: list[dict], split: str) -> list[tuple[str, int]]:
    """(text, index of its situation). "dev" is one of each situation's own wordings; "train" all others, descriptions included."""
    if split == "dev":
        return [(situation["examples"][held_out(situation)], i) for i, situation in enumerate(found)]
    index = {situation["id"]: i for i, situation in enumerate(found)}
    own = [
        (text, i)
        for i, situation in enumerate(found)
        for text in [situation["description"], *(t for at, t in enumerate(situation["examples"]) if at != held_out(situation))]
    ]
    return own + [(row["text"], index[row["situation"]]) for row in rows(CHARACTERS / "wordings.jsonl")]


def daily_emotions(split: str) -> tuple[list[str], np.ndarray]:
    """What people say every day and the one emotion that goes with it: wordings of the situations, and the openings of exchanges
    ("train" only). Texts, and int64 indices of labels."""
    found, order = situations(), {label: i for i, label in enumerate(labels())}
    pairs = [(text, found[i]["emotion"]) for text, i in wordings(found, split)]
    if split == "train":
        files = sorted(CHARACTERS.glob("*/exchanges.jsonl"))
        pairs += [(row["turns"][0]["text"], row["emotion"]) for file in files for row in rows(file)]
    return [text for text, _ in pairs], np.array([order[label] for _, label in pairs])


def anchor_texts() -> list[str]:
    """What people write anywhere, labels unused: the embedding is held to a teacher's on these. CLINC150 and Banking77 are not among
    them: they measure how well skills are learned that the encoder has never seen."""
    found = {*exchange_messages(), *intents("hwu64", "train")[0]}
    for name, count in (("personality_chat/train.jsonl", 6000), ("synthetic_persona_chat/train.jsonl.gz", 4000),
                        ("self_dialogue/train.jsonl.gz", 3000), ("goemotions/train.jsonl.gz", 6000)):  # fmt: skip
        texts = sorted({row["text"] for row in rows(DATA / name)}, key=lambda text: zlib.crc32(text.encode()))
        found.update(texts[:count])
    return sorted(found)


def safety(split: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """"train" or "dev": texts, a float32 matrix [texts, 6] of zeros and ones, and which of them somebody judged. Our own texts
    (training/texts/, judged throughout); to learn from also OpenAI's moderation set and everyday wordings of the situations."""
    name = {"train": "train", "dev": "test"}[split]
    found = [(row["text"], row["labels"], ()) for file in sorted(TEXTS.glob(f"*.{name}.jsonl")) for row in rows(file) if "labels" in row]
    if split == "train":
        found += [(row["text"], row["labels"], ()) for row in rows(TEXTS / "hate.contrast.jsonl")]
        for row in rows(DATA / "safety" / "openai_moderation" / "dev.jsonl"):
            # Nobody judged those rows for prompt injection; they are none. Every row about sex was taken out of the set.
            found.append((row["text"], [label.split("/")[0] for label in row["labels"]], [label.split("/")[0] for label in row["unknown"]]))
        found += [(row["text"], ["prompt-injection"], ()) for row in rows(DATA / "safety" / "prompt_injections" / "dev.jsonl")]
        found += [(text, [], ()) for text, _ in wordings(situations(), "train")[::4]]
    y, known = np.zeros((2, len(found), len(SAFETY)), np.float32)
    for i, (_, marked, unknown) in enumerate(found):
        y[i] = [label in marked for label in SAFETY]
        known[i] = [label not in unknown for label in SAFETY]
    return [text for text, _, _ in found], y, known


def exchange_messages() -> list[str]:
    """The first user message of every exchange."""
    files = sorted(CHARACTERS.glob("*/exchanges.jsonl"))
    return [row["turns"][0]["text"] for file in files for row in rows(file)]


def origins() -> list[tuple[str, str, str, Path]]:
    """Name, licence, source and file of everything the encoder learns or is calibrated from."""
    return [
        ("GoEmotions train", "CC BY 4.0", "google-research/goemotions (Demszky et al., ACL 2020)", DATA / "goemotions" / "train.jsonl.gz"),
        ("GoEmotions dev (calibration)", "CC BY 4.0", "google-research/goemotions", DATA / "goemotions" / "dev.jsonl"),
        ("CLINC150 train", "CC BY 3.0", "clinc/oos-eval (Larson et al., EMNLP 2019)", DATA / "clinc150" / "train.jsonl"),
        ("Banking77 train", "CC BY 4.0", "PolyAI-LDN/task-specific-datasets (Casanueva et al., 2020)", DATA / "banking77" / "train.jsonl"),
        ("HWU64 train", "CC BY 4.0", "xliuhw/NLU-Evaluation-Data (Liu et al., IWSDS 2019)", DATA / "hwu64" / "train.jsonl"),
        ("Troupe situations", "Apache-2.0", "characters/situations.jsonl", CHARACTERS / "situations.jsonl"),
        *(
            (f"Troupe exchanges, {file.parent.name}", "Apache-2.0", f"characters/{file.parent.name}/exchanges.jsonl", file)
            for file in sorted(CHARACTERS.glob("*/exchanges.jsonl"))
        ),
    ]
