"""Each word's part in a label: found by integrated gradients from a checkpoint, by leaving words out without one, shown as a page."""

import re

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from training import data, explain
from training.drift import live_model
from training.encoder_model import Branched, open_tokenizer
from training.safety_model import LABELS, Safety

TEXT = "i feel so embarrassed about yesterday, blorptastic <b>really</b>"


def tiny_bert():
    return BertModel(BertConfig(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, vocab_size=30522))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    model, safety = Branched(tiny_bert(), shared=1), Safety(7 * 16, 8)
    with torch.no_grad():
        for parameter in [*model.parameters(), *safety.parameters()]:
            parameter.mul_(4 if parameter.ndim > 1 else 1)  # far from linear: an untrained model is nearly so
    file = tmp_path_factory.mktemp("tiny") / "encoder.pt"
    torch.save({"model": model.state_dict(), "safety": safety.state_dict(), "safetyThresholds": [0.5] * 6}, file)
    return file


def test_the_parts_of_integrated_gradients_add_up_to_the_difference_in_score(checkpoint):
    pytest.importorskip("captum", reason="captum comes with the extra `explain`")
    model, safety, thresholds = explain.open_checkpoint(checkpoint, tiny_bert)
    tokenizer = open_tokenizer(64)
    parts, whole = explain.integrated(model, explain.scores_of(model, safety), tokenizer, TEXT, [0, 12, 28])
    assert thresholds == dict.fromkeys(LABELS, 0.5)
    assert parts.shape == (3, len(explain.word_spans(tokenizer, TEXT)))
    assert np.abs(parts.sum(1) - whole).max() <= explain.TOLERANCE * max(1, np.abs(whole).max())
    assert np.abs(whole).max() > 0.1 and np.abs(parts).max() > 0.01


def test_words_are_whole_and_stand_where_they_are_in_the_text():
    spans = explain.word_spans(open_tokenizer(64), TEXT)
    words = [TEXT[start:end] for start, end in spans]
    assert words[:8] == ["i", "feel", "so", "embarrassed", "about", "yesterday", ",", "blorptastic"]
    assert [TEXT[start:end] for start, end in explain.word_spans(open_tokenizer(5), TEXT)] == ["i", "feel", "so"]


def test_leaving_a_word_out_finds_the_word_that_matters():
    def read(texts):
        return np.array([[2.0 * ("embarrassed" in text) - 0.5 * ("really" in text), 0.0] for text in texts])

    spans = explain.word_spans(open_tokenizer(64), TEXT)
    parts, whole = explain.left_out(read, TEXT, spans, [0])
    assert whole == pytest.approx([1.5])
    by_word = {TEXT[start:end]: value for (start, end), value in zip(spans, parts[0], strict=True)}
    assert by_word.pop("embarrassed") == 2 and by_word.pop("really") == -0.5 and set(by_word.values()) == {0}


def test_the_page_holds_all_it_needs_and_shows_each_word_once_a_label(checkpoint, tmp_path, monkeypatch, capsys):
    pytest.importorskip("captum", reason="captum comes with the extra `explain`")
    monkeypatch.setattr(explain.open_checkpoint, "__defaults__", (tiny_bert,))
    out = tmp_path / "page" / "explain.html"
    found = explain.main([TEXT, "--checkpoint", str(checkpoint), "--out", str(out)])
    assert [part.label for part in found[-6:]] == LABELS and found[0].label in data.labels()
    assert all(part.missing <= explain.TOLERANCE for part in found)
    html = out.read_text()
    assert html.count(">embarrassed</mark>") == len(found)
    assert "<b>really" not in html and "prefers-color-scheme: dark" in html
    assert not re.search(r"(?:src|href)=|@import|url\(", html)
    assert re.search(r"parts [+-]\d\.\d+ of [+-]\d\.\d+, adds up", capsys.readouterr().out)


def test_one_label_alone_and_none_that_is_not_there(checkpoint, tmp_path, monkeypatch):
    pytest.importorskip("captum", reason="captum comes with the extra `explain`")
    monkeypatch.setattr(explain.open_checkpoint, "__defaults__", (tiny_bert,))
    words = [TEXT, "--checkpoint", str(checkpoint), "--out", str(tmp_path / "explain.html")]
    assert [part.label for part in explain.main([*words, "--label", "joy", "--label", "self-harm"])] == ["joy", "self-harm"]
    with pytest.raises(SystemExit, match="no label jolly; there are admiration"):
        explain.main([*words, "--label", "jolly"])


def test_without_a_checkpoint_the_model_that_ships_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(explain, "CHECKPOINT", tmp_path / "none.pt")
    found = explain.main(["thank you so much, what a terrible day", "--label", "gratitude", "--out", str(tmp_path / "explain.html")])
    (gratitude,) = found
    assert gratitude.parts.argmax() == 0 and gratitude.probability > gratitude.threshold
    assert f"int8 model {live_model().name}" in (tmp_path / "explain.html").read_text()


def test_refuses_what_it_cannot_read(tmp_path):
    with pytest.raises(SystemExit, match="nothing to read"):
        explain.main([" \ufe0f "])
    with pytest.raises(SystemExit, match="none.pt is not here"):
        explain.main(["hello", "--checkpoint", str(tmp_path / "none.pt")])
    torch.save({"model": {"head.weight": torch.zeros(28, 16)}}, tmp_path / "other.pt")
    with pytest.raises(SystemExit, match="other.pt is no checkpoint of this encoder"):
        explain.open_checkpoint(tmp_path / "other.pt", tiny_bert)


def test_what_is_too_long_to_be_read_is_marked():
    text = "one two three four"
    html = explain.coloured(text, [(0, 3), (4, 7)], np.array([1.0, -0.1]), 1.0)
    assert "<mark class='for strong' style='--much: 70' title='+1.000'>one</mark> " in html
    assert (
        "<mark class='against' style='--much: 14' title='-0.100'>two</mark><del title='longer than what is read'> three four</del>" in html
    )
