"""No text to learn from is nearly one to be judged on; the same input gives the same bytes; what is stale or touched is refused."""

import hashlib
import json
import shutil
from functools import cache

import pytest
import yaml

from training import data, datasets, prepare
from training.datasets import BadData
from training.smoke import write_small_repository


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The small repository that the smoke profile makes: everything prepare reads, a few hundred rows."""
    return write_small_repository(tmp_path_factory.mktemp("small"))


@pytest.fixture
def here(small, tmp_path, monkeypatch):
    """Works in a copy of it."""
    root = shutil.copytree(small, tmp_path / "copy")
    monkeypatch.setattr(datasets, "ROOT", root)
    monkeypatch.setattr(datasets, "WHERE", str(root / "data"))
    declared = cache(lambda: yaml.safe_load((root / "training" / "datasets.yaml").read_text()))
    monkeypatch.setattr(datasets, "declared", declared)
    monkeypatch.setattr(data, "ROOT", root)
    monkeypatch.setattr(data, "CHARACTERS", root / "characters")
    monkeypatch.setattr(data, "TEXTS", root / "training" / "texts")
    monkeypatch.setattr(data, "PREPARED", root / "training" / "prepared")
    for cached in (datasets.path, data.prepared):
        cached.cache_clear()
    yield root
    for cached in (datasets.path, data.prepared):
        cached.cache_clear()


def params(root):
    return yaml.safe_load((root / "training" / "params.yaml").read_text())["prepare"]


def run(root, name="prepared"):
    prepare.prepare(root / "training" / name, params(root))
    return {file.name: file.read_bytes() for file in (root / "training" / name).iterdir()}


def test_the_same_input_gives_the_same_bytes(here):
    assert run(here, "one") == run(here, "two")


def test_the_manifest_counts_sums_and_credits_every_file(here):
    files = run(here)
    manifest = json.loads(files["manifest.json"])
    assert {f"{name}.jsonl" for name in manifest["files"]} == {name for name in files if name.endswith(".jsonl")}
    for name, described in manifest["files"].items():
        content = files[f"{name}.jsonl"]
        assert described["rows"] == content.count(b"\n") and described["sha256"] == hashlib.sha256(content).hexdigest()
        assert described["sources"] and all(found["licence"] and found["source"] for found in described["sources"].values())
    report = files["report.md"].decode()
    assert all(f"## {name}" in report for name in manifest["files"])


def test_near_duplicates_are_dropped_from_what_is_learned_and_never_from_what_is_judged(here):
    before = json.loads(run(here)["manifest.json"])["files"]
    judged = data.prepared("wordings.dev")
    row = next(row for row in judged if len(row["text"]) > 25)
    # Case, punctuation and an emoji's own word do not make a text another.
    with (here / "characters" / "wordings.jsonl").open("a") as file:
        file.write(json.dumps({"situation": row["situation"], "text": f"{row['text'].upper()} !!"}) + "\n")
    after = json.loads(run(here)["manifest.json"])["files"]
    assert after["wordings.train"]["rows"] == before["wordings.train"]["rows"]
    assert after["wordings.train"]["nearDuplicatesDropped"] == before["wordings.train"]["nearDuplicatesDropped"] + 1
    assert after["wordings.dev"]["sha256"] == before["wordings.dev"]["sha256"]
    assert f"{row['text'].upper()} !!"[:40] in (here / "training" / "prepared" / "report.md").read_text()


def test_no_split_to_learn_from_holds_a_text_to_be_judged_on(here):
    run(here)
    for train, dev in (*((f"{name}.train", f"{name}.dev") for name in ("emotion", "wordings", "marked")), ("anchors", "exchanges.dev")):
        texts = {prepare.text_of(row).lower() for row in data.prepared(dev)}
        assert texts and not texts & {prepare.text_of(row).lower() for row in data.prepared(train)}


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("I can't believe it rained all week", "i cant believe it rained all week!!", True),
        ("so happy for you 👍", "so happy for you thumbs up", True),
        ("i passed my driving test today", "i failed my driving test today", False),
        ("?!", "?!", True),
        ("?!", "...", False),
    ],
)
def test_nearly_the_same_is_measured_on_words_and_characters(one, other, near):
    found = prepare.near_duplicates([one], [other], {"jaccard": 0.8, "shingle": 4}, "test")
    assert bool(found) == near


def test_a_label_without_examples_is_refused(here):
    file = here / "data" / "goemotions" / "train.jsonl.gz"
    kept = [row for row in datasets.lines(file) if "grief" not in row["labels"]]
    rewrite(here, file, kept)
    with pytest.raises(BadData, match="emotion.train is one-sided: fewer than .* texts of grief 0"):
        run(here)


def test_an_unknown_situation_and_an_unknown_emotion_are_refused(here):
    with (here / "characters" / "wordings.jsonl").open("a") as file:
        file.write('{"situation": "no-such", "text": "hello"}\n')
    with pytest.raises(BadData, match=r"wordings.jsonl:\d+: there is no situation 'no-such'"):
        run(here)
    wordings = here / "characters" / "wordings.jsonl"
    wordings.write_text("".join(wordings.read_text().splitlines(keepends=True)[:-1]))
    with (here / "characters" / "wordings.everyday.jsonl").open("a") as file:
        file.write('{"situation": "no-such", "text": "hello"}\n')
    with pytest.raises(BadData, match=r"characters/wordings.everyday.jsonl:\d+: there is no situation 'no-such'"):
        run(here)
    situations = [row | {"emotion": "envy"} for row in data.situations()]
    (here / "characters" / "situations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in situations))
    with pytest.raises(BadData, match="'envy' is not one of emotion: admiration"):
        run(here)


def test_marks_say_which_situations_fit_a_first_message_and_which_are_wrong(here):
    file = here / "inference" / "src" / "lines" / "answers.jsonl"
    lines = {}
    for row in data.rows(here / "characters" / "june" / "situations.jsonl"):
        lines.setdefault(row["situation"], []).append(row["id"])
    (fits, (one, other, *_)), (wrong, (third, *_)), (passes, (fourth, *_)) = list(lines.items())[:3]
    text = "a message that only this test has"
    marks = {one: 2, other: 0, third: 0, fourth: 1, "june-s99999": 2}
    turns = [{"text": text, "said": "", "marks": marks}, {"text": "and more", "said": "", "marks": {one: 2}}]
    file.write_text(file.read_text() + json.dumps({"character": "june", "turns": turns}) + "\n")
    run(here)
    rows = data.prepared("marked.train") + data.prepared("marked.dev")
    assert [row for row in rows if row["text"] == text] == [{"text": text, "fits": [fits], "wrong": [wrong]}]
    assert passes not in {fits, wrong} and "and more" not in {row["text"] for row in rows}
    found = data.situations()
    texts, right, bad = data.marked(found, "train" if text in {row["text"] for row in data.prepared("marked.train")} else "dev")
    at, order = texts.index(text), [situation["id"] for situation in found]
    assert right[at].nonzero()[0].tolist() == [order.index(fits)] and bad[at].nonzero()[0].tolist() == [order.index(wrong)]


def test_a_refused_run_leaves_the_splits_before_it_whole(here):
    before = run(here)
    with (here / "characters" / "wordings.jsonl").open("a") as file:
        file.write('{"situation": "no-such", "text": "hello"}\n')
    with pytest.raises(BadData):
        run(here)
    assert {file.name: file.read_bytes() for file in (here / "training" / "prepared").iterdir()} == before


def test_reading_refuses_what_is_not_made_was_touched_or_is_stale(here):
    with pytest.raises(BadData, match="run python -m training.prepare first"):
        data.emotions("dev")
    run(here)
    assert len(data.emotions("dev")[0])
    data.prepared.cache_clear()
    file = here / "training" / "prepared" / "emotion.dev.jsonl"
    content = file.read_text()
    file.write_text(content.replace("a", "o", 1))
    with pytest.raises(BadData, match="emotion.dev.jsonl is not what prepare wrote"):
        data.emotions("dev")
    file.write_text(content)
    with (here / "characters" / "wordings.jsonl").open("a") as corpus:
        corpus.write("\n")
    with pytest.raises(BadData, match="characters/wordings.jsonl has changed since"):
        data.wordings(data.situations(), "train")
    assert len(data.emotions("dev")[0])  # which is made of something else
    changed = yaml.safe_load((here / "training" / "params.yaml").read_text())
    changed["prepare"]["jaccard"] = 0.9
    (here / "training" / "params.yaml").write_text(yaml.safe_dump(changed))
    data.prepared.cache_clear()
    with pytest.raises(BadData, match="other parameters"):
        data.emotions("dev")


def rewrite(root, file, rows):
    """Changes a data set and what is declared of it."""
    import gzip

    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    old = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)
    declaration = root / "training" / "datasets.yaml"
    declaration.write_text(declaration.read_text().replace(old, hashlib.sha256(file.read_bytes()).hexdigest()))
    datasets.path.cache_clear()
    datasets.declared.cache_clear()
