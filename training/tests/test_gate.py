"""The gate lets nothing worse through, says why, and touches nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from training.figures import Measured
from training.gate import decide, equal_passes, gate, main
from training.release import ReleaseError, file_entries, permitted, sha256, write_json

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RULES = {
    "seed": 0,
    "resamples": 200,
    "confidence": 0.95,
    "capabilityTolerance": 0.05,
    "tasks": {
        "encoder": {"limits": {"macroF1": {"least": 0.5}, "ece": {"most": 0.03}}, "notBelow": {"macroF1": 0.01}},
        "generator": {"beatBy": {"weightedScore": 0.001}},
    },
}


def encoder(folder: Path, version: str, wrong: float, texts: int = 600, **figures) -> tuple[Path, Path]:
    """(version, its figures): of all labels, a share `wrong` is predicted the wrong way round."""
    made = folder / "build" / version
    made.mkdir(parents=True)
    (made / "model.int8.onnx").write_bytes(f"weights of {version}".encode())
    write_json(made / "config.json", {"threshold": 0.5, "thresholds": [0.5] * 4})
    write_json(made / "manifest.json", {"task": "encoder", "version": version, "metrics": {}, "files": file_entries(made)})
    random = np.random.default_rng(0)
    truth = random.random((texts, 4)) < 0.4
    predicted = truth ^ (random.random((texts, 4)) < wrong)
    hits = (truth & predicted).sum(0)
    found = {"macroF1": float((2 * hits / (truth.sum(0) + predicted.sum(0))).mean()), "ece": 0.01} | figures
    measured = folder / "evaluation" / version
    measured.mkdir(parents=True)
    write_json(measured / "figures.json", {"model": sha256(made / "model.int8.onnx"), "figures": found})
    probabilities = np.where(predicted, 0.9, 0.1).astype(np.float16)
    np.savez(measured / "predictions.npz", emotionProbabilities=probabilities, emotionLabels=truth, textSha256=np.array(str(texts)))
    return made, measured / "figures.json"


def judged(folder: Path, candidate: tuple[Path, Path], live: tuple[Path, Path] | None, force=None) -> dict:
    return gate(candidate[0], candidate[1], live[0] if live else None, None, folder / "evaluation", RULES, AT, force)


def test_a_first_release_needs_the_floors_alone(tmp_path):
    result = judged(tmp_path, encoder(tmp_path, "v1", wrong=0.1), None)
    assert result["accepted"] and result["reasons"] == [] and result["live"] is None
    assert result["at"] == "2026-01-02T03:04:05+00:00"


def test_a_first_release_below_a_floor_is_refused_with_every_reason(tmp_path):
    result = judged(tmp_path, encoder(tmp_path, "v1", wrong=0.5, ece=0.2), None)
    assert not result["accepted"]
    assert "macroF1 is 0." in result["reasons"][0] and "less than 0.5" in result["reasons"][0]
    assert result["reasons"][1] == "ece is 0.2000; no version may have more than 0.03"


def test_the_same_quality_passes_and_the_interval_is_told(tmp_path):
    live, candidate = encoder(tmp_path, "v1", wrong=0.1), encoder(tmp_path, "v2", wrong=0.1)
    result = judged(tmp_path, candidate, live)
    assert result["accepted"]
    row = result["compared"][-1]
    assert row == row | {"metric": "macroF1", "low": 0.0, "high": 0.0, "verdict": "not worse"}


def test_a_worse_model_is_refused_and_says_by_how_much(tmp_path):
    result = judged(tmp_path, encoder(tmp_path, "v2", wrong=0.14), encoder(tmp_path, "v1", wrong=0.1))
    assert not result["accepted"] and result["forced"] is None
    assert len(result["reasons"]) == 1
    assert "macroF1 goes from" in result["reasons"][0] and "may not lose more than 0.01" in result["reasons"][0]
    row = result["compared"][-1]
    assert row["verdict"] == "worse" and row["low"] < row["high"] < 0 and 0 < row["equalPasses"] < 1


def test_judges_alike_every_time(tmp_path):
    live, candidate = encoder(tmp_path, "v1", wrong=0.1), encoder(tmp_path, "v2", wrong=0.11)
    assert judged(tmp_path, candidate, live) == judged(tmp_path, candidate, live)


def test_forced_it_records_who_and_why_and_keeps_the_reasons(tmp_path):
    live, candidate = encoder(tmp_path, "v1", wrong=0.1), encoder(tmp_path, "v2", wrong=0.2)
    result = judged(tmp_path, candidate, live, force=("Ada", "the live one leaks memory"))
    assert result["forced"] == {"who": "Ada", "why": "the live one leaks memory", "at": "2026-01-02T03:04:05+00:00"}
    assert not result["accepted"] and result["reasons"]
    permitted(result, candidate[0], "encoder", "v2", "v1")
    assert judged(tmp_path, live, None, force=("Ada", "needless"))["forced"] is None


def test_figures_of_another_version_are_refused_even_by_force(tmp_path):
    live, candidate = encoder(tmp_path, "v1", wrong=0.1), encoder(tmp_path, "v2", wrong=0.05)
    result = judged(tmp_path, (candidate[0], live[1]), live, force=("Ada", "hurry"))
    assert not result["accepted"] and result["forced"] is None
    assert "is of another version, not of encoder v2" in result["reasons"][0]
    with pytest.raises(ReleaseError, match="another version"):
        permitted(result, candidate[0], "encoder", "v2", "v1")


def test_a_damaged_candidate_and_unreadable_figures_are_refused_in_words(tmp_path):
    candidate = encoder(tmp_path, "v1", wrong=0.1)
    candidate[1].write_bytes(b"\xff{")
    assert "is no file of figures" in judged(tmp_path, candidate, None)["reasons"][0]
    (candidate[0] / "model.int8.onnx").write_bytes(b"weights cut sh")
    assert "is damaged" in judged(tmp_path, candidate, None)["reasons"][0]
    (candidate[0] / "manifest.json").unlink()
    assert "holds no version" in judged(tmp_path, candidate, None)["reasons"][0]


def test_a_registry_that_points_at_a_missing_version_is_refused(tmp_path):
    candidate = encoder(tmp_path, "v2", wrong=0.1)
    assert "v9 holds no version" in judged(tmp_path, candidate, (tmp_path / "v9", tmp_path))["reasons"][0]


@pytest.mark.parametrize("value", [None, float("nan"), "0.6"])
def test_a_figure_that_is_missing_or_no_number_is_refused_by_its_name(tmp_path, value):
    result = judged(tmp_path, encoder(tmp_path, "v1", wrong=0.1, ece=value), None)
    assert not result["accepted"] and result["reasons"][0].startswith("ece of the candidate is ")
    assert "NaN" not in json.dumps(result["compared"])


def test_figures_that_their_texts_do_not_give_are_refused(tmp_path):
    result = judged(tmp_path, encoder(tmp_path, "v2", wrong=0.1, macroF1=0.99), encoder(tmp_path, "v1", wrong=0.1))
    assert "said to be 0.9900" in result["reasons"][0]


def test_versions_measured_on_different_texts_cannot_be_compared(tmp_path):
    result = judged(tmp_path, encoder(tmp_path, "v2", wrong=0.1, texts=500), encoder(tmp_path, "v1", wrong=0.1))
    assert "different texts" in result["reasons"][0]


def test_no_capability_may_fall_beyond_the_tolerance(tmp_path):
    old = {"checklist.negation": 0.9, "checklist.slang": 0.9, "checklist.typos": 0.9}
    new = {"checklist.negation": 0.86, "checklist.slang": 0.8, "checklist.emoji": 0.1}
    result = judged(tmp_path, encoder(tmp_path, "v2", wrong=0.1, **new), encoder(tmp_path, "v1", wrong=0.1, **old))
    assert result["reasons"] == [
        "the capability slang falls from 0.900 to 0.800; no more than 0.05 is allowed",
        "the capability typos of the candidate is missing: it has to be measured",
    ]
    verdicts = {row["metric"]: row["verdict"] for row in result["compared"]}
    assert verdicts["checklist.negation"] == "within its limits" and verdicts["checklist.emoji"] == "new"


def test_a_weighted_score_has_to_gain_its_margin_for_sure():
    random = np.random.default_rng(0)
    scores = random.random(400)

    def of(version: str, gain: np.ndarray) -> Measured:
        return Measured(version, {"weightedScore": float((scores + gain).mean())}, {"weightedScore": {"score": scores + gain}}, "same")

    live = of("v1", np.zeros(400))
    assert decide(of("v2", np.full(400, 0.01)), live, "generator", RULES)[0] == []
    unsure = decide(of("v2", random.normal(0.002, 0.1, 400)), live, "generator", RULES)[0]
    assert "has to gain 0.001 for sure" in unsure[0]
    assert "has to gain" in decide(live, live, "generator", RULES)[0][0]


def test_a_task_without_rules_is_refused():
    assert "no rules" in decide(Measured("v1", {}), None, "weather", RULES)[0][0]


def test_alone_it_writes_its_decision_and_ends_with_a_status(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://here")
    candidate, figures = encoder(tmp_path, "v1", wrong=0.1)
    given = ["--candidate", str(candidate), "--figures", str(figures)]
    given += ["--models", str(tmp_path / "models"), "--out", str(tmp_path / "g.json")]
    assert main(given) == 1
    result = json.loads((tmp_path / "g.json").read_text())
    assert result["reasons"] == ["macroF1PerLabel of the candidate is missing: it has to be measured",
                                 "clincAccuracy of the candidate is missing: it has to be measured"]  # fmt: skip
    assert "this run is not tracked" in capsys.readouterr().out
    assert main([*given, "--go-on"]) == 0 and not json.loads((tmp_path / "g.json").read_text())["accepted"]
    assert main([*given, "--force", "Ada", "a first try"]) == 0
    with pytest.raises(SystemExit):
        main([*given, "--force", "Ada", " "])
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "registry.json").write_text("{")
    assert main(given) == 1 and "restore it first" in capsys.readouterr().out


def test_how_many_equal_versions_would_pass_is_told():
    assert equal_passes(-0.015, 0.015, -0.01, 0.95) == pytest.approx(0.257, abs=0.001)
    assert equal_passes(-0.001, 0.001, -0.01, 0.95) == pytest.approx(1)
    assert equal_passes(-0.015, 0.015, 0.001, 0.95) < 0.025
    assert equal_passes(None, None, -0.01, 0.95) is None and equal_passes(0.0, 0.0, -0.01, 0.95) is None
