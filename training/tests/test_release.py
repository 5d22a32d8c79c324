"""A version is whole before anything points at it."""

import base64
import json
import os
import re
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from training import tracking
from training.release import (
    ReleaseError,
    alone,
    file_entries,
    fingerprint,
    main,
    publish,
    push,
    record,
    release,
    sha256,
    verify,
    write_json,
)


@pytest.fixture
def staged(tmp_path):
    folder = tmp_path / "staged"
    folder.mkdir()
    (folder / "model.int8.onnx").write_bytes(b"weights")
    (folder / "card.md").write_text("a card")
    write_json(folder / "manifest.json", {"files": file_entries(folder)})
    return folder


def test_lists_every_file_but_the_manifest_and_the_card(staged):
    assert [entry["path"] for entry in file_entries(staged)] == ["model.int8.onnx"]


def test_writes_the_registry_last(staged, tmp_path, monkeypatch):
    moves = []
    replace = os.replace
    monkeypatch.setattr("training.release.os.replace", lambda a, b: (moves.append(b.name), replace(a, b)))
    publish(staged, tmp_path / "models", "encoder", "v1")
    assert moves == ["v1", "registry.json"]
    assert json.loads((tmp_path / "models" / "registry.json").read_text()) == {
        "schema": 1,
        "tasks": {"encoder": {"live": "v1", "versions": ["v1"]}},
        "generator": {"default": "lines"},
    }


def test_a_damaged_file_is_seen_and_never_published(staged, tmp_path):
    (staged / "model.int8.onnx").write_bytes(b"weightz")
    assert "damaged" in verify(staged)[0]
    with pytest.raises(ValueError, match="damaged"):
        publish(staged, tmp_path / "models", "encoder", "v1")
    assert not (tmp_path / "models" / "registry.json").exists()


def test_a_missing_file_is_seen(staged):
    (staged / "model.int8.onnx").unlink()
    assert "not here" in verify(staged)[0]


def test_a_released_version_is_never_replaced(staged, tmp_path):
    (tmp_path / "models" / "encoder" / "v1").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="next number"):
        publish(staged, tmp_path / "models", "encoder", "v1")


