"""Plays as Project Gutenberg prints them ("NAME. line", "NAME [aside]. line", "NAME." above the line), and transcripts ("NAME: line")."""

import re
from collections import Counter

from training.ingest_script import Scene, Speech, heading
from training.ingest_words import any_of, phrases

PART = r"(?:Mrs?\.|Dr\.|St\.|[A-Z][\w'’-]*\.?|of|the|and|de|&|\d+)"
DIRECTION = r"(?:_?\s*[\[(][^\])]*[\])]_?\s*)"
CAPITALS = re.compile(
    rf"^_?\*{{0,2}}((?:(?:MRS?|DR|ST)\. )?[A-Z][A-Z'’&-]+(?:\.? (?:[A-Z0-9][A-Z0-9'’&-]*|\d+|and|of)){{0,4}})_?\*{{0,2}}\s*"
    rf"(?:({DIRECTION}+)[.:]?|[.:])\s*_?(?:\s*[-—–]+\s*)?(.*)$"
)
ALONE = re.compile(r"^_?((?:(?:MRS?|DR|ST)\. )?[A-Z][A-Z'’&-]+(?: [A-Z0-9][A-Z0-9'’&-]*){0,3})_?$")
TITLED = re.compile(rf"^_?({PART}(?: {PART}){{0,4}}?)_?\s*(?:({DIRECTION}+)[.:]?|[.:])_?\s*(?:[-—–]+\s*)?(.*)$")
COLON = re.compile(
    r"^\s*(?:[\[(]?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?[\])]?\s*[-–]?\s*)?"  # when it was said
    rf"\*{{0,2}}([^\W\d_][\w .,'’&-]{{0,39}}?)\s*({DIRECTION}*)\*{{0,2}}:\*{{0,2}}(?:\s+(.*))?$"
)
NOBODY, MOVES = set(phrases("no-names")), re.compile(rf"^_?\s*{any_of('moves')}\b")
GUTENBERG = re.compile(r"^\*{3}\s*(START|END) OF (?:THE|THIS) PROJECT GUTENBERG.*$", re.MULTILINE | re.IGNORECASE)


def read_play(text: str, work: str) -> list[Scene]:
    """The printing decides: where names are in capitals, only those are names; else what comes again and again with a capital each."""
    text = inside(text)
    lines = [line.strip() for line in text.splitlines()]
    capitals, titled = (sum(named(pattern, line) is not None for line in lines) for pattern in (CAPITALS, TITLED))
    pattern = CAPITALS if 2 * capitals >= titled else TITLED
    often = Counter(found[0] for line in lines if (found := named(pattern, line)))
    least = 1 if pattern is CAPITALS else 3
    return scenes_of(text, work, lambda line, after: cue(line, after, pattern, {name for name, count in often.items() if count >= least}))


def read_transcript(text: str, work: str) -> list[Scene]:
    often = Counter(found[0] for line in text.splitlines() if (found := named(COLON, line)))
    known = {name for name, count in often.items() if count >= 2 or len(often) <= 3}
    return scenes_of(text, work, lambda line, after: named(COLON, line, known), transcript=True)


def inside(text: str) -> str:
    """Without what Project Gutenberg puts before and after."""
    marks = {found[1].upper(): found for found in GUTENBERG.finditer(text)}
    start = marks["START"].end() if "START" in marks else 0
    return text[start : marks["END"].start() if "END" in marks else len(text)]


def scenes_of(text: str, work: str, cue_of, transcript: bool = False) -> list[Scene]:
    """`cue_of(line, next line)` → (name, direction, rest) where somebody begins to speak."""
    scenes, speech, blank, pending = [Scene(work, "")], None, True, ""
    lines = text.splitlines()
    for i, raw in enumerate(lines):
        line = raw.strip()
        if not line:
            blank = True
            continue
        if pending:  # a direction of several lines
            pending = f"{pending} {line}"
            if closed(pending):
                scenes[-1].speeches and scenes[-1].speeches[-1].stage.append(pending.strip("[]()_ "))
                pending = ""
            blank = False
            continue
        after = lines[i + 1].strip() if i + 1 < len(lines) else ""
        if (title := heading(line)) and (blank or transcript) or (transcript and re.match(r"^(?:#+|==+|--+|\*\*\*+)\s*(.*)$", line)):
            scenes.append(Scene(work, title or line.strip("#=-* ")))
            speech = None
        elif found := cue_of(line, after):
            name, direction, rest = found
            speech = Speech(name, rest, [direction] if direction else [])
            scenes[-1].speeches.append(speech)
        elif blank and line[0] in "[(" and not transcript:
            if closed(line):
                scenes[-1].speeches and scenes[-1].speeches[-1].stage.append(line.strip("[]()_ "))
                # "[Exit.] And so to bed." goes on; a direction alone does not end what is said either.
            else:
                pending = line
        elif MOVES.match(line) and blank:
            scenes[-1].speeches and scenes[-1].speeches[-1].stage.append(line)
            speech = None
        elif speech and (not blank or not speech.text or transcript or goes_on(speech.text, line)):
            speech.text = f"{speech.text}\n{line}".strip()
        else:
            scenes[-1].speeches and scenes[-1].speeches[-1].stage.append(line)
            if blank:
                speech = None
        blank = False
    return scenes


def closed(line: str) -> bool:
    return line.count("[") + line.count("(") <= line.count("]") + line.count(")")


def goes_on(before: str, line: str) -> bool:
    """A new paragraph belongs to the speech where that was left open, or begins in mid-sentence."""
    return before[-1:] not in ".?!\"'”’)]—" or line[0].islower()


def cue(line: str, after: str, pattern: re.Pattern, known: set[str]) -> tuple[str, str, str] | None:
    found = named(pattern, line, known)
    if found or pattern is not CAPITALS:
        return found
    alone = ALONE.match(line)
    return (alone[1], "", "") if alone and after and alone[1] in known else None


def named(pattern: re.Pattern, line: str, known: set[str] | None = None) -> tuple[str, str, str] | None:
    found = pattern.match(line)
    if not found:
        return None
    name = found[1].strip(" .,_")
    words = re.findall(r"[\w'’]+", name.lower())
    if not words or words[0] in NOBODY and len(words) == 1 or words[0] in ("act", "scene", "enter", "exit", "exeunt") or len(words) > 6:
        return None
    if known is not None and name not in known:
        return None
    return name, (found[2] or "").strip("[]()_. "), (found[3] or "").strip()
