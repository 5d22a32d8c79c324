"""Reads votes.jsonl as `npx troupe export` writes it. Every fifth vote, by its id, is held out for good: nothing learns from it."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from training import data

EXPECTED = "expected what `npx troupe export` writes; export again"


@dataclass
class Vote:
    id: str
    voter: int
    up: bool
    at: str
    character: str
    emotions: dict[str, float] | None
    mood: dict | None
    text: str
    expression: str
    kind: str
    line: str | None

    @property
    def held_out(self) -> bool:
        return zlib.crc32(self.id.encode()) % 5 == 0


def read(path: Path) -> list[Vote]:
    """Oldest first. A reply whose text is gone is known by its line; one that has none is left out. SystemExit names a broken line."""
    if not path.exists():
        raise SystemExit(f"{path} is not here: npx troupe export writes it")
    found, lines, seen = [], None, set()
    for number, row in rows(path):
        try:
            shown = row["shown"]
            text, line = shown["text"], shown["line"]
            if text is None and line:
                lines = line_texts() if lines is None else lines
                text = lines.get(line)
            if row["value"] not in ("up", "down"):
                raise ValueError(f"value is {row['value']!r}")
            vote = Vote(
                row["id"], int(row["voter"]), row["value"] == "up", row["at"], row["character"], row["emotions"], row["mood"],
                text or "", shown["expression"], shown["source"]["kind"], line,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise SystemExit(f"{path} line {number}: {type(error).__name__}: {error}; {EXPECTED}") from None
        if vote.id in seen:
            raise SystemExit(f"{path} line {number}: the vote {vote.id} is there twice; {EXPECTED}")
        seen.add(vote.id)
        if vote.text:
            found.append(vote)
    return found


def rows(path: Path):
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield number, json.loads(raw.decode("utf-8"))
            except ValueError as error:
                raise SystemExit(f"{path} line {number} is no line of JSON in UTF-8 ({error}); {EXPECTED}") from None


def line_texts() -> dict[str, str]:
    """What the characters say, by the line's id."""
    found = {}
    for folder in sorted(path.parent for path in data.CHARACTERS.glob("*/card.json")):
        for name in ("situations", "universal"):
            if (folder / f"{name}.jsonl").exists():
                found |= {row["id"]: row["text"] for row in data.rows(folder / f"{name}.jsonl")}
        for name in ("exchanges", "conversations"):
            if not (folder / f"{name}.jsonl").exists():
                continue
            for row in data.rows(folder / f"{name}.jsonl"):
                said = [turn["text"] for turn in row["turns"] if turn["role"] == "character"]
                found |= {row["id"] if i == 0 else f"{row['id']}-{i + 1}": text for i, text in enumerate(said)}
    return found
