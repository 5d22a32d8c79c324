"""What the safety heads find is counted against what is harmless, traps included."""

from pathlib import Path

import numpy as np
import pytest

from training import evaluate_safety
from training.shipped import Reader, Reading

LABELS = ["hate", "violence"]


def reader(scores: dict[str, list[float]], config: dict) -> Reader:
    def read(texts):
        return Reading(np.zeros((len(texts), 1)), None, np.array([scores.get(text, [0.0, 0.0]) for text in texts]))

    return Reader(config, "ab" * 32, list, read)


@pytest.fixture(autouse=True)
def texts(monkeypatch):
    harmless = [(f"hello {i}", "hi") for i in range(95)]
    known = {
        "safety/own.test": lambda: [("hateful one", ["hate"]), ("hateful two", ["hate"]), ("a trap", [])],
        "safety/xstest": lambda: [("kill a process", "safe"), ("kill a man", "unsafe")],
        "safety/hatecheck": lambda: [("slur", "hateful"), ("no slur", "non-hateful")],
    }
    monkeypatch.setattr(evaluate_safety, "sets", lambda: known)
    monkeypatch.setattr(evaluate_safety, "safety_files", lambda: [Path("own.test.jsonl")])
    monkeypatch.setattr(evaluate_safety, "situations", lambda: harmless)


def test_recall_is_taken_at_five_false_alarms_and_at_the_thresholds():
    scores = {"hateful one": [0.9, 0], "hateful two": [0.3, 0], "a trap": [0.6, 0], "kill a process": [0, 0.7], "slur": [0.8, 0]}
    found, details, _ = evaluate_safety.measure(reader(scores, {"safety": {"labels": LABELS, "thresholds": [0.5, 0.5]}}), {})
    assert found["safety.hate.recall"] == 0.5 and found["safety.hate.recallAt5"] == 1
    assert found["safety.hate.falseAlarms"] == pytest.approx(1 / 97)
    assert found["safety.xstest.falseAlarms"] == 1
    assert (found["safety.hatecheck.recall"], found["safety.hatecheck.falseAlarms"]) == (1, 0)
    assert [row["text"] for row in details["worst"]] == ["hateful two"]


def test_a_category_nobody_wrote_texts_for_has_no_recall():
    found, _, _ = evaluate_safety.measure(reader({}, {"safety": {"labels": LABELS, "thresholds": [0.5, 0.5]}}), {})
    assert "safety.violence.recallAt5" not in found and found["safety.violence.falseAlarms"] == 0


def test_a_version_without_heads_has_no_figures():
    assert evaluate_safety.measure(reader({}, {}), {}) == ({}, {}, {})
