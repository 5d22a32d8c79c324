"""The formulas only evaluation needs: tones, risk and coverage, recall at a rate of false alarms, replies against references."""

import random
import zlib

import numpy as np

# A feeling counts from here on, as in inference/src/reader.ts.
FELT_FROM = 0.4
WEIGHTS = {"bleu1": 0.10, "bleu2": 0.15, "bleu3": 0.25, "bleu4": 0.40, "rougeL": 0.10}
BESIDE = "qwertyuiop asdfghjkl zxcvbnm"


def tone_scores(p: np.ndarray, config: dict) -> dict[str, np.ndarray]:
    """Per text how likely any low feeling is and any bright one, taken as independent. Care and wishes are neither: they answer both."""
    sentiment, order = config["sentiment"], {label: i for i, label in enumerate(config["labels"])}
    bright = [label for label in sentiment["positive"] if label not in ("caring", "desire")]
    return {
        name: 1 - np.prod(1 - p[:, [order[label] for label in of]], axis=1)
        for name, of in (("low", sentiment["negative"]), ("bright", bright))
    }


def tones(p: np.ndarray, config: dict) -> np.ndarray:
    """ "low", "bright", or "level" where neither is felt."""
    scores = tone_scores(p, config)
    stronger = np.where(scores["low"] >= scores["bright"], "low", "bright")
    return np.where(np.maximum(scores["low"], scores["bright"]) < FELT_FROM, "level", stronger)


def tone_of_label(label: str, config: dict) -> str:
    one = np.array([[float(label == other) for other in config["labels"]]])
    return str(tones(one, config)[0])


def reliability(p: np.ndarray, y: np.ndarray, bins: int = 15) -> list[dict]:
    """All decisions of all labels together, by equal-width bin: mean probability, share of ones, count."""
    bin_of = np.minimum((p.ravel() * bins).astype(int), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    means, ones = (np.bincount(bin_of, values.ravel(), bins) / np.maximum(count, 1) for values in (p, y))
    return [{"p": float(means[b]), "share": float(ones[b]), "count": int(count[b])} for b in range(bins) if count[b]]


def risk_coverage(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share answered (the surest first) and the share of wrong answers among them."""
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(right) + 1)
    return answered / len(right), np.cumsum(~right[order]) / answered


def aurc(confidence: np.ndarray, right: np.ndarray) -> float:
    """Area under the risk-coverage curve; 0 is best."""
    return float(risk_coverage(confidence, right)[1].mean())


def recall_below(inside: np.ndarray, outside: np.ndarray, false: float) -> float:
    """Share of `outside` under the score that the share `false` of `inside` falls short of."""
    return float((outside < np.quantile(inside, false)).mean())


def recall_above(positive: np.ndarray, negative: np.ndarray, false: float) -> float:
    """Share of `positive` over the score that the share `false` of `negative` exceeds."""
    return float((positive > np.quantile(negative, 1 - false)).mean())


def mistype(text: str, seed: int = 0, every: int = 12) -> str:
    """Slips of the hand, about one in `every` letters, the same for the same text and seed: a letter left out, doubled, swapped with the
    next, or the key beside it."""
    rng, letters, i = random.Random(zlib.crc32(text.encode()) ^ seed), list(text), 0
    while i < len(letters) - 1:
        if letters[i].isalpha() and rng.random() < 1 / every:
            slip = rng.choice(("out", "double", "swap", "beside"))
            if slip == "swap" and letters[i + 1].isalpha():
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
                i += 1
            elif slip == "double":
                letters[i] *= 2
            elif slip == "beside" and (at := BESIDE.find(letters[i].lower())) >= 0:
                letters[i] = (BESIDE[at + 1 : at + 2].strip() or BESIDE[at - 1]) if at + 1 < len(BESIDE) else BESIDE[at - 1]
            else:
                letters[i] = ""
        i += 1
    return "".join(letters)


def distinct(replies: list[str], n: int) -> float:
    """Different n-grams of words among all there are."""
    found = [tuple(words[i : i + n]) for words in (reply.lower().split() for reply in replies) for i in range(len(words) - n + 1)]
    return len(set(found)) / max(1, len(found))


def against_references(replies: list[str], references: list[list[str]]) -> dict[str, float]:
    """BLEU-1..4 of the whole (sacrebleu, all of a message's references), the mean over messages of the best ROUGE-L, and the weighted
    score; each 0 .. 1."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU

    if not replies or not all(references):
        raise ValueError("every reply needs at least one reference, and there must be replies")
    columns = [[own[i] if i < len(own) else None for own in references] for i in range(max(map(len, references)))]
    found = {f"bleu{n}": BLEU(max_ngram_order=n).corpus_score(replies, columns).score / 100 for n in range(1, 5)}
    rouge = RougeScorer(["rougeL"], use_stemmer=False)
    best = [rouge.score_multi(own, reply)["rougeL"].fmeasure for reply, own in zip(replies, references, strict=True)]
    found["rougeL"] = float(np.mean(best))
    return found | {"weighted": sum(weight * found[name] for name, weight in WEIGHTS.items())}
