import json
import random

import pytest
import torch

from training.data import CHARACTERS, ROOT
from training.generator_rows import Exemplars, Told, of_turns, told
from training.language_model import MARKERS, Base, open_base, use_format, with_lora
from training.packing import Example, Pack, Renderer, examples, losses, packs
from training.prompt import Moment, read_card
from training.release import sha256

TINY = ROOT / "inference" / "src" / "fixtures" / "tiny.gguf"
BASE = Base("tiny", TINY.name, "tiny", "Apache-2.0", sha256(TINY), TINY)
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("own_splits")


@pytest.fixture(scope="module")
def tiny():
    return open_base(BASE, str(TINY))


@pytest.fixture(scope="module")
def cards():
    return {slug: read_card(CHARACTERS / slug / "card.json") for slug in ("june", "walt")}


def rows_of(*messages: str) -> list[Told]:
    return [Told("exchange", "june", (text,), "neutral", f"It is {2 + i}:14.") for i, text in enumerate(messages)]


def test_replies_behind_one_card_have_the_losses_that_they_have_alone(tiny, cards):
    model, tokenizer = tiny
    rows = rows_of("hi", "what time is it?", "my bus left without me")
    found = list(examples(rows, Renderer(tokenizer, cards, "chat", 4096, 3000), Exemplars(rows), 0, 0, "key"))
    (pack,) = packs(iter(found), 10_000, True)
    assert len(pack.examples) == 3 and pack.shared > 600 and pack.tokens < 1.3 * pack.shared
    with torch.no_grad():
        together = losses(model, pack, CPU)
        alone = [losses(model, Pack([example], example.begins), CPU)[0] for example in pack.examples]
        plain = []
        for example in pack.examples:
            output = model(input_ids=torch.tensor([example.ids])).logits[0, example.begins - 1 : -1].float()
            plain.append(torch.nn.functional.cross_entropy(output, torch.tensor(example.ids[example.begins :]), reduction="none"))
    for a, b, c in zip(together, alone, plain, strict=True):
        assert torch.allclose(a, b, atol=1e-4) and torch.allclose(a, c, atol=1e-4)


def test_only_the_reply_and_what_ends_it_count(tiny, cards):
    _, tokenizer = tiny
    rows = rows_of("what time is it?")
    ((_, example),) = examples(rows, Renderer(tokenizer, cards, "chat", 4096, 3000), Exemplars(rows), 0, 0, "key")
    assert tokenizer.decode(example.ids[example.begins :]) == "It is 2:14.<|im_end|>"
    assert tokenizer.decode(example.ids[: example.begins]).endswith("what time is it?<|im_end|>\n<|im_start|>assistant\n")


def test_a_prompt_longer_than_the_context_keeps_card_and_last_message_and_loses_the_oldest(tiny, cards):
    _, tokenizer = tiny
    talk = tuple((role, f"{i} " + "the tide comes and goes " * 8) for i, role in enumerate(["user", "character"] * 6))
    renderer = Renderer(tokenizer, cards, "chat", 1100, 3000)
    ids = renderer.fitting("june", Moment("the last one", (), talk), ["exemplar " * 40], 1100)
    text = tokenizer.decode(ids)
    assert len(ids) <= 1100 and "the last one<|im_end|>" in text and "Stay June" in text
    assert "11 the tide" in text and "0 the tide" not in text.replace("10 the tide", "") and "exemplar" not in text
    assert renderer.example(rows_of("a" * 4000)[0], Moment("a" * 4000), []) is None and renderer.too_long == 1


def test_wordings_and_exemplars_are_drawn_anew_each_epoch_and_the_same_at_every_call(tiny, cards):
    _, tokenizer = tiny
    rows = [Told("situation", "june", ("hi", "hey", "good morning", "hello you"), "neutral", f"Line {i}.") for i in range(8)]
    renderer, exemplars = Renderer(tokenizer, cards, "chat", 4096, 3000), Exemplars(rows)

    def epoch(key: str) -> list[list[int]]:
        return [example.ids for _, example in examples(rows, renderer, exemplars, 0.5, 3, key)]

    assert epoch("0 0") == epoch("0 0") != epoch("0 1")
    shown = [tokenizer.decode(ids) for ids in epoch("0 0") + epoch("0 1")]
    with_lines = [text for text in shown if "has said in moments like this" in text]
    assert 0 < len(with_lines) < len(shown)
    for text in with_lines:  # never the reply to learn
        assert f"- {text.rsplit('assistant', 1)[1].removesuffix('<|im_end|>').strip()}\n" not in text


def test_every_reply_of_a_talk_is_learnt_with_what_went_before():
    said = (("user", "hey"), ("character", "Hello."), ("user", "low"))
    turns = [{"role": role, "text": text, "emotion": "sadness"} for role, text in said]
    first, second = of_turns("conversation", {"character": "june", "turns": [*turns, {"role": "character", "text": "Sit."}]}, None)
    assert (first.before, first.mood) == ((), "neutral")
    assert (second.before, second.mood, second.reply) == ((("user", "hey"), ("character", "Hello.")), "sadness", "Sit.")
    assert second.moment(random.Random(0)).intensity == 0.5


def test_dev_and_train_share_no_message_and_reply():
    said = {split: {(wording, row.reply) for row in told(split) for wording in row.wordings} for split in ("train", "dev")}
    assert not said["train"] & said["dev"] and len(said["dev"]) > 1000


def test_an_ingested_script_is_learnt_with_its_context(tmp_path):
    (tmp_path / "june").mkdir()
    turns = [{"role": "character", "text": "Well?"}, {"role": "user", "text": "I am lost.", "emotion": "fear"}]
    row = {"character": "june", "context": turns, "reply": "Then sit down.", "emotion": "caring"}
    for split in ("train", "dev"):
        (tmp_path / "june" / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    scripts = [found for found in told("train", ingested=tmp_path) if found.character == "june"]
    assert [(one.kind, one.wordings, one.emotion, one.before, one.reply) for one in scripts] == [
        ("script", ("I am lost.",), "fear", (("character", "Well?"),), "Then sit down.")
    ]


def test_a_base_without_a_template_gets_markers_of_ours(cards):
    model, tokenizer = open_base(BASE, str(TINY))
    tokenizer.chat_template = None
    before = len(tokenizer)
    assert use_format(model, tokenizer, "chat", full=True) == "tokens"
    assert len(tokenizer) == before + len(MARKERS) == model.get_input_embeddings().num_embeddings
    rows = rows_of("hi")
    ((_, example),) = examples(rows, Renderer(tokenizer, cards, "tokens", 4096, 3000), Exemplars(rows), 0, 0, "key")
    assert tokenizer.decode(example.ids) == "<|character|>june<|emotion|>neutral<|message|>hi<|response|>It is 2:14.<|im_end|>"
    assert losses(with_lora(model, {"rank": 2, "alpha": 4, "dropout": 0.0}), Pack([example], example.begins), CPU)[0].isfinite().all()


def test_examples_longer_than_a_row_stand_alone_and_no_row_mixes_characters():
    shared = list(range(50))
    found = [(slug, Example(shared + [100 + i] * 20, 60)) for i, slug in enumerate(["june", "walt", "june", "walt", "june", "june"])]
    made = list(packs(iter(found), 110, True))
    assert sorted(len(pack.examples) for pack in made) == [1, 2, 3] and {pack.shared for pack in made if len(pack.examples) > 1} == {50}
    assert all(len(pack.examples) == 1 for pack in packs(iter(found), 110, False))
