"""Replies: is the true one found among a hundred, and what are a generator's worth against what was written for the moment."""

from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from training import data, measures, metrics
from training.evaluation_sets import RUNS, exchanges
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

    # ── Who would say this? By words: embeddings tell what is spoken of rather than who speaks (0.50 right against 0.68). Learned from what
    # the characters say elsewhere; what was written for the moment shows how far the classifier can be trusted at all.
    who, meant = np.array([row["character"] for row in rows]), [row["references"][0] for row in rows]
    spoken, speakers = own_lines(frozenset([*replies, *meant]))
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    model = LogisticRegression(C=10, max_iter=200).fit(words.fit_transform(spoken), speakers)
    found["inCharacter"], found["inCharacterTrue"] = (
        float((model.predict(words.transform(said)) == who).mean()) for said in (replies, meant)
    )

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


def own_lines(apart: frozenset[str]) -> tuple[list[str], np.ndarray]:
    """What the characters say, and who says it."""
    pairs = []
    for folder in sorted(path.parent for path in data.CHARACTERS.glob("*/card.json")):
        lines = [row["turns"][1]["text"] for row in data.rows(folder / "exchanges.jsonl")]
        lines += [row["text"] for name in ("situations", "universal") for row in data.rows(folder / f"{name}.jsonl")]
        pairs += [(text, folder.name) for text in lines if text not in apart]
    return [text for text, _ in pairs], np.array([who for _, who in pairs])
