"""The ranker: what votes say about a reply's manner, added to what the generator thinks of its fit. inference/src/ranker.ts is the same.

A reply's features are its length, whether it asks or exclaims, its face and where it came from. Each has a weight for everybody, what is
added to it in a low and in a bright moment, and what is added for a character; a line that was voted on has a number of its own. Their sum
is how much likelier (log-odds) a thumb is up. Among the candidates within `margin` of the generator's first it moves scores by less than
`margin`: what fits clearly worse than the first never comes before it.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

FACES = ["neutral", "joy", "amusement", "caring", "sadness", "surprise", "anger", "curiosity", "pride", "embarrassment"]
KINDS = ["situation", "exchange", "conversation", "universal", "model"]
STYLE = ["length", "length2", "asks", "exclaims", *(f"face.{face}" for face in FACES), *(f"kind.{kind}" for kind in KINDS)]
SWAY = 2.0  # of a difference in log-odds: half of one is three quarters of the margin
ASKS = re.compile(r"""\?["')\]]*\s*$""")


def style(text: str, expression: str, kind: str) -> dict[str, float]:
    """A reply's features; those that are not named are 0. Length: 0 at 17 words, 1 at twice that."""
    length = math.log2(max(1, len(text.split())) / 17)
    found = {"length": length, "length2": length * length}
    found |= {name: 1.0 for name, has in (("asks", ASKS.search(text)), ("exclaims", "!" in text)) if has}
    return found | {f"face.{expression}": 1.0, f"kind.{kind}": 1.0}


def tone(emotions: dict[str, float] | None, mood: dict | None, valence: dict[str, int]) -> float:
    """-1 (low) .. 1 (bright): what was read, and how the person has been lately."""
    now = sum(valence.get(label, 0) * score for label, score in (emotions or {}).items())
    lately = mood["valence"] * mood["intensity"] if mood else 0.0
    return max(-1.0, min(1.0, now + lately))


@dataclass
class Ranker:
    """What ranker.json holds."""

    margin: float
    valence: dict[str, int]
    common: dict[str, float]
    low: dict[str, float]
    bright: dict[str, float]
    characters: dict[str, dict[str, float]]
    lines: dict[str, float]

    def worth(self, features: dict[str, float], at: float, character: str, line: str | None) -> float:
        """Log-odds of a thumb up, up to what is the same for every candidate."""
        own = self.characters.get(character, {})
        low, bright = max(0.0, -at), max(0.0, at)
        total = self.lines.get(line, 0.0) if line else 0.0
        for name, value in features.items():
            weight = self.common.get(name, 0.0) + own.get(name, 0.0)
            weight += low * self.low.get(name, 0.0) + bright * self.bright.get(name, 0.0)
            total += value * weight
        return total

    def ranked(self, candidates: list[dict], at: float, character: str) -> list[dict]:
        """`candidates`, best first by the generator, in the new order and with the new scores."""
        if len(candidates) < 2:
            return candidates
        first = candidates[0]
        near = [c for c in candidates if c["score"] >= first["score"] - self.margin]
        worths = [self.worth(style(c["text"], c["expression"], c["source"]["kind"]), at, character, c["line"]) for c in near]
        moved = [c | {"score": c["score"] + self.margin * math.tanh(SWAY * (w - worths[0]))} for c, w in zip(near, worths, strict=True)]
        return sorted(moved + candidates[len(near) :], key=lambda c: -c["score"])


def fit(design: np.ndarray, value: np.ndarray, precision: np.ndarray, weight: np.ndarray | None = None, steps: int = 40) -> np.ndarray:
    """Logistic regression towards nothing: the weights with the least loss, each held to 0 by its own precision. Newton's steps."""
    w, of = np.zeros(design.shape[1]), np.ones(len(value)) if weight is None else weight
    for _ in range(steps):
        p = 1 / (1 + np.exp(-design @ w))
        gradient = design.T @ (of * (p - value)) + precision * w
        hessian = (design * (of * np.maximum(p * (1 - p), 1e-4))[:, None]).T @ design + np.diag(precision)
        step = np.linalg.solve(hessian, gradient)
        w -= step
        if np.abs(step).max() < 1e-8:
            break
    return w
