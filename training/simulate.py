"""Simulated people: do votes make the ranker say what people like, also about what nobody voted on, and does it still say what fits?

python -m training.simulate [--votes 500] [--noise 0.2] [--seeds 5] [--people 20] [--common 0.5] [--unseen 0.33]

Needs what `npx tsx inference/src/offers.ts --all` writes. Each person has a hidden taste: for manner (length, questions, exclamations,
faces, and for some faces of some characters), of which a part is everybody's; and for each line by itself, which no feature sees. A reply
that is not for the situation is liked less. A thumb is up where a reply is better than that person's usual one, and turned round at random
by --noise. Votes are given on three fifths of the situations, to what is said today; measured is on the others, without noise: how often a
thumb would be up.
"""

import argparse
import contextlib
import io
import math
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
MOST = 12
FIT = 0.6  # what a reply for the situation gains, in spreads of a taste


class Offers:
    """What is offered, as arrays [offers, MOST]: manner [.., features], which text it is, whether it is for the situation."""

    def __init__(self, rows: list[dict]):
        self.rows = [row for row in rows if len(row["candidates"]) > 1]
        shown = [row["candidates"][:MOST] for row in self.rows]
        number = {text: i for i, text in enumerate(sorted({c["text"] for candidates in shown for c in candidates}))}
        self.texts = len(number)
        self.manner = np.zeros((len(shown), MOST, len(MANNER)))
        self.text = np.zeros((len(shown), MOST), int)
        self.right = np.zeros((len(shown), MOST))
        for at, (row, candidates) in enumerate(zip(self.rows, shown, strict=True)):
            for i, c in enumerate(candidates):
                features = style(c["text"], c["expression"], c["source"]["kind"])
                self.manner[at, i] = [features.get(name, 0.0) for name in MANNER]
                self.text[at, i] = number[c["text"]]
                self.right[at, i] = c["source"]["id"] == row["id"]
        spread = self.manner[:, 0].std(0)
        self.manner = (self.manner - self.manner[:, 0].mean(0)) / np.where(spread > 0, spread, 1)
        self.slugs = sorted({row["character"] for row in self.rows})
        self.who = np.array([self.slugs.index(row["character"]) for row in self.rows])


def taste(rng: np.random.Generator, offers: Offers, unseen: float) -> np.ndarray:
    """How each candidate is liked, [offers, MOST]: by its manner, with some faces of some characters apart, and by itself."""
    weights = rng.normal(size=len(MANNER)) + 0.5 * rng.normal(size=(len(offers.slugs), len(MANNER)))
    manner = (offers.manner * weights[offers.who][:, None]).sum(2) / math.sqrt(len(MANNER))
    return math.sqrt(1 - unseen) * manner + math.sqrt(unseen) * rng.normal(size=offers.texts)[offers.text]


def simulate(offers: Offers, params: dict, seed: int, asked: argparse.Namespace) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    shared = taste(rng, offers, asked.unseen)
    own = [taste(rng, offers, asked.unseen) for _ in range(asked.people)]
    likes = [math.sqrt(asked.common) * shared + math.sqrt(1 - asked.common) * one + FIT * offers.right for one in own]
    liked = np.stack([one > np.median(one[:, 0]) for one in likes])
    situations = sorted({row["id"] for row in offers.rows})
    voted = set(rng.permutation(situations)[: len(situations) * 3 // 5].tolist())
    asked_on = [at for at, row in enumerate(offers.rows) if row["id"] in voted]
    apart = [at for at, row in enumerate(offers.rows) if row["id"] not in voted]

    given = []
    for n in range(asked.votes):
        who, at = int(rng.integers(asked.people)), asked_on[rng.integers(len(asked_on))]
        up = bool(liked[who, at, 0]) != bool(rng.random() < asked.noise)
        row, said = offers.rows[at], offers.rows[at]["candidates"][0]
        given.append(
            Vote(
                f"{seed}-{n}", who, up, "", row["character"], row["emotions"], row["mood"],
                said["text"], said["expression"], said["source"]["kind"], said["line"],
            )
        )  # fmt: skip
    signs = valence()
    learnt = [vote for vote in given if not vote.held_out]
    with contextlib.redirect_stdout(io.StringIO()):
        strength, auc = choose(learnt, params, signs)
    ranker = learn(learnt, params, signs, strength)

    before, after = liked[:, apart, 0].mean(), np.mean([liked[:, at, chosen(ranker, offers.rows[at])].mean() for at in apart])
    found, _ = measure(ranker, [vote for vote in given if vote.held_out], [offers.rows[at] for at in apart])
    figures = {"before": before, "after": after, "gain": after - before, "crossFitted": auc, "strength": strength}
    return {name: float(value) for name, value in (figures | found).items()}


def chosen(ranker: Ranker, row: dict) -> int:
    """Which of the generator's candidates comes first now."""
    after = ranker.ranked(row["candidates"], tone(row["emotions"], row["mood"], ranker.valence), row["character"])
    texts = [candidate["text"] for candidate in row["candidates"][:MOST]]
    return texts.index(after[0]["text"]) if after[0]["text"] in texts else 0


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
    offers = Offers(read_offers(arguments.offers))
    runs = []
    for seed in range(arguments.seeds):
        runs.append(simulate(offers, params, seed, arguments))
        print(f"seed {seed}: {'  '.join(f'{name} {value:.3f}' for name, value in runs[-1].items())}", flush=True)
    for name in runs[0]:
        values = [run[name] for run in runs]
        print(f"{name:16} {np.mean(values):.4f} ± {np.std(values):.4f}, from {min(values):.4f} to {max(values):.4f}")


if __name__ == "__main__":
    main()
