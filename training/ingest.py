"""Makes a talking character of a script: a screenplay, a play, a transcript, a page or a chat.

python -m training.ingest SOURCE… --character "Lady Bracknell" --licence "public domain" [--slug NAME] [--out characters] [--replace]
Writes <out>/<slug>/ (card.json, exchanges, conversations, universal lines, situations: it speaks at once in `lines` mode) and
training/ingested/<slug>/ (train.jsonl, dev.jsonl for a language model, report.md, report.json, manifest.json). All of it or nothing.
"""

import argparse
import difflib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from training import data
from training.datasets import BadData
from training.folders import alone
from training.ingest_answers import learn, situation_vectors
from training.ingest_card import card_of
from training.ingest_exchanges import exchanges_of, parts, split_by_scene
from training.ingest_feelings import Readings
from training.ingest_lines import for_situations, own_lines, universal
from training.ingest_read import FORMATS, read_script
from training.ingest_report import report_of, report_page
from training.ingest_rows import Sayer, conversation_rows, exchange_rows, line_rows, training_rows
from training.ingest_script import Scene
from training.ingest_voice import Voice
from training.prepare import PARAMS
from training.shipped import RUNS, Reader, open_reader

INGESTED = data.ROOT / "training" / "ingested"


@dataclass
class Wanted:
    """`turns`: how many turns before a reply go with it. `works`: only these of a collection; empty where the character is in one alone."""

    character: str
    licence: str
    slug: str = ""
    works: tuple[str, ...] = ()
    turns: int = 4
    format: str | None = None
    encoding: str = "utf-8"
    description: str = ""
    devShare: float = 0.1


def ingest(
    files: list[Path], wanted: Wanted, out: Path, rows_out: Path, replace: bool, reader: Reader, model: Path, troupe: Path, kept: Path
) -> dict:
    """Returns the report. Raises BadData with nothing written."""
    slug = slug_of(wanted.slug or wanted.character)
    targets = [out / slug, rows_out / slug]
    for target in targets:
        if target.exists() and not replace:
            raise BadData(f"{target} is there already: give another --slug, or --replace to put the new one in its place")

    # ── Scenes ───────────────────────────────────────────────────────────────────────────────────────────────────────
    scenes, sources = [], []
    for file in files:
        read, about = read_script(file, wanted.format, wanted.encoding)
        scenes += read
        sources.append(about)
    name = known_name(wanted.character, scenes)
    scenes = parts(of_works(scenes, name, wanted.works))
    used = list(dict.fromkeys(scene.work for scene in scenes))
    for about in sources:
        about["works"] = [work for work in about["works"] if work in used]

    # ── Exchanges, and the feeling of every turn ─────────────────────────────────────────────────────────────────────
    exchanges, dropped = exchanges_of(scenes, name, wanted.turns)
    if not exchanges:
        raise BadData(f"nobody says anything to {name} that it answers: {', '.join(f'{why} ({n})' for why, n in dropped.items())}")
    prepare = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))["prepare"]
    near = split_by_scene(exchanges, wanted.devShare, prepare)
    texts = list(dict.fromkeys(text for one in exchanges for text in [*(turn["text"] for turn in one.context), one.reply]))
    read = Readings(reader, texts)
    for one in exchanges:
        one.emotions = [read.emotion(text) for text in [*(turn["text"] for turn in one.context), one.reply]]

    # ── Its own lines: for a feeling, for an act, for a situation ────────────────────────────────────────────────────
    voice = Voice(scenes)
    answers = learn(troupe, reader, kept)
    speeches = [speech.text for scene in scenes for speech in scene.speeches if speech.speaker == name and not speech.sung]
    lines, of_lines, left = own_lines(speeches, voice, reader, answers.general)
    asked = {speeches.index(one.full): read.embedding(one.message) for one in exchanges if one.full in speeches}
    situations = for_situations(lines, of_lines, answers, asked, situation_vectors(model))
    anywhere = universal(lines, of_lines, answers)

    # ── Everything into folders beside, then into place ──────────────────────────────────────────────────────────────
    manifest = {
        "character": name,
        "slug": slug,
        "licence": wanted.licence,
        "sources": sources,
        "encoder": reader.checksum,
        "turns": wanted.turns,
    }
    said_alone = {line.text for found in [*anywhere.values(), *situations.values()] for line in found}
    sayer = Sayer(voice, answers.general, read)
    spoken, kept_back = exchange_rows(slug, exchanges, sayer, said_alone)
    written = {
        "card.json": card_of(name, scenes, exchanges, anywhere, sayer, manifest, wanted.description),
        "exchanges.jsonl": spoken,
        "conversations.jsonl": conversation_rows(slug, exchanges, sayer),
        "universal.jsonl": line_rows(slug, "u", anywhere),
        "situations.jsonl": line_rows(slug, "s", situations),
    }
    rows = {split: training_rows(slug, [one for one in exchanges if one.split == split]) for split in ("train", "dev")}
    report = report_of(
        manifest, scenes, name, exchanges, written, rows, {"exchanges": dropped, "lines": left, "saidInLines": kept_back}, near
    )
    texts_of = [
        {**{file: dumped(value) for file, value in written.items()}, "manifest.json": dumped(manifest)},
        {
            **{f"{split}.jsonl": dumped(found) for split, found in rows.items()},
            "report.json": dumped(report),
            "report.md": report_page(report),
            "manifest.json": dumped(manifest),
        },
    ]
    put_in_place(list(zip(targets, texts_of, strict=True)))
    return report


