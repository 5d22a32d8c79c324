"""Fine-tune → adapter → llama.cpp, on the tiny model, and what may go wrong on the way."""

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from training import adapter, preference, train_generator
from training.data import CHARACTERS, ROOT
from training.gguf_files import permuted, restored
from training.language_model import Base, find
from training.parity import worker
from training.prompt import Moment, build, read_card
from training.release import sha256

TINY = ROOT / "inference" / "src" / "fixtures" / "tiny.gguf"
BASE = Base("tiny", TINY.name, "tiny", "Apache-2.0", sha256(TINY), TINY)
SAYING = "The tide is out."
SET = ["epochs=12", "learningRate=2.0e-2", "warmUpSteps=2", "tokens=2600", "devReplies=6", "exemplarShare=0", "checkpointMinutes=0"]


pytestmark = pytest.mark.usefixtures("own_splits")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """One character who answers everything with one saying, in 30 situations."""
    folder = tmp_path_factory.mktemp("characters")
    for name in ("situations.jsonl", "wordings.jsonl"):
        shutil.copy(CHARACTERS / name, folder / name)
    (folder / "june").mkdir()
    shutil.copy(CHARACTERS / "june" / "card.json", folder / "june" / "card.json")
    rows = [json.loads(line) for line in (CHARACTERS / "june" / "situations.jsonl").read_text().splitlines()[:90:3]]
    (folder / "june" / "situations.jsonl").write_text("".join(json.dumps(row | {"text": SAYING}) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def trained(corpus, own_splits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.generator_rows.data.exchanges", lambda split: [])
        patch.setattr("training.tracking.open_store", lambda stage: None)
        train_generator.main(arguments(corpus, folder))
    return folder / "build" / "v1"


def arguments(corpus, folder, *more: str) -> list[str]:
    places = ["--out", folder / "run", "--build", folder / "build", "--characters", corpus, "--ingested", folder / "none"]
    return [str(part) for part in ("--base", TINY, *places, "--peft", *more, "--set", *SET)]


def test_llama_cpp_says_what_was_learnt(corpus, trained):
    manifest, _ = adapter.read_version(trained)
    assert manifest["base"]["sha256"] == sha256(TINY) and manifest["characters"] == ["june"]
    assert manifest["metrics"]["devPerplexity"] < 2 < manifest["metrics"]["basePerplexity"]
    messages = build(read_card(corpus / "june" / "card.json"), Moment("what now?"), [], 3000)
    prompt = "".join(f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages) + "<|im_start|>assistant\n"
    (said,), (plain,) = worker(TINY, trained / adapter.FILE, [{"prompt": prompt}]), worker(TINY, None, [{"prompt": prompt}])
    assert said["text"] == SAYING != plain["text"]


def test_the_peft_folder_is_as_vllm_reads_it_and_says_the_same(trained, tmp_path):
    manifest, tensors = adapter.read_version(trained)
    assert adapter.layout_faults(trained / "peft", manifest["base"]) == []
    adapter.main(["--version", str(trained), "--peft", str(tmp_path / "again")])
    from peft import PeftModel

    base = AutoModelForCausalLM.from_pretrained(TINY.parent, gguf_file=TINY.name)
    model = PeftModel.from_pretrained(base, tmp_path / "again").eval()
    ids = torch.tensor([[1, 87, 85, 290, 201, 443, 422, 2]])
    with torch.no_grad():
        peft = model(ids).logits
        with model.disable_adapter():
            plain = model(ids).logits
        ours = adapter.with_adapter(AutoModelForCausalLM.from_pretrained(TINY.parent, gguf_file=TINY.name), tensors, manifest)(ids).logits
    assert torch.allclose(peft, ours, atol=1e-4) and not torch.allclose(peft, plain, atol=0.1)


def test_a_peft_folder_that_vllm_would_refuse_is_told(trained, tmp_path):
    shutil.copytree(trained / "peft", tmp_path / "peft")
    config = json.loads((tmp_path / "peft" / "adapter_config.json").read_text())
    (tmp_path / "peft" / "adapter_config.json").write_text(json.dumps(config | {"r": 4, "use_dora": True}))
    faults = adapter.layout_faults(tmp_path / "peft", json.loads((trained / "manifest.json").read_text())["base"])
    assert "vLLM reads no adapter with use_dora" in faults and any("r is 4" in fault for fault in faults)


def test_an_adapter_of_another_base_is_refused_by_name(trained):
    manifest, _ = adapter.read_version(trained)
    adapter.belongs(manifest, BASE)
    with pytest.raises(ValueError, match="made for tiny .*but the base is other"):
        adapter.belongs(manifest, Base("other", "other.gguf", "other", "", "0" * 64))


def test_a_damaged_adapter_and_a_cut_base_end_in_clear_words(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "v1")
    (tmp_path / "v1" / adapter.FILE).write_bytes((trained / adapter.FILE).read_bytes()[:-100])
    with pytest.raises(ValueError, match="is not the adapter that its manifest describes"):
        adapter.read_version(tmp_path / "v1")
    with pytest.raises(SystemExit, match="v1: .* is not the adapter that its manifest describes"):
        adapter.open_version(tmp_path / "v1", str(TINY))
    manifest, tensors, base, name = adapter.open_version(trained, str(TINY))
    assert (manifest, set(tensors), name) == (adapter.read_version(trained)[0], set(adapter.read_version(trained)[1]), str(TINY))
    assert base.sha256 == manifest["base"]["sha256"]
    (tmp_path / "cut.gguf").write_bytes(TINY.read_bytes()[:5000])
    with pytest.raises(SystemExit, match="cannot be read as a language model"):
        train_generator.open_base(find(str(tmp_path / "cut.gguf")), "cut.gguf")
    with pytest.raises(SystemExit, match="is not here"):
        find(str(tmp_path / "none.gguf"))


def test_rows_of_q_and_k_are_in_llama_cpps_order_and_come_back():
    rows = np.arange(16 * 3).reshape(16, 3)
    assert permuted(rows, 2)[:4, 0].tolist() == [0, 12, 3, 15]  # the pairs of the rotary stand side by side
    assert (restored(permuted(rows, 2), 2) == rows).all()


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("training.generator_rows.data.exchanges", lambda split: [])
    real, calls = train_generator.losses, [0]

    def broken(*given):
        calls[0] += 1
        return [loss * (float("nan") if calls[0] == 4 else 1) for loss in real(*given)]

    monkeypatch.setattr(train_generator, "losses", broken)
    with pytest.raises(SystemExit, match=r"the loss is nan at step 4: training stopped; the last good checkpoint, .*step3\.pt"):
        train_generator.main(arguments(corpus, tmp_path))
    kept = torch.load(tmp_path / "run" / "step3.pt", weights_only=False)
    assert all(value.isfinite().all() for value in kept["weights"].values())
    assert not (tmp_path / "build").exists()


def test_an_interrupted_training_ends_with_the_weights_of_one_that_was_not(corpus, trained, tmp_path, monkeypatch):
    monkeypatch.setattr("training.generator_rows.data.exchanges", lambda split: [])
    monkeypatch.setattr("training.tracking.open_store", lambda stage: None)
    real, calls = train_generator.losses, [0]

    def killed(*given):
        calls[0] += 1
        if calls[0] == 5:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(train_generator, "losses", killed)
    with pytest.raises(KeyboardInterrupt):
        train_generator.main(arguments(corpus, tmp_path))
    monkeypatch.setattr(train_generator, "losses", real)
    monkeypatch.setattr("training.folders.alone", lambda folder: None)  # in one process the lock of the first run is still held
    train_generator.main(arguments(corpus, tmp_path))
    assert (tmp_path / "build" / "v1" / adapter.FILE).read_bytes() == (trained / adapter.FILE).read_bytes()


@pytest.mark.parametrize("method", ["kto", "dpo"])
def test_votes_make_what_was_liked_likelier(corpus, trained, tmp_path, monkeypatch, method):
    monkeypatch.setattr("training.generator_rows.data.exchanges", lambda split: [])
    monkeypatch.setattr("training.tracking.open_store", lambda stage: None)
    emotions, versions = {"sadness": 0.9, "joy": 0.1}, {"encoder": "v2"}
    votes = []
    for i in range(40):
        up = i % 2 == 0
        shown = {"text": "Sit down, then." if up else "No.", "line": None, "source": {"kind": "model"}, "expression": "neutral"}
        about = {"id": f"{method}{i}", "voter": 1, "character": "june", "message": f"my {i // 2} buses left", "situation": None}
        about |= {"history": [], "emotions": emotions, "mood": None, "candidates": [], "versions": versions}
        votes.append(about | {"shown": shown, "value": "up" if up else "down"})
    votes.append(votes[0] | {"id": "lost", "message": None})
    (tmp_path / "votes.jsonl").write_text("".join(json.dumps(vote) + "\n" for vote in votes))
    given = ["--votes", tmp_path / "votes.jsonl", "--from", trained, "--base", TINY, "--method", method, "--characters", corpus]
    given += ["--out", tmp_path / "run", "--build", tmp_path / "build", "--set", "least=10", "learningRate=5.0e-3", "epochs=2"]
    preference.main([str(part) for part in given])
    manifest, _ = adapter.read_version(tmp_path / "build" / "v2")
    assert manifest["metrics"]["heldOutAuc"] == 1 and manifest["data"][-1]["name"] == "votes/votes.jsonl"
