"""Which situation a first message is: held-out wordings, our own everyday messages, and messages that fit none."""

import numpy as np

from training import data, measures, metrics
from training.evaluation_sets import indirect, messages, none_files, situations
from training.shipped import Reader


def energy(cosines: np.ndarray, scale: float) -> np.ndarray:
    """How much there is of all situations together, by row: log-sum-exp at that scale of a softmax (Liu et al. 2020, arXiv 2010.03759)."""
    return np.log(np.exp(scale * cosines).sum(1)) / scale


def near(of: np.ndarray, others: np.ndarray, count: int = 5) -> np.ndarray:
    """The mean cosine with the nearest `count` of `others`, by row."""
    return np.sort(of @ others.T, 1)[:, -count:].mean(1)


def measure(reader: Reader, params: dict) -> tuple[dict[str, float], dict, dict[str, np.ndarray]]:
    """Known are every wording but the held-out one, both characters/wordings*.jsonl and the descriptions."""
    found = data.openings()
    known, owner = zip(*data.wordings(found, "train"), strict=True)
    owner, texts = np.array(owner), [text for text, _ in situations()]
    vectors, queries = reader.read(list(known)).embedding, reader.read(texts).embedding
    figures = metrics.situation_accuracy(vectors, owner, queries)

    means = np.stack([vectors[owner == i].mean(0) for i in range(len(found))])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    ids, scores = [situation["id"] for situation in found], queries @ means.T
    if set(ids) <= set(reader.learned):
        ranked = np.argsort(-(queries @ np.stack([reader.learned[id] for id in ids]).T), 1)
        figures["situationLearnedTop1"] = float((ranked[:, 0] == np.arange(len(ids))).mean())
        figures["situationLearnedTop5"] = float((ranked[:, :5] == np.arange(len(ids))[:, None]).any(1).mean())
    feelings = [situation["emotion"] for situation in found]
    own, accept = map(list, zip(*messages(), strict=True))
    own_vectors, fits = reader.read(own).embedding, np.array([accepted != ["none"] for accepted in accept])
    own_scores = own_vectors @ means.T
    top = own_scores.argmax(1)
    hits = [ids[top[i]] in accept[i] for i in np.flatnonzero(fits)]
    figures["everydayMeanTop1"] = float(np.mean(hits))
    told, fitting = map(list, zip(*indirect(), strict=True))
    best = np.argsort(-(reader.read(told).embedding @ means.T), 1)[:, :5]
    figures["indirectMeanTop1"] = float(np.mean([ids[row[0]] in fit for row, fit in zip(best, fitting, strict=True)]))
    figures["indirectMeanTop5"] = float(np.mean([any(ids[i] in fit for i in row) for row, fit in zip(best, fitting, strict=True)]))

    scale = params["noneScale"]
    # ── What fits no situation is far from all of them; 5 % of the held-out wordings may be as far ───────────────────
    none = [row["text"] for file in none_files() for row in data.rows(file)]
    # Texts of the same kind to learn from: those that fit none have neighbours among them.
    examples = [row["text"] for file in sorted(data.TEXTS.glob("none.train.jsonl")) for row in data.rows(file)]
    others = reader.read(examples).embedding if examples else None
    for name, apart in (("none", reader.read(none).embedding if none else None), ("everydayNone", own_vectors[~fits])):
        if apart is None:
            continue
        nearness = {
            "Nearest": ((queries @ vectors.T).max(1), (apart @ vectors.T).max(1)),
            "Mean": (scores.max(1), (apart @ means.T).max(1)),
            "Energy": (energy(scores, scale), energy(apart @ means.T, scale)),
        }
        if others is not None:
            nearness["Examples"] = tuple(energy(of @ means.T, scale) - near(of, others) for of in (queries, apart))
        for how, (inside, outside) in nearness.items():
            figures[f"{name}Recall{how}At5"] = measures.recall_below(inside, outside, 0.05)

    truth = np.arange(len(found))
    wrong = np.flatnonzero(scores.argmax(1) != truth)
    if reader.config:
        tone = np.array([measures.tone_of_label(feeling, reader.config) for feeling in feelings])
        chosen = tone[scores.argmax(1)]
        figures["situationMeanOpposite"] = float(
            (((chosen == "low") & (tone == "bright")) | ((chosen == "bright") & (tone == "low"))).mean()
        )
    rows = wrong[np.argsort(-(scores.max(1)[wrong] - scores[wrong, wrong]), kind="stable")[:40]]
    details = {
        "worst": [{"text": texts[i], "truth": ids[i], "read": ids[scores[i].argmax()], "p": round(float(scores[i].max()), 3)} for i in rows]
    }
    return (
        figures,
        details,
        {
            "situationMeanTop1": scores.argmax(1) == truth,
            "situationTexts": np.array(texts),
            "situationMeans": means.astype(np.float32),
        },
    )
