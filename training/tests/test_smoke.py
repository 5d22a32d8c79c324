"""The whole pipeline on a slice: every stage of dvc.yaml leaves what it should, a killed one goes on, a worse model is refused."""

import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from training import smoke
from training.datasets import ROOT
from training.release import verify

STAGES = list(smoke.commands(ROOT))
KILLED = "emotion"
# A model that feels nothing about any text.
WORSE = """
import json, shutil, onnx
from onnx import numpy_helper
from pathlib import Path
from training import evaluate, gate
from training.release import file_entries, write_json
worse = Path("training/build/encoder/worse")
shutil.copytree("training/build/encoder/smoke", worse)
model = onnx.load(worse / "model.int8.onnx")
(bias,) = [tensor for tensor in model.graph.initializer if tensor.name == "head.bias"]
bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) - 20, bias.name))
onnx.save(model, worse / "model.int8.onnx")
manifest = json.loads((worse / "manifest.json").read_text())
write_json(worse / "manifest.json", manifest | {"version": "worse", "files": file_entries(worse)})
evaluate.evaluate(worse, {"bins": 15}, ("emotion",))
raise SystemExit(gate.main(["--candidate", str(worse), "--figures", "training/runs/evaluation/worse/figures.json"]))
"""


def sums(folder: Path) -> dict[str, str]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def troupe(tmp_path_factory):
    """(the small repository after all stages, what they printed). The encoder's first stage is killed in its second epoch."""
    models = sums(ROOT / "models")
    root = smoke.write_small_repository(tmp_path_factory.mktemp("smoke") / "troupe")
    with (root / "first.log").open("w") as log:
        first = smoke.start(root, STAGES[: STAGES.index(KILLED) + 1], stdout=log, stderr=subprocess.STDOUT)
        while not (root / "training" / "runs" / KILLED / "epoch1.pt").exists():
            assert first.poll() is None, (root / "first.log").read_text()[-4000:]
            time.sleep(0.05)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert not (root / "training" / "runs" / KILLED / "epoch2.pt").exists()
    with (root / "second.log").open("w") as log:
        second = smoke.start(root, STAGES[STAGES.index(KILLED) :], stdout=log, stderr=subprocess.STDOUT)
        assert second.wait() == 0, (root / "second.log").read_text()[-4000:]
    assert sums(ROOT / "models") == models  # nothing that ships was touched
    return root, (root / "second.log").read_text()


def test_every_stage_leaves_what_it_is_said_to(troupe):
    root, _ = troupe
    params = yaml.safe_load((root / "training" / "params.yaml").read_text())
    for name, stage in yaml.safe_load((root / "dvc.yaml").read_text())["stages"].items():
        for out in [*stage.get("outs", []), *stage.get("metrics", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            path = path.replace("${export.version}", params["export"]["version"])
            assert (root / path).exists(), (name, path)
    manifest = json.loads((root / "training" / "prepared" / "manifest.json").read_text())
    assert manifest["files"]["emotion.train"]["rows"] > 100
    assert verify(root / "training" / "build" / "encoder" / "smoke") == []
    figures = json.loads((root / "training" / "runs" / "evaluation" / "smoke" / "figures.json").read_text())["figures"]
    assert {"macroF1", "clincAccuracy", "situationMeanTop1", "safety.hate.recall", "checklist"} <= figures.keys()


def test_a_killed_stage_goes_on_after_its_last_checkpoint(troupe):
    root, printed = troupe
    assert "going on after epoch 1" in printed
    assert sorted(file.name for file in (root / "training" / "runs" / KILLED).glob("*.pt")) == ["epoch1.pt", "epoch2.pt"]


def test_what_the_gate_accepted_is_live_in_the_copy(troupe):
    root, _ = troupe
    gate = json.loads((root / "training" / "runs" / "gate.json").read_text())
    registry = json.loads((root / "models" / "registry.json").read_text())
    assert gate["accepted"] and registry["tasks"]["encoder"]["live"] == "smoke"
    assert verify(root / "models" / "encoder" / "smoke") == []


def test_a_worse_model_is_refused_with_its_reasons_and_what_is_live_stays(troupe):
    root, _ = troupe
    live = sums(root / "models")
    environment = os.environ | {"TROUPE_DATA": str(root / "data"), "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    judged = subprocess.run([sys.executable, "-c", WORSE], cwd=root, env=environment, capture_output=True, text=True)
    assert judged.returncode == 1 and "refused: macroF1 goes from" in judged.stdout, judged.stdout[-2000:] + judged.stderr[-2000:]
    assert sums(root / "models") == live


def test_the_pipeline_names_only_what_is_there():
    files = [ROOT / "dvc.yaml", ROOT / "training" / "dvc.yaml"]  # the second: what a plain `dvc repro` leaves alone
    stages = {name: stage for file in files for name, stage in yaml.safe_load(file.read_text())["stages"].items()}
    outs = [out for stage in stages.values() for out in [*stage.get("outs", []), *stage.get("metrics", [])]]
    made = {out if isinstance(out, str) else next(iter(out)) for out in outs}
    for name, stage in stages.items():
        assert importlib.util.find_spec(stage["cmd"].split()[2]), name
        for dep in stage["deps"]:
            inside = any(dep.startswith(f"{out}/") for out in made)
            assert dep in made or inside or (ROOT / dep).exists(), (name, dep)
        for sections in stage.get("params", []):
            params = yaml.safe_load((ROOT / next(iter(sections))).read_text())
            for names in (name.split(".") for part in sections.values() for name in part):
                assert names[0] in params and (len(names) == 1 or names[1] in params[names[0]]), (name, names)
