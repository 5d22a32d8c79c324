"""Who speaks is told by how it is written, the same from the files that ship, and replies are judged by what it has not learnt from."""

import json
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from training import evaluate_replies, gate, voice, voice_model
from training.release import publish, verify
from training.voice_features import buckets, matrix

MODELS = Path(__file__).resolve().parent.parent.parent / "models"
MANNERS = {"walt": "I shall {} the {}, and it is no {}.", "june": "{}. {}. It's only {}.", "delia": "OK so {} the {}!! what a {}"}
WORDS = ["lamp", "ledger", "boat", "supper", "harbor", "button", "garden", "letter", "window", "kettle", "morning", "parcel", "teacup"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three characters of 300 lines each, and the stage run on them."""
    folder = tmp_path_factory.mktemp("voice")
    rng = random.Random(0)
    for slug, manner in MANNERS.items():
        own = folder / "characters" / slug
        own.mkdir(parents=True)
        (own / "card.json").write_text("{}")
        rows = [{"id": f"{slug}-{n}", "situation": f"s{n // 3}", "text": manner.format(*rng.sample(WORDS, 3))} for n in range(300)]
        (own / "situations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        talk = {"id": f"{slug}-c1", "turns": [{"role": "user", "text": "hi"}, {"role": "character", "text": "{it}. " + manner}]}
        (own / "conversations.jsonl").write_text(json.dumps(talk) + "\n")
    arguments = [
        "voice",
        "--characters",
        str(folder / "characters"),
        "--out",
        str(folder / "build"),
        "--evaluation",
        str(folder / "evaluation"),
    ]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [*arguments, "--set", "bits=10", "version=v7"])
        voice.main()
    return folder


def test_one_group_stands_on_one_side_and_the_person_s_words_are_left_out(made: Path):
    found = voice.lines(made / "characters")
    assert {line.text for line in found if line.kind == "conversations"} == set(MANNERS.values())
    sides = {}
    for line in found:
        sides.setdefault(line.group, set()).add(line.dev)
    assert all(len(side) == 1 for side in sides.values())
    assert 0.03 < np.mean([line.dev for line in found]) < 0.2


def test_manners_are_told_apart_from_the_files_that_ship(made: Path):
    folder = made / "build" / "v7"
    judge = voice_model.load(folder)
    texts = [
        "I shall mend the lantern, and it is no teacup.",
        "Lantern. Parcel. It's only weather.",
        "OK so weather the boat!! what a lamp",
    ]
    log_p = judge.log_probabilities(texts)
    assert [judge.characters[k] for k in log_p.argmax(1)] == ["walt", "june", "delia"]
    assert np.allclose(np.exp(log_p).sum(1), 1)
    own = np.array([judge.characters.index("walt")] * 3)
    assert (voice_model.astray(log_p, own) > judge.config["margin"]).tolist() == [False, True, True]
    golden = [json.loads(line) for line in (folder / "golden.jsonl").read_text(encoding="utf-8").splitlines()]
    assert np.allclose(judge.log_probabilities([row["text"] for row in golden]), [row["logProbabilities"] for row in golden], atol=1e-5)


def test_a_version_that_was_touched_is_not_loaded(made: Path, tmp_path: Path):
    publish(made / "build" / "v7", tmp_path, "voice", "v7")
    assert not verify(tmp_path / "voice" / "v7")
    (tmp_path / "voice" / "v7" / "voice.int8").write_bytes(b"short")
    with pytest.raises(ValueError, match="is damaged"):
        voice_model.load(tmp_path / "voice" / "v7")


def test_the_gate_reads_what_the_stage_leaves_and_refuses_a_worse_one(made: Path):
    rules = {
        "seed": 0,
        "resamples": 100,
        "confidence": 0.95,
        "capabilityTolerance": 0,
        "tasks": {"voice": {"limits": {"accuracy": {"least": 0.9}}}},
    }
    folder, file = made / "build" / "v7", made / "evaluation" / "v7" / "figures.json"
    result = gate.gate(folder, file, None, None, made, rules, gate.datetime(2026, 1, 2, tzinfo=gate.UTC))
    assert result["accepted"], result["reasons"]
    rules["tasks"]["voice"]["limits"]["accuracy"]["least"] = 1.1
    assert (
        "no version may have less"
        in gate.gate(folder, file, None, None, made, rules, gate.datetime(2026, 1, 2, tzinfo=gate.UTC))["reasons"][0]
    )


def test_a_version_that_is_there_is_measured_as_it_was_when_it_was_made(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = made / "build" / "v7"
    arguments = ["--characters", str(made / "characters"), "--measure", str(folder), "--evaluation", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["voice", *arguments])
    voice.main()
    again, before = (json.loads((at / "v7" / "figures.json").read_text()) for at in (tmp_path, made / "evaluation"))
    assert again["model"] == before["model"] and again["figures"] == pytest.approx(before["figures"], abs=1e-6)
    monkeypatch.setattr(sys, "argv", ["voice", *arguments[:2], "--measure", str(tmp_path), *arguments[4:]])
    with pytest.raises(SystemExit, match="holds no whole version of the voice"):
        voice.main()
    monkeypatch.setattr(sys, "argv", ["voice", *arguments])
    strange = made / "characters" / "stranger"
    strange.mkdir()
    (strange / "card.json").write_text("{}")
    (strange / "situations.jsonl").write_text(
        "".join(json.dumps({"id": f"x{n}", "situation": f"s{n}", "text": f"word {n}"}) + "\n" for n in range(60))
    )
    try:
        with pytest.raises(SystemExit, match="does not know stranger"):
            voice.main()
    finally:
        shutil.rmtree(strange)


def test_replies_are_judged_where_it_has_not_learnt_them_and_knows_who_speaks(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    publish(made / "build" / "v7", tmp_path, "voice", "v7")
    monkeypatch.setattr(evaluate_replies.data, "CHARACTERS", made / "characters")
    learnt = next(line.text for line in voice.lines(made / "characters") if not line.dev and line.speaker == "june")
    rows = [
        {"character": "walt", "reply": "I shall mend the lantern, and it is no teacup.", "references": [learnt]},
        {"character": "walt", "reply": "OK so bring the anchor!! what a day", "references": [learnt]},
        {"character": "june", "reply": learnt, "references": [learnt]},
        {"character": "hamlet", "reply": "OK so bring the anchor!! what a day", "references": [learnt]},
    ]
    assert evaluate_replies.in_character(rows, tmp_path) == {"inCharacter": 0.5, "inCharacterRefused": 0.5, "inCharacterJudged": 2}
    assert evaluate_replies.in_character(rows, tmp_path / "none") == {}


def test_counts_letters_and_words_each_in_their_own_half():
    letters, words = buckets("Ab, ab", 16)
    assert sum(letters.values()) == 8 + 7 + 6 + 5 + 4  # of " Ab, ab "
    assert sum(words.values()) == 5 + 4 + 3  # of < ab , ab >
    assert max(letters) < 1 << 16 <= min(words)
    assert words[max(words, key=words.get)] == 2  # "ab" twice, whatever its case
    assert buckets("“it’s”\t\n it", 16) == buckets('"it\'s" it', 16)
    assert np.allclose(np.sqrt(matrix(["a word", ""], 8).power(2).sum(1)).ravel(), np.sqrt(2))


def test_what_ships_says_what_its_golden_rows_say():
    version = json.loads((MODELS / "registry.json").read_text(encoding="utf-8"))["tasks"]["voice"]["live"]
    judge = voice_model.load(MODELS / "voice" / version)
    golden = [json.loads(line) for line in (MODELS / "voice" / version / "golden.jsonl").read_text(encoding="utf-8").splitlines()]
    assert np.allclose(judge.log_probabilities([row["text"] for row in golden]), [row["logProbabilities"] for row in golden], atol=1e-5)


def test_a_sweep_finds_its_trials_figures_and_leaves_the_stages_own_alone(made: Path, tmp_path: Path):
    """All of its trials share what is too near the unseen lines, where the lines are the same."""
    pytest.importorskip("optuna", reason="Optuna comes with the extra `sweep`")
    from training import sweep

    kept, own = tmp_path / "kept.pt", (made / "evaluation" / "v7" / "figures.json").read_bytes()
    train, unseen = ["a lamp is only a lamp", "you may keep the button"], ["a lamp is only a lamp!"]
    params = {"shingle": 4, "jaccard": 0.8}
    assert voice.too_near(train, unseen, params, kept) == {0}
    kept.write_text(kept.read_text().replace("[\n  0\n ]", "[\n  1\n ]"))
    assert voice.too_near(train, unseen, params, kept) == {1}, "kept from the trial before"
    assert voice.too_near(train, ["something else altogether"], params, kept) == set()
    with pytest.MonkeyPatch.context() as patched:
        given = {"characters": made / "characters", "out": tmp_path / "trial", "evaluation": tmp_path / "trial" / "figures", "alike": kept}
        patched.setattr(sys, "argv", ["voice", *(f"--{name}={path}" for name, path in given.items()), "--share", "0.5", "--set", "bits=10"])
        voice.main()
    stage = yaml.safe_load((Path(sweep.__file__).parent / "sweep.yaml").read_text())["voice"]
    (manifest,) = (tmp_path / "trial").glob(stage["figures"])
    assert 0 < sweep.judge(sweep.figures_in(manifest), stage["judgedBy"]) <= 1
    assert (made / "evaluation" / "v7" / "figures.json").read_bytes() == own
