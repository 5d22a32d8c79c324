"""Reads that are like the reference score next to nothing, others score high, and too few say nothing."""

import json
import subprocess

import numpy as np
import pytest

from training import drift


def reads(count, seed, glad=0.3, confident=5.0, words=8.0, asked=0.2, unknown=0.1):
    rng = np.random.default_rng(seed)
    found = []
    for at in range(count):
        label = rng.choice(["joy", "sadness", "neutral"], p=[glad, 0.9 - glad, 0.1])
        score = float(rng.beta(confident, 3))
        emotions = {"joy": 0.01, "sadness": 0.02, "neutral": 0.015} | {label: 0.03 + score}
        name = str(rng.choice(["refund", "story"])) if rng.random() < asked else None
        found.append({
            "emotions": emotions if at % 2 else [{"label": key, "score": value} for key, value in emotions.items()],
            "intent": {"name": name, "confidence": float(rng.random())}, "length": int(1 + rng.poisson(words)),
            "unknown": float(rng.binomial(10, unknown)) / 10, "at": "2026-11-29T00:00:00Z",
        })  # fmt: skip
    return found


def lines(folder, name, rows):
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


EVIDENTLY_PAGE = drift.evidently_page  # half a minute on a slow processor


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    monkeypatch.setattr(drift, "evidently_page", lambda *_: False)


def run(folder, live, *words, run=None):
    reference = lines(folder, "reference", reads(2000, 0))
    words = ["--live", lines(folder, "live", live), "--reference", reference, "--out", str(folder / "out"), *words]
    code = drift.main(words, run or subprocess.run)
    return code, json.loads((folder / "out" / "drift.json").read_text())


def test_the_same_distribution_scores_next_to_nothing(tmp_path):
    _, found = run(tmp_path, reads(600, 1))
    assert set(found["features"]) == {"emotion", "intent", "confidence", "intent_confidence", "length", "unknown"}
    assert found["total"] < 0.02
    assert all(row["psi"] < 0.1 for row in found["features"].values())


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        ("emotion", {"glad": 0.8}), ("intent", {"asked": 0.9}), ("confidence", {"confident": 1.0}),
        ("length", {"words": 25.0}), ("unknown", {"unknown": 0.6}),
    ],
)  # fmt: skip
def test_a_shifted_feature_scores_high_and_the_others_do_not(tmp_path, feature, change):
    _, found = run(tmp_path, reads(600, 1, **change))
    scores = {name: row["score"] for name, row in found["features"].items()}
    assert scores.pop(feature) == found["total"] > 0.15
    assert max(scores.values()) < 0.03


def test_writes_what_node_exporter_reads(tmp_path):
    _, found = run(tmp_path, reads(600, 1, glad=0.8))
    text = (tmp_path / "out" / "drift.prom").read_text()
    assert text.endswith("\n") and not list((tmp_path / "out").glob("*.new"))
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert line.split()[1] in ("HELP", "TYPE") and line.split()[2].startswith("troupe_drift_")
        else:
            name, value = line.rsplit(" ", 1)
            samples[name] = float(value)
    assert text.count("# TYPE troupe_drift_score gauge\n") == 1
    assert samples['troupe_drift_score{feature="total"}'] == pytest.approx(found["total"])
    assert samples['troupe_drift_score{feature="emotion"}'] == pytest.approx(found["features"]["emotion"]["score"])
    assert samples["troupe_drift_reads"] == 600


def test_reproduces_only_where_asked_to_and_above_the_limit(tmp_path):
    asked = []

    def remember(command, cwd):
        asked.append(command)
        return subprocess.CompletedProcess(command, 3)

    shifted = reads(600, 1, glad=0.8)
    assert run(tmp_path, shifted, run=remember)[0] == 0
    assert run(tmp_path, shifted, "--repro-above", "0.9", run=remember)[0] == 0
    assert asked == []
    assert run(tmp_path, shifted, "--repro-above", "0.1", run=remember)[0] == 3
    assert run(tmp_path, shifted, "--repro-above", "0.1", "--command", "make 'all of it'", run=remember)[0] == 3
    assert asked == [["dvc", "repro"], ["make", "all of it"]]


def test_refuses_too_few_reads(tmp_path):
    with pytest.raises(SystemExit, match="live.jsonl has 17 reads, too few to tell a drift from chance: 200 are needed"):
        run(tmp_path, reads(17, 1))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "wrong", [{"length": 3}, {"emotions": []}, {"emotions": {"joy": "much"}, "unknown": 0, "length": "long"}, {"emotions": 3}]
)
def test_says_which_read_is_not_one(tmp_path, wrong):
    with pytest.raises(SystemExit, match="read 2 of .*live.jsonl is not one"):
        run(tmp_path, [reads(1, 1)[0], wrong])


def test_intents_that_the_reference_lacks_are_not_compared(tmp_path, capsys):
    before = drift.columns_of([{**read, "intent": None} for read in reads(300, 0)], "reference")
    now = drift.columns_of(reads(300, 1), "live")
    assert "intent" not in drift.compare(before, now) and "emotion" in drift.compare(before, now)


def test_a_reference_is_kept_as_columns(tmp_path):
    columns = drift.columns_of(reads(300, 0), "reads")
    file = tmp_path / "reference.json"
    file.write_text(json.dumps({"columns": {name: values.tolist() for name, values in columns.items()}}))
    again = drift.read_reference(file)
    assert all((again[name] == columns[name]).all() for name in columns)
    with pytest.raises(SystemExit, match="is not here: python -m training.drift --make"):
        drift.read_reference(tmp_path / "none.json")


def test_words_in_pieces_are_unknown():
    from training.encoder_model import MINILM

    plain, odd, none = drift.measures(["the rain is nice 👍", "zxqwv blorptastic rain", ""], MINILM, 64)
    assert plain == {"length": 6, "unknown": 0}
    assert odd["length"] == 3 and odd["unknown"] == pytest.approx(2 / 3)
    assert none == {"length": 0, "unknown": 0}


def test_evidently_draws_a_page_of_its_own(tmp_path, monkeypatch):
    pytest.importorskip("evidently", reason="Evidently comes with the extra `drift`", exc_type=ImportError)
    monkeypatch.setattr(drift, "evidently_page", EVIDENTLY_PAGE)
    run(tmp_path, reads(300, 1, glad=0.8))
    page = (tmp_path / "out" / "drift.html").read_text()
    assert "<html" in page and "emotion" in page and 'src="http' not in page
