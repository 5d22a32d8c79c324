"""Declared data is read whole or not at all, and a refusal names file, line and cure."""

import gzip
import hashlib
import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from training import datasets
from training.datasets import BadData

HAPPY = '{"text": "so happy", "labels": ["joy"]}\n'
GOOD = '{"text": "so happy", "labels": ["joy"]}\n{"text": "oh no", "labels": ["sadness", "fear"]}\n'


@pytest.fixture
def feelings(tmp_path, monkeypatch):
    """Writes the one declared file, "feelings/train.jsonl", and says what is declared of it."""
    entry = {"use": "train", "columns": {"text": "string", "labels": ["emotion"]}}
    described = {"name": "Feelings", "files": {"train.jsonl": entry}}
    declared = {"taxonomies": {"emotion": ["joy", "sadness", "fear"]}, "sets": {"feelings": described}}
    monkeypatch.setattr(datasets, "declared", lambda: declared)
    monkeypatch.setattr(datasets, "WHERE", str(tmp_path / "data"))
    monkeypatch.setattr(datasets, "FETCHED", tmp_path / "fetched")
    datasets.path.cache_clear()
    file = tmp_path / "data" / "feelings" / "train.jsonl"
    file.parent.mkdir(parents=True)

    def write(content: str | bytes):
        content = content.encode() if isinstance(content, str) else content
        file.write_bytes(content)
        entry["sha256"] = hashlib.sha256(content).hexdigest()
        return described

    yield write
    datasets.path.cache_clear()


def refusal(of="feelings/train.jsonl"):
    with pytest.raises(BadData) as found:
        datasets.rows(of)
    return str(found.value)


def test_reads_what_is_as_declared(feelings):
    feelings(GOOD)
    assert [row["labels"] for row in datasets.rows("feelings/train.jsonl")] == [["joy"], ["sadness", "fear"]]


def test_a_file_with_a_wrong_sum_is_refused_with_both_sums(feelings, tmp_path):
    feelings(GOOD)
    expected = hashlib.sha256(GOOD.encode()).hexdigest()
    (tmp_path / "data" / "feelings" / "train.jsonl").write_text(GOOD.replace("happy", "sorry"))
    found = hashlib.sha256(GOOD.replace("happy", "sorry").encode()).hexdigest()
    said = refusal()
    assert "feelings/train.jsonl" in said and expected in said and found in said


def test_what_is_not_declared_is_not_read(feelings):
    assert "not declared in training/datasets.yaml" in refusal("feelings/other.jsonl")


def test_a_missing_file_says_where_it_was_looked_for_and_what_to_set(feelings, tmp_path):
    feelings(GOOD)
    (tmp_path / "data" / "feelings" / "train.jsonl").unlink()
    said = refusal()
    assert str(tmp_path / "data" / "feelings" / "train.jsonl") in said and "TROUPE_DATA" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'{HAPPY}{{"text": "b", "labels": ["envy"]}}\n', "train.jsonl:2: labels 'envy' is not one of emotion: joy, sadness, fear"),
        (HAPPY.encode() + b'{"text": "caf\xe9", "labels": ["joy"]}\n', "train.jsonl:2 is not UTF-8: byte 0xe9 at column 14"),
        (f'{HAPPY}{{"text": "b", \n', "train.jsonl:2 is not JSON"),
        ('{"text": "a"}\n', "train.jsonl:1 has no labels"),
        ('{"text": "a", "labels": "joy"}\n', "train.jsonl:1: labels is 'joy', expected a list of strings"),
        ('{"text": 3, "labels": ["joy"]}\n', "train.jsonl:1: text is 3, expected a string"),
        ('{"text": " ", "labels": ["joy"]}\n', "train.jsonl:1: text is empty"),
        (f'{HAPPY}{{"text": "b", "labels": ["joy"]}}\n', "labels is one-sided: every row says ['joy']"),
        ("", "train.jsonl is empty"),
    ],
)  # fmt: skip
def test_bad_rows_are_refused_by_file_and_line(feelings, content, said):
    feelings(content)
    assert said in refusal()


def test_a_torn_archive_is_refused(tmp_path):
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(GOOD.encode())[:-12])
    with pytest.raises(BadData, match="torn.jsonl.gz cannot be unpacked"):
        datasets.lines(torn)


@pytest.fixture
def served(tmp_path):
    """A folder served on a port of its own, and the address."""
    folder = tmp_path / "served"
    (folder / "feelings").mkdir(parents=True)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder / "feelings" / "train.jsonl", f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("by", ["TROUPE_DATA", "fetch"])
def test_fetches_what_is_not_here_and_keeps_it(feelings, served, tmp_path, monkeypatch, by):
    described = feelings(GOOD)
    (tmp_path / "data" / "feelings" / "train.jsonl").unlink()
    file, address = served
    file.write_text(GOOD)
    if by == "fetch":
        described["fetch"] = ["http://127.0.0.1:9", address]  # the first does not answer
    else:
        monkeypatch.setattr(datasets, "WHERE", address)
    assert len(datasets.rows("feelings/train.jsonl")) == 2
    file.unlink()
    datasets.path.cache_clear()
    assert len(datasets.rows("feelings/train.jsonl")) == 2
    assert [path.name for path in (tmp_path / "fetched" / "feelings").iterdir()] == ["train.jsonl"]


def test_nothing_of_a_fetched_file_with_a_wrong_sum_is_kept(feelings, served, tmp_path, monkeypatch):
    feelings(GOOD)
    file, address = served
    file.write_text(GOOD + GOOD)
    monkeypatch.setattr(datasets, "WHERE", address)
    said = refusal()
    assert f"{address}/feelings/train.jsonl" in said
    assert all(hashlib.sha256(content).hexdigest() in said for content in (GOOD.encode(), file.read_bytes()))
    assert list((tmp_path / "fetched" / "feelings").iterdir()) == []


def test_an_address_that_does_not_answer_is_named(feelings, monkeypatch):
    feelings(GOOD)
    monkeypatch.setattr(datasets, "WHERE", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9/feelings/train.jsonl" in refusal()


def test_every_set_says_whose_it_is_and_what_it_may_be_used_for():
    datasets.declared.cache_clear()
    for key, found in datasets.declared()["sets"].items():
        assert all(found[name] for name in ("name", "licence", "cite")) and found["source"].startswith("https://"), key
        assert "NC" not in found["licence"], key
        for entry in found["files"].values():
            assert entry["use"] in {"train", "dev", "measure", "test"} and len(entry["sha256"]) == 64
            assert entry["columns"]["text"] == "string"
    uses = {key: {entry["use"] for entry in found["files"].values()} for key, found in datasets.declared()["sets"].items()}
    assert uses["safety/hatecheck"] == uses["safety/xstest"] == {"test"}
    for own in datasets.declared()["own"]:
        assert own == "safety texts" or datasets.own_files(own)


def test_the_taxonomies_are_the_heads():
    from training import data

    assert datasets.taxonomy("safety") == data.SAFETY
    card = json.loads((data.ROOT / "models" / "registry.json").read_text())["tasks"]["encoder"]["live"]
    config = json.loads((data.ROOT / "models" / "encoder" / card / "config.json").read_text())
    assert config["labels"] == datasets.taxonomy("emotion")
