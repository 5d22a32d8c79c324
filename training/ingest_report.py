"""What became of a script: counts by speaker, scene and feeling, what was left out and why, samples to read."""

from collections import Counter

from training.ingest_exchanges import Exchange
from training.ingest_script import Scene
from training.prepare import shorten, spread


def report_of(
    manifest: dict,
    scenes: list[Scene],
    name: str,
    exchanges: list[Exchange],
    written: dict,
    rows: dict[str, list[dict]],
    left: dict[str, Counter],
    near: list,
) -> dict:
    speeches = Counter(speech.speaker for scene in scenes for speech in scene.speeches)
    return {
        "manifest": manifest,
        "speakers": dict(speeches.most_common()),
        "scenes": [
            {
                "work": scene.work,
                "scene": scene.title,
                "speeches": len(scene.speeches),
                "exchanges": sum((one.work, one.scene) == (scene.work, scene.title) for one in exchanges),
                "split": next((one.split for one in exchanges if (one.work, one.scene) == (scene.work, scene.title)), None),
            }
            for scene in scenes
        ],
        "exchanges": {split: len(found) for split, found in rows.items()},
        "lines": {file.removesuffix(".jsonl"): len(found) for file, found in written.items() if isinstance(found, list)},
        "emotions": {
            "of what is said to it": dict(Counter(one.emotions[-2] for one in exchanges).most_common()),
            "of what it says": dict(Counter(one.emotions[-1] for one in exchanges).most_common()),
        },
        "dropped": {
            "speeches": dict(left["exchanges"]),
            "near-duplicates of dev, from train": [{"text": text, "of": of, "jaccard": jaccard} for text, of, jaccard in near],
            "excerpts that nobody outside the play would understand": dict(left["lines"]),
            "exchanges to train on that are not said in lines mode": dict(left["saidInLines"]),
        },
        "samples": {
            "greetings": [written["card.json"]["data"]["first_mes"], *written["card.json"]["data"]["alternate_greetings"]],
            "train": spread(rows["train"]),
            "dev": spread(rows["dev"], 2),
            "universal": written["universal.jsonl"],
            "situations": written["situations.jsonl"],
            "exchanges": spread(written["exchanges.jsonl"], 8),
        },
    }


def report_page(report: dict) -> str:
    manifest, dropped, samples = report["manifest"], report["dropped"], report["samples"]
    text = [f"# {manifest['character']} ({manifest['slug']})", ""]
    text += [
        f"- {', '.join(one['works'])}: {one['source']}, {one['format']}, {one['bytes']:,} bytes, sha256 {one['sha256']}"
        for one in manifest["sources"]
    ]
    text += [f"- licence: {manifest['licence']}", "", "| what | how many |", "| --- | --- |"]
    text += [f"| exchanges, {split} | {n} |" for split, n in report["exchanges"].items()]
    text += [f"| {what} in lines mode | {n} |" for what, n in report["lines"].items()]
    text += ["", "## Who speaks", "", counts(report["speakers"])]
    text += ["", "## Scenes", "", "| scene | speeches | exchanges | side |", "| --- | --- | --- | --- |"]
    text += [
        f"| {one['scene'] or one['work']} | {one['speeches']} | {one['exchanges']} | {one['split'] or ''} |" for one in report["scenes"]
    ]
    for whose, found in report["emotions"].items():
        text += ["", f"## Feelings {whose}", "", counts(found)]
    text += ["", "## Left out", ""]
    for what, found in dropped.items():
        if isinstance(found, dict):
            text += [f"- {what}: {counts(found) or 'none'}"]
        else:
            text += [
                f"- {what}: {len(found)}",
                *(f"  - {one['jaccard']} {shorten(one['text'])} ≈ {shorten(one['of'])}" for one in found[:5]),
            ]
    text += [
        "",
        "## What it says to anyone",
        "",
        *(f"- {row.get('emotion') or row.get('act')}: {row['text']}" for row in samples["universal"]),
    ]
    text += [
        "",
        "## What it says to the troupe's situations",
        "",
        *(f"- {row['situation']}: {row['text']}" for row in samples["situations"]),
    ]
    text += ["", "## Greetings", "", *(f"- {one}" for one in samples["greetings"])]
    text += ["", "## Exchanges, in lines mode", ""]
    text += [f"- {row['emotion']}: “{row['turns'][0]['text']}” → “{row['turns'][1]['text']}”" for row in samples["exchanges"]]
    text += ["", "## To train on", ""]
    for split in ("train", "dev"):
        for row in samples[split]:
            text += [f"- {split}", *(f"  - {turn['role']} ({turn['emotion']}): {turn['text']}" for turn in row["context"])]
            text += [f"  - **{row['reply']}** ({row['emotion']})"]
    return "\n".join(text) + "\n"


def counts(found: dict) -> str:
    return " · ".join(f"{name} {n}" for name, n in found.items())
