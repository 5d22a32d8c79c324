"""The safety heads: what they read from, what they learn, and the graph they are put into. On a tiny model with random weights."""

import json
from datetime import UTC, datetime

import numpy as np
import onnx
import pytest
import torch
from tiny_encoder import IDS, tiny_encoder

from training import export_heads, release
from training.encoder_graph import encoder_graph, quantise
from training.encoder_model import by_length, lower_states, pad, pad_hidden
from training.safety_graph import with_safety, without_safety
from training.safety_model import LABELS, Safety, joined, judgements, seen, semantic_end
from training.shipped import session_runner


@pytest.fixture(scope="module")
def model():
    return tiny_encoder(layers=6, frozen=2)


@pytest.fixture(scope="module")
def graph(model):
    return encoder_graph({name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}, model.heads)


@pytest.fixture(scope="module")
def heads(features):
    torch.manual_seed(2)
    nets = [Safety(features.shape[1], 4).eval() for _ in range(3)]
    return joined(nets, torch.zeros(features.shape[1]), torch.ones(features.shape[1]))


@pytest.fixture(scope="module")
def features(model):
    with torch.no_grad():
        return seen(model, *pad_hidden(lower_states(model, IDS)))


def weights(heads: Safety) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in heads.state_dict().items()}


def test_the_shared_layers_and_three_of_each_branch_with_its_largest_values_are_read(features):
    assert features.shape == (len(IDS), 32 * (1 + 2 * (3 + 1)))


def test_the_semantic_end_is_a_part_of_what_is_read(model, features):
    with torch.no_grad():
        mean, largest = semantic_end(model, *pad_hidden(lower_states(model, IDS))).split(32, dim=1)
    # The shared layers' mean, then the semantic branch's three means, the last as the embedding, and its largest values.
    assert torch.allclose(torch.nn.functional.normalize(mean, dim=1), features[:, 3 * 32 : 4 * 32], atol=1e-5)
    assert torch.allclose(largest, features[:, 4 * 32 : 5 * 32], atol=1e-5)


def test_nothing_is_read_of_padding(model, features):
    with torch.no_grad():
        alone = torch.cat([seen(model, *pad_hidden([states])) for states in lower_states(model, IDS)])
    assert (alone - features).abs().max() < 1e-4


def test_the_graph_reads_what_the_model_does(graph, model, features):
    run = session_runner(with_safety(graph, None).SerializeToString(), outputs=("seen",))
    (found,) = by_length(run, IDS)
    assert np.abs(found - features.numpy()).max() < 0.02  # kept lower states are float16
    assert np.abs(found - by_length(run, IDS, size=1)[0]).max() < 1e-4


def test_the_graph_with_heads_gives_what_the_heads_give(graph, model, heads):
    padded, mask = pad(IDS)
    with torch.no_grad():
        lower = model.lower(torch.from_numpy(padded), torch.from_numpy(mask))
        expected = torch.sigmoid(heads(seen(model, lower, torch.from_numpy(mask)))).numpy()
    found = session_runner(with_safety(graph, weights(heads)).SerializeToString(), outputs=("safety",))(padded, mask)[0]
    assert np.abs(found - expected).max() < 1e-4


def test_new_heads_leave_emotions_and_embedding_as_they_were_bit_by_bit(graph, heads, tmp_path):
    onnx.save(graph, tmp_path / "fp32.onnx")
    quantise(tmp_path / "fp32.onnx", tmp_path / "int8.onnx")
    first = with_safety(onnx.load(tmp_path / "int8.onnx"), weights(heads))
    changed = weights(heads) | {"out.bias": weights(heads)["out.bias"] + 1}
    second = with_safety(first, changed)
    one, two = (
        by_length(session_runner(one.SerializeToString(), outputs=("embedding", "emotion", "safety")), IDS) for one in (first, second)
    )
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])
    assert (two[2] > one[2]).all()
    assert [output.name for output in without_safety(second).graph.output] == ["embedding", "emotion"]


def test_networks_joined_give_the_mean_of_their_logits_on_features_as_they_are(features):
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    torch.manual_seed(3)
    nets = [Safety(features.shape[1], 8).eval() for _ in range(2)]
    with torch.no_grad():
        expected = sum(net((features - mean) / deviation) for net in nets) / 2
        assert (joined(nets, mean, deviation)(features) - expected).abs().max() < 0.02  # inner weights are rounded to float16


