"""The formulas of the evaluation."""

import numpy as np
import pytest

from training import measures

CONFIG = {
    "labels": ["anger", "joy", "caring", "neutral"],
    "sentiment": {"positive": ["joy", "caring"], "negative": ["anger"], "ambiguous": []},
}


def test_the_tone_is_that_of_the_stronger_side_and_level_where_little_is_felt():
    p = np.array([[0.9, 0.1, 0, 0], [0.1, 0.9, 0, 0], [0.3, 0.3, 0, 0.9], [0, 0, 0.9, 0]])
    assert measures.tones(p, CONFIG).tolist() == ["low", "bright", "level", "level"]
    assert [measures.tone_of_label(label, CONFIG) for label in CONFIG["labels"]] == ["low", "bright", "level", "level"]


def test_risk_grows_from_the_surest_answer_on():
    coverage, risk = measures.risk_coverage(np.array([0.2, 0.9, 0.5, 0.7]), np.array([False, True, False, True]))
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert risk == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert measures.aurc(np.array([0.9, 0.1]), np.array([True, True])) == 0


def test_recall_is_taken_where_so_many_of_the_others_are_lost():
    inside = np.arange(100) / 100
    assert measures.recall_below(inside, np.array([0.0, 0.01, 0.5]), 0.05) == pytest.approx(2 / 3)
    assert measures.recall_above(np.array([0.99, 0.5]), inside, 0.05) == pytest.approx(1 / 2)


def test_reliability_counts_every_decision_once():
    p, y = np.array([[0.1, 0.95], [0.12, 0.9]]), np.array([[0, 1], [1, 1]])
    bins = measures.reliability(p, y, 10)
    assert sum(row["count"] for row in bins) == 4
    assert bins[0]["share"] == pytest.approx(0.5) and bins[0]["p"] == pytest.approx(0.11)


def test_typing_mistakes_are_the_same_every_time_and_few():
    text = "i was going to tell you about the weekend but then my phone died"
    slipped = measures.mistype(text)
    assert slipped == measures.mistype(text) != text
    assert measures.mistype(text, seed=1) != slipped
    assert abs(len(slipped) - len(text)) < 8
    assert measures.mistype("") == "" and measures.mistype("?!") == "?!"


def test_a_reply_that_is_its_reference_scores_one():
    text = "one two three four five six"
    found = measures.against_references([text, text], [["nothing like it at all", text], [text]])
    assert found == pytest.approx({name: 1.0 for name in ("bleu1", "bleu2", "bleu3", "bleu4", "rougeL", "weighted")})


def test_the_weighted_score_weighs_long_matches_most():
    found = measures.against_references(["the cat sat on the mat today"], [["the cat sat on a mat today"]])
    weights = {"bleu1": 0.10, "bleu2": 0.15, "bleu3": 0.25, "bleu4": 0.40, "rougeL": 0.10}
    assert found["weighted"] == pytest.approx(sum(weight * found[name] for name, weight in weights.items()))
    assert found["bleu1"] == pytest.approx(6 / 7) and found["bleu2"] == pytest.approx((6 / 7 * 4 / 6) ** 0.5)
    assert found["rougeL"] == pytest.approx(6 / 7)


def test_replies_without_a_reference_are_refused():
    with pytest.raises(ValueError, match="reference"):
        measures.against_references(["hello"], [[]])
    with pytest.raises(ValueError):
        measures.against_references([], [])


def test_distinct_counts_different_words_and_pairs():
    assert measures.distinct(["a b a", "a b"], 1) == pytest.approx(2 / 5)
    assert measures.distinct(["a b a", "a b"], 2) == pytest.approx(2 / 3)
    assert measures.distinct([], 1) == 0
