"""The frozen evaluation sets: what they hold, and whether it is still what evaluation.lock.json says. Dev splits alone.

python -m training.evaluation_sets    lists them; writes what the generators are to answer to training/runs/evaluation/held-out.jsonl
"""

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path

from training import data
from training.release import write_json

LOCK = Path(__file__).parent / "evaluation.lock.json"
CHECKLIST = Path(__file__).parent / "checklist"
MESSAGES = data.ROOT / "inference" / "src" / "lines" / "messages.jsonl"
RUNS = Path(__file__).parent / "runs" / "evaluation"
Pairs = list[tuple[str, object]]


def labelled(name: str, split: str) -> Pairs:
    texts, truth = data.intents(name, split)
    return list(zip(texts, truth.tolist(), strict=True))


def emotions() -> Pairs:
    return [(row["text"], row["labels"]) for row in data.rows(data.DATA / "goemotions" / "dev.jsonl")]


def situations() -> Pairs:
    """One wording of each situation that a talk may begin with, in the situations' order."""
    return [(situation["examples"][data.held_out(situation)], situation["id"]) for situation in data.openings()]


def messages() -> Pairs:
    """Our own everyday messages and the situations that fit each; "none" stands for none."""
    return [(row["text"], row["accept"]) for row in data.rows(MESSAGES)]


def indirect() -> Pairs:
    """News told without its name, those that nothing is trained on, and the situations that fit each."""
    rows = data.rows(data.CHARACTERS / "indirect.jsonl")
    return [
        (row["text"], [row["situation"], *row.get("also", [])])
        for row in rows
        if zlib.crc32(row["text"].encode()) % 5 == 0 and row["situation"] != "none"
    ]


def none_files() -> list[Path]:
    """Messages that fit no situation, those to learn from apart."""
    return [file for file in sorted(data.TEXTS.glob("none.*.jsonl")) if ".train." not in file.name]


def exchanges() -> list[dict]:
    """Every tenth exchange, which nothing is trained on: id, character, emotion, message, reply."""
    return [
        {"id": row["id"], "character": file.parent.name, "emotion": row["emotion"]}
        | {"message": row["turns"][0]["text"], "reply": row["turns"][1]["text"]}
        for file in sorted(data.CHARACTERS.glob("*/exchanges.jsonl"))
        for row in data.rows(file)
        if zlib.crc32(row["id"].encode()) % 10 == 0
    ]


def safety_files() -> list[Path]:
    return sorted(file for file in data.TEXTS.glob("*.test.jsonl") if not file.name.startswith("none."))


def sets() -> dict[str, Callable[[], Pairs]]:
    """Every set there is by name, unread: `<part>/<set>`."""
    found = {
        "emotion/goemotions": emotions,
        "intent/clinc150.train": lambda: labelled("clinc150", "train"),
        "intent/clinc150": lambda: labelled("clinc150", "dev"),
        "intent/clinc150.oos": lambda: [(row["text"], "oos") for row in data.rows(data.DATA / "clinc150" / "train_oos_plus.jsonl")],
        "intent/banking77.train": lambda: labelled("banking77", "train"),
        "intent/banking77": lambda: labelled("banking77", "dev"),
        "situations/wordings": situations,
        "situations/messages": messages,
        "situations/indirect": indirect,
        "replies/exchanges": lambda: [(row["message"], [row["character"], row["reply"]]) for row in exchanges()],
        "safety/xstest": lambda: [(row["text"], row["label"]) for row in data.rows(data.DATA / "safety" / "xstest" / "dev.jsonl")],
        "safety/hatecheck": lambda: [(row["text"], row["label"]) for row in data.rows(data.DATA / "safety" / "hatecheck" / "dev.jsonl")],
    }
    for file in none_files():
        found[f"situations/{file.stem}"] = lambda file=file: [(row["text"], "none") for row in data.rows(file)]
    for file in safety_files():
        found[f"safety/{file.stem}"] = lambda file=file: [(row["text"], row.get("labels", [])) for row in data.rows(file)]
    for file in sorted(CHECKLIST.glob("*.jsonl")):
        found[f"checklist/{file.stem}"] = lambda file=file: [(json.dumps(row, sort_keys=True), None) for row in data.rows(file)]
    return found


def digest(pairs: Pairs) -> dict:
    lines = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
    return {"texts": len(pairs), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def verify(parts: tuple[str, ...], lock: Path = LOCK, known: dict[str, Callable[[], Pairs]] | None = None) -> None:
    """Figures from other texts cannot be compared: refuses when a set of these parts is not the one that was frozen."""
    known = sets() if known is None else known
    frozen = json.loads(lock.read_text(encoding="utf-8"))["sets"] if lock.exists() else {}
    wrong = []
    for name in sorted({*known, *frozen}):
        if name.split("/")[0] not in parts:
            continue
        if name not in known:
            wrong.append(f"{name} is gone")
        elif name not in frozen:
            wrong.append(f"{name} is not in {lock.name}")
        elif (found := digest(known[name]())) != frozen[name]:
            wrong.append(
                f"{name} changed: {frozen[name]['texts']} texts with sha256 {frozen[name]['sha256'][:12]}… were frozen, "
                f"{found['texts']} with {found['sha256'][:12]}… are here"
            )
    if wrong:
        raise SystemExit(
            "\n".join(wrong) + "\nFigures from other texts cannot be compared. Restore the sets, or freeze these: "
            "python -m training.evaluate --relock, and evaluate the live version again"
        )


def relock(lock: Path = LOCK, known: dict[str, Callable[[], Pairs]] | None = None) -> dict:
    known = sets() if known is None else known
    found = {name: digest(read()) for name, read in sorted(known.items())}
    write_json(lock, {"schema": 1, "sets": found})
    return found


def held_out() -> list[dict]:
    """What a generator is asked: each situation's held-out wording to one character in turn, and every held-out exchange to its own.
    References are what was written for that very moment."""
    found, slugs = data.openings(), sorted(path.parent.name for path in data.CHARACTERS.glob("*/card.json"))
    replies: dict[tuple[str, str], list[str]] = {}
    for slug in slugs:
        for row in data.rows(data.CHARACTERS / slug / "situations.jsonl"):
            replies.setdefault((slug, row["situation"]), []).append(row["text"])
    asked = []
    for i, (situation, (text, _)) in enumerate(zip(found, situations(), strict=True)):
        slug = slugs[i % len(slugs)]
        asked.append(
            {
                "kind": "wording",
                "id": situation["id"],
                "character": slug,
                "emotion": situation["emotion"],
                "message": text,
                "references": replies[slug, situation["id"]],
            }
        )
    for row in exchanges():
        asked.append(
            {"kind": "exchange", **{name: row[name] for name in ("id", "character", "emotion", "message")}, "references": [row["reply"]]}
        )
    return asked


def main() -> None:
    for name, found in {name: digest(read()) for name, read in sorted(sets().items())}.items():
        print(f"{name:32} {found['texts']:6} {found['sha256'][:16]}")
    RUNS.mkdir(parents=True, exist_ok=True)
    with (RUNS / "held-out.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in held_out())
    print(f"{RUNS / 'held-out.jsonl'} is written; a generator answers it: npx tsx inference/src/lines/answer.ts")


if __name__ == "__main__":
    main()
