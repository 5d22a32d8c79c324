"""Replies: is the true one found among a hundred, and what are a generator's worth against what was written for the moment."""

from pathlib import Path

import numpy as np

from training import data, measures, metrics, voice, voice_model
from training.evaluation_sets import RUNS, exchanges
from training.release import live_version
from training.shipped import Reader

NEEDED = {"encoder", "message", "references", "reply", "character", "emotion"}
LIGHT = ("joy", "amusement", "excitement", "pride")
HARSH = ("anger", "annoyance", "disgust", "grief", "sadness", "disapproval", "disappointment")


def measure(reader: Reader, params: dict) -> tuple[dict[str, float], dict, dict[str, np.ndarray]]:
    found, details = retrieval(reader), {}
    # What stands in runs/evaluation/replies.<generator>.jsonl was written by that generator; without it there is nothing to say of it.
    for file in sorted(RUNS.glob("replies.*.jsonl")) if reader.config else []:
        figures, details[file.stem.removeprefix("replies.")] = of_generator(reader, file)
        found |= {f"{file.stem}.{name}": value for name, value in figures.items()}
    return found, details, {}


def retrieval(reader: Reader) -> dict[str, float]:
    """Held-out exchanges, the message alone: the true reply among a hundred of the same character."""
    held = exchanges()
    group = np.array([row["character"] for row in held])
    messages, replies = (reader.read([row[name] for row in held]).embedding for name in ("message", "reply"))
    mrr, hit1 = metrics.retrieval(messages @ replies.T, group)
    return {"replyCosineMrr": mrr, "replyCosineHit1": hit1}


def of_generator(reader: Reader, file: Path) -> tuple[dict[str, float], dict]:
    rows = data.rows(file)
    for at, row in enumerate(rows, 1):
        if lacking := NEEDED - row.keys():
            raise ValueError(f"{file} line {at} lacks {', '.join(sorted(lacking))}")
        if row["encoder"] != reader.checksum:
            raise ValueError(
                f"{file} line {at} was chosen with the encoder {row['encoder'][:12]}, not with {reader.checksum[:12]}, which is measured: "
                "make it again (training/README.md, replies of lines), or remove it"
            )
    replies = [row["reply"] for row in rows]
    found = {}
    # What was written for an exchange is one reply of many; what was written for a situation is what should be found.
    for kind, chosen in {"": rows, **{f"{k}.": [row for row in rows if row.get("kind") == k] for k in ("wording", "exchange")}}.items():
        if chosen:
            figures = measures.against_references([row["reply"] for row in chosen], [row["references"] for row in chosen])
            found |= {f"{kind}{name}": value for name, value in figures.items()}
    found |= {f"distinct{n}": measures.distinct(replies, n) for n in (1, 2)}

    found |= in_character(rows)

    # ── Nothing light where somebody is low, nothing harsh where somebody is glad ────────────────────────────────────
    read = reader.read(replies)
    labels, wanted = reader.config["labels"], np.array([measures.tone_of_label(row["emotion"], reader.config) for row in rows])
    over = read.emotion >= np.array(reader.config["thresholds"])
    shown = [labels[i] if over[at, i] else "neutral" for at, i in enumerate(read.emotion.argmax(1))]
    hurts = np.array(
        [(tone == "low" and face in LIGHT) or (tone == "bright" and face in HARSH) for tone, face in zip(wanted, shown, strict=True)]
    )
    found["appropriate"] = float(1 - hurts.mean())
    found["lightOnLow"] = float(hurts[wanted == "low"].mean())
    if read.safety is not None:
        found["flagged"] = float((read.safety >= np.array(reader.config["safety"]["thresholds"])).any(1).mean())
    samples = [
        {
            "message": rows[i]["message"],
            "reply": replies[i],
            "character": rows[i]["character"],
            "emotion": rows[i]["emotion"],
            "read": shown[i],
        }
        for i in np.flatnonzero(hurts)[:20]
    ]
    return found, {"hurts": samples, "count": len(rows)}


def in_character(rows: list[dict], models: Path = data.ROOT / "models") -> dict[str, float]:
    """By the live voice: how many replies sound like who speaks rather than like another, and how many are so far astray that a language
    model's would be refused; `…True` of what was written for the moment, which shows how far it can be trusted. What it has learnt
    from and characters it has not met are left out; without a live voice, or anything to judge, nothing is said."""
    version = live_version(models, "voice")
    if not version:
        return {}
    judge, found = voice_model.load(models / "voice" / version), {}
    learnt = {line.text for line in voice.lines(data.CHARACTERS) if not line.dev}
    for name, said in (("inCharacter", [row["reply"] for row in rows]), ("inCharacterTrue", [row["references"][0] for row in rows])):
        judged = [(text, row["character"]) for text, row in zip(said, rows, strict=True) if row["character"] in judge.characters]
        judged = [pair for pair in judged if pair[0] not in learnt]
        if judged:
            own = np.array([judge.characters.index(character) for _, character in judged])
            astray = voice_model.astray(judge.log_probabilities([text for text, _ in judged]), own)
            found |= {name: float((astray < 0).mean()), f"{name}Refused": float((astray > judge.config["margin"]).mean())}
            found[f"{name}Judged"] = len(judged)
    return found
