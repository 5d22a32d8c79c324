"""Simulated people: do votes make the ranker say what people like, also about what nobody voted on, and does it still say what fits?

python -m training.simulate [--votes 500] [--noise 0.2] [--seeds 5] [--people 20] [--common 0.5] [--unseen 0.33]

Needs what `npx tsx inference/src/offers.ts --all` writes. Each person has a hidden taste: for manner (length, questions, exclamations,
faces, and for some faces of some characters), of which a part is everybody's; and for each line by itself, which no feature sees. A reply
that is not for the situation is liked less. A thumb is up where a reply is better than that person's usual one, and turned round at random by
--noise. Votes are given on three fifths of the situations, to what is said today; measured is on the others, without noise: how often a
thumb would be up.
"""

import argparse
import math
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from training.evaluate_ranker import OFFERS, measure, read_offers
from training.ranker import choose, learn, valence
from training.ranker_model import Ranker, style, tone
from training.votes import Vote

MANNER = [
    "length",
    "asks",
    "exclaims",
    *(f"face.{face}" for face in ("neutral", "joy", "amusement", "caring", "curiosity", "sadness", "pride")),
]
FIT = 0.6  # what a reply for the situation gains, in spreads of a taste


class Person:
    """`likes(offer)`: how each of its candidates is liked; every part has the same spread but for what its share says."""

    def __init__(self, rng: np.random.Generator, shared: "Person | None", common: float, unseen: float, slugs: list[str], seed: int):
        self.seed, self.common, self.unseen, self.shared = seed, common, unseen, shared
        self.taste = rng.normal(size=len(MANNER)) / math.sqrt(len(MANNER))
        self.of = {slug: 0.5 * rng.normal(size=len(MANNER)) / math.sqrt(len(MANNER)) for slug in slugs}

    def likes(self, offer: dict) -> np.ndarray:
        own, theirs = self.parts(offer), self.shared.parts(offer)
        mixed = math.sqrt(1 - self.common) * own + math.sqrt(self.common) * theirs
        return mixed @ [math.sqrt(1 - self.unseen), math.sqrt(self.unseen)] + FIT * offer["right"]

    def parts(self, offer: dict) -> np.ndarray:
        """[candidates, (manner, the line by itself)]."""
        manner = offer["manner"] @ (self.taste + self.of[offer["character"]])
        return np.stack([manner, [line_by_itself(self.seed, text) for text in offer["texts"]]], 1)


@cache
def line_by_itself(seed: int, text: str) -> float:
    return float(np.random.default_rng([seed, *text.encode()[:48], len(text)]).normal())


def prepare(offers: list[dict]) -> None:
    raw = []
    for offer in offers:
        styles = [style(c["text"], c["expression"], c["source"]["kind"]) for c in offer["candidates"][:6]]
        offer["manner"] = np.array([[found.get(name, 0.0) for name in MANNER] for found in styles])
        offer["right"] = np.array([c["source"]["id"] == offer["id"] for c in offer["candidates"][:6]])
        offer["texts"] = [c["text"] for c in offer["candidates"][:6]]
        raw.append(offer["manner"][0])
    middle, spread = np.mean(raw, 0), np.std(raw, 0)
    for offer in offers:
        offer["manner"] = (offer["manner"] - middle) / spread


def simulate(offers: list[dict], params: dict, seed: int, asked: argparse.Namespace) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    slugs = sorted({offer["character"] for offer in offers})
    shared = Person(rng, None, 1, 0, slugs, 1_000_000 * (seed + 1))
    people = [Person(rng, shared, asked.common, asked.unseen, slugs, 1_000_000 * (seed + 1) + n + 1) for n in range(asked.people)]
    usual = rng.choice(len(offers), 200, replace=False)
    levels = [float(np.median([person.likes(offers[i])[0] for i in usual])) for person in people]
    situations = sorted({offer["id"] for offer in offers})
    voted = set(rng.permutation(situations)[: len(situations) * 3 // 5])
    asked_on, apart = [o for o in offers if o["id"] in voted], [o for o in offers if o["id"] not in voted]

    given = []
    for n in range(asked.votes):
        who, offer = int(rng.integers(len(people))), asked_on[rng.integers(len(asked_on))]
        up = bool(people[who].likes(offer)[0] > levels[who]) != bool(rng.random() < asked.noise)
        said = offer["candidates"][0]
        given.append(
            Vote(
                f"{seed}-{n}", who, up, "", offer["character"], offer["emotions"], offer["mood"],
                said["text"], said["expression"], said["source"]["kind"], said["line"],
            )
        )  # fmt: skip
    signs = valence()
    learnt = [vote for vote in given if not vote.held_out]
    strength, auc = choose(learnt, params, signs)
    ranker = learn(learnt, params, signs, strength)

    before, after = [], []
    for offer in apart:
        then, now = 0, chosen(ranker, offer)
        for person, level in zip(people, levels, strict=True):
            liked = person.likes(offer) > level
            before.append(liked[then])
            after.append(liked[now])
    found, _ = measure(ranker, [vote for vote in given if vote.held_out], apart)
    figures = {"before": np.mean(before), "after": np.mean(after), "gain": np.mean(after) - np.mean(before), "crossFitted": auc}
    return {name: float(value) for name, value in (figures | found).items()}


def chosen(ranker: Ranker, offer: dict) -> int:
    after = ranker.ranked(offer["candidates"], tone(offer["emotions"], offer["mood"], ranker.valence), offer["character"])
    return min(offer["texts"].index(after[0]["text"]) if after[0]["text"] in offer["texts"] else 0, len(offer["texts"]) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=int, default=500)
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--common", type=float, default=0.5, help="share of a taste's variance that is everybody's")
    parser.add_argument("--unseen", type=float, default=0.33, help="share that is for single lines and that no feature sees")
    parser.add_argument("--offers", type=Path, default=OFFERS)
    arguments = parser.parse_args()
    params = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))["ranker"]
    offers = [offer for offer in read_offers(arguments.offers) if len(offer["candidates"]) > 1]
    prepare(offers)
    runs = []
    for seed in range(arguments.seeds):
        runs.append(simulate(offers, params, seed, arguments))
        print(f"seed {seed}: {'  '.join(f'{name} {value:.3f}' for name, value in runs[-1].items())}", flush=True)
    for name in runs[0]:
        values = [run[name] for run in runs]
        print(f"{name:16} {np.mean(values):.4f} ± {np.std(values):.4f}, from {min(values):.4f} to {max(values):.4f}")


if __name__ == "__main__":
    main()
