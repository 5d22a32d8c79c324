"""The behavioural suite: what passes, and what it refuses."""

import json

import numpy as np
import pytest

from training import checklist

CONFIG = {
    "labels": ["anger", "joy", "love", "fear", "neutral"],
    "sentiment": {"positive": ["joy", "love"], "negative": ["anger", "fear"], "ambiguous": []},
}
CALM, HAPPY, ANGRY = [0.05, 0.05, 0.05, 0.05, 0.9], [0.02, 0.9, 0.3, 0.01, 0.1], [0.9, 0.02, 0.01, 0.2, 0.05]


def judged(case, before, after=None):
    (found,) = checklist.judge([case | {"capability": "test"}], CONFIG, np.array([before]), np.array([after or before]))
    return found["passed"]


def test_one_of_the_labels_has_to_be_among_the_three_likeliest():
    assert judged({"type": "MFT", "text": "yay", "labels": ["love"]}, HAPPY)
    assert not judged({"type": "MFT", "text": "yay", "labels": ["fear", "anger"]}, HAPPY)


def test_the_tone_has_to_be_the_one_that_is_expected():
    assert judged({"type": "MFT", "text": "grr", "tone": "low"}, ANGRY)
    assert not judged({"type": "MFT", "text": "hm", "tone": "low"}, CALM)


def test_what_changes_nothing_may_not_change_the_tone():
    case = {"type": "INV", "text": "yay", "changed": "YAY"}
    assert judged(case, HAPPY, HAPPY) and not judged(case, HAPPY, CALM)


def test_a_tone_at_its_border_may_cross_it_unnoticed():
    assert judged({"type": "INV", "text": "a", "changed": "b"}, [0, 0.41, 0, 0, 0.5], [0, 0.39, 0, 0, 0.5])


def test_what_changes_the_feeling_has_to_move_it():
    case = {"type": "DIR", "text": "ok", "changed": "grr", "score": "anger", "moves": "up"}
    assert judged(case, CALM, ANGRY) and not judged(case, ANGRY[:], CALM)
    assert not judged(case | {"score": "low", "moves": "down"}, CALM, ANGRY)


@pytest.mark.parametrize(
    "case",
    [
        {"type": "MFT", "text": "hi"},
        {"type": "INV", "text": "hi"},
        {"type": "DIR", "text": "hi", "changed": "ho", "score": "joy", "moves": "sideways"},
        {"type": "MFT", "text": "hi", "tone": "blue"},
        {"type": "XYZ", "text": "hi"},
    ],
)
def test_a_case_that_cannot_be_judged_is_refused(case, tmp_path):
    (tmp_path / "odd.jsonl").write_text(json.dumps(case) + "\n")
    with pytest.raises(ValueError, match="odd.jsonl"):
        checklist.cases(tmp_path)


def test_a_label_the_model_does_not_know_is_refused():
    with pytest.raises(ValueError, match="mirth"):
        judged({"type": "MFT", "text": "hi", "labels": ["mirth"]}, CALM)


def test_an_empty_suite_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no cases"):
        checklist.cases(tmp_path)


def test_the_suite_that_ships_has_twenty_cases_of_each_capability_and_none_twice():
    found = checklist.cases()
    names = [case["capability"] for case in found]
    assert {
        "slang",
        "typos",
        "casing",
        "emoji",
        "negation",
        "sarcasm",
        "intensity",
        "temporal",
        "subject",
        "short",
        "long",
        "punctuation",
    } == {*names}
    assert all(names.count(name) >= 20 for name in names)
    seen = [(case["text"], case.get("changed"), case.get("score")) for case in found]
    assert len(seen) == len({*seen})
    known = {label for case in found for label in [*case.get("labels", []), case.get("score", "low")]} - {"low", "bright"}
    assert known <= EMOTIONS


EMOTIONS = {
    "admiration",
    "amusement",
    "anger",
    "annoyance",
    "approval",
    "caring",
    "confusion",
    "curiosity",
    "desire",
    "disappointment",
    "disapproval",
    "disgust",
    "embarrassment",
    "excitement",
    "fear",
    "gratitude",
    "grief",
    "joy",
    "love",
    "nervousness",
    "optimism",
    "pride",
    "realization",
    "relief",
    "remorse",
    "sadness",
    "surprise",
    "neutral",
}
