"""The same talk in every format is read as the same talk; what cannot be read is refused with the file, the place and the way out."""

import gzip
import json

import pytest

from training.datasets import BadData
from training.ingest_clean import clean_text
from training.ingest_read import FORMATS, MOST_MEGABYTES, read_script

# (speaker, text); the fourth is long enough to be broken over lines.
TALK = [
    ("Mara", "You are late again."),
    ("Tom", "The bridge was closed. I walked."),
    ("Mara", "Three miles? In this?"),
    ("Tom", "I did not mind the rain, for I had a great many things to think about on the way, and nobody to interrupt me."),
    ("Old Mrs. Finch", "Shut the door, both of you."),
    ("Mara", "It is shut."),
]


def broken(text, indent="", width=50):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines, line = [*lines, indent + line], ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, indent + line])


def fountain():
    cues = "".join(
        f"{name.upper()}{' (O.S.)' if at == 1 else ''}\n{'(wearily)' + chr(10) if at == 2 else ''}{broken(text)}\n\n"
        for at, (name, text) in enumerate(TALK)
    )
    return f"Title: The Bridge\nAuthor: nobody\n\nINT. KITCHEN - NIGHT\n\nRain. A table.\n\n{cues}CUT TO:\n\n[[a note]]\n"


def screenplay():
    cues = "".join(
        f"{'':24}{name.upper()}{' (O.S.)' if at == 1 else ''}\n{'':18}(wearily)\n{broken(text, ' ' * 12, 36)}\n\n"
        for at, (name, text) in enumerate(TALK)
    )
    return f"{'':20}THE BRIDGE\n\n1   INT. KITCHEN - NIGHT                    1\n\nRain. A table.\n\n{cues}{'':40}(CONTINUED)\n{'':50}12.\n"


def capitals():
    return "FIRST ACT\n\nRain. A table.\n\n[Enter TOM.]\n\n" + "".join(f"{name.upper()}. [Wearily.] {text}\n\n" for name, text in TALK)


def above():
    return "ACT I\n\n" + "".join(f"{name.upper()}.\n{broken(text)}\n\n" for name, text in TALK)


def shavian():
    return "ACT I\n\n" + "".join(f"{name.upper()} [wearily] {text}\n\n" for name, text in TALK)


def titled():
    return "Act I\n\n" + "".join(f"_{name}_. {broken(text)}\n\n" for name, text in TALK * 3)


def transcript():
    return "\n".join(f"[00:0{at}:12] {name}: {text}" for at, (name, text) in enumerate(TALK)) + "\n"


def chat():
    return "".join(
        json.dumps({"speaker": name, "text": text, "scene": "Kitchen", "turn": at}) + "\n" for at, (name, text) in enumerate(TALK)
    )


def bold_page():
    return (
        "<html><head><title>The Bridge</title><style>p {}</style></head><body><nav>Home: about us</nav><h2>ACT I</h2>"
        + "".join(f"<p><b>{name.upper()}</b><br>{text}</p>" for name, text in TALK)
        + "</body></html>"
    )


def listed_page():
    return "<!doctype html><body><dl>" + "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in TALK) + "</dl></body>"


def table_page():
    return "<html><body><table>" + "".join(f"<tr><td>{name}:</td><td>{text}</td></tr>" for name, text in TALK) + "</table></body></html>"


def quoted_page():
    return (
        "<html><body><h3>SCENE I. A kitchen.</h3>"
        + "".join(f"<a name='s'><b>{name.upper()}</b></a><blockquote>{text}</blockquote>" for name, text in TALK)
        + "</body></html>"
    )


def formed_page():
    return f"<html><body><p>A site of scripts</p><pre>{screenplay()}</pre></body></html>"


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.fountain", fountain(), "fountain"),
        ("b.txt", screenplay(), "screenplay"),
        ("c.txt", capitals(), "play"),
        ("d.txt", above(), "play"),
        ("e.txt", shavian(), "play"),
        ("g.txt", transcript(), "transcript"),
        ("h.jsonl", chat(), "chat"),
        ("i.html", bold_page(), "html, play"),
        ("j.html", listed_page(), "html, transcript"),
        ("k.html", table_page(), "html, transcript"),
        ("l.html", quoted_page(), "html, play"),
        ("m.html", formed_page(), "html, screenplay"),
    ],
)
def test_the_same_talk_is_read_from_every_format(tmp_path, name, text, format):
    (tmp_path / name).write_text(text, encoding="utf-8")
    scenes, about = read_script(tmp_path / name)
    assert [(speech.speaker, speech.text) for scene in scenes for speech in scene.speeches] == TALK
    assert about["format"] == format and len(about["sha256"]) == 64