def slug_of(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug:
        raise BadData(f"{name!r} has no letter from a to z to make a folder's name of: give one with --slug")
    return slug


def known_name(wanted: str, scenes: list[Scene]) -> str:
    """As the script spells it. An unknown one is refused with those that there are, the most alike first."""
    speeches = Counter(speech.speaker for scene in scenes for speech in scene.speeches)
    if len(speeches) == 1:
        only = next(iter(speeches))
        raise BadData(f"only {only} speaks: a character is made of what it answers to others; give a script in which somebody speaks to it")
    plain = {re.sub(r"\W+", " ", name).strip().casefold(): name for name in reversed(speeches)}
    asked = re.sub(r"\W+", " ", wanted).strip().casefold()
    if asked in plain:
        return plain[asked]

    def alike(name: str) -> float:
        return difflib.SequenceMatcher(None, asked, name).ratio() + (1 if set(asked.split()) & set(name.split()) else 0)

    there = [f"{plain[name]} ({speeches[plain[name]]})" for name in sorted(plain, key=lambda name: (-alike(name), name))]
    raise BadData(f"nobody is called {wanted!r}; there are {', '.join(there[:20])}{' …' if len(there) > 20 else ''}")


def of_works(scenes: list[Scene], name: str, works: tuple[str, ...]) -> list[Scene]:
    """The scenes of the works that the character speaks in. One name in several works may be several people: then they have to be named."""
    there = list(dict.fromkeys(scene.work for scene in scenes if any(speech.speaker == name for speech in scene.speeches)))
    meant = [work for work in there if works == ("all",) or any(one.casefold() in work.casefold() for one in works)]
    if works and not meant:
        raise BadData(f"{name} does not speak in {', '.join(works)}, but in {', '.join(there)}")
    if not works and len(there) > 1:
        raise BadData(f"{name} speaks in {', '.join(there)}: name those that are meant with --work, or --work all")
    return [scene for scene in scenes if scene.work in (meant or there)]


def dumped(value: dict | list) -> str:
    if isinstance(value, list):
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in value)
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def put_in_place(folders: list[tuple[Path, dict[str, str]]]) -> None:
    """Each beside its place first; what was there is put back if one of them cannot be moved."""
    beside = [(target, target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.before")) for target, _ in folders]
    try:
        for (_, new, before), (_, files) in zip(beside, folders, strict=True):
            shutil.rmtree(new, ignore_errors=True)
            shutil.rmtree(before, ignore_errors=True)
            new.mkdir(parents=True)
            for file, text in files.items():
                if text:
                    (new / file).write_text(text, encoding="utf-8")
        moved = []
        try:
            for target, new, before in beside:
                if target.exists():
                    target.replace(before)
                    moved.append((before, target))
                new.replace(target)
        except OSError:
            for before, target in moved:
                shutil.rmtree(target, ignore_errors=True)
                before.replace(target)
            raise
    finally:
        for _, new, before in beside:
            shutil.rmtree(new, ignore_errors=True)
            shutil.rmtree(before, ignore_errors=True)


def main(arguments: list[str] | None = None, lock: Callable[[Path], None] = alone) -> dict:
    parser = argparse.ArgumentParser(
        prog="python -m training.ingest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", type=Path, nargs="+", metavar="SOURCE")
    parser.add_argument("--character", required=True, help="who of those that speak")
    parser.add_argument(
        "--licence", required=True, help="under which terms you use the text: “public domain”, “CC BY 4.0”, “with leave of …”"
    )
    parser.add_argument("--slug", default="", help="the folder's name; by default the character's")
    parser.add_argument(
        "--work", action="append", default=[], help="of a collection, the works that are meant (part of the title; may be repeated; all)"
    )
    parser.add_argument("--format", choices=FORMATS, help="what the file is, where that is guessed wrongly")
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--turns", type=int, default=4, help="before a reply, that go with it")
    parser.add_argument("--description", default="", help="who the character is, in a sentence; by default what the script shows")
    parser.add_argument("--out", type=Path, default=data.CHARACTERS)
    parser.add_argument("--rows", type=Path, default=INGESTED, help="folder of the rows to train on and the reports")
    parser.add_argument("--replace", action="store_true")
    parser.add_argument("--troupe", type=Path, default=data.CHARACTERS, help="characters whose lines show what answers what")
    parser.add_argument("--models", type=Path, default=data.ROOT / "models")
    parser.add_argument("--kept", type=Path, default=RUNS, help="where readings and what was learned are kept")
    given = parser.parse_args(arguments)
    live = json.loads((given.models / "registry.json").read_text(encoding="utf-8"))["tasks"]["encoder"]["live"]
    model = given.models / "encoder" / live
    if given.turns < 1:
        parser.error("--turns: at least the message itself, 1")
    wanted = Wanted(
        given.character, given.licence, given.slug, tuple(given.work), given.turns, given.format, given.encoding, given.description
    )
    lock(given.rows / slug_of(given.slug or given.character))
    reader = open_reader(model, given.kept / "readings")
    report = ingest(given.sources, wanted, given.out, given.rows, given.replace, reader, model, given.troupe, given.kept / "ingest")
    slug = report["manifest"]["slug"]
    print(
        f"{report['manifest']['character']}: {report['exchanges']['train']} exchanges to train on, {report['exchanges']['dev']} held back; "
        f"in lines mode {', '.join(f'{n} {what}' for what, n in report['lines'].items())}.\n"
        f"{given.out / slug} · read {given.rows / slug / 'report.md'}"
    )
    return report


if __name__ == "__main__":
    main()
