"""Screenplays: Fountain by fountain-py, and plain text whose names stand further in than what is said."""

import re
from collections import Counter

from fountain import ElementType, FountainParser

from training.ingest_script import Scene, Speech, heading

NAME = re.compile(r"^([A-Z][A-Z0-9.,'’&/#-]*(?:\s+[A-Z0-9][A-Z0-9.,'’&/#-]*){0,4})\s*((?:\([^)]*\)\s*)*)$")
FURNITURE = re.compile(
    r"^\(?(?:CONTINUED|MORE|CONT'?D)[:.)]*\s*(?:\(\d+\))?$|^\d+\.?$|^(?:FADE|CUT|DISSOLVE|SMASH|MATCH|WIPE)\b.*[:.]$|^THE END\.?$"
)


def read_fountain(text: str, work: str) -> list[Scene]:
    scenes, speech = [Scene(work, "")], None
    for element in flat(FountainParser().parse(text).elements):
        if element.type in (ElementType.SCENE_HEADING, ElementType.SECTION):
            scenes.append(Scene(work, element.text.strip()))
            speech = None
        elif element.type == ElementType.CHARACTER:
            speech = Speech(element.text.strip(), "")
            scenes[-1].speeches.append(speech)
        elif element.type == ElementType.DIALOGUE and speech:
            speech.text = f"{speech.text}\n{element.text}".strip()
        elif element.type == ElementType.PARENTHETICAL and speech:
            speech.stage.append(element.text.strip("() "))
        elif element.type == ElementType.LYRICS and speech:
            speech = Speech(speech.speaker, element.text, sung=True)
            scenes[-1].speeches.append(speech)
        elif element.type == ElementType.ACTION and scenes[-1].speeches:
            scenes[-1].speeches[-1].stage.append(element.text.strip())
    return scenes


def flat(elements: list):
    """Two who speak at once speak one after the other."""
    for element in elements:
        if element.type == ElementType.DUAL_DIALOGUE:
            for side in ("left", "right"):
                yield element.metadata[f"{side}_character"]
                yield from element.metadata.get(f"{side}_dialogue") or []
        else:
            yield element


def read_screenplay(text: str, work: str) -> list[Scene]:
    """By indentation: names furthest in, what is said and how a little less, action at the margin."""
    lines = [line.expandtabs(8).rstrip() for line in text.splitlines()]
    names_at = indent_of_names(lines)
    scenes, speech = [Scene(work, "")], None
    for i, line in enumerate(lines):
        told = line.strip()
        inset = len(line) - len(line.lstrip())
        if not told:
            # Pages break in the middle of a speech; what goes on after a blank line is as far in as before.
            continue
        if FURNITURE.match(told):
            continue
        found = NAME.match(told)
        if found and abs(inset - names_at) <= 6 and inset >= 8 and follows(lines, i, inset):
            speech = Speech(found[1].rstrip(" ."), "", [part.strip("() ") for part in re.findall(r"\([^)]*\)", found[2])])
            scenes[-1].speeches.append(speech)
        elif title := heading(re.sub(r"^\d+\s+|\s+\d+$", "", told)):
            scenes.append(Scene(work, title))
            speech = None
        elif speech and inset >= 4 and inset <= names_at + 2:
            speech.text = f"{speech.text}\n{told}".strip()
        else:
            if scenes[-1].speeches:
                scenes[-1].speeches[-1].stage.append(told)
            speech = None
    return scenes


def indent_of_names(lines: list[str]) -> int:
    """How far in most lines stand that look like a name with something said below; 0 where there are none."""
    insets = [
        (i, len(line) - len(line.lstrip()))
        for i, line in enumerate(lines)
        if NAME.match(line.strip()) and not FURNITURE.match(line.strip())
    ]
    found = Counter(inset for i, inset in insets if inset >= 8 and follows(lines, i, inset))
    return found.most_common(1)[0][0] if found else 0


def follows(lines: list[str], at: int, inset: int) -> bool:
    """The next line is said: in from the margin, not further in than the name, and no name or page number itself."""
    after = lines[at + 1] if at + 1 < len(lines) else ""
    return bool(after.strip()) and 4 <= len(after) - len(after.lstrip()) <= inset + 2 and not FURNITURE.match(after.strip())