def test_names_with_one_capital_count_where_they_come_again_and_again(tmp_path):
    (tmp_path / "f.txt").write_text(titled() + "\nYes. That is the end.\n", encoding="utf-8")
    scenes, about = read_script(tmp_path / "f.txt")
    assert [(speech.speaker, speech.text) for scene in scenes for speech in scene.speeches][:5] == TALK[:5]
    assert {speech.speaker for scene in scenes for speech in scene.speeches} == {"Mara", "Tom", "Old Mrs. Finch"}


def test_the_title_is_the_texts_own(tmp_path):
    for name, text in (("a.fountain", fountain()), ("i.html", bold_page()), ("c.txt", "Title: The Bridge\n\n" + capitals())):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_script(tmp_path / name)[1]["works"] == ["The Bridge"]


def test_acts_go_with_their_scenes(tmp_path):
    text = "ACT I\n\nSCENE I\n\nMARA. One.\n\nTOM. Two.\n\nSCENE II\n\nMARA. Three.\n\nTOM. Four.\n\nACT II\n\nMARA. Five.\n\nTOM. Six.\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert [scene.title for scene in read_script(tmp_path / "a.txt")[0]] == ["ACT I, SCENE I", "ACT I, SCENE II", "ACT II"]


def test_what_an_edition_says_of_itself_is_no_part_of_the_play(tmp_path):
    start, end = (f"*** {mark} OF THE PROJECT GUTENBERG EBOOK X ***" for mark in ("START", "END"))
    text = f"PUBLISHER. Buy this.\n{start}\n{capitals()}\n{end}\nLICENCE. Read this.\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert {speech.speaker for scene in read_script(tmp_path / "a.txt")[0] for speech in scene.speeches} == {
        "Mara",
        "Tom",
        "Old Mrs. Finch",
    }


def test_a_dialogue_of_jsonl_is_one_scene_in_the_order_of_its_turns(tmp_path):
    rows = [
        {"speaker": "B", "text": "Second.", "dialogue_id": "p|1", "work": "P", "scene": "ACT I", "turn": 1},
        {"speaker": "A", "text": "First.", "dialogue_id": "p|1", "work": "P", "scene": "ACT I", "turn": 0, "stage": ["Enters."]},
        {"speaker": "A", "text": "Elsewhere.", "dialogue_id": "p|2", "work": "P", "scene": "ACT I", "turn": 0},
        {"speaker": ["A", "B"], "text": "Together.", "dialogue_id": "p|2", "work": "P", "scene": "ACT I", "turn": 1},
    ]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    scenes, _ = read_script(tmp_path / "a.jsonl.gz")
    assert [[(speech.speaker, speech.text, speech.stage) for speech in scene.speeches] for scene in scenes] == [
        [("A", "First.", ["Enters."]), ("B", "Second.", [])],
        [("A", "Elsewhere.", []), ("A and B", "Together.", [])],
    ]


def test_two_who_speak_at_once_speak_one_after_the_other(tmp_path):
    (tmp_path / "a.fountain").write_text("INT. HALL - DAY\n\nMARA\nNo.\n\nTOM ^\nYes.\n\nMARA\nNo!\n", encoding="utf-8")
    assert [speech.text for speech in read_script(tmp_path / "a.fountain")[0][0].speeches] == ["No.", "Yes.", "No!"]


def test_songs_are_marked_and_asides_are_not_heard(tmp_path):
    text = "ACT I\n\nMARA. One.\n\nTOM [aside]. Fool!\n\nTOM. Two. [Aside.] Three. [Aloud.] Four.\n\n"
    text += "MARA. [Sings.]\nThe tide goes out,\nthe tide comes in,\nand so do I.\n"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    speeches = read_script(tmp_path / "a.txt", "play")[0][0].speeches
    assert [(speech.text, speech.sung) for speech in speeches[:2]] == [("One.", False), ("Two. Four.", False)]
    assert speeches[2].sung