def test_other_tasks_stay_in_the_registry(staged, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    other = {"schema": 1, "tasks": {"ranker": {"live": "v3", "versions": ["v3"]}}, "generator": {"default": "lines"}}
    write_json(models / "registry.json", other)
    publish(staged, models, "encoder", "v2")
    assert set(json.loads((models / "registry.json").read_text())["tasks"]) == {"ranker", "encoder"}


def test_figures_are_recorded_in_manifest_and_card_and_may_be_added_to(staged):
    write_json(staged / "manifest.json", {"metrics": {}, "files": file_entries(staged)})
    (staged / "card.md").write_text("before\n<!-- figures --><!-- /figures -->\nafter\n")
    record(staged, {"macroF1": 0.5})
    record(staged, {"ece": 0.01})
    assert json.loads((staged / "manifest.json").read_text())["metrics"] == {"macroF1": 0.5, "ece": 0.01}
    card = (staged / "card.md").read_text()
    assert card.count("| macroF1 | 0.5 |") == 1 and "| ece | 0.01 |" in card and card.endswith("after\n")
    assert verify(staged) == []


# ── With the gate ────────────────────────────────────────────────────────────────────────────────────────────────────

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(folder: Path, version: str) -> tuple[Path, dict]:
    """A staged version, and a gate that accepted it as the task's first."""
    staged = folder / "build" / version
    staged.mkdir(parents=True)
    (staged / "model.int8.onnx").write_bytes(f"weights of {version}".encode())
    (staged / "card.md").write_text(f"---\nlicense: apache-2.0\n---\n# {version}\n")
    about = {"task": "encoder", "version": version, "metrics": {"macroF1": 0.5}}
    write_json(staged / "manifest.json", about | {"files": file_entries(staged)})
    measured = folder / "measured" / version
    measured.mkdir(parents=True)
    write_json(measured / "figures.json", {"model": "…", "figures": {}})
    (measured / "predictions.npz").write_bytes(b"text by text")
    candidate = {"task": "encoder", "version": version, "sha256": fingerprint(staged)}
    figures = {"path": str(measured / "figures.json"), "sha256": sha256(measured / "figures.json")}
    return staged, {"accepted": True, "forced": None, "reasons": [], "candidate": candidate, "live": None, "figures": figures}


def registry_of(models: Path) -> dict:
    return json.loads((models / "registry.json").read_text())


def released(tmp_path: Path, version: str, live: str | None = None, **gate) -> dict:
    staged, accepted = made(tmp_path, version)
    given = accepted | {"live": {"version": live} if live else None} | gate
    return release(staged, tmp_path / "models", "encoder", version, given, "Ada", AT)


def test_a_release_keeps_the_history_and_what_the_gate_was_given(tmp_path):
    forced = {"who": "Bob", "why": "the live one leaks memory", "at": "2026-01-02T03:00:00+00:00"}
    released(tmp_path, "v1")
    released(tmp_path, "v2", live="v1", accepted=False, forced=forced)
    models = tmp_path / "models"
    assert registry_of(models)["tasks"]["encoder"] == {
        "live": "v2",
        "versions": ["v1", "v2"],
        "history": [
            {"live": "v1", "previous": None, "at": "2026-01-02T03:04:05+00:00", "by": "Ada", "why": "accepted by the gate", "forced": None},
            {"live": "v2", "previous": "v1", "at": "2026-01-02T03:04:05+00:00", "by": "Ada", "why": forced["why"], "forced": forced},
        ],
    }
    assert verify(models / "encoder" / "v2") == []
    assert (models / "encoder" / "v2" / "predictions.npz").read_bytes() == b"text by text"
    assert sorted(path.name for path in (models / "encoder").iterdir()) == ["v1", "v2"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"accepted": False, "reasons": ["macroF1 falls"]}, "the gate refused it: macroF1 falls"),
        ({"candidate": {"task": "encoder", "version": "v2", "sha256": "of other files"}}, "run it on them"),
        ({"candidate": None}, "run it on them"),
        ({"live": "v7"}, "compared it with v7, but v1 is live now"),
        ({"live": None}, "compared it with nothing, but v1 is live now"),
    ],
)
def test_what_the_gate_did_not_let_through_is_not_released(tmp_path, change, sentence):
    released(tmp_path, "v1")
    before = registry_of(tmp_path / "models")
    with pytest.raises(ReleaseError, match=re.escape(sentence)):
        released(tmp_path, "v2", **({"live": "v1"} | change))
    assert registry_of(tmp_path / "models") == before and not (tmp_path / "models" / "encoder" / "v2").exists()


@pytest.mark.parametrize("step", ["copytree", "v2", "fsync", "registry.json"])
def test_broken_off_anywhere_the_old_stays_live_and_the_same_release_can_be_run_again(tmp_path, monkeypatch, step):
    released(tmp_path, "v1")
    staged, gate = made(tmp_path, "v2")
    gate |= {"live": {"version": "v1"}}
    models, replace = tmp_path / "models", os.replace

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    def replace_until(a, b):
        return full() if b.name == step else replace(a, b)

    with monkeypatch.context() as broken:
        if step == "copytree":
            broken.setattr("training.release.shutil.copytree", full)
        elif step == "fsync":
            broken.setattr("training.release.os.fsync", full)
        else:
            broken.setattr("training.release.os.replace", replace_until)
        with pytest.raises(OSError, match="No space left"):
            release(staged, models, "encoder", "v2", gate, "Ada", AT)
    assert registry_of(models)["tasks"]["encoder"]["live"] == "v1"
    assert verify(models / "encoder" / "v1") == [] and not list(models.glob("*.new"))
    release(staged, models, "encoder", "v2", gate, "Ada", AT)
    assert registry_of(models)["tasks"]["encoder"]["versions"] == ["v1", "v2"]
    with pytest.raises(FileExistsError, match="next number"):
        release(staged, models, "encoder", "v2", gate, "Ada", AT)


