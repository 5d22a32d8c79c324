"""The model in models/ is whole, describes itself, and is far better than chance. Needs the repository alone, no data sets."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from training import data, metrics
from training.encoder_model import by_length
from training.release import verify
from training.shipped import open_shipped
from training.text import emoji_names

MODELS = data.ROOT / "models"
REGISTRY = json.loads((MODELS / "registry.json").read_text(encoding="utf-8"))
FOLDER = MODELS / "encoder" / REGISTRY["tasks"]["encoder"]["live"]
CONFIG = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
GOLDEN = data.rows(FOLDER / "golden.jsonl")


@pytest.fixture(scope="module")
def shipped():
    return open_shipped(FOLDER, threads=1)


@pytest.fixture(scope="module")
def some():
    """About a hundred situations."""
    return data.situations()[::6]


def test_every_file_is_the_one_that_was_released():
    assert verify(FOLDER) == []
    listed = {entry["path"] for entry in json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["files"]}
    # lines.vectors is made from the model by the side that serves it.
    made_by_training = {"model.int8.onnx", "tokenizer.json", "emoji.json", "config.json", "golden.jsonl", "situations.json"}
    assert made_by_training == listed - {"lines.vectors"}
    assert (FOLDER / "model.int8.onnx").stat().st_size <= 32_000_000
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < 45_000_000


def test_the_config_speaks_of_28_labels():
    assert len(CONFIG["labels"]) == len(set(CONFIG["labels"])) == len(CONFIG["thresholds"]) == 28
    assert all(0 < threshold < 1 for threshold in [CONFIG["threshold"], *CONFIG["thresholds"]])
    grouped = [label for group in CONFIG["sentiment"].values() for label in group]
    assert sorted([*grouped, "neutral"]) == sorted(CONFIG["labels"])


def test_the_tokenizer_file_neither_pads_nor_cuts():
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    assert tokenizer.truncation is None and tokenizer.padding is None
    assert json.loads((FOLDER / "emoji.json").read_text(encoding="utf-8")) == emoji_names()


def test_golden_ids_are_what_the_text_step_and_the_tokenizer_give(shipped):
    _, encode = shipped
    assert len(GOLDEN) == 200
    assert encode([row["text"] for row in GOLDEN]) == [row["input_ids"] for row in GOLDEN]


def test_golden_answers_come_again(shipped):
    run, _ = shipped
    answered = [row for row in GOLDEN if "emotion" in row]
    assert len(answered) == 20
    embedding, emotion = by_length(run, [row["input_ids"] for row in answered], size=1)
    # int8 kernels differ a little between processors.
    assert np.abs(embedding[:, :8] - [row["embedding"] for row in answered]).max() < 0.03
    assert np.abs(emotion - [row["emotion"] for row in answered]).max() < 0.1


def test_the_label_order_is_the_heads(shipped):
    run, encode = shipped
    clear = {
        "thank you so much, i appreciate it": "gratitude",
        "i love you": "love",
        "congratulations, you are brilliant": "admiration",
        "hahaha that is hilarious": "amusement",
        "i am so sorry, forgive me": "remorse",
        "i'm terrified": "fear",
        "i am furious with you": "anger",
        "that is disgusting": "disgust",
        "i wonder what that is?": "curiosity",
        "wow, i did not expect that": "surprise",
    }
    emotion = by_length(run, encode(list(clear)))[1]
    named = [CONFIG["labels"][i] for i in emotion.argmax(1)]
    assert sum(name == label for name, label in zip(named, clear.values(), strict=True)) >= 8, named


def test_emotions_of_situations_are_read_far_better_than_chance(shipped, some):
    run, encode = shipped
    emotion = by_length(run, encode([situation["examples"][-1] for situation in some]))[1]
    three = np.argsort(-emotion, axis=1)[:, :3]
    truth = np.array([CONFIG["labels"].index(situation["emotion"]) for situation in some])
    hits = (three == truth[:, None]).any(1).mean()
    # Chance is what the same readings score on the wrong texts; the best fixed three labels are another floor.
    rng = np.random.default_rng(0)
    chance = np.mean([(three == rng.permutation(truth)[:, None]).any(1).mean() for _ in range(50)])
    fixed = np.sort(np.bincount(truth, minlength=28))[-3:].sum() / len(truth)
    assert hits > 2 * chance
    assert hits > fixed


def test_situations_are_found_by_unseen_wordings(shipped, some):
    run, encode = shipped
    kept = [situation["examples"][data.held_out(situation)] for situation in some]
    pairs = [(text, i) for i, situation in enumerate(some) for text in situation["examples"] if text != kept[i]]
    vectors, owner = by_length(run, encode([text for text, _ in pairs]))[0], np.array([i for _, i in pairs])
    queries = by_length(run, encode(kept))[0]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert metrics.situation_accuracy(vectors, owner, queries)["situationMeanTop1"] > 0.6
