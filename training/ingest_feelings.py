"""What is felt in a text, as the shipped encoder reads it, and which feelings go together."""

import numpy as np

from training.shipped import Reader

GROUPS = {
    "hurt": ["sadness", "disappointment", "grief", "remorse", "embarrassment"],
    "cross": ["anger", "annoyance", "disapproval", "disgust"],
    "afraid": ["fear", "nervousness"],
    "glad": ["joy", "excitement", "amusement", "pride", "relief", "optimism"],
    "warm": ["love", "admiration", "gratitude", "approval", "caring"],
    "open": ["curiosity", "confusion", "surprise", "realization", "desire"],
    "calm": ["neutral"],
}
GROUP_OF = {emotion: group for group, emotions in GROUPS.items() for emotion in emotions}
LOW, BRIGHT = {"hurt", "afraid"}, {"glad", "warm"}
# The face a speaker has with what it says itself.
FACES = {
    "admiration": "joy", "amusement": "amusement", "anger": "anger", "annoyance": "anger", "approval": "neutral", "caring": "caring",
    "confusion": "curiosity", "curiosity": "curiosity", "desire": "curiosity", "disappointment": "sadness", "disapproval": "neutral",
    "disgust": "anger", "embarrassment": "embarrassment", "excitement": "joy", "fear": "sadness", "gratitude": "joy", "grief": "sadness",
    "joy": "joy", "love": "caring", "nervousness": "embarrassment", "optimism": "joy", "pride": "pride", "realization": "surprise",
    "relief": "joy", "remorse": "caring", "sadness": "sadness", "surprise": "surprise", "neutral": "neutral",
}  # fmt: skip


class Readings:
    """Of texts that were read together, each by its text."""

    def __init__(self, reader: Reader, texts: list[str]):
        self.reading, self.config = reader.read(texts), reader.config
        self.row = {text: i for i, text in enumerate(texts)}

    def embedding(self, text: str) -> np.ndarray:
        return self.reading.embedding[self.row[text]]

    def emotion(self, text: str) -> str:
        return shown(self.config, self.reading.emotion[self.row[text]])

    def low(self, text: str) -> float:
        """How likely somebody is hurt or afraid, 0 and up."""
        emotions = self.reading.emotion[self.row[text]]
        return float(sum(emotions[i] for i, label in enumerate(self.config["labels"]) if GROUP_OF[label] in LOW))

    def unsafe(self, text: str) -> bool:
        return unsafe(self.config, None if self.reading.safety is None else self.reading.safety[self.row[text]])


def shown(config: dict, emotions: np.ndarray) -> str:
    """The label that is furthest above its threshold; neutral where none is."""
    labels, above = config["labels"], emotions / np.array(config["thresholds"])
    above = np.where(np.array(labels) == "neutral", 0, above)
    return labels[int(above.argmax())] if above.max() >= 1 else "neutral"


def unsafe(config: dict, scores: np.ndarray | None) -> bool:
    """Certainly so: the heads know messages of today, and an old play frightens them easily."""
    return scores is not None and bool((scores > config["safety"]["certain"]).any())
