"""A version is whole before anything points at it."""

import json

import pytest

from training.release import file_entries, publish, record, verify, write_json


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
    import os

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