@pytest.mark.parametrize(
    ("text", "spoken", "stage"),
    [
        ("_Never_ [rising] say so--never!", "Never say so - never!", ["rising"]),
        ("Go (she points [at him]) away.", "Go away.", ["she points [at him]"]),
        ("Well [she is never\nheard again.", "Well heard again.", ["she is never"]),
        ("I am glad to hear it. [Rising.].", "I am glad to hear it.", ["Rising."]),
        ("To be a twenty-\nfive year old “lady”…", 'To be a twenty-five year old "lady"...', []),
    ],
)
def test_what_is_spoken_is_parted_from_how(text, spoken, stage):
    assert clean_text(text) == (spoken, stage)


def test_verse_becomes_prose():
    words = {"the", "deeds"}
    assert (
        clean_text("If the gods be just, they shall assist\nThe deeds of\nPompey.", words)[0]
        == "If the gods be just, they shall assist the deeds of Pompey."
    )


FAULTS = [
    ("empty.txt", b"", r"empty\.txt is empty; give a file with a script in it"),
    ("blank.txt", b"\xef\xbb\xbf \n\n", r"is empty"),
    ("prose.txt", b"It rained.\n\nNobody said a word all day.\n", r"prose\.txt has nobody who speaks.*--format says which"),
    ("page.html", b"<html><body><p>No script here.</p></body></html>", r"page\.html has nobody who speaks, read as html"),
    ("bytes.txt", b"TOM. Good.\n\nMARA. Caf\xe9?\n", r"bytes\.txt:3 is not utf-8: byte 0xe9.*--encoding cp1252"),
    ("bytes.html", b'<html><meta charset="ascii"><p>TOM: caf\xc3\xa9</p>', r"bytes\.html:1 is not ascii: byte 0xc3"),
    ("coded.html", b'<html><meta charset="x-none"><p>TOM: a</p>', r"there is no encoding 'x-none'"),
    ("row.jsonl", b'{"speaker": "A", "text": "a"}\n{"speaker": "B"}\n', r"row\.jsonl:2 has no text; each row needs"),
    ("list.jsonl", b'{"speaker": "A", "text": "a"}\n[1]\n', r"list\.jsonl:2 is list, expected an object"),
    ("cut.jsonl", b'{"speaker": "A", "te\n', r"cut\.jsonl:1 is not JSON"),
    ("cut.jsonl.gz", gzip.compress(b'{"speaker": "A"}')[:-9], r"cannot be unpacked"),
    ("nul.jsonl", b'{"speaker": "A", "text": "\xff"}\n', r"nul\.jsonl:1 is not UTF-8"),
]


@pytest.mark.parametrize(("name", "content", "says"), FAULTS, ids=[name for name, *_ in FAULTS])
def test_what_cannot_be_read_is_refused(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadData, match=says):
        read_script(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadData, match=r"none\.txt is not here; give the path"):
        read_script(tmp_path / "none.txt")


def test_fifty_megabytes_are_refused_unread(tmp_path):
    with (tmp_path / "huge.html").open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(BadData, match=rf"has 50 MB; a script has less than {MOST_MEGABYTES}"):
        read_script(tmp_path / "huge.html")


def test_older_encodings_are_read_when_they_are_named(tmp_path):
    (tmp_path / "a.txt").write_bytes("TOM. Café?\n\nMARA. Thé.\n\nTOM. Non.\n".encode("cp1252"))
    assert read_script(tmp_path / "a.txt", "play", "cp1252")[0][0].speeches[0].text == "Café?"
    (tmp_path / "b.txt").write_bytes("TOM. Café?\n\nMARA. Thé.\n\nTOM. Non.\n".encode("utf-16"))
    assert read_script(tmp_path / "b.txt", "play")[0][0].speeches[0].text == "Café?"


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "chat"])
def test_any_text_is_read_or_refused_and_nothing_else(tmp_path, format):
    for at, text in enumerate(
        ["[[[", "A:\n", "(" * 400 + "\n", "X. [aside\n", "<b>", "\0\1", "ACT I\n", ":" * 50, "ÄÖ: ü\n" * 3, "NAME (\n)\n"]
    ):
        (tmp_path / f"{at}.txt").write_text(text, encoding="utf-8")
        try:
            read_script(tmp_path / f"{at}.txt", format)
        except BadData as error:
            assert f"{at}.txt" in str(error)