def test_harm_of_one_kind_says_little_about_another_and_harmlessness_all():
    y, known = np.zeros((3, 6), np.float32), np.ones((3, 6), np.float32)
    y[0, LABELS.index("harassment")] = 1
    known[2, LABELS.index("sexual")] = 0
    found = judgements(y, known, other=0.0, self_harm=0.3)
    assert found[0].tolist() == pytest.approx([1.0 if label == "harassment" else 0.3 if label == "self-harm" else 0.0 for label in LABELS])
    assert found[1].tolist() == [1.0] * 6
    assert found[2, LABELS.index("sexual")] == 0 and found[2].sum() == 5


@pytest.fixture()
def version(graph, heads, tmp_path):
    """A released version, as far as new heads look at it."""
    folder = tmp_path / "encoder" / "v2"
    folder.mkdir(parents=True)
    onnx.save(with_safety(graph, weights(heads)), folder / "model.int8.onnx")
    (folder / "golden.jsonl").write_text("".join(json.dumps({"text": "x", "input_ids": ids}) + "\n" for ids in IDS))
    release.write_json(
        folder / "config.json", {"thresholds": [0.4], "safety": {"labels": LABELS, "thresholds": [0.1] * 6, "certain": [0.2] * 6}}
    )
    (folder / "tokenizer.json").write_text("{}")
    (folder / "lines.vectors").write_bytes(b"of the graph that was")
    sets = [
        {"name": name, "source": source, "licence": "own", "rows": 1}
        for name, source in (("a", "there"), ("b", "training/texts/old.jsonl"))
    ]
    manifest = {"task": "encoder", "version": "v2", "data": sets, "params": {"encoder": {"version": "v2", "note": "Old."}, "safety": {}}}
    release.write_json(
        folder / "manifest.json", manifest | {"metrics": {"macroF1": 0.5, "int8MacroF1Delta": 0.01}, "files": release.file_entries(folder)}
    )
    return folder


def trained(version, heads) -> dict:
    moved = {name: tensor + (name == "out.bias") for name, tensor in heads.state_dict().items()}
    of = {"graph": release.sha256(version / "model.int8.onnx"), "report": {"safety.hate.recall": 0.9}}
    return of | {"safety": moved, "safetyThresholds": [0.3] * 6, "safetyCertain": [0.8] * 6}


def test_a_version_with_new_heads_is_whole_says_whose_branches_it_has_and_keeps_no_figure_that_was_not_measured(version, heads, tmp_path):
    texts = [{"name": "c", "source": "training/texts/new.jsonl", "licence": "own", "rows": 2}]
    made = export_heads.export(
        version, trained(version, heads), "v3", tmp_path / "build", {"inner": 4}, texts, datetime(2026, 1, 1, tzinfo=UTC)
    )
    manifest, config = (json.loads((made / name).read_text()) for name in ("manifest.json", "config.json"))
    assert release.verify(made) == [] and not (made / "lines.vectors").exists()
    assert manifest["version"] == "v3" and manifest["branches"]["version"] == "v2" and manifest["params"]["safety"] == {"inner": 4}
    assert [row["name"] for row in manifest["data"]] == ["a", "c"]
    assert manifest["metrics"] == {"int8MacroF1Delta": 0.01, "safety.hate.recall": 0.9}
    assert config == {"thresholds": [0.4], "safety": {"labels": LABELS, "thresholds": [0.3] * 6, "certain": [0.8] * 6}}
    old, new = (by_length(session_runner(folder / "model.int8.onnx", outputs=("embedding", "safety")), IDS) for folder in (version, made))
    assert np.array_equal(old[0], new[0]) and (new[1] > old[1]).all()


def test_heads_of_another_graph_are_refused(version, heads, tmp_path):
    other = trained(version, heads) | {"graph": "0" * 64}
    with pytest.raises(SystemExit, match="another graph"):
        export_heads.export(version, other, "v3", tmp_path / "build", {}, [], datetime(2026, 1, 1, tzinfo=UTC))
    assert not (tmp_path / "build").exists()
