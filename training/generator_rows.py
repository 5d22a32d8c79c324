"""What a language model learns to answer: every reply of the characters and of ingested scripts, each with what went before it."""

import random
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from training import data
from training.datasets import BadData
from training.prompt import Moment

INGESTED = data.ROOT / "training" / "ingested"
HISTORY = 12  # utterances, as the worker is given
NEAREST = 8  # lines that exemplars are drawn from


@dataclass(frozen=True)
class Told:
    """A reply to learn. Of `wordings`, ways to say the message, one is drawn each time; `before` is what went before, the oldest first."""

    kind: str  # situation, exchange, conversation, script
    character: str
    wordings: tuple[str, ...]
    emotion: str
    reply: str
    before: tuple[tuple[str, str], ...] = ()
    mood: str = "neutral"

    def moment(self, drawn: random.Random) -> Moment:
        felt = () if self.emotion == "neutral" else (self.emotion,)
        lately = 0.0 if self.mood == "neutral" else 0.5
        return Moment(drawn.choice(self.wordings), felt, self.before[-HISTORY:], self.mood, lately)


def told(split: str, characters: Path | None = None, ingested: Path = INGESTED) -> list[Told]:
    """"train" or "dev". Dev are the wordings, exchanges and scenes that nothing is trained on, and every tenth conversation."""
    folder = characters or data.CHARACTERS
    scripts = {file.parent.name: file for file in sorted(ingested.glob(f"*/{split}.jsonl"))}
    own = [file.parent.name for file in sorted(folder.glob("*/card.json")) if file.parent.name not in scripts]
    found = of_situations(folder, own, split) + of_exchanges(own, split) + of_conversations(folder, own, split)
    for slug, file in scripts.items():
        if not (folder / slug / "card.json").exists():
            card = folder / slug / "card.json"
            raise BadData(f"{file} is of {slug}, who has no {card}: ingest the script again, or move {file.parent} away")
        found += [of_script(row) for row in data.rows(file)]
    return found


def of_situations(folder: Path, slugs: list[str], split: str) -> list[Told]:
    """A reply with all wordings of its situation; in dev with the one that is kept apart."""
    situations = data.rows(folder / "situations.jsonl")
    wordings = defaultdict(list)
    for text, at in data.wordings(situations, split):
        if text != situations[at]["description"]:
            wordings[situations[at]["id"]].append(text)
    emotion = {row["id"]: row["emotion"] for row in situations}
    return [
        Told("situation", slug, tuple(wordings[row["situation"]]), emotion[row["situation"]], row["text"])
        for slug in slugs
        for row in data.rows(folder / slug / "situations.jsonl")
        if wordings[row["situation"]]
    ]


def of_exchanges(slugs: list[str], split: str) -> list[Told]:
    return [one for row in data.exchanges(split) if row["character"] in slugs for one in of_turns("exchange", row, row["emotion"])]


def of_conversations(folder: Path, slugs: list[str], split: str) -> list[Told]:
    files = [folder / slug / "conversations.jsonl" for slug in slugs]
    rows = [row for file in files if file.exists() for row in data.rows(file)]
    kept = [row for row in rows if (zlib.crc32(row["id"].encode()) % 10 == 0) == (split == "dev")]
    return [one for row in kept for one in of_turns("conversation", row, None)]


def of_turns(kind: str, row: dict, emotion: str | None) -> list[Told]:
    """Every reply of a talk, with all that was said before it. `emotion` is the talk's, where its turns have none."""
    found, said, felt = [], [], "neutral"
    for asked, answered in zip(row["turns"][::2], row["turns"][1::2], strict=False):
        now = asked.get("emotion", emotion) or "neutral"
        found.append(Told(kind, row["character"], (asked["text"],), now, answered["text"], tuple(said), felt if said else "neutral"))
        said += [("user", asked["text"]), ("character", answered["text"])]
        felt = now
    return found


def of_script(row: dict) -> Told:
    *before, last = row["context"]
    felt = [turn.get("emotion") or "neutral" for turn in before if turn["role"] == "user"]
    history = tuple((turn["role"], turn["text"]) for turn in before)
    emotion, mood = last.get("emotion") or "neutral", felt[-1] if felt else "neutral"
    return Told("script", row["character"], (last["text"],), emotion, row["reply"], history, mood)


class Exemplars:
    """The character's own replies to messages like this one, by the words of the messages; never the reply that is to be learnt."""

    def __init__(self, rows: list[Told]):
        self.of = {}
        for slug in sorted({row.character for row in rows}):
            mine = [row for row in rows if row.character == slug]
            vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english", ngram_range=(1, 2))
            self.of[slug] = (vectorizer, vectorizer.fit_transform(" ".join(row.wordings) for row in mine), [row.reply for row in mine])

    def near(self, row: Told, message: str, most: int, drawn: random.Random) -> list[str]:
        """Between one and `most`, the nearest first; none where no word is shared."""
        vectorizer, matrix, replies = self.of[row.character]
        alike = (matrix @ vectorizer.transform([message]).T).toarray()[:, 0]
        order = [i for i in np.argsort(-alike, kind="stable")[: NEAREST + 1] if alike[i] > 0 and replies[i] != row.reply]
        chosen = sorted(drawn.sample(range(len(order)), min(len(order), drawn.randint(1, most))))
        return [replies[order[i]] for i in chosen]
