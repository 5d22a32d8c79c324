"""The ONNX graph is the model, in float32 exactly and in int8 nearly. On a tiny model with random weights."""

import numpy as np
import onnx
import pytest
import torch
from tiny_encoder import IDS, tiny_encoder

from training import metrics
from training.encoder_graph import encoder_graph, fold_calibration, quantise
from training.encoder_model import by_length, lower_states, pad_hidden, torch_runner
from training.shipped import session_runner


@pytest.fixture(scope="module")
def model():
    return tiny_encoder(layers=4, frozen=1)


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    state = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    onnx.save(encoder_graph(state, model.heads), folder / "fp32.onnx")
    quantise(folder / "fp32.onnx", folder / "int8.onnx")
    return folder


def test_float32_agrees_with_torch(model, files):
    embedding, logits = by_length(torch_runner(model), IDS)
    found = by_length(session_runner(files / "fp32.onnx"), IDS)
    assert np.abs(embedding - found[0]).max() < 1e-4
    assert np.abs(metrics.sigmoid(logits) - found[1]).max() < 1e-4


def test_int8_is_near(model, files):
    embedding, logits = by_length(torch_runner(model), IDS)
    found = by_length(session_runner(files / "int8.onnx"), IDS)
    assert (embedding * found[0]).sum(1).min() > 0.98
    assert np.abs(metrics.sigmoid(logits) - found[1]).max() < 0.08
    assert np.allclose(np.linalg.norm(found[0], axis=1), 1, atol=1e-5)


def test_padding_changes_nothing(files):
    run = session_runner(files / "fp32.onnx")
    for alone, together in zip(by_length(run, IDS, size=1), by_length(run, IDS, size=4), strict=True):
        assert np.abs(alone - together).max() < 1e-5


def test_calibration_is_folded_into_both_forms(model, files):
    scale, shift = np.linspace(0.5, 2, 5), np.linspace(-1, 1, 5)
    head = metrics.fold_affine(model.head.weight.detach().numpy(), model.head.bias.detach().numpy(), scale, shift)
    for name in ("fp32", "int8"):
        plain = onnx.load(files / f"{name}.onnx")
        before = by_length(session_runner(plain.SerializeToString()), IDS)
        after = by_length(session_runner(fold_calibration(plain, *head).SerializeToString()), IDS)
        assert np.allclose(after[1], metrics.sigmoid(metrics.logit(before[1]) * scale + shift), atol=1e-5)
        assert np.array_equal(after[0], before[0])


def test_the_shared_layers_feed_both_branches_and_the_branches_only_their_own(model):
    for name, embedding_moves, emotion_moves in (("shared.0", True, True), ("semantic.0", True, False), ("affect.0", False, True)):
        before = by_length(torch_runner(model), IDS)
        parameter = model.get_parameter(f"{name}.output.dense.weight")
        kept = parameter.detach().clone()
        with torch.no_grad():
            parameter.add_(0.3 * torch.randn_like(parameter))
        after = by_length(torch_runner(model), IDS)
        with torch.no_grad():
            parameter.copy_(kept)
        assert (np.abs(before[0] - after[0]).max() > 1e-4) == embedding_moves
        assert (np.abs(before[1] - after[1]).max() > 1e-4) == emotion_moves


def test_kept_lower_states_give_what_the_whole_model_gives(model):
    states = lower_states(model, IDS)
    with torch.no_grad():
        embedding = model.embedding(*pad_hidden(states)).numpy()
    assert np.abs(embedding - by_length(torch_runner(model), IDS)[0]).max() < 5e-3  # float16
