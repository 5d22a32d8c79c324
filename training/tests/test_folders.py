"""Checkpoints are gone on from only by what made them, and by one run at a time."""

import subprocess
import sys

import pytest

from training import folders
from training.folders import fresh_folder


@pytest.fixture
def stage(tmp_path):
    code = tmp_path / "stage.py"
    code.write_text("print(1)")
    folder = tmp_path / "runs" / "stage"

    def start(params):
        while folders.HELD:
            folders.HELD.pop().close()  # as a process does that ends
        fresh_folder(folder, params, [code])
        return folder

    return start, code


def test_an_interrupted_runs_checkpoint_stays(stage):
    start, _ = stage
    (start({"epochs": 3}) / "epoch1.pt").write_text("half")
    assert (start({"epochs": 3}) / "epoch1.pt").exists()


def test_a_checkpoint_of_other_parameters_is_set_aside_by_name(stage, capsys):
    start, _ = stage
    (start({"epochs": 3, "batch": 8}) / "epoch1.pt").write_text("half")
    folder = start({"epochs": 4, "batch": 8})
    assert not (folder / "epoch1.pt").exists() and (folder.parent / "stage.before" / "epoch1.pt").exists()
    assert "made with other epochs: set aside as stage.before" in capsys.readouterr().out


def test_a_checkpoint_of_other_code_is_set_aside(stage, capsys):
    start, code = stage
    (start({}) / "epoch1.pt").write_text("half")
    code.write_text("print(2)")
    assert not (start({}) / "epoch1.pt").exists()
    assert "other stage.py" in capsys.readouterr().out


def test_checkpoints_that_nobody_can_vouch_for_are_refused(stage):
    start, _ = stage
    folder = start({})
    (folder / "epoch1.pt").write_text("half")
    (folder / "key.json").unlink()
    with pytest.raises(SystemExit, match="no key.json that says what made them"):
        start({})
    assert (folder / "epoch1.pt").exists()


def test_a_second_run_at_once_is_refused_and_may_start_once_the_first_is_killed(stage):
    start, _ = stage
    folder = start({})
    again = [sys.executable, "-c", f"from pathlib import Path; from training.folders import alone; alone(Path({str(folder)!r}))"]
    refused = subprocess.run(again, capture_output=True, text=True)
    assert refused.returncode == 1 and f"another run is writing {folder}" in refused.stderr
    folders.HELD.pop().close()
    assert subprocess.run(again).returncode == 0


def test_a_torn_checkpoint_and_one_of_another_shape_are_told_apart(tmp_path):
    import torch
    from torch import nn

    from training.steps import load, save

    save(tmp_path, 1, model=nn.Linear(3, 2))
    assert load(tmp_path / "epoch1.pt", model=nn.Linear(3, 2))["epoch"] == 1
    with pytest.raises(SystemExit, match="epoch1.pt is of another shape than params.yaml asks for: .*size mismatch for weight"):
        load(tmp_path / "epoch1.pt", model=nn.Linear(4, 2))
    with pytest.raises(SystemExit, match="it holds no optimizer"):
        load(tmp_path / "epoch1.pt", optimizer=torch.optim.SGD(nn.Linear(3, 2).parameters()))
    (tmp_path / "epoch2.pt").write_bytes((tmp_path / "epoch1.pt").read_bytes()[:-200])
    with pytest.raises(SystemExit, match="epoch2.pt is no whole checkpoint .*delete it to go on from the one before"):
        load(tmp_path / "epoch2.pt", model=nn.Linear(3, 2))
    with pytest.raises(SystemExit, match="epoch3.pt is not here"):
        load(tmp_path / "epoch3.pt")


def test_a_full_disk_leaves_the_checkpoint_before_it_whole(tmp_path):
    limited = """
import resource, signal, sys
from pathlib import Path
from torch import nn
from training.steps import save
folder = Path(sys.argv[1])
save(folder, 1, model=nn.Linear(3, 2))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit then fails as one on a full disk does
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
save(folder, 2, model=nn.Linear(300, 200))
"""
    ended = subprocess.run([sys.executable, "-c", limited, str(tmp_path)], capture_output=True, text=True)
    assert ended.returncode == 1 and "epoch2.pt could not be written" in ended.stderr, ended.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["epoch1.pt"]
