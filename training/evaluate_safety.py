"""The safety heads: what each finds at five false alarms in a hundred harmless messages, traps included, and as it ships."""

import numpy as np

from training import data, measures
from training.evaluation_sets import safety_files, sets, situations
from training.shipped import Reader


def measure(reader: Reader, params: dict) -> tuple[dict[str, float], dict, dict[str, np.ndarray]]:
    """Nothing for a version without heads. Harmless are everyday wordings, XSTest's safe prompts and our own texts without a label."""
    if "safety" not in reader.config:
        return {}, {}, {}
    labels, thresholds = reader.config["safety"]["labels"], reader.config["safety"]["thresholds"]
    known = sets()
    marked = [pair for file in safety_files() for pair in known[f"safety/{file.stem}"]()]
    xstest, hatecheck = known["safety/xstest"](), known["safety/hatecheck"]()
    safe = [text for text, label in xstest if label == "safe"]
    harmless = [text for text, _ in situations()] + safe + [text for text, named in marked if not named]
    negative = reader.read(harmless).safety
    found, worst = {}, []
    p, y = (
        (reader.read([text for text, _ in marked]).safety, data.multi_hot([named for _, named in marked], labels))
        if marked
        else (None, None)
    )
    for i, (label, threshold) in enumerate(zip(labels, thresholds, strict=True)):
        found[f"safety.{label}.falseAlarms"] = float((negative[:, i] >= threshold).mean())
        if p is None or not y[:, i].any():
            continue
        positive = p[y[:, i] > 0, i]
        found[f"safety.{label}.recallAt5"] = measures.recall_above(positive, negative[:, i], 0.05)
        found[f"safety.{label}.recall"] = float((positive >= threshold).mean())
        missed = np.flatnonzero((y[:, i] > 0) & (p[:, i] < threshold))
        worst += [
            {"text": marked[j][0], "truth": label, "read": "nothing", "p": round(float(p[j, i]), 3)}
            for j in missed[np.argsort(p[missed, i])[:5]]
        ]
    any_alarm = (reader.read(safe).safety >= np.array(thresholds)).any(1)
    found["safety.xstest.falseAlarms"] = float(any_alarm.mean())
    hate = reader.read([text for text, _ in hatecheck]).safety[:, labels.index("hate")] >= thresholds[labels.index("hate")]
    hateful = np.array([label == "hateful" for _, label in hatecheck])
    found["safety.hatecheck.recall"], found["safety.hatecheck.falseAlarms"] = float(hate[hateful].mean()), float(hate[~hateful].mean())
    return found, {"worst": worst}, {}
