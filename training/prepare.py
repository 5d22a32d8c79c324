"""Makes the frozen splits that every stage learns from and is judged on.

python -m training.prepare [--out training/prepared]
Reads the declared data sets (datasets.yaml) and the troupe's corpus; writes JSON Lines, manifest.json (counts, sums, sources, licences)
and report.md. A text to learn from that is nearly one to be judged on is dropped. The same input gives the same bytes.
"""

import argparse
import hashlib
import json
import re
import shutil
import zlib
from collections import Counter
from functools import cache
from pathlib import Path

import yaml
from datasketch import MinHash, MinHashLSH
from tqdm import tqdm

from training import data, datasets
from training.folders import alone
from training.text import to_words

PARAMS = Path(__file__).parent / "params.yaml"
BANDS, ROWS = 16, 4  # of the MinHash: at a Jaccard index of 0.8 all but two in ten thousand are found, and then measured exactly
EMPTY = MinHash(num_perm=BANDS * ROWS, seed=1, hashfunc=zlib.crc32)

# What each split must share no near-duplicate with: what is measured on the same ground. Greetings stand in every set; a "thank you" that
# GoEmotions judges by is no reason to take it from the situations.
MEASURED = [f"{name}/{split}.jsonl" for name in ("clinc150", "banking77") for split in ("train", "dev")]  # read as published
AGAINST = {
    "emotion.train": ["emotion.dev"],
    "wordings.train": ["wordings.dev"],
    "marked.train": ["marked.dev", "wordings.dev"],
    "exchanges.train": ["exchanges.dev"],
    "anchors": ["wordings.dev", "exchanges.dev", "clinc150/dev.jsonl", "banking77/dev.jsonl", "hwu64/dev.jsonl"],
    "safety.train": ["safety.dev", "safety.test"],
}


