"""The behavioural suite, in the manner of CheckList (Ribeiro et al., ACL 2020): training/checklist/<capability>.jsonl, written by hand.

python -m training.checklist [--model models/encoder/v10]

MFT  {"text", "labels"}: one of them is among the three likeliest; or {"text", "tone"}: low, level or bright.
INV  {"text", "changed"}: the tone stays, or moves by less than it takes to notice.
DIR  {"text", "changed", "score", "moves"}: "low", "bright" or a label goes "up" or "down" by at least that, or is at that end already.
"""

import argparse
from pathlib import Path

import numpy as np

from training import data, measures
from training.shipped import Reader, open_reader

CASES = Path(__file__).parent / "checklist"
NOTICED = 0.05
NEEDED = {"MFT": {"type", "text"}, "INV": {"type", "text", "changed"}, "DIR": {"type", "text", "changed", "score", "moves"}}


def cases(folder: Path = CASES) -> list[dict]:
    """All of them, each with its capability (the file's name). Refuses one it cannot judge."""
    found = [row | {"capability": file.stem} for file in sorted(folder.glob("*.jsonl")) for row in data.rows(file)]
    for case in found:
        kind = case.get("type")
        if kind not in NEEDED or NEEDED[kind] - case.keys() or (kind == "MFT" and ("labels" in case) == ("tone" in case)):
            raise ValueError(
                f"checklist/{case['capability']}.jsonl: {case} is no MFT (labels or tone), INV or DIR; checklist.py says what each needs"
            )
        if case.get("tone", "low") not in ("low", "level", "bright") or case.get("moves", "up") not in ("up", "down"):
            raise ValueError(f"checklist/{case['capability']}.jsonl: {case} names no tone (low, level, bright) or move (up, down)")
    if not found:
        raise ValueError(f"{folder} holds no cases")
    return found


def judge(found: list[dict], config: dict, before: np.ndarray, after: np.ndarray) -> list[dict]:
    """Each case with `passed` and `why`. Emotion probabilities of `text` and of `changed` (of `text` again where there is none)."""
    labels, judged = config["labels"], []
    scores = [measures.tone_scores(p, config) | {label: p[:, i] for i, label in enumerate(labels)} for p in (before, after)]
    tones = [measures.tones(p, config) for p in (before, after)]
    for i, case in enumerate(found):
        if named := {*case.get("labels", []), case.get("score", "low")} - {"low", "bright", *labels}:
            raise ValueError(f"checklist/{case['capability']}.jsonl: {sorted(named)} are no labels of the model")
        if "labels" in case:
            top = [labels[j] for j in np.argsort(-before[i], kind="stable")[:3]]
            passed, why = bool({*top} & {*case["labels"]}), ", ".join(f"{label} {before[i, labels.index(label)]:.2f}" for label in top)
        elif case["type"] == "MFT":
            passed = str(tones[0][i]) == case["tone"]
            why = f"{tones[0][i]} (low {scores[0]['low'][i]:.2f}, bright {scores[0]['bright'][i]:.2f})"
        elif case["type"] == "INV":
            moved = max(abs(scores[1][name][i] - scores[0][name][i]) for name in ("low", "bright"))
            passed, why = bool(tones[0][i] == tones[1][i] or moved < NOTICED), f"{tones[0][i]} became {tones[1][i]}, by {moved:.2f}"
        else:
            was, now = (float(score[case["score"]][i]) for score in scores)
            moved, there = (now - was, now >= 1 - 2 * NOTICED) if case["moves"] == "up" else (was - now, now <= NOTICED)
            passed, why = moved >= NOTICED or there, f"{case['score']} went from {was:.2f} to {now:.2f}"
        judged.append(case | {"passed": passed, "why": why})
    return judged


def run(reader: Reader) -> tuple[dict[str, float], list[dict]]:
    """Pass rates `checklist.<capability>` and of all, and every case judged."""
    found = cases()
    before, after = (reader.read([case.get(name, case["text"]) for case in found]).emotion for name in ("text", "changed"))
    judged = judge(found, reader.config, before, after)
    rates = {"checklist": float(np.mean([case["passed"] for case in judged]))}
    for name in sorted({case["capability"] for case in judged}):
        rates[f"checklist.{name}"] = float(np.mean([case["passed"] for case in judged if case["capability"] == name]))
    return rates, judged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=data.ROOT / "models" / "encoder" / "v1")
    rates, judged = run(open_reader(parser.parse_args().model))
    for case in judged:
        if not case["passed"]:
            changed = f" → {case['changed']!r}" if "changed" in case else ""
            wanted = case.get("labels") or case.get("tone") or case.get("moves") or "the same tone"
            print(f"{case['capability']:12} {case['type']} {case['text']!r}{changed}: wanted {wanted}, {case['why']}")
    for name, rate in rates.items():
        print(f"{name:32} {rate:.3f}")


if __name__ == "__main__":
    main()