def test_a_release_waits_for_no_other_but_says_that_there_is_one(tmp_path):
    with alone(tmp_path / "models"), pytest.raises(ReleaseError, match="another release .* is going on"):
        released(tmp_path, "v1")
    staged, gate = made(tmp_path / "again", "v1")
    release(staged, tmp_path / "models", "encoder", "v1", gate, "Ada", AT)


def test_a_registry_that_is_none_is_left_as_it_is(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "registry.json").write_text('{"schema": 1, "tasks": {"encoder": {"live": "v9", "versions": []}}}')
    with pytest.raises(ReleaseError, match="restore it first"):
        released(tmp_path, "v1")
    assert "v9" in (tmp_path / "models" / "registry.json").read_text()


# ── To the hub, and what MLflow knows ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def hub(monkeypatch):
    """Speaks as much of the Hugging Face hub's protocol as an upload takes; what was sent, by path."""

    class Hub(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802, the library's name
            body = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
            path = self.path.split("?")[0]
            sent.append((path, body, self.headers.get("authorization")))
            lines = [json.loads(line) for line in body.splitlines()]
            commit = {"success": True, "commitUrl": f"http://{self.headers['host']}/troupe/models/commit/abc", "commitOid": "abc"}
            answer = {
                "/api/repos/create": {"url": f"http://{self.headers['host']}/troupe/models"},
                "/api/validate-yaml": {"errors": [], "warnings": []},
                "/api/models/troupe/models/commit/main": commit | {"hookOutput": ""},
            }.get(path)
            if path.endswith("/preupload/main"):
                files = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in lines[0]["files"]]
                answer = {"files": files}
            text = json.dumps(answer or {"error": path}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    sent = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    yield sent
    server.shutdown()
    server.server_close()


def test_pushes_a_version_in_one_commit_with_its_card_in_front(tmp_path, hub):
    released(tmp_path, "v1")
    folder = tmp_path / "models" / "encoder" / "v1"
    assert push(folder, "encoder", "v1", "troupe/models").endswith("/troupe/models/commit/abc")
    assert {authorization for _, _, authorization in hub} == {"Bearer hf_secret"}
    path, body, _ = hub[-1]
    assert path == "/api/models/troupe/models/commit/main"
    header, *files = [json.loads(line) for line in body.splitlines()]
    assert header["value"]["summary"] == "encoder v1"
    sent = {file["value"]["path"]: base64.b64decode(file["value"]["content"]) for file in files}
    assert set(sent) == {f"encoder/v1/{path.name}" for path in folder.iterdir()} | {"README.md"}
    assert sent["encoder/v1/model.int8.onnx"] == b"weights of v1"
    assert sent["README.md"] == (folder / "card.md").read_bytes()


def test_never_pushes_a_damaged_version(tmp_path, hub):
    released(tmp_path, "v1")
    (tmp_path / "models" / "encoder" / "v1" / "model.int8.onnx").write_bytes(b"weights of vX")
    with pytest.raises(ReleaseError, match="damaged"):
        push(tmp_path / "models" / "encoder" / "v1", "encoder", "v1", "troupe/models")
    assert hub == []


def test_alone_it_releases_registers_and_pushes(tmp_path, hub, monkeypatch, capsys):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for version, live in (("v1", None), ("v2", "v1")):
        staged, gate = made(tmp_path, version)
        write_json(tmp_path / "gate.json", gate | {"live": {"version": live} if live else None})
        given = ["--task", "encoder", "--version", version, "--models", str(tmp_path / "models")]
        full = [*given, "--staged", str(staged), "--gate", str(tmp_path / "gate.json"), "--by", "Ada"]
        assert main([*full, "--push", "troupe/models"]) == 0
    said = capsys.readouterr().out
    assert "v2 is live; before it was v1" in said and "pushed: http" in said

    client = MlflowClient(uri)
    live, previous = (client.get_model_version_by_alias("troupe-encoder", alias) for alias in ("live", "previous"))
    assert live.tags["version"] == "v2" and live.tags["by"] == "Ada" and previous.tags["version"] == "v1"
    run = client.get_run(live.run_id)
    assert run.data.params["version"] == "v2" and run.data.metrics["macroF1"] == 0.5
    assert {file.path for file in client.list_artifacts(live.run_id)} == {"gate.json", "version"}
    assert {file.path for file in client.list_artifacts(live.run_id, "version")} == {"version/manifest.json", "version/card.md"}

    assert main(full) == 1 and "nothing live was touched" in capsys.readouterr().out
    assert main([*given, "--push", "troupe/models"]) == 0
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert main([*given, "--push", "troupe/models"]) == 1 and "try again with --push alone" in capsys.readouterr().out
    assert registry_of(tmp_path / "models")["tasks"]["encoder"]["live"] == "v2"


def test_mlflow_says_what_the_registry_says_after_a_rollback(tmp_path, monkeypatch, capsys):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    models = tmp_path / "models"
    for version, live in (("v1", None), ("v2", "v1")):
        staged, gate = made(tmp_path, version)
        write_json(tmp_path / "gate.json", gate | {"live": {"version": live} if live else None})
        given = ["--task", "encoder", "--version", version, "--models", str(models)]
        assert main([*given, "--staged", str(staged), "--gate", str(tmp_path / "gate.json")]) == 0
    client = MlflowClient(uri)

    def aliases():
        found = client.get_registered_model("troupe-encoder").aliases
        return {alias: client.get_model_version("troupe-encoder", of).tags["version"] for alias, of in found.items()}

    def moved(line):
        """As `npx troupe models` moves it."""
        registry = registry_of(models)
        entry = registry["tasks"]["encoder"]
        entry |= {"live": line["live"], "history": [*entry["history"], line]}
        write_json(models / "registry.json", registry)
        capsys.readouterr()
        assert main(["--sync", "--models", str(models)]) == 0
        return capsys.readouterr().out.splitlines()

    assert aliases() == {"live": "v2", "previous": "v1"}
    assert moved({"live": "v1", "previous": "v2"}) == ["troupe-encoder: live is v1", "troupe-encoder: previous is v2"]
    assert aliases() == {"live": "v1", "previous": "v2"}
    assert main(["--sync", "--models", str(models)]) == 0
    assert capsys.readouterr().out == "every alias says what registry.json says\n"

    # What came with the repository was never registered here: nobody has its alias, rather than a wrong version.
    publish(*unregistered(tmp_path, models))
    assert moved({"live": "v0", "previous": "v1"}) == [
        "troupe-encoder: live is nobody here; registry.json says v0",
        "troupe-encoder: previous is v1",
    ]
    assert aliases() == {"previous": "v1"}

    # The next release says so as well, whatever happened in between.
    moved({"live": "v2", "previous": "v0"})
    staged, gate = made(tmp_path, "v3")
    write_json(tmp_path / "gate.json", gate | {"live": {"version": "v2"}})
    given = ["--task", "encoder", "--version", "v3", "--models", str(models)]
    assert main([*given, "--staged", str(staged), "--gate", str(tmp_path / "gate.json")]) == 0
    assert aliases() == {"live": "v3", "previous": "v2"}


def unregistered(folder, models):
    staged, _ = made(folder, "v0")
    return staged, models, "encoder", "v0"


def test_the_aliases_stay_where_the_registry_cannot_be_read(tmp_path, capsys):
    (tmp_path / "registry.json").write_text("{")
    assert main(["--sync", "--models", str(tmp_path)]) == 1
    assert "nothing was changed" in capsys.readouterr().out


def test_a_stage_goes_on_where_mlflow_is_not_installed(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with tracking.run("gate", {"seed": 0}) as tracked:
        tracked.metrics({"macroF1": 0.5})
        tracked.artifact(Path("nowhere"))
    assert capsys.readouterr().out == "gate: MLflow is not installed, this run is not tracked (pip install -e 'training[tracking]')\n"


def test_nested_parameters_are_logged_by_their_path():
    assert tracking.flat({"a": 1, "b": {"c": 2, "d": {"e": 3}}}) == {"a": 1, "b.c": 2, "b.d.e": 3}
