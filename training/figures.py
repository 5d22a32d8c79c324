"""What was measured of a version, as the evaluation leaves it: figures.json (model, figures), predictions.npz beside it, text by text."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training import metrics


@dataclass
class Measured:
    version: str
    figures: dict[str, float]
    """What a figure is the mean of, by its name: {"score" [texts]}, or {"truth", "predicted" [texts, labels]} for a mean F1."""
    results: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    """Of the texts measured on; empty where only the numbers were kept."""
    texts: str = ""


def read(path: Path, folder: Path) -> Measured:
    """ValueError, with what to do, when the file is not whole or not of the version in `folder`."""
    again = f"measure the version again: python -m training.evaluate --model {folder}"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        model, figures = found["model"], dict(found["figures"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no file of figures ({type(error).__name__}: {error}); {again}") from None
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if model not in {entry["sha256"] for entry in manifest["files"]}:
        raise ValueError(f"{path} is of another version, not of {manifest['task']} {manifest['version']} in {folder}; {again}")
    beside = path.with_name("predictions.npz")
    if not beside.exists():
        return Measured(manifest["version"], figures)
    try:
        with np.load(beside, allow_pickle=False) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        texts = str(kept.pop("textSha256"))
        return Measured(manifest["version"], figures, results(kept, folder), texts)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ValueError(f"{beside} cannot be read ({type(error).__name__}: {error}); {again}") from None


def stored(folder: Path, evaluation: Path) -> Measured:
    """A released version's: what it was released with, what `evaluation` has of it, or at least the numbers of its manifest."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for file in (folder / "figures.json", evaluation / manifest["version"] / "figures.json"):
        if file.exists():
            return read(file, folder)
    return Measured(manifest["version"], manifest["metrics"])


def results(kept: dict[str, np.ndarray], folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """From the arrays: the encoder's by its thresholds; any other array is the scores of the figure of that name."""
    found = {}
    if "emotionProbabilities" in kept:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        p, truth = kept.pop("emotionProbabilities").astype(np.float32), kept.pop("emotionLabels") > 0
        found["macroF1"] = {"truth": truth, "predicted": p > config["threshold"]}
        found["macroF1PerLabel"] = {"truth": truth, "predicted": p > np.array(config["thresholds"])}
        found["macroF1PerLabelCrossFitted"] = {"truth": truth, "predicted": metrics.cross_fitted(p, truth) > 0}
    if "intentRight" in kept:
        found["clincAccuracy"] = {"score": kept.pop("intentRight")}
    return found | {name: {"score": array} for name, array in kept.items()}
