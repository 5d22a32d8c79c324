"""Whether the turns before a message help to read what is felt in it ("fine." after bad news). Nothing that serves uses it.

python -m training.context [--model models/encoder/v10]
The troupe's own conversations: every message of a person but the first bears the feeling its writer meant. Compared are the message alone;
with the person's message before it, or the character's answer, in front of it in one text; and small models over the readings of all
three apart. What is learned is judged on conversations it has not seen (ten folds); the intervals resample conversations.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training import data, measures, metrics
from training.drift import live_model
from training.shipped import Reader, open_reader

SHORT = 4  # words at most: where context should tell most
HALF_LIVES = (0.25, 0.5)  # how much a feeling of before counts, where it only fades


@dataclass
class Turn:
    talk: str
    feeling: str
    message: str
    before: str
    """What the same person said before, and felt."""
    felt: str
    answer: str
    """What the character said to that."""


def turns(conversations: list[dict]) -> list[Turn]:
    """Every message of a person that follows an answer to one of theirs."""
    found = []
    for talk in conversations:
        rows = talk["turns"]
        for before, answer, now in zip(rows, rows[1:], rows[2:], strict=False):
            if [row["role"] for row in (before, answer, now)] == ["user", "character", "user"]:
                found.append(Turn(talk["id"], now["emotion"], now["text"], before["text"], before["emotion"], answer["text"]))
    return found


def learned(x: np.ndarray, y: np.ndarray, talks: np.ndarray) -> np.ndarray:
    """Probabilities [turns, labels] of a logistic regression on log odds `x`, of conversations it did not learn from."""
    p = np.zeros((len(x), y.max() + 1))
    for train, test in GroupKFold(10).split(x, y, talks):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.02, max_iter=500)).fit(x[train], y[train])
        p[np.ix_(test, model.classes_)] = model.predict_proba(x[test])
    return p


def readings(found: list[Turn], reader: Reader, y: np.ndarray) -> dict[str, np.ndarray]:
    """Name → probabilities [turns, labels]."""
    talks = np.array([turn.talk for turn in found])
    alone, before, answer = (reader.read(texts).emotion for texts in zip(*((t.message, t.before, t.answer) for t in found), strict=True))
    now, then, said = map(metrics.logit, (alone, before, answer))
    ways = {
        "alone": alone,
        "theirs in front": reader.read([f"{turn.before} {turn.message}" for turn in found]).emotion,
        "the answer in front": reader.read([f"{turn.answer} {turn.message}" for turn in found]).emotion,
        "both in front": reader.read([f"{turn.before} {turn.answer} {turn.message}" for turn in found]).emotion,
    }
    ways |= {f"theirs fading, {part}": (alone + part * before) / (1 + part) for part in HALF_LIVES}
    return ways | {
        "learned: alone": learned(now, y, talks),
        "learned: and theirs": learned(np.hstack([now, then]), y, talks),
        "learned: and both": learned(np.hstack([now, then, said]), y, talks),
    }


def right(p: np.ndarray, y: np.ndarray, config: dict) -> dict[str, np.ndarray]:
    """Per turn: the feeling is the likeliest, among the three likeliest, and of the tone (low, bright, level) that is read."""
    order, labels = np.argsort(-p, axis=1), config["labels"]
    tone = np.array([measures.tone_of_label(label, config) for label in labels])
    return {"top 1": order[:, 0] == y, "top 3": (order[:, :3] == y[:, None]).any(1), "tone": tone[order[:, 0]] == tone[y]}


def interval(gain: np.ndarray, talks: np.ndarray, draws: int = 1000) -> tuple[float, float]:
    """Where the mean gain lies in 95 of 100 resamplings of whole conversations."""
    index = np.unique(talks, return_inverse=True)[1]
    sums, sizes = np.bincount(index, gain), np.bincount(index)
    weights = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), draws)
    low, high = np.quantile(weights @ sums / (weights @ sizes), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="the live version unless another is given")
    reader = open_reader(parser.parse_args().model or live_model())
    labels = reader.config["labels"]
    found = turns([row for file in sorted(data.CHARACTERS.glob("*/conversations.jsonl")) for row in data.rows(file)])
    y, talks = np.array([labels.index(turn.feeling) for turn in found]), np.array([turn.talk for turn in found])
    short = np.array([len(turn.message.split()) <= SHORT for turn in found])
    same = np.mean([turn.feeling == turn.felt for turn in found])
    print(f"{len(found)} messages of {len(set(talks))} conversations, {short.sum()} of {SHORT} words at most; {same:.2f} feel as before")
    ways = {name: right(p, y, reader.config) for name, p in readings(found, reader, y).items()}
    for which, among in (("all", np.ones(len(found), bool)), ("short", short)):
        for name, hits in ways.items():
            base = ways["learned: alone" if name.startswith("learned") else "alone"]
            cells = []
            for figure, hit in hits.items():
                low, high = interval(hit[among].astype(float) - base[figure][among], talks[among])
                cells.append(f"{figure} {hit[among].mean():.3f} [{low:+.3f}, {high:+.3f}]")
            print(f"{which:6} {name:24} {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