def prepare(out: Path, params: dict) -> dict:
    """Writes everything into `out` and returns the manifest, which is written last."""
    splits, sources = gather(params)
    dropped = {}
    for name, others in AGAINST.items():
        judged = [text for other in others for text in (map(text_of, splits[other]) if other in splits else data.column(other, "text"))]
        pairs = near_duplicates([text_of(row) for row in splits[name]], judged, params, name)
        splits[name] = [row for i, row in enumerate(splits[name]) if i not in pairs]
        dropped[name] = [(text, *pair) for text, *pair in pairs.values()]
    refuse_one_sided(splits, params["minPerLabel"])

    written = out.with_name(out.name + ".new")
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir(parents=True)
    manifest = {
        "params": params,
        "text": "as found; training/text.py makes emoji words before the tokeniser, here and in the product alike",
        "files": {},
        "measured": {file: origin(file) for file in MEASURED},
    }
    for name, rows in splits.items():
        (written / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        manifest["files"][name] = {
            "rows": len(rows),
            "sha256": hashlib.sha256((written / f"{name}.jsonl").read_bytes()).hexdigest(),
            "nearDuplicatesDropped": len(dropped.get(name, [])),
            "sources": {file: origin(file) for file in sources[name]},
        }
    (written / "report.md").write_text(report(splits, dropped), encoding="utf-8")
    (written / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    written.replace(out)
    return manifest


def gather(params: dict) -> tuple[dict[str, list[dict]], dict[str, list[str]]]:
    """The splits before anything is dropped, and the files each comes from."""
    corpus = [str(file.relative_to(datasets.ROOT)) for name in ("situations", "wordings") for file in datasets.own_files(name)]
    everyday = [str(file.relative_to(datasets.ROOT)) for file in datasets.own_files("everyday wordings")]
    exchange_files = [str(file.relative_to(datasets.ROOT)) for file in datasets.own_files("exchanges")]
    splits, sources = {}, {}

    # ── Emotions: GoEmotions as published ────────────────────────────────────────────────────────────────────────────
    for split, file in (("train", "goemotions/train.jsonl.gz"), ("dev", "goemotions/dev.jsonl")):
        splits[f"emotion.{split}"] = [{"text": row["text"], "labels": row["labels"]} for row in datasets.rows(file)]
        sources[f"emotion.{split}"] = [file]

    # ── Wordings: one of each situation's own is judged on, all others and the descriptions are learned ──────────────
    situations = data.situations()
    emotion_of = {situation["id"]: known(situation["emotion"], f"situation {situation['id']}") for situation in situations}
    splits["wordings.dev"] = [{"text": found["examples"][data.held_out(found)], "situation": found["id"]} for found in situations]
    splits["wordings.train"] = [
        {"text": text, "situation": found["id"]}
        for found in situations
        for text in [found["description"], *(text for at, text in enumerate(found["examples"]) if at != data.held_out(found))]
    ]
    # The product compares a message with wordings.jsonl's one by one; those of wordings.everyday.jsonl are only learned from.
    for number, row in enumerate(data.rows(data.CHARACTERS / "wordings.jsonl"), 1):
        splits["wordings.train"].append(wording(row, emotion_of, f"characters/wordings.jsonl:{number}"))
    compared = list(splits["wordings.train"])
    for number, row in enumerate(data.rows(data.CHARACTERS / "wordings.everyday.jsonl"), 1):
        splits["wordings.train"].append(wording(row, emotion_of, f"characters/wordings.everyday.jsonl:{number}"))
    sources["wordings.dev"], sources["wordings.train"] = corpus, corpus + everyday

    # ── First messages for which readers marked replies of situations (0 wrong, 1 passable, 2 fits): those that measure how lines are
    # weighed (inference/src/lines/answers.ts) are judged on here as well ─────────────────────────────────────────────
    marks = [str(file.relative_to(datasets.ROOT)) for file in datasets.own_files("marks")]
    told = marked_messages([row for file in marks for row in data.rows(datasets.ROOT / file)], set(emotion_of))
    splits["marked.dev"] = [row for row in told if zlib.crc32(row["text"].encode()) % 5 == 0]
    splits["marked.train"] = [row for row in told if zlib.crc32(row["text"].encode()) % 5]
    retired = [str(file.relative_to(datasets.ROOT)) for file in datasets.own_files("retired lines")]
    sources["marked.dev"] = sources["marked.train"] = marks + retired

    # ── Exchanges: every tenth by its id is judged on ────────────────────────────────────────────────────────────────
    exchanges = [row for file in exchange_files for row in data.rows(datasets.ROOT / file)]
    for row in exchanges:
        known(row["emotion"], f"exchange {row['id']}")
    splits["exchanges.dev"] = [row for row in exchanges if zlib.crc32(row["id"].encode()) % 10 == 0]
    splits["exchanges.train"] = [row for row in exchanges if zlib.crc32(row["id"].encode()) % 10]
    sources["exchanges.dev"] = sources["exchanges.train"] = exchange_files

    # ── What people say every day, and the one emotion that goes with it ─────────────────────────────────────────────
    splits["daily.dev"] = [{"text": row["text"], "emotion": emotion_of[row["situation"]]} for row in splits["wordings.dev"]]
    sources["daily.dev"] = corpus

    # ── Anchors: what people write anywhere, labels unused. Not CLINC150 and Banking77: they measure how well skills are learned
    # that the encoder has never seen ────────────────────────────────────────────────────────────────────────────────
    anchors = {text_of(row) for row in splits["exchanges.train"]} | set(data.column("hwu64/train.jsonl", "text"))
    for file, count in params["anchors"].items():
        anchors.update(sorted(set(data.column(file, "text")), key=lambda text: zlib.crc32(text.encode()))[:count])
    splits["anchors"] = [{"text": text} for text in sorted(anchors)]
    sources["anchors"] = [*exchange_files, "hwu64/train.jsonl", *params["anchors"]]

    # ── Safety. `unknown` are labels that nobody judged a row for ────────────────────────────────────────────────────
    texts = {split: sorted(data.TEXTS.glob(f"*.{split}.jsonl")) for split in ("train", "test", "contrast")}
    own = {split: [row for file in files for row in data.rows(file) if "labels" in row] for split, files in texts.items()}
    train = [(row["text"], row["labels"], []) for row in own["train"] + own["contrast"]]
    for row in datasets.rows("safety/openai_moderation/dev.jsonl"):
        # Nobody judged those rows for prompt injection; they are none. Every row about sex was taken out of the set.
        marked, unknown = ([label.split("/")[0] for label in row[column]] for column in ("labels", "unknown"))
        train.append((row["text"], marked, unknown))
    train += [(row["text"], ["prompt-injection"], []) for row in datasets.rows("safety/prompt_injections/dev.jsonl")]
    train += [(row["text"], [], []) for row in compared[::4]]
    # What the characters say is read by the heads as well, and is no harm: unseen, one reply in three was taken for it.
    train += [(row["turns"][1]["text"], [], []) for row in splits["exchanges.train"][::4]]
    dev = [(row["text"], row["labels"], []) for row in own["test"]]
    # What the public test sets judge is hate, and whether harmless words are left alone; no more is known of their rows.
    hatecheck = datasets.rows("safety/hatecheck/dev.jsonl")
    test = [(row["text"], ["hate"] if row["label"] == "hateful" else [], unjudged("hate")) for row in hatecheck]
    test += [(row["text"], [], []) for row in datasets.rows("safety/xstest/dev.jsonl") if row["label"] == "safe"]
    for split, found in (("train", train), ("dev", dev), ("test", test)):
        for text, marked, unknown in found:
            row = {"text": text, "labels": sorted({known(label, shorten(text), "safety") for label in marked})}
            splits.setdefault(f"safety.{split}", []).append(row | {"unknown": sorted(set(unknown) - set(marked))})
    relative = {split: [str(file.relative_to(datasets.ROOT)) for file in files] for split, files in texts.items()}
    public = ["safety/openai_moderation/dev.jsonl", "safety/prompt_injections/dev.jsonl"]
    sources["safety.train"] = [*relative["train"], *relative["contrast"], *public, *corpus, *exchange_files]
    sources["safety.dev"], sources["safety.test"] = relative["test"], ["safety/hatecheck/dev.jsonl", "safety/xstest/dev.jsonl"]
    return splits, sources


def marked_messages(talks: list[dict], situations: set[str]) -> list[dict]:
    """Of each first message: the situations a reply of which fits, and those of which none does better than to be wrong. Lines that were
    rewritten stand in retired.jsonl: the situation was marked, too. Others that are gone are left out."""
    files = [*sorted(data.CHARACTERS.glob("*/situations.jsonl")), *datasets.own_files("retired lines")]
    of = {row["id"]: row["situation"] for file in files for row in data.rows(file)}
    best: dict[str, dict[str, int]] = {}
    for talk in talks:
        first = talk["turns"][0]
        for line, mark in first["marks"].items():
            if of.get(line) in situations:
                seen = best.setdefault(first["text"], {})
                seen[of[line]] = max(mark, seen.get(of[line], 0))
    rows = [{"text": text, "fits": of_mark(seen, 2), "wrong": of_mark(seen, 0)} for text, seen in best.items()]
    return [row for row in rows if row["fits"] or row["wrong"]]


def of_mark(seen: dict[str, int], wanted: int) -> list[str]:
    return sorted(id for id, mark in seen.items() if mark == wanted)


def text_of(row: dict) -> str:
    return row["text"] if "text" in row else row["turns"][0]["text"]


def wording(row: dict, emotion_of: dict[str, str], where: str) -> dict:
    if row["situation"] not in emotion_of:
        raise datasets.BadData(f"{where}: there is no situation {row['situation']!r}")
    return {"text": row["text"], "situation": row["situation"]}


def known(label: str, where: str, taxonomy: str = "emotion") -> str:
    if label not in datasets.taxonomy(taxonomy):
        raise datasets.BadData(f"{where}: {label!r} is not one of {taxonomy}: {', '.join(datasets.taxonomy(taxonomy))}")
    return label


def unjudged(label: str) -> list[str]:
    return [other for other in datasets.taxonomy("safety") if other != label]


def refuse_one_sided(splits: dict[str, list[dict]], least: int) -> None:
    """A label without examples cannot be learned, an empty split cannot be judged on."""
    for name, rows in splits.items():
        if not rows:
            raise datasets.BadData(f"{name} is empty: nothing can be learned from it or judged on it")
    for name, taxonomy in (("emotion.train", "emotion"), ("safety.train", "safety")):
        count = Counter(label for row in splits[name] for label in row["labels"])
        if few := [f"{label} {count[label]}" for label in datasets.taxonomy(taxonomy) if count[label] < least]:
            raise datasets.BadData(f"{name} is one-sided: fewer than {least} texts of {', '.join(few)}")
    if left := {row["situation"] for row in splits["wordings.dev"]} - {row["situation"] for row in splits["wordings.train"]}:
        raise datasets.BadData(f"nothing is left to learn these situations from: {', '.join(sorted(left))}")


def shingles(text: str, size: int) -> set[bytes]:
    """Words, and runs of `size` characters across them; case and punctuation do not count unless there is nothing else."""
    text = re.sub("['’]", "", text if text.isascii() else to_words(text)).lower()
    words = re.findall(r"\w+", text) or [text]
    joined = f" {' '.join(words)} "
    return {word.encode() for word in words} | {joined[i : i + size].encode() for i in range(max(1, len(joined) - size + 1))}


@cache
def sketch(text: str, size: int) -> MinHash:
    """Kept by text: many stand in several splits."""
    made = EMPTY.copy()
    made.update_batch(shingles(text, size))
    return made


def near_duplicates(texts: list[str], judged: list[str], params: dict, name: str) -> dict[int, tuple[str, str, float]]:
    """Index of each of `texts` whose Jaccard index with one of `judged` is `jaccard` or more → (it, that one, the index)."""
    index, size = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS)), params["shingle"]
    for i, text in enumerate(judged):
        index.insert(i, sketch(text, size))
    near = {}
    for i, text in enumerate(tqdm(texts, name, mininterval=5)):
        if candidates := index.query(sketch(text, size)):
            own = shingles(text, size)
            sets = {j: shingles(judged[j], size) for j in candidates}
            best, at = max((len(own & other) / len(own | other), -j) for j, other in sets.items())
            if best >= params["jaccard"]:
                near[i] = (text, judged[-at], round(best, 3))
    return near


