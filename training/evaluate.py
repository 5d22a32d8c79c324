"""Measures a version of the encoder, int8 as it ships, on frozen dev sets alone.

python -m training.evaluate [--model models/encoder/v10] [--json FILE] [--record]
                            [--parts emotion,intent,situations,safety,replies,checklist]
python -m training.evaluate --relock    freezes the sets as they are now: figures from before cannot be compared with later ones

Prints every figure by name. runs/evaluation/<version>/ gets figures.json, details.json (what the report shows), predictions.npz (text by
text, for a paired bootstrap), and worker/ (what `npx troupe models evaluate` answers through the worker and compares).
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import yaml

from training import (
    checklist,
    data,
    evaluate_emotion,
    evaluate_intents,
    evaluate_replies,
    evaluate_safety,
    evaluate_situations,
    evaluation_sets,
)
from training.evaluate_worker import write_worker
from training.evaluation_sets import RUNS
from training.release import record, sha256, write_json
from training.shipped import Reader, open_frozen, open_reader

PARTS = ("emotion", "intent", "situations", "safety", "replies", "checklist")
FROZEN = ("intent", "situations", "replies")


def evaluate(folder: Path, params: dict, parts: tuple[str, ...] = PARTS, out: Path = RUNS) -> dict[str, float]:
    """Every figure by name; `frozen…` are all-MiniLM-L6-v2's own, in float32."""
    if unknown := set(parts) - set(PARTS):
        raise SystemExit(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    evaluation_sets.verify(parts)
    reader = open_reader(folder)
    found, details, arrays = {}, {}, {}
    for part in parts:
        figures, shown, kept = measure(part, reader, params)
        found |= figures
        details[part] = shown
        arrays |= kept
        print(f"{part} is measured", flush=True)
    save(out / folder.name, reader, found, details, arrays)
    frozen = frozen_figures(params, tuple(part for part in parts if part in FROZEN))
    save(out / folder.name, reader, frozen, {}, {})
    return found | frozen


def measure(part: str, reader: Reader, params: dict) -> tuple[dict[str, float], dict, dict[str, np.ndarray]]:
    if part == "emotion":
        return evaluate_emotion.measure(reader, params)
    if part == "intent":
        return evaluate_intents.measure(reader, params)
    if part == "situations":
        return evaluate_situations.measure(reader, params)
    if part == "safety":
        return evaluate_safety.measure(reader, params)
    if part == "replies":
        return evaluate_replies.measure(reader, params)
    rates, judged = checklist.run(reader)
    return rates, {"cases": judged}, {}


def frozen_figures(params: dict, parts: tuple[str, ...]) -> dict[str, float]:
    """all-MiniLM-L6-v2's own figures. They move only when the sets or the wordings do, so they are kept in runs/ between calls."""
    reader, found = None, {}
    lock = json.loads(evaluation_sets.LOCK.read_text(encoding="utf-8"))["sets"]
    for part in parts:
        sources = [json.dumps({name: value for name, value in lock.items() if name.startswith(part)}), json.dumps(params)]
        if part == "situations":
            sources += [sha256(data.CHARACTERS / name) for name in ("situations.jsonl", "wordings.jsonl", "wordings.everyday.jsonl")]
        kept = RUNS / f"frozen-{part}-{hashlib.sha256(''.join(sources).encode()).hexdigest()[:16]}.json"
        if not kept.exists():
            reader = reader or open_frozen()
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_json(kept, measure(part, reader, params)[0])
        found |= json.loads(kept.read_text(encoding="utf-8"))
    return {f"frozen{name[0].upper()}{name[1:]}": value for name, value in found.items()}


def save(folder: Path, reader: Reader, found: dict[str, float], details: dict, arrays: dict[str, np.ndarray]) -> None:
    """Parts measured alone join what was found of this very model on these very sets before."""
    folder.mkdir(parents=True, exist_ok=True)
    of = {"model": reader.checksum, "sets": sha256(evaluation_sets.LOCK)}
    for name, new in (("figures", found), ("details", details)):
        file, before = folder / f"{name}.json", {}
        if file.exists() and of.items() <= (read := json.loads(file.read_text(encoding="utf-8"))).items():
            before = read[name]
        write_json(file, of | {name: before | new})
    if {"emotionProbabilities", "intentRight"} <= arrays.keys():
        inside = arrays["intentInside"]
        texts = [*arrays["emotionTexts"], *arrays["intentTexts"][inside]]
        np.savez_compressed(
            folder / "predictions.npz",
            emotionProbabilities=arrays["emotionProbabilities"].astype(np.float16),
            emotionLabels=arrays["emotionLabels"],
            intentRight=arrays["intentRight"][inside],
            **{name: arrays[name] for name in ("situationMeanTop1",) if name in arrays},
            textSha256=np.array(hashlib.sha256("\n".join(texts).encode()).hexdigest()),
        )
    if {"emotionProbabilities", "intentWeights", "situationMeans"} <= arrays.keys():
        write_worker(folder / "worker", reader, found, arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--record", action="store_true", help="write the figures into the version's manifest and card")
    parser.add_argument("--relock", action="store_true", help="freeze the evaluation sets as they are now, and measure nothing")
    arguments = parser.parse_args()
    if arguments.relock:
        for name, digest in evaluation_sets.relock().items():
            print(f"{name:32} {digest['texts']:6} {digest['sha256'][:16]}")
        return
    folder = arguments.model
    if folder is None:
        registry = json.loads((data.ROOT / "models" / "registry.json").read_text(encoding="utf-8"))
        folder = data.ROOT / "models" / "encoder" / registry["tasks"]["encoder"]["live"]
    params = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))["evaluate"]
    found = evaluate(folder, params, tuple(arguments.parts.split(",")))
    for name, value in found.items():
        print(f"{name:36} {value:.4f}")
    if arguments.record:
        record(folder, found)
    if arguments.json:
        write_json(arguments.json, {name: round(value, 4) for name, value in found.items()})


if __name__ == "__main__":
    main()
