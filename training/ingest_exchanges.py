"""From scenes to what was said to a character and what it answered: the talk before each, train or dev by scene, nothing on both sides."""

import re
import zlib
from collections import Counter
from dataclasses import dataclass, field

from training.ingest_clean import first_sentences, last_sentences
from training.ingest_script import Scene, Speech
from training.prepare import near_duplicates

COMES_OR_GOES = re.compile(r"\b(?:re-?enters?|enters?|exits?|exeunt|goes out|go out|comes in|leaves|goes off)\b", re.IGNORECASE)
PART = (20, 60)  # speeches: a longer scene is cut where somebody comes or goes after so many, or at the latest after so many
LONGEST = 120  # words of a turn to train on


@dataclass
class Exchange:
    """`context` are turns before the reply, the last of which is the message; roles alternate: of what others say among themselves
    the last word stands. `scene` names the part of the scene that all of it is in."""

    scene: str
    work: str
    asker: str
    context: list[dict]  # {"role": "user" | "character", "text"}
    reply: str
    full: str  # the whole speech that the reply is, or begins
    at: int  # which speech of the scene's part the reply is
    split: str = "train"
    emotions: list[str] = field(default_factory=list)  # of the context's turns, then of the reply

    @property
    def message(self) -> str:
        return self.context[-1]["text"]


def parts(scenes: list[Scene]) -> list[Scene]:
    """An act of an old play is too long to stand on one side as a whole; its own division is who comes and goes."""
    found = []
    for scene in scenes:
        begun: list[list[Speech]] = [[]]
        for speech in scene.speeches:
            moved = begun[-1] and any(COMES_OR_GOES.search(stage) for stage in begun[-1][-1].stage)
            if len(begun[-1]) >= PART[1] or len(begun[-1]) >= PART[0] and moved:
                begun.append([])
            begun[-1].append(speech)
        for number, speeches in enumerate(begun, 1):
            found.append(Scene(scene.work, f"{scene.title} ({number})" if len(begun) > 1 else scene.title, speeches))
    return found


def exchanges_of(scenes: list[Scene], character: str, turns: int) -> tuple[list[Exchange], Counter]:
    """In the script's order, and how many of the character's speeches were left out, by why."""
    found, dropped = [], Counter()
    for scene in scenes:
        for at, speech in enumerate(scene.speeches):
            if speech.speaker != character:
                continue
            reply = first_sentences(speech.text, LONGEST)
            why = unusable(speech, scene.speeches[at - 1] if at else None, reply)
            if why:
                dropped[why] += 1
                continue
            context = talk_before(scene.speeches[:at], character, turns)
            found.append(Exchange(scene.title, scene.work, scene.speeches[at - 1].speaker, context, reply, speech.text, at))
    return found, dropped


def unusable(speech: Speech, before: Speech | None, reply: str) -> str | None:
    if before is None:
        return "opens a scene: nothing was said to it"
    if speech.sung or before.sung:
        return "a song"
    if not re.search(r"\w", speech.text) or not re.search(r"\w", before.text):
        return "no word in it"
    return None if reply else f"one sentence of more than {LONGEST} words"


def talk_before(speeches: list[Speech], character: str, turns: int) -> list[dict]:
    talk: list[dict] = []
    for speech in reversed(speeches):
        role = "character" if speech.speaker == character else "user"
        text = last_sentences(speech.text, LONGEST) or " ".join(speech.text.split()[-LONGEST:])
        if speech.sung or not re.search(r"\w", text):
            break
        if talk and talk[-1]["role"] == role:
            continue
        talk.append({"role": role, "text": text})
        if len(talk) == turns:
            break
    return talk[::-1]


def split_by_scene(exchanges: list[Exchange], share: float, params: dict) -> list[tuple[str, str, float]]:
    """Sets `split`: whole parts of scenes are dev, in an order that is by their names alone, until dev has its share. Removes from
    `exchanges` those of train that are nearly one of dev, and returns them: (text, the one in dev, Jaccard index)."""
    count = Counter((one.work, one.scene) for one in exchanges)
    order = sorted(count, key=lambda scene: zlib.crc32(" ".join(scene).encode()))
    dev: set = set()
    for scene in order:
        taken = sum(count[one] for one in dev)
        # A part that would make dev more than twice its share is passed over.
        if taken < share * len(exchanges) and taken + count[scene] <= max(1, 2 * share * len(exchanges)):
            dev.add(scene)
    if not dev and len(order) > 1:
        dev = {min(order, key=lambda scene: count[scene])}
    for one in exchanges:
        one.split = "dev" if (one.work, one.scene) in dev else "train"
    train = [one for one in exchanges if one.split == "train"]
    near = near_duplicates([said(one) for one in train], [said(one) for one in exchanges if one.split == "dev"], params, "near-duplicates")
    twins = {id(train[i]) for i in near}
    exchanges[:] = [one for one in exchanges if id(one) not in twins]
    return list(near.values())


def said(one: Exchange) -> str:
    return f"{one.message} {one.reply}"


def runs(exchanges: list[Exchange], least: int = 2, most: int = 6) -> list[list[Exchange]]:
    """Talks of two: exchanges that follow one another speech by speech, with one other person, in the same part and on the same side."""
    found: list[list[Exchange]] = []
    for one in exchanges:
        last = found[-1][-1] if found else None
        follows = last and (last.work, last.scene, last.asker, last.split, last.at + 2) == (
            one.work,
            one.scene,
            one.asker,
            one.split,
            one.at,
        )
        if follows and len(found[-1]) < most:
            found[-1].append(one)
        else:
            found.append([one])
    return [run for run in found if len(run) >= least]
