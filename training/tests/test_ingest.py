"""A small play of our own becomes a character, with the encoder that ships: what it says, what is held back, what is refused."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from training import data, ingest
from training.datasets import BadData, taxonomy
from training.ingest_feelings import FACES

PLAY = Path(__file__).parent / "scripts" / "pier.txt"
SITUATIONS = ["hi", "good-evening", "good-morning", "bye", "getting-married", "noisy-neighbours", "not-funny", "reading", "sad", "what"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A few lines of three of the troupe, to learn from in seconds; where readings are kept."""
    folder = tmp_path_factory.mktemp("ingest")
    troupe = folder / "troupe"
    troupe.mkdir()
    kept = [row for row in data.situations() if row["id"] in SITUATIONS]
    (troupe / "situations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    for slug in ("vivienne", "walt", "june"):
        (troupe / slug).mkdir()
        replies = [row for row in data.rows(data.CHARACTERS / slug / "situations.jsonl") if row["situation"] in SITUATIONS]
        (troupe / slug / "situations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in replies))
        universal, seen = [], {}
        for row in data.rows(data.CHARACTERS / slug / "universal.jsonl"):
            of = row.get("emotion") or row.get("act")
            seen[of] = seen.get(of, 0) + 1
            if of and seen[of] <= 2:
                universal.append(row)
        (troupe / slug / "universal.jsonl").write_text("".join(json.dumps(row) + "\n" for row in universal))
    return folder


def run(place, *more, source=PLAY, character="mrs. pell", out="out"):
    folder = place / out
    given = [
        "--out",
        str(folder / "characters"),
        "--rows",
        str(folder / "rows"),
        "--troupe",
        str(place / "troupe"),
        "--kept",
        str(place / "kept"),
    ]
    return ingest.main([str(source), "--character", character, "--licence", "public domain", *given, *more], lambda _: None), folder


@pytest.fixture(scope="module")
def made(place):
    report, folder = run(place)
    character = folder / "characters" / "mrs-pell"
    files = {file.name: data.rows(file) for file in character.glob("*.jsonl")}
    rows = {file.stem: data.rows(file) for file in (folder / "rows" / "mrs-pell").glob("*.jsonl")}
    return report, character, files, rows


def test_the_card_is_a_character_card_v3_with_its_own_words(made):
    _, character, _, _ = made
    card = json.loads((character / "card.json").read_text())
    said = PLAY.read_text()
    assert (card["spec"], card["spec_version"], card["data"]["name"]) == ("chara_card_v3", "3.0", "Mrs. Pell")
    assert "The House on the Pier" in card["data"]["description"]
    assert card["data"]["first_mes"].startswith("Good evening. You are welcome in this house")
    replies = re.findall(r"\{\{char\}\}: (.+)", card["data"]["mes_example"])
    assert replies and all(reply.split(".")[0].split(",")[0] in said for reply in replies)
    assert "public domain" in card["data"]["creator_notes"]


def test_every_line_is_a_line_of_the_play_but_for_whom_it_is_said_to(made):
    _, _, files, _ = made
    said = re.sub(r"\s+", " ", PLAY.read_text())
    texts = [row["text"] for row in files["universal.jsonl"] + files["situations.jsonl"]]
    texts += [turn["text"] for row in files["exchanges.jsonl"] for turn in row["turns"] if turn["role"] == "character"]
    assert len(texts) >= 15
    for text in texts:
        for part in re.split(r"(?<=[.?!;,]) ", text):
            assert part.rstrip(".,") in said, text
        assert not re.search(r"\b(?:Tom|Ada|Pell)\b|\[|\]|_", text), text


def test_rows_are_in_the_formats_of_the_corpus(made):
    _, _, files, _ = made
    every = [row for rows in files.values() for row in rows]
    assert {row["character"] for row in every} == {"mrs-pell"} and len({row["id"] for row in every}) == len(every)
    emotions, faces = set(taxonomy("emotion")), set(FACES.values())
    assert all(row["expression"] in faces and (row.get("emotion") in emotions) != ("act" in row) for row in files["universal.jsonl"])
    assert all(row["expression"] in faces and row["situation"] in SITUATIONS for row in files["situations.jsonl"])
    for row in files["exchanges.jsonl"] + files["conversations.jsonl"]:
        assert [turn["role"] for turn in row["turns"]] == ["user", "character"] * (len(row["turns"]) // 2)
        assert all(turn["expression"] in faces for turn in row["turns"][1::2])
    assert all(len(row["turns"]) >= 4 for row in files["conversations.jsonl"])


def test_what_is_sure_is_said_and_what_would_hurt_is_not(made):
    _, _, files, _ = made
    by = {}
    for row in files["universal.jsonl"]:
        by.setdefault(row.get("emotion") or row["act"], []).append(row["text"])
    assert by["greeting"] == ["Good evening. You are welcome in this house, as long as your boots are not."]
    assert by["unclear"] == ["I beg your pardon?"]
    assert by["surprise"] == ["How extraordinary!"]
    glad = {text for emotion in ("joy", "relief", "approval", "optimism", "excitement") for text in by.get(emotion, [])}
    assert {"I am delighted to hear it."} <= glad
    for emotion in ("sadness", "grief", "fear", "disappointment", "remorse", "nervousness"):
        assert all(re.search("sorry|never mind|poor child|do not cry", text, re.IGNORECASE) for text in by.get(emotion, [])), by[emotion]
    replies = {(row["situation"], row["text"]) for row in files["situations.jsonl"]}
    crossing = "Marriage is a very long crossing, and should be undertaken in good weather."
    assert any(situation == "getting-married" and text.endswith(crossing) for situation, text in replies)
    assert ("noisy-neighbours", "Neighbours are always well informed and never right.") in replies


def test_a_message_and_its_reply_go_with_the_talk_before_them(made):
    _, _, _, rows = made
    every = rows["train"] + rows["dev"]
    assert all(set(row) == {"character", "context", "reply", "emotion"} for row in every)
    one = next(row for row in every if row["reply"].startswith("I am perfectly satisfied"))
    assert [(turn["role"], turn["text"]) for turn in one["context"]] == [
        ("character", "That is very kind of him. A reader who has read one book is always sincere."),
        ("user", "I am going to marry her, Mrs. Pell."),
        ("character", "I congratulate you both. Marriage is a very long crossing, and should be undertaken in good weather."),
        ("user", "Are you happy, Mrs. Pell?"),
    ]
    for row in every:
        roles = [turn["role"] for turn in row["context"]]
        assert roles[-1] == "user" and all(a != b for a, b in zip(roles, roles[1:], strict=False)) and len(roles) <= 4
        assert {turn["emotion"] for turn in row["context"]} | {row["emotion"]} <= set(taxonomy("emotion"))


def test_songs_asides_and_directions_are_in_no_row(made):
    _, _, _, rows = made
    text = json.dumps(rows)
    assert not re.search("tide goes out|never been in a boat|Without looking up|She waves|bell rings|licence|over the water", text)
    assert "when there was nothing else to do." in text  # the bracket is gone, the sentence is whole


def test_a_scene_is_on_one_side_and_no_exchange_on_both(made):
    report, _, _, rows = made
    assert {scene["split"] for scene in report["scenes"]} == {"train", "dev"}
    held_back = {scene["scene"] for scene in report["scenes"] if scene["split"] == "dev"}
    assert held_back == {"ACT II, SCENE I"}
    assert not any("old boat" in row["context"][-1]["text"] for row in rows["train"])
    assert any("old boat" in row["context"][-1]["text"] for row in rows["dev"])
    (twin,) = report["dropped"]["near-duplicates of dev, from train"]
    assert twin["jaccard"] >= 0.8


def test_the_report_says_what_became_of_everything(made):
    report, character, files, rows = made
    assert report["speakers"] == {"Mrs. Pell": 18, "Tom": 8, "Ada": 8}
    assert report["exchanges"] == {"train": len(rows["train"]), "dev": len(rows["dev"])}
    assert report["lines"] == {name: len(files[f"{name}.jsonl"]) for name in ("exchanges", "conversations", "universal", "situations")}
    assert report["dropped"]["speeches"]["a song"] == 1
    manifest = json.loads((character / "manifest.json").read_text())
    assert manifest["licence"] == "public domain" and manifest["sources"][0]["sha256"] == hashlib.sha256(PLAY.read_bytes()).hexdigest()
    page = (character.parent.parent / "rows" / "mrs-pell" / "report.md").read_text()
    assert "I am delighted to hear it." in page and "ACT II, SCENE I" in page and manifest["sources"][0]["sha256"] in page


def test_the_same_script_gives_the_same_bytes(place, made):
    _, character, _, _ = made
    _, folder = run(place, out="again")
    for file in character.iterdir():
        assert (folder / "characters" / "mrs-pell" / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_slug_that_exists_is_refused_and_replaced_only_on_demand(place):
    _, folder = run(place, "--slug", "hostess", out="twice")
    card = folder / "characters" / "hostess" / "card.json"
    card.write_text("mine")
    with pytest.raises(BadData, match=r"hostess is there already: give another --slug, or --replace"):
        run(place, "--slug", "hostess", out="twice")
    assert card.read_text() == "mine"
    run(place, "--slug", "hostess", "--replace", out="twice")
    assert json.loads(card.read_text())["data"]["name"] == "Mrs. Pell"
    assert sorted(path.name for path in card.parent.parent.iterdir()) == ["hostess"]


def test_an_unknown_character_is_told_who_there_is_the_nearest_first(place):
    with pytest.raises(BadData, match=r"nobody is called 'Mrs Bell'; there are Mrs\. Pell \(18\), "):
        run(place, character="Mrs Bell", out="unknown")
    assert not (place / "unknown" / "characters").exists()


def test_one_alone_is_no_character(place, tmp_path):
    (tmp_path / "one.txt").write_text("ACT I\n\nMARA. I wait.\n\nMARA. I wait still.\n")
    with pytest.raises(BadData, match="only Mara speaks: a character is made of what it answers"):
        run(place, source=tmp_path / "one.txt", character="Mara", out="one")
    (tmp_path / "deaf.txt").write_text("ACT I\n\nMARA. I wait.\n\nTOM. So I see.\n")
    with pytest.raises(BadData, match=r"nobody says anything to Mara that it answers: opens a scene"):
        run(place, source=tmp_path / "deaf.txt", character="Mara", out="one")


def test_a_name_in_two_works_is_asked_about(place, tmp_path):
    rows = [
        {"speaker": name, "text": f"{word} it is.", "work": work}
        for work in ("Rain", "Snow")
        for name, word in (("Tom", "Wet"), ("Man", "So"))
    ]
    (tmp_path / "two.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(BadData, match="Man speaks in Rain, Snow: name those that are meant with --work"):
        run(place, source=tmp_path / "two.jsonl", character="Man", out="works")
    with pytest.raises(BadData, match="Man does not speak in hail, but in Rain, Snow"):
        run(place, "--work", "hail", source=tmp_path / "two.jsonl", character="Man", out="works")
    report, _ = run(place, "--work", "snow", source=tmp_path / "two.jsonl", character="Man", out="works")
    assert report["manifest"]["sources"][0]["works"] == ["Snow"]
    report, _ = run(place, "--work", "all", "--replace", source=tmp_path / "two.jsonl", character="Man", out="works")
    assert sum(report["exchanges"].values()) == 2 - len(report["dropped"]["near-duplicates of dev, from train"])


def test_a_name_without_letters_needs_a_slug(place):
    with pytest.raises(BadData, match="has no letter from a to z"):
        run(place, character="李", out="letters")


def test_nothing_is_half_written(place, monkeypatch):
    _, folder = run(place, out="half")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    replace = Path.replace

    def fails(self, target):
        if self.name == ".mrs-pell.new" and self.parent.name == "rows":
            raise OSError("disk full")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        run(place, "--replace", "--description", "another", out="half")
    monkeypatch.undo()
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_a_troupe_without_lines_is_refused(place, tmp_path):
    (tmp_path / "situations.jsonl").write_text(json.dumps(data.situations()[0]) + "\n")
    with pytest.raises(BadData, match="has no lines to learn from"):
        run(place, "--troupe", str(tmp_path), out="nobody")


def test_characters_out_of_scripts_teach_nothing(place, made, tmp_path):
    shutil.copytree(place / "troupe", tmp_path / "troupe")
    shutil.copytree(made[1], tmp_path / "troupe" / "mrs-pell")
    _, folder = run(place, "--troupe", str(tmp_path / "troupe"), out="taught")
    assert (folder / "characters" / "mrs-pell" / "universal.jsonl").read_bytes() == (made[1] / "universal.jsonl").read_bytes()
