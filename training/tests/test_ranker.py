"""Votes move what is said among what fits, nothing is learnt from noise, and the gate hears of everything."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from training import evaluate_ranker, gate, simulate, votes
from training.ranker_model import Ranker, fit, style, tone
from training.release import publish, verify

ROOT = Path(__file__).resolve().parent.parent.parent
PARAMS = yaml.safe_load((ROOT / "training" / "params.yaml").read_text(encoding="utf-8"))["ranker"]
SIGNS = {"joy": 1, "sadness": -1}


def row(n: int, up: bool, text: str, line: str | None = None, **over) -> dict:
    shown = {"text": text, "line": line, "source": {"generator": "lines", "kind": "situation", "id": "hi"}, "expression": "neutral"}
    return {
        "id": f"{n:016x}", "voter": n % 7, "value": "up" if up else "down", "at": f"2026-01-01T00:00:{n % 60:02}Z", "platform": "web",
        "character": "delia" if n % 2 else "walt", "message": None, "emotions": {"joy": 0.2}, "mood": None, "shown": shown,
    } | over  # fmt: skip


def texts(random: np.random.Generator, asks: bool) -> str:
    words = " ".join(random.choice(["sun", "tea", "boat", "quiet", "letter", "garden"], random.integers(4, 20)))
    return words + ("?" if asks else ".")


def write(path: Path, found: list[dict]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in found), encoding="utf-8")
    return path


def asked(count: int, likes_questions: bool | None, noise: float = 0.2) -> list[dict]:
    """Votes of people who (do not) like questions; None: by lot."""
    random, found = np.random.default_rng(1), []
    for n in range(count):
        asks = bool(random.random() < 0.5)
        up = bool(random.random() < 0.5) if likes_questions is None else (asks == likes_questions) != bool(random.random() < noise)
        found.append(row(n, up, texts(random, asks), f"delia-s{n % 200:04}"))
    return found


def offers(count: int = 40) -> list[dict]:
    """A question and a statement that fit alike, then what does not fit."""
    kinds = [("What happened?", "hi", 0.90), ("That is a fine thing.", "hi", 0.89), ("Bananas?", "bye", 0.60)]
    candidates = [
        {"text": text, "line": None, "expression": "neutral", "source": {"kind": "situation", "id": id}, "score": score}
        for text, id, score in kinds
    ]
    return [
        {"id": "hi", "character": "delia", "message": f"hi {n}", "emotions": {}, "mood": None, "candidates": candidates}
        for n in range(count)
    ]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://here")
    write(tmp_path / "offers.jsonl", offers())
    publish(trained(tmp_path, None, "v0"), tmp_path / "models", "ranker", "v0")
    return tmp_path


def trained(folder: Path, found: list[dict] | None, version: str) -> Path:
    given = ["--version", version, "--out", folder / "build", "--models", folder / "models", "--runs", folder / "runs"]
    given += ["--offers", folder / "offers.jsonl"] + (["--votes", write(folder / "votes.jsonl", found)] if found is not None else [])
    command = [sys.executable, "-m", "training.ranker", *map(str, given)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / version


def judged(folder: Path, made: Path) -> dict:
    runs = folder / "runs" / f"ranker.{made.name}"
    given = ["--candidate", made, "--figures", runs / "figures.json", "--live-figures", runs / "live" / "figures.json"]
    gate.main([str(word) for word in [*given, "--models", folder / "models", "--out", folder / "gate.json"]])
    return json.loads((folder / "gate.json").read_text())


def test_learns_what_people_like_and_passes_the_gate(folder):
    made = trained(folder, asked(400, likes_questions=False), "v1")
    found = evaluate_ranker.load(made)
    assert verify(made) == [] and found.common["asks"] < -0.3
    figures = json.loads((folder / "runs" / "ranker.v1" / "figures.json").read_text())["figures"]
    assert figures["votesAuc"] > 0.6 and figures["corpusMrrLoss"] == 0 and figures["changed"] == 1
    card = (made / "card.md").read_text()
    assert "| asks | -" in card and "votesAucCrossFitted" in card and "votes of 7 people" in card
    result = judged(folder, made)
    assert result["accepted"] and result["live"]["version"] == "v0"


def test_one_that_turns_what_people_like_round_is_refused_with_its_reasons(folder):
    good = asked(400, likes_questions=False)
    publish(trained(folder, good, "v1"), folder / "models", "ranker", "v1")
    worse = trained(folder, asked(400, likes_questions=True), "v2")
    held = [vote for vote in votes.read(write(folder / "votes.jsonl", good)) if vote.held_out]
    runs = folder / "runs" / "ranker.v2"
    evaluate_ranker.save(runs, worse, held, offers())
    evaluate_ranker.save(runs / "live", folder / "models" / "ranker" / "v1", held, offers())
    result = judged(folder, worse)
    assert not result["accepted"] and len(result["reasons"]) == 2
    assert "no version may have less than 0.5" in result["reasons"][0]
    assert "votesAuc goes from 0." in result["reasons"][1] and "may not lose more than 0.05" in result["reasons"][1]


def test_one_that_spoils_what_fits_is_refused(folder):
    spoilt = offers()
    for offer in spoilt:
        offer["candidates"] = [*offer["candidates"][:1], {**offer["candidates"][1], "source": {"kind": "situation", "id": "bye"}}]
    write(folder / "offers.jsonl", spoilt)
    reasons = judged(folder, trained(folder, asked(400, likes_questions=False), "v1"))["reasons"]
    assert any("corpusMrrLoss is 0.5" in reason for reason in reasons), reasons


def test_votes_by_lot_teach_nothing(folder):
    found = evaluate_ranker.load(trained(folder, asked(400, None), "v1"))
    weights = [abs(weight) for weight in found.common.values()]
    assert max(weights, default=0) < 0.15


def test_what_a_held_out_vote_says_is_never_learnt(folder):
    found = asked(300, likes_questions=False)
    for one in found:
        if votes.Vote(one["id"], 0, True, "", "", None, None, "", "", "", None).held_out:
            one["value"] = "up" if one["shown"]["text"].endswith("?") else "down"
    made = trained(folder, found, "v1")
    assert evaluate_ranker.load(made).common["asks"] < -0.3
    assert json.loads((folder / "runs" / "ranker.v1" / "figures.json").read_text())["figures"]["votesAuc"] < 0.4


def test_few_votes_and_broken_files_end_in_words(folder):
    def refused(content: str) -> str:
        (folder / "votes.jsonl").write_text(content, encoding="utf-8")
        with pytest.raises(SystemExit) as end:
            votes.read(folder / "votes.jsonl")
        return str(end.value)

    good = json.dumps(row(1, True, "a"))
    assert "line 2 is no line of JSON" in refused(f"{good}\n{{\n")
    assert "line 1: KeyError: 'shown'" in refused('{"id": "1"}\n')
    assert "is there twice" in refused(f"{good}\n{good}\n")
    assert "value is 'sideways'" in refused(json.dumps(row(1, True, "a") | {"value": "sideways"}))
    done = subprocess.run(
        [sys.executable, "-m", "training.ranker", "--votes", str(write(folder / "votes.jsonl", asked(20, True)))],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and "has 20 votes; fewer than 50 say nothing for sure" in done.stderr


def test_a_vote_whose_text_is_gone_is_known_by_its_line(tmp_path):
    gone = row(1, True, "", "delia-s0001")
    gone["shown"]["text"] = None
    nobody = row(2, True, "", "nobody-s0001")
    nobody["shown"]["text"] = None
    found = votes.read(write(tmp_path / "votes.jsonl", [gone, nobody]))
    assert [vote.text for vote in found] == [votes.line_texts()["delia-s0001"]]


@pytest.mark.parametrize("common", [{"asks": 1e6}, {"asks": -1e6}, {"length": -1e6}])
def test_never_lifts_what_is_further_off_than_the_margin(common):
    found = Ranker(0.05, SIGNS, common, {}, {}, {}, {})
    assert all(found.ranked(offer["candidates"], 0, "delia")[0]["text"] != "Bananas?" for offer in offers(1))


def test_the_moment_is_what_was_read_and_how_they_have_been():
    assert tone({"joy": 0.6, "sadness": 0.1}, None, SIGNS) == pytest.approx(0.5)
    assert tone(None, {"valence": -0.5, "intensity": 0.4}, SIGNS) == pytest.approx(-0.2)
    assert tone({"joy": 0.9}, {"valence": 1, "intensity": 1}, SIGNS) == 1
    found = Ranker(0.05, SIGNS, {}, {"asks": -2}, {}, {}, {})
    assert found.worth(style("Why?", "neutral", "situation"), -0.5, "delia", None) == pytest.approx(-1)
    assert found.worth(style("Why?", "neutral", "situation"), 0.5, "delia", None) == 0


def test_the_regression_finds_the_weights_and_holds_them():
    random = np.random.default_rng(0)
    x = random.normal(size=(4000, 2))
    up = random.random(4000) < 1 / (1 + np.exp(-(x @ [1.0, -2.0])))
    assert fit(x, up.astype(float), np.full(2, 0.01)) == pytest.approx([1.0, -2.0], abs=0.25)
    assert np.abs(fit(x, up.astype(float), np.full(2, 1e9))).max() < 1e-5


def test_simulated_people_get_more_of_what_they_like_and_what_fits_stays(tmp_path):
    random, rows = np.random.default_rng(3), []
    faces = ["neutral", "joy", "amusement", "caring", "curiosity", "sadness", "pride"]
    for n in range(300):
        said = [
            {
                "text": texts(random, bool(random.random() < 0.5)),
                "line": f"l{n}-{i}",
                "expression": str(random.choice(faces)),
                "score": 0.9 - i / 100,
            }
            | {"source": {"kind": "situation", "id": f"s{n}" if i < 3 else "other"}}
            for i in range(4)
        ]
        said[3]["score"] = 0.5
        rows.append({"id": f"s{n}", "character": "delia", "message": f"m{n}", "emotions": {}, "mood": None, "candidates": said})
    asked = argparse.Namespace(votes=500, noise=0.2, people=20, common=0.7, unseen=0.0)
    found = [simulate.simulate(simulate.Offers(rows), PARAMS, seed, asked) for seed in range(3)]
    assert np.mean([one["gain"] for one in found]) > 0.05
    assert all(one["corpusMrrLoss"] == 0 and one["corpusMrr"] == 1 for one in found)
    by_lot = simulate.simulate(simulate.Offers(rows), PARAMS, 0, argparse.Namespace(**{**vars(asked), "noise": 0.5}))
    assert abs(by_lot["gain"]) < 0.05
