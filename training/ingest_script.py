"""What a script is once it is read, whatever it was written in: scenes of speeches, in order. Refusals name the file and the way out."""

import re
from dataclasses import dataclass, field

ROMAN = r"[IVXLC]+|\d+|ONE|TWO|THREE|FOUR|FIVE|FIRST|SECOND|THIRD|FOURTH|FIFTH|LAST"
HEADING = re.compile(
    rf"^[#=*\s_]*((?:ACT|SCENE|PART|CHAPTER|PROLOGUE|EPILOGUE|INDUCTION)\b(?:\s+(?:THE\s+)?(?:{ROMAN})\b.*)?|(?:{ROMAN})\s+(?:ACT|SCENE)\b.*|"
    r"(?:INT|EXT|INT\./EXT|I/E)[. ].+)$",
    re.IGNORECASE,
)


@dataclass
class Speech:
    """What one person says before the next one does. `text` is spoken alone once `clean` has been over it; `stage` is what was not."""

    speaker: str
    text: str
    stage: list[str] = field(default_factory=list)
    sung: bool = False


@dataclass
class Scene:
    work: str
    title: str
    speeches: list[Speech] = field(default_factory=list)


def heading(line: str) -> str | None:
    """The title of the act or scene that a line opens. A sentence that begins with such a word is none."""
    found = HEADING.match(line.strip())
    if not found or len(line) > 90 or re.search(r"[a-z]{2}[.!?]\s+[A-Z].*[a-z]{2}[.!?]$", line.strip()):
        return None
    title = found[1].strip(" _*=#")
    return title if title[:1].isupper() else None


def put_together(scenes: list[Scene]) -> list[Scene]:
    """Without empty scenes, which give their titles on: an act to its scenes. Two speeches of one person with nothing but a direction
    between them are one."""
    act, empty = "", ""
    for scene in scenes:
        if re.search(r"\bact\b", scene.title, re.IGNORECASE):
            act = scene.title
        elif scene.title and (act or empty):
            scene.title = f"{act or empty}, {scene.title}"
        empty = "" if scene.speeches else scene.title
        joined: list[Speech] = []
        for speech in scene.speeches:
            if joined and joined[-1].speaker == speech.speaker and joined[-1].sung == speech.sung:
                joined[-1].text = f"{joined[-1].text} {speech.text}".strip()
                joined[-1].stage += speech.stage
            else:
                joined.append(speech)
        scene.speeches = joined
    return [scene for scene in scenes if scene.speeches]
