"""The evaluation refuses sets that changed and files it cannot judge; what it keeps is read again."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from training import evaluate_intents, evaluate_replies, evaluation_sets
from training.shipped import keep


@pytest.fixture
def lock(tmp_path):
    evaluation_sets.relock(tmp_path / "lock.json", known([("hi", "a"), ("ho", "b")]))
    return tmp_path / "lock.json"


def known(pairs, name="emotion/some"):
    return {name: lambda: pairs}


def test_sets_that_are_as_they_were_frozen_pass(lock):
    evaluation_sets.verify(("emotion",), lock, known([("hi", "a"), ("ho", "b")]))


@pytest.mark.parametrize("changed", [[("hi", "a"), ("ho!", "b")], [("hi", "a"), ("ho", "a")], [("ho", "b"), ("hi", "a")], [("hi", "a")]])
def test_a_text_a_label_or_the_order_changed_is_refused(changed, lock):
    with pytest.raises(SystemExit, match="emotion/some changed"):
        evaluation_sets.verify(("emotion",), lock, known(changed))


def test_a_set_that_is_new_or_gone_is_refused_with_the_way_out(lock):
    with pytest.raises(SystemExit, match="emotion/other is not in lock.json[^$]*emotion/some is gone[^$]*--relock"):
        evaluation_sets.verify(("emotion",), lock, known([], "emotion/other"))


def test_sets_of_parts_that_are_not_measured_do_not_matter(lock):
    evaluation_sets.verify(("intent",), lock, known([], "emotion/other"))


def test_no_lock_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="not in absent.json"):
        evaluation_sets.verify(("emotion",), tmp_path / "absent.json", known([]))


def test_the_sets_of_the_repository_itself_are_the_frozen_ones():
    ours = {
        name: read
        for name, read in evaluation_sets.sets().items()
        if name.startswith("checklist/") or name in ("situations/wordings", "situations/messages", "replies/exchanges")
    }
    frozen = json.loads(evaluation_sets.LOCK.read_text(encoding="utf-8"))["sets"]
    assert {name: evaluation_sets.digest(read()) for name, read in ours.items()} == {name: frozen[name] for name in ours}


def test_a_generators_line_that_lacks_a_field_is_named(tmp_path):
    file = tmp_path / "replies.odd.jsonl"
    file.write_text(json.dumps({"encoder": "a" * 64, "message": "hi", "reply": "ho", "character": "june", "emotion": "joy"}) + "\n")
    with pytest.raises(ValueError, match="replies.odd.jsonl line 1 lacks references"):
        evaluate_replies.of_generator(None, file)


def test_replies_chosen_with_another_encoder_are_refused(tmp_path):
    file = tmp_path / "replies.odd.jsonl"
    row = {"encoder": "a" * 64, "message": "hi", "references": ["yo"], "reply": "yo", "character": "june", "emotion": "joy"}
    file.write_text(json.dumps(row))
    with pytest.raises(ValueError, match="line 1 was chosen with the encoder aaaaaaaaaaaa, not with bbbbbbbbbbbb"):
        evaluate_replies.of_generator(SimpleNamespace(checksum="b" * 64), file)


def test_what_was_read_is_not_read_again(tmp_path):
    calls = []

    def make(texts):
        calls.append(texts)
        return np.array([[len(text), 1.0] for text in texts])

    rows = keep(tmp_path / "kept.npz", make)
    assert rows(["a", "bbb", "a"]).tolist() == [[1, 1], [3, 1], [1, 1]]
    assert keep(tmp_path / "kept.npz", make)(["bbb", "cc"]).tolist() == [[3, 1], [2, 1]]
    assert calls == [["a", "bbb"], ["cc"]]


def test_a_skill_told_what_it_is_not_for_knows_it_again():
    random = np.random.default_rng(0)

    def near(*at: int, count: int = 20) -> np.ndarray:
        found = np.repeat(np.eye(6)[list(at)], count, axis=0) + random.normal(0, 0.05, (count * len(at), 6))
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    intents = np.repeat(["order", "refund", "oos"], 20)
    train, dev = (near(0, 1, 2), intents, []), (near(0, 1, 2), intents, [])
    found = evaluate_intents.trained(train, dev, near(2, 5, count=10), {"intentC": 30, "falseOosTarget": 0.03})
    assert found == {"clincTrainedAccuracy": 1.0, "clincTrainedOosRecallAt3": 1.0, "clincTrainedOosRecallWideAt3": 1.0}
