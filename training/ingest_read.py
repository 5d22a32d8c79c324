"""Reads a script: which format it is in, its text, its scenes. What cannot be read is refused with the file, the place and the way out."""

import hashlib
import html
import json
import re
from collections import Counter
from pathlib import Path

from training.datasets import BadData
from training.ingest_chat import read_chat
from training.ingest_clean import clean
from training.ingest_html import page_text
from training.ingest_play import read_play, read_transcript
from training.ingest_screenplay import read_fountain, read_screenplay
from training.ingest_script import Scene, put_together

TEXTS = {"screenplay": read_screenplay, "play": read_play, "transcript": read_transcript, "fountain": read_fountain}
FORMATS = [*TEXTS, "html", "chat"]
PAGE = re.compile(r"<(?:!doctype html|html|body|p|pre|div|table)\b", re.IGNORECASE)
TITLE = re.compile(
    r"^Title:[ \t]*(\S.*)$|<title[^>]*>([^<]+)</title>|Project Gutenberg(?:'s| eBook of) (.+)$", re.IGNORECASE | re.MULTILINE
)
MOST_MEGABYTES = 20  # the longest plays and screenplays have half a megabyte, their pages a few


def read_script(file: Path, format: str | None = None, encoding: str = "utf-8") -> tuple[list[Scene], dict]:
    """Scenes with clean speeches, and what the manifest says of the file: source, format, bytes, sha256. Raises BadData."""
    if not file.is_file():
        raise BadData(f"{file} is not here; give the path of a script (python -m training.fetch_pages fetches pages)")
    size = file.stat().st_size
    if size > MOST_MEGABYTES * 1_000_000:
        raise BadData(
            f"{file} has {size / 1e6:.0f} MB; a script has less than {MOST_MEGABYTES}. Give the script alone, "
            "without pictures and without the other plays of a collection"
        )
    raw = file.read_bytes()
    if not raw.strip(b"\xef\xbb\xbf \t\r\n\0"):
        raise BadData(f"{file} is empty; give a file with a script in it")
    if format == "chat" or (format is None and (re.search(r"\.(jsonl|ndjson)(\.gz)?$", file.name) or looks_like_chat(raw))):
        scenes, format = read_chat(file, file.name.split(".")[0]), "chat"
    else:
        scenes, format = read_text(decoded(raw, file, encoding), file, format)
    scenes = put_together([clean(scene) for scene in scenes])
    if not scenes:
        raise BadData(
            f"{file} has nobody who speaks, read as {format}; expected a screenplay, a play (“NAME. line”), a transcript (“NAME: line”) "
            f"or JSON Lines with speaker and text. --format says which: {', '.join(FORMATS)}"
        )
    works = list(dict.fromkeys(scene.work for scene in scenes))
    return scenes, {"source": file.name, "works": works, "format": format, "bytes": size, "sha256": hashlib.sha256(raw).hexdigest()}


def read_text(text: str, file: Path, format: str | None) -> tuple[list[Scene], str]:
    """A page is read as the text that it shows."""
    work, page = title_of(text), ""
    if format == "html" or (format is None and PAGE.search(text[:20_000])):
        text, page, format = page_text(text), "html, ", None
    if format is None:
        format = "fountain" if file.suffix in (".fountain", ".spmd") else likeliest(text)
    return TEXTS[format](text, work or file.stem), page + format


def title_of(text: str) -> str | None:
    """As the text itself gives it: of the page, of the edition, of the screenplay."""
    found = TITLE.search(text[:20_000])
    title = re.sub(r"\s+", " ", next(part for part in found.groups() if part)) if found else ""
    return html.unescape(title).strip(" .,_|-")[:120] or None


def decoded(raw: bytes, file: Path, encoding: str) -> str:
    """A page may say its own encoding; a byte order mark always does."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif encoding == "utf-8" and (declared := re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", raw[:4096], re.IGNORECASE)):
        encoding = declared[1].decode()
    try:
        text = raw.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadData(
            f"{file}:{line} is not {encoding}: byte {raw[error.start]:#04x}. Older texts are often cp1252 (--encoding cp1252)"
        ) from None
    except LookupError:
        raise BadData(f"{file}: there is no encoding {encoding!r}; name one with --encoding, utf-8 or cp1252 for instance") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def looks_like_chat(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw.lstrip().split(b"\n", 1)[0]), dict)
    except ValueError:
        return False


def likeliest(text: str) -> str:
    """The format in which most is said by people who speak more than once; among equals the stricter one."""

    def said(read) -> tuple[int, int]:
        speakers = [(speech.speaker, len(speech.text)) for scene in read(text, "") for speech in scene.speeches if speech.text]
        often = Counter(speaker for speaker, _ in speakers)
        return sum(1 for speaker, length in speakers if often[speaker] > 1 and length < 4000), len(speakers)

    return max(TEXTS, key=lambda name: said(TEXTS[name]))
