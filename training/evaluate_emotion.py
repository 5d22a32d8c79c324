"""Emotions on GoEmotions dev: F1, calibration, by length and under typing mistakes."""

import numpy as np

from training import data, measures, metrics
from training.evaluation_sets import emotions
from training.shipped import Reader

LENGTHS = {"short": (0, 7), "medium": (8, 14), "long": (15, 10**6)}  # words


def measure(reader: Reader, params: dict) -> tuple[dict[str, float], dict, dict[str, np.ndarray]]:
    """Figures by name; what the report shows; what a paired bootstrap and the worker's side are compared with."""
    config = reader.config
    texts, named = map(list, zip(*emotions(), strict=True))
    y = data.multi_hot(named, config["labels"])
    p = reader.read(texts).emotion
    single, several = config["threshold"], np.array(config["thresholds"])
    by_label = metrics.f1_by_label(p, y, several)
    found = {
        "macroF1": float(metrics.f1_by_label(p, y, single).mean()),
        "macroF1PerLabel": float(by_label.mean()),
        "macroF1PerLabelCrossFitted": metrics.cross_fitted_macro_f1(p, y),
        "microF1": metrics.micro_f1(p, y, single),
        "microF1PerLabel": metrics.micro_f1(p, y, several),
        "ece": metrics.ece(p, y, params["bins"]),
    }
    for label, score in zip(config["labels"], by_label, strict=True):
        found[f"f1.{label}"] = float(score)

    words = np.array([len(text.split()) for text in texts])
    for name, (least, most) in LENGTHS.items():
        found |= figures_of(p, y, single, (words >= least) & (words <= most), name, params["bins"])
    slipped = reader.read([measures.mistype(text) for text in texts]).emotion
    found |= figures_of(slipped, y, single, words > 0, "typos", params["bins"])

    # Confusions and the worst errors are of texts that bear one label: whatever else was read there is wrong.
    one = np.flatnonzero(y.sum(1) == 1)
    truth, top = y[one].argmax(1), p[one].argmax(1)
    confusion = np.zeros((len(config["labels"]), len(config["labels"])), int)
    np.add.at(confusion, (truth, top), 1)
    rows = np.arange(len(one))
    worst = np.argsort(p[one][rows, truth] - p[one][rows, top], kind="stable")[:40]
    details = {
        "labels": config["labels"],
        "confusion": confusion.tolist(),
        "support": y.sum(0).astype(int).tolist(),
        "reliability": measures.reliability(p, y, params["bins"]),
        "worst": [
            {
                "text": texts[one[i]],
                "truth": config["labels"][truth[i]],
                "read": config["labels"][top[i]],
                "p": round(float(p[one[i], top[i]]), 3),
                "pTruth": round(float(p[one[i], truth[i]]), 3),
            }
            for i in worst
        ],
    }
    return found, details, {"emotionTexts": np.array(texts), "emotionProbabilities": p, "emotionLabels": y.astype(np.uint8)}


def figures_of(p: np.ndarray, y: np.ndarray, threshold: float, among: np.ndarray, name: str, bins: int) -> dict[str, float]:
    """Macro-F1 over the labels that occur among these texts, micro-F1, calibration error."""
    p, y = p[among], y[among]
    occurs = y.sum(0) > 0
    return {
        f"macroF1.{name}": float(metrics.f1_by_label(p, y, threshold)[occurs].mean()),
        f"microF1.{name}": metrics.micro_f1(p, y, threshold),
        f"ece.{name}": metrics.ece(p, y, bins),
    }
