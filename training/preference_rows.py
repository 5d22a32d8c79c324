"""Votes as rows that a language model learns from: {prompt, completion, label} of each thumb, {prompt, chosen, rejected} of two of one
person on the same message."""

import json
import zlib
from collections import Counter
from pathlib import Path

from training import data
from training.generator_rows import HISTORY
from training.packing import Renderer
from training.prompt import Moment
from training.votes import EXPECTED, line_texts, rows

FELT = 0.3  # probability from which a label goes into the prompt, as the likeliest three do


def read(path: Path, renderer: Renderer) -> tuple[list[dict], Counter]:
    """Rows with `voter`, `heldOut` and `character` beside, and how many votes were left out, by why. A file of rows may have been written
    by hand: {prompt (messages, or {character, message, …} as in a vote), completion, label}."""
    found, left, wordings, lines = [], Counter(), first_wordings(), line_texts()
    for number, row in rows(path):
        try:
            if "completion" in row:
                found.append(written(row, renderer, number))
                continue
            shown = row["shown"]["text"] or lines.get(row["shown"]["line"])
            message = row.get("message") or wordings.get(row.get("situation"))
            if row["value"] not in ("up", "down"):
                raise ValueError(f"value is {row['value']!r}")
            why = "the reply is not known any more" if not shown else None if message else "nothing is known of what was said"
            why = why or (None if row["character"] in renderer.cards else "its character has no card here")
            prompt = None if why else prompt_of(row, message, renderer)
            if why or prompt is None:
                left[why or "card and message do not fit into the context"] += 1
                continue
            held_out = zlib.crc32(row["id"].encode()) % 5 == 0  # as the ranker keeps them apart
            about = {"character": row["character"], "voter": row["voter"], "heldOut": held_out}
            found.append({"prompt": prompt, "completion": shown, "label": row["value"] == "up"} | about)
        except (KeyError, TypeError, ValueError) as error:
            raise SystemExit(f"{path} line {number}: {type(error).__name__}: {error}; {EXPECTED}") from None
    return found, left


def written(row: dict, renderer: Renderer, number: int) -> dict:
    if not isinstance(row["label"], bool) or not isinstance(row["completion"], str):
        raise ValueError("completion has to be a text, label true or false")
    prompt = row["prompt"]
    if isinstance(prompt, list):
        text, character = renderer.text(prompt), ""
    else:
        text, character = prompt_of(prompt, prompt["message"], renderer), prompt["character"]
    if text is None:
        raise ValueError("card and message do not fit into the context")
    about = {"character": character, "voter": row.get("voter", number), "heldOut": bool(row.get("heldOut"))}
    return {"prompt": text, "completion": row["completion"], "label": row["label"]} | about


def prompt_of(row: dict, message: str, renderer: Renderer) -> str | None:
    """The prompt as the worker built it, as far as the vote tells."""
    likely = sorted(((score, label) for label, score in (row.get("emotions") or {}).items() if score >= FELT), reverse=True)
    history = tuple((turn["role"], turn["text"]) for turn in (row.get("history") or ())[-HISTORY:])
    mood = row.get("mood") or {"label": "neutral", "intensity": 0.0}
    moment = Moment(message, tuple(label for _, label in likely[:3]), history, mood["label"], mood["intensity"])
    ids = renderer.fitting(row["character"], moment, [], renderer.context - renderer.context // 8)
    return None if ids is None else renderer.tokenizer.decode(ids)


def first_wordings() -> dict[str, str]:
    return {row["id"]: row["examples"][0] for row in data.situations()}


def pairs(found: list[dict]) -> list[dict]:
    """Of one person's thumbs on the same prompt, each one up with each one down: what was written again, and what for."""
    by_prompt: dict[str, dict[bool, list[dict]]] = {}
    for row in found:
        key = json.dumps([row["voter"], row["prompt"]])
        by_prompt.setdefault(key, {True: [], False: []})[row["label"]].append(row)
    return [
        {"prompt": up["prompt"], "chosen": up["completion"], "rejected": down["completion"], "character": up["character"]}
        for both in by_prompt.values()
        for up in both[True]
        for down in both[False]
        if up["completion"] != down["completion"]
    ]
