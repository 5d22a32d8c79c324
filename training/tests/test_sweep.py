"""A sweep tries parameters with the stage's own script, stops what is hopeless, goes on after a kill, and writes what is best."""

import sys
from pathlib import Path

import pytest
import yaml

optuna = pytest.importorskip("optuna", reason="Optuna comes with the extra `sweep`")
from optuna.trial import TrialState  # noqa: E402

from training import folders, sweep  # noqa: E402
from training.steps import laid_over, some  # noqa: E402

TRAINING = Path(sweep.__file__).parent
# Best at a rate of 1e-3; it dies where `inner` is 3.
SCRIPT = """
import json, math, pathlib, sys
out, given = pathlib.Path(sys.argv[sys.argv.index("--out") + 1]), dict(pair.split("=") for pair in sys.argv[sys.argv.index("--set") + 1 :])
assert sys.argv[sys.argv.index("--share") + 1] == "0.5"
if given["inner"] == "3":
    sys.exit("not with three")
out.mkdir(parents=True)
for epoch in (1, 2):
    figure = epoch / 2 - abs(math.log10(float(given["rate"])) + 3) / 10
    (out / "part.json").write_text(json.dumps({"report": {"a.good": figure, "b.good": figure, "loss": 9}}))
    (out / "part.json").replace(out / f"epoch{epoch}.json")
"""
PARAMS = """# Kept.
base:
  seed: 0                  # of everything
pretend:
  rate: 1.0e-1             # how fast
  inner: 2
  batch: 8                 # texts
other:
  rate: 5
"""
STAGE = {
    "script": "pretend_stage", "params": ["base", "pretend"], "figures": "epoch*.json", "judgedBy": ["*.good"], "share": 0.5,
    "space": {"rate": {"range": [1e-5, 1e-1], "log": True}, "inner": {"of": [1, 2]}},
}  # fmt: skip


@pytest.fixture
def here(tmp_path):
    (tmp_path / "pretend_stage.py").write_text(SCRIPT)
    return lay_out(tmp_path / "training", STAGE)


DRAW = sweep.draw  # seconds a time


@pytest.fixture(autouse=True)
def let_go(monkeypatch):
    monkeypatch.setattr(sweep, "draw", lambda *_: [])
    yield
    folders.HELD.clear()


def lay_out(here, stage):
    here.mkdir(exist_ok=True)
    (here / "params.yaml").write_text(PARAMS)
    (here / "sweep.yaml").write_text(yaml.safe_dump({"pretend": stage}))
    return here


def run(here, *words):
    folders.HELD.clear()
    return sweep.main(["pretend", *words], here, poll_s=0.02)


def test_tries_the_defaults_first_then_others_draws_the_study_and_writes_the_best(here, capsys, monkeypatch):
    monkeypatch.setattr(sweep, "draw", DRAW)
    study = run(here, "--trials", "5", "--write")
    first = study.trials[0]
    assert first.user_attrs["defaults"] and first.params == {"rate": 0.1, "inner": 2}
    assert first.value == pytest.approx(0.8)
    assert study.best_value > first.value
    best = sweep.given(study.best_trial.params)
    written = (here / "params.yaml").read_text()
    params = yaml.safe_load(written)
    assert params["pretend"] == {"rate": best["rate"], "inner": best["inner"], "batch": 8}
    assert params["other"] == {"rate": 5} and params["base"] == {"seed": 0}
    assert f"# Sweep pretend in training/runs/sweep.db, trial {study.best_trial.number} of 5" in written
    assert "# how fast" in written and written.startswith("# Kept.\n")
    for name in ("history", "importance", "parallel"):
        assert (here / "runs" / "sweep" / "pretend" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert not [path for path in (here / "runs" / "sweep" / "pretend").iterdir() if path.is_dir()]
    assert "min left" in capsys.readouterr().out


def test_goes_on_after_a_kill_and_marks_the_killed_trial_failed(here):
    study = run(here, "--trials", "1")
    study.ask()  # what a killed sweep leaves behind
    study = run(here, "--trials", "3")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert len(run(here, "--trials", "3").trials) == 4  # nothing is left to do


def test_tries_the_defaults_again_when_their_trial_was_killed(here):
    script = here.parent / "pretend_stage.py"
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    with pytest.raises(SystemExit, match="3 trials failed one after the other, the last one failed: killed by signal 9"):
        run(here, "--trials", "2")
    script.write_text(SCRIPT)
    study = run(here, "--trials", "1")
    (done,) = study.get_trials(states=[TrialState.COMPLETE])
    assert done.user_attrs["defaults"]


def test_a_trial_that_fails_is_passed_over(here):
    lay_out(here, STAGE | {"space": STAGE["space"] | {"inner": {"of": [2, 3]}}})
    study = run(here, "--trials", "4")
    assert len(sweep.finished(study)) == 4
    for trial in study.trials:
        assert trial.state == (TrialState.FAIL if trial.params["inner"] == 3 else TrialState.COMPLETE)


def test_stops_a_trial_that_the_pruner_gives_up(here, tmp_path):
    class Hopeless:
        user_attrs: dict = {}
        reported: dict = {}

        def report(self, value, step):
            self.reported[step] = value

        def should_prune(self):
            return 2 in self.reported

    out, script = tmp_path / "trial7", here.parent / "pretend_stage.py"
    script.write_text(SCRIPT + "import time\ntime.sleep(600)\n")
    command = [sys.executable, "-m", "pretend_stage", "--out", str(out), "--share", "0.5", "--set", "rate=0.1", "inner=1"]
    with pytest.raises(optuna.TrialPruned, match="stopped after epoch 2 with 0.8000"):
        sweep.attempt(Hopeless(), command, out, "epoch*.json", ["*.good"], 0.02, here.parent)
    assert Hopeless.reported == {1: pytest.approx(0.3), 2: pytest.approx(0.8)}


def test_refuses_to_go_on_with_other_fixed_parameters(here):
    run(here, "--trials", "1")
    file = here / "params.yaml"
    file.write_text(PARAMS.replace("batch: 8", "batch: 16"))
    with pytest.raises(SystemExit, match="study pretend was made with other batch: give --study another name"):
        run(here, "--trials", "2")


def test_a_study_is_of_the_same_texts_throughout(here):
    texts = here.parent / "texts.jsonl"
    texts.write_text("one\n")
    lay_out(here, STAGE | {"texts": "*.jsonl"})
    run(here, "--trials", "1")
    script = here.parent / "pretend_stage.py"
    script.write_text(SCRIPT + f"pathlib.Path({str(texts)!r}).write_text('another')\n")
    with pytest.raises(SystemExit, match="the texts changed while trial 1 ran"):
        run(here, "--trials", "3")
    script.write_text(SCRIPT)
    with pytest.raises(SystemExit, match="study pretend was made with other texts"):
        run(here, "--trials", "3")
    texts.write_text("one\n")
    study = run(here, "--trials", "2")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]


