"""New vectors of the situations on a graph that stays: what they learn, and what the version says of itself."""

import base64
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from training import export_situations, release

PARAMS = {"seed": 0, "epochs": 30, "batch": 8, "learningRate": 0.02, "scale": 20, "smoothing": 0.1, "markedWeight": 1.0}


def test_the_vectors_tell_the_situations_apart_better_than_the_first_mean():
    # Nearly all lies along the first axis; the third alone says which of the two it is.
    rows = np.array([[1, 0.1, 0.3], [1, -0.6, 0.1], [1, -0.1, -0.3], [1, 0.6, -0.1]] * 8, np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    owner = np.array([0, 0, 1, 1] * 8)
    vectors = export_situations.learn(rows, owner, 2, PARAMS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert ((rows @ vectors.T).argmax(1) == owner).all()
    means = np.stack([rows[owner == i].mean(0) for i in range(2)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert abs(vectors[0] @ vectors[1]) < means[0] @ means[1]
    assert np.array_equal(vectors, export_situations.learn(rows, owner, 2, PARAMS))


def test_what_readers_marked_turns_the_vectors():
    rows = np.array([[1, 0.2, 0], [1, -0.2, 0]] * 8, np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    told = np.array([[0.8, 0.0, 0.6]] * 8, np.float32)
    fits, wrong = np.array([[0, 1]] * 8, np.float32), np.array([[1, 0]] * 8, np.float32)
    plain, marked = (export_situations.learn(rows, np.array([0, 1] * 8), 2, PARAMS, more) for more in (None, (told, fits, wrong)))
    gain = (told[0] @ marked.T) - (told[0] @ plain.T)
    assert gain[1] > gain[0] and ((rows @ marked.T).argmax(1) == np.array([0, 1] * 8)).all()


@pytest.fixture()
def graph(tmp_path):
    folder = tmp_path / "encoder" / "v4"
    folder.mkdir(parents=True)
    (folder / "model.int8.onnx").write_bytes(b"a graph")
    (folder / "config.json").write_text("{}")
    (folder / "lines.vectors").write_bytes(b"of other texts")
    (folder / "situations.json").write_text("{}")
    sets = [{"name": "a", "source": "there", "rows": 3}, {"name": "b", "source": "characters/wordings.jsonl", "rows": 1}]
    sets = [row | {"licence": "own"} for row in sets]
    manifest = {"task": "encoder", "version": "v4", "data": sets, "params": {"encoder": {"version": "v4", "note": "Old."}}}
    measured = {"metrics": {"macroF1": 0.5, "situationMeanTop1": 0.6, "frozenSituationMeanTop1": 0.4}}
    release.write_json(folder / "manifest.json", manifest | measured | {"files": release.file_entries(folder)})
    return folder


def export(graph, tmp_path):
    vectors = np.array([[0.6, 0.8], [-1.0, 0.0]], np.float32)
    sets = [{"name": "b", "source": "characters/wordings.jsonl", "licence": "own", "rows": 9}]
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return export_situations.export(graph, ["hi", "bye"], vectors, "v7", tmp_path / "build", PARAMS, sets, at)


def test_the_graph_stays_and_the_version_says_so(graph, tmp_path):
    made = export(graph, tmp_path)
    manifest = json.loads((made / "manifest.json").read_text())
    assert release.verify(made) == [] and not (made / "lines.vectors").exists()
    assert (made / "model.int8.onnx").read_bytes() == b"a graph"
    assert manifest["version"] == "v7" and manifest["graph"] == {"version": "v4", "sha256": release.sha256(graph / "model.int8.onnx")}
    assert [(row["name"], row["rows"]) for row in manifest["data"]] == [("a", 3), ("b", 9)]
    # Figures that hang on the vectors have to be measured again.
    assert manifest["metrics"] == {"macroF1": 0.5}
    card = (made / "card.md").read_text()
    assert "v4's, bit by bit" in card and "Old." in card
    found = json.loads((made / "situations.json").read_text())
    rows = np.frombuffer(base64.b64decode(found["rows"]), np.int8).reshape(2, 2) * np.array(found["scales"])[:, None]
    assert found["ids"] == ["hi", "bye"] and np.allclose(rows, [[0.6, 0.8], [-1, 0]], atol=0.01)


def test_a_damaged_graph_is_refused(graph, tmp_path):
    (graph / "model.int8.onnx").write_bytes(b"another")
    with pytest.raises(SystemExit, match=r"model.int8.onnx"):
        export(graph, tmp_path)
    assert not (tmp_path / "build").exists()