def origin(file: str) -> dict:
    """Name, licence, source and sum of a declared file, or of one of the troupe's own."""
    if (datasets.ROOT / file).exists():
        own = datasets.declared()["own"]
        found = next(own[name] for name in own if datasets.ROOT / file in datasets.own_files(name))
        summed = hashlib.sha256((datasets.ROOT / file).read_bytes()).hexdigest()
        return {"name": found["name"], "licence": found["licence"], "source": file, "sha256": summed}
    described, own = datasets.entry(file)
    return {name: described[name] for name in ("name", "licence", "source", "cite")} | {"use": own["use"], "sha256": own["sha256"]}


def report(splits: dict[str, list[dict]], dropped: dict[str, list]) -> str:
    """For a reader: how many, of what, what was dropped, and five of each."""
    text = ["# Prepared data", "", "| split | rows | near-duplicates dropped |", "| --- | --- | --- |"]
    text += [f"| {name} | {len(rows):,} | {len(dropped[name]) if name in dropped else ''} |" for name, rows in splits.items()]
    for name, rows in splits.items():
        text += ["", f"## {name}", ""]
        labels = [label for row in rows for label in row.get("labels", [row["emotion"]] if "emotion" in row else [])]
        if labels:
            counts = sorted(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))
            text += [" · ".join(f"{label} {count:,} ({count / len(rows):.1%})" for label, count in counts), ""]
        text += [f"- {shorten(json.dumps(row, ensure_ascii=False))}" for row in spread(rows)]
        if dropped.get(name):
            text += ["", "Dropped (Jaccard index, text, what it is nearly):", ""]
            pairs = spread(dropped[name])
            text += [f"- {jaccard} {shorten(json.dumps([mine, theirs], ensure_ascii=False))}" for mine, theirs, jaccard in pairs]
    return "\n".join(text) + "\n"


def spread(rows: list, count: int = 5) -> list:
    return [rows[len(rows) * i // count] for i in range(count)] if len(rows) > count else rows


def shorten(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=data.PREPARED)
    arguments = parser.parse_args()
    alone(arguments.out)
    made = prepare(arguments.out, yaml.safe_load(PARAMS.read_text(encoding="utf-8"))["prepare"])
    for name, file in made["files"].items():
        print(f"{name:16} {file['rows']:7,} rows, {file['nearDuplicatesDropped']:5,} near-duplicates dropped")
