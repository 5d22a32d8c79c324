"""Who of the troupe speaks: a released version, its scores and its verdict. inference/src/voice.ts computes the same.

voice.int8: for each of 2^(bits + 1) buckets its rarity (a byte; times rarityScale), then for each of them a weight for each character
(int8; times that character's scale).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.release import verify
from training.voice_features import matrix


@dataclass
class Voice:
    config: dict
    rarity: np.ndarray  # [buckets], uint8
    weights: np.ndarray  # [buckets, characters], int8

    @property
    def characters(self) -> list[str]:
        return self.config["characters"]

    def log_probabilities(self, texts: list[str]) -> np.ndarray:
        """[texts, characters]; natural logarithms of what adds up to 1."""
        return self.of(matrix(texts, self.config["bits"], self.rarity * self.config["rarityScale"]))

    def of(self, x) -> np.ndarray:
        scores = (x @ self.weights.astype(np.float32)) * np.array(self.config["scales"]) + np.array(self.config["biases"])
        return log_softmax(scores / self.config["temperature"])


def load(folder: Path) -> Voice:
    """ValueError where a file is missing or damaged."""
    if wrong := verify(folder):
        raise ValueError("; ".join(wrong))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found, count = np.fromfile(folder / "voice.int8", np.uint8), 2 << config["bits"]
    return Voice(config, found[:count], found[count:].view(np.int8).reshape(count, len(config["characters"])))


def astray(log_p: np.ndarray, own: np.ndarray) -> np.ndarray:
    """By how much each text sounds more like the likeliest other character than like its own; below 0: like its own."""
    rows = np.arange(len(own))
    others = log_p.copy()
    others[rows, own] = -np.inf
    return others.max(1) - log_p[rows, own]


def log_softmax(scores: np.ndarray) -> np.ndarray:
    shifted = scores - scores.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