def test_one_sweep_at_a_time(here):
    folders.alone(here / "runs" / "sweep" / "pretend")
    with pytest.raises(SystemExit, match="another run is writing"):
        sweep.main(["pretend", "--trials", "1"], here)


def test_writes_nothing_where_the_defaults_are_best(here, capsys):
    run(here, "--trials", "1", "--write")
    assert (here / "params.yaml").read_text() == PARAMS
    assert "nothing written: what params.yaml had is best" in capsys.readouterr().out


def test_a_line_that_is_not_there_is_added_to_the_stages_own_section():
    once = sweep.with_values(PARAMS, "pretend", {"seed": 7, "rate": 5e-05}, "Sweep a")
    twice = sweep.with_values(once, "pretend", {"rate": 0.25}, "Sweep b")
    assert yaml.safe_load(twice)["pretend"] == {"rate": 0.25, "inner": 2, "batch": 8, "seed": 7}
    assert yaml.safe_load(twice)["base"] == {"seed": 0}
    assert "Sweep a" not in twice and "  # Sweep b\n  rate: 0.25               # how fast\n" in twice


@pytest.mark.parametrize("stage", list(yaml.safe_load((TRAINING / "sweep.yaml").read_text())))
def test_sweep_yaml_fits_the_stages_and_their_parameters(stage):
    described = yaml.safe_load((TRAINING / "sweep.yaml").read_text())[stage]
    params = yaml.safe_load((TRAINING / "params.yaml").read_text())
    sweep.check_space(described["space"], {key: value for section in described["params"] for key, value in params[section].items()})
    source = (TRAINING / f"{described['script'].partition('.')[2]}.py").read_text()
    for option in ("--out", "--share", "--set", *(described[name] for name in ("keep", "aside") if name in described)):
        assert f'"{option}"' in source


def test_parameters_are_laid_over_by_name_and_kind():
    params = {"learningRate": 6e-5, "batch": 32, "note": "a"}
    assert laid_over(params, ["learningRate=5.0e-5", "batch=16"]) == {"learningRate": 5e-5, "batch": 16, "note": "a"}
    assert laid_over(params, [f"learningRate={sweep.as_yaml(5e-05)}"])["learningRate"] == 5e-5
    with pytest.raises(SystemExit, match="write 6.0e-5"):
        laid_over(params, ["learningRate=6e-5"])
    for wrong, message in (
        ("rate=1", "one of learningRate, batch, note"),
        ("batch", "expected name=value"),
        ("learningRate=6e-5", "write 6.0e-5"),
    ):
        with pytest.raises(SystemExit, match=message):
            laid_over(params, [wrong])


def test_a_share_is_the_same_one_every_time():
    assert len(some(100, 0.15)) == 15 and (some(100, 0.15) == some(100, 0.15)).all()
    assert (some(7, 1) == range(7)).all() and len(some(3, 0.01)) == 1
    with pytest.raises(SystemExit, match="no share"):
        some(10, 1.5)
