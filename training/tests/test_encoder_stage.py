"""The training stage runs from texts to a checkpoint, and goes on from one. On a handful of texts."""

import runpy
import sys

import numpy as np
import pytest
import torch

from training import data

TEXTS = [
    f"{feeling} about the {thing}" for feeling in ("so happy", "really angry", "quite sad") for thing in ("rain", "bus", "cake", "news")
]


@pytest.fixture
def few_texts(monkeypatch):
    y = np.eye(28, dtype=np.float32)[np.arange(len(TEXTS)) % 28]
    situations = [{"description": text, "examples": [f"{text} {i}" for i in range(7)]} for text in TEXTS[:3]]
    monkeypatch.setattr(data, "emotions", lambda split: (TEXTS, y))
    monkeypatch.setattr(data, "intents", lambda name, split: (TEXTS[:4], np.array(["a"] * 4)))
    monkeypatch.setattr(data, "exchange_messages", lambda: TEXTS[4:])
    monkeypatch.setattr(data, "situations", lambda: situations)


def run(out, epochs, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["encoder", "--out", str(out), "--epochs", str(epochs)])
    return runpy.run_module("training.encoder")


def test_trains_and_goes_on_from_the_newest_checkpoint(few_texts, tmp_path, monkeypatch, capsys):
    run(tmp_path, 3, monkeypatch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch1.pt", "epoch2.pt", "epoch3.pt"]
    whole = torch.load(tmp_path / "epoch3.pt", weights_only=False)

    (tmp_path / "epoch3.pt").unlink()
    capsys.readouterr()
    run(tmp_path, 3, monkeypatch)
    printed = capsys.readouterr().out
    assert "going on after epoch 2" in printed and "epoch 3 {" in printed
    assert torch.load(tmp_path / "epoch3.pt", weights_only=False)["epoch"] == whole["epoch"] == 3


def test_the_word_table_and_the_lowest_layers_stay(few_texts, tmp_path, monkeypatch):
    from training.encoder_model import load_minilm

    run(tmp_path, 1, monkeypatch)
    trained = torch.load(tmp_path / "epoch1.pt", weights_only=False)["model"]
    base = load_minilm().state_dict()
    for ours, theirs in (
        ("embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"),
        ("shared.1.output.dense.weight", "encoder.layer.1.output.dense.weight"),
    ):
        assert torch.equal(trained[ours], base[theirs])
