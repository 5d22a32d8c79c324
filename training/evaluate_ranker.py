"""Measures a version of the ranker: on the votes that are held out for good, and on what `lines` offers to wordings it has never seen.

python -m training.evaluate_ranker --model models/ranker/v0 --votes votes.jsonl [--offers FILE] [--out FOLDER]

Writes figures.json and predictions.npz for the gate, by default to runs/evaluation/ranker.<version>/. Two versions can be compared when
both were measured on the same files.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from training import data, votes
from training.ranker_model import Ranker, style, tone
from training.release import sha256, verify, write_json
from training.votes import Vote

RUNS = Path(__file__).parent / "runs"
OFFERS = RUNS / "ranker" / "offers.jsonl"


def measure(ranker: Ranker, held: list[Vote], offers: list[dict]) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Figures, and by the name of each what it is the mean of."""
    figures, arrays = {}, {}
    worths = np.array([worth_of(ranker, vote) for vote in held])
    up = np.array([vote.up for vote in held], bool)
    if up.any() and not up.all():
        arrays["votesAuc"] = above(worths[up], worths[~up])
    plain, now, changed = [], [], []
    for offer in offers:
        before = offer["candidates"]
        after = ranker.ranked(before, tone(offer["emotions"], offer["mood"], ranker.valence), offer["character"])
        plain.append(reciprocal(before, offer["id"]))
        now.append(reciprocal(after, offer["id"]))
        changed.append(bool(before) and after[0]["text"] != before[0]["text"])
    if offers:
        arrays |= {"corpusMrr": np.array(now), "corpusFirst": np.array(now) == 1}
        figures |= {"corpusMrrLoss": float(np.mean(plain) - np.mean(now)), "changed": float(np.mean(changed))}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    return figures | {name: float(array.mean()) for name, array in arrays.items()}, arrays


def worth_of(ranker: Ranker, vote: Vote) -> float:
    at = tone(vote.emotions, vote.mood, ranker.valence)
    return ranker.worth(style(vote.text, vote.expression, vote.kind), at, vote.character, vote.line)


def above(ups: np.ndarray, downs: np.ndarray) -> np.ndarray:
    """For each of `ups` the share of `downs` below it; ties count half. Its mean is the area under the ROC curve."""
    return ((ups[:, None] > downs) + 0.5 * (ups[:, None] == downs)).mean(1)


def reciprocal(candidates: list[dict], situation: str) -> float:
    """Of the place of the first reply that was written for the situation; 0 where none is among them."""
    return next((1 / (i + 1) for i, candidate in enumerate(candidates) if candidate["source"]["id"] == situation), 0.0)


def load(folder: Path) -> Ranker:
    if wrong := verify(folder):
        raise SystemExit("; ".join(wrong))
    found = json.loads((folder / "ranker.json").read_text(encoding="utf-8"))
    return Ranker(**{name: found[name] for name in Ranker.__dataclass_fields__})


def read_offers(path: Path) -> list[dict]:
    if not path.exists():
        raise SystemExit(f"{path} is not here: npx tsx inference/src/offers.ts writes it")
    return data.rows(path)


def save(out: Path, folder: Path, held: list[Vote], offers: list[dict]) -> dict[str, float]:
    """Measures the version in `folder` and writes both files to `out`."""
    found, arrays = measure(load(folder), held, offers)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "figures.json", {"model": sha256(folder / "ranker.json"), "figures": found})
    asked = json.dumps([[vote.id for vote in held], [[offer["message"], offer["character"]] for offer in offers]])
    np.savez_compressed(out / "predictions.npz", **arrays, textSha256=np.array(hashlib.sha256(asked.encode()).hexdigest()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--votes", type=Path, required=True)
    parser.add_argument("--offers", type=Path, default=OFFERS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    held = [vote for vote in votes.read(arguments.votes) if vote.held_out]
    out = arguments.out or RUNS / "evaluation" / f"ranker.{arguments.model.name}"
    for name, value in save(out, arguments.model, held, read_offers(arguments.offers)).items():
        print(f"{name:24} {value:.4f}")
    print(f"{out / 'figures.json'}, on {len(held)} held-out votes")


if __name__ == "__main__":
    main()
