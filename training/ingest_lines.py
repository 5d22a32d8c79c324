"""Which of a character's own lines it says to whom: lines for a feeling or an act, lines for one of the troupe's situations.

A wrong particular is worse than a plain word, and lightness towards somebody who is low worse than either: what is not sure is left out,
and plain lines stand in (inference/src/lines/plain.ts).
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import numpy as np

from training.ingest_answers import Answers, features
from training.ingest_clean import sentences
from training.ingest_feelings import BRIGHT, GROUP_OF, GROUPS, LOW, shown, unsafe
from training.ingest_forms import YOU, kind_of, of_the_plot
from training.ingest_voice import Voice
from training.ingest_words import pattern
from training.shipped import Reader, Reading

KIND, REFUSES, SURPRISED = pattern("kind"), pattern("refuses"), pattern("surprised")
REJOICES, DISMISSES = pattern("rejoices"), pattern("dismisses")
# Said of loss and death, only the kindest words are right; said of a kind of people, only where somebody asks about them.
LOSS, PEOPLE = pattern("loss"), pattern("people")
GREETS, PARTS = pattern("greeting", r"^(?:(?:oh|ah|well|why),? )?{}\b"), pattern("goodbye")
# By short name: how its description in universal.jsonl begins, how sure the line by itself must be of it, what it must say.
ACTS = {
    "greeting": ("greeting", 0.02, GREETS),
    "goodbye": ("goodbye", 0.05, PARTS),
    "thanks": ("accepts thanks", 0.0, pattern("thanks")),
    "congratulation": ("congratulates", 0.05, pattern("congratulation")),
    "unclear": ("asks the person to say more", 0.0, pattern("unclear")),
}
LEFT_ALONE = pattern("left-alone", "^{}$")
SURE = {
    "situation": 0.2,
    "maxim": 0.15,
    "agreed": 0.13,
    "topic": 0.28,
    "topical": 0.42,
    "low": 0.45,
    "emotion": 0.24,
    "demanding": 0.4,
    "said": 0.72,
}
MOST = {"universal": 12, "situation": 3}
SHORT = 24  # words of a line that is said to anyone


@dataclass
class Line:
    text: str
    emotion: str  # that it shows itself
    place: int  # which of the character's speeches it is from
    begins: bool = False  # that speech begins with it
    kind: str | None = None  # as in ingest_forms
    plot: bool = False  # tells of the plot, or points at what only the plot knows
    topical: bool = False  # speaks of what a situation is about
    why: float = 0.0  # how sure


def own_lines(speeches: list[str], voice: Voice, reader: Reader, general: set[str]) -> tuple[list[Line], Reading, Counter]:
    """Every excerpt that could be said to a stranger and offends nobody, with its reading, and how many were left out by why."""
    found: dict[str, Line] = {}
    left = Counter()
    for place, speech in enumerate(speeches):
        for text in voice.excerpts(speech, SHORT):
            if text in found:
                continue
            if why := voice.particular(text):
                left[why] += 1
                continue
            kinds = [kind_of(sentence, general) for sentence in sentences(text)]
            plot = any(of_the_plot(sentence, general) for sentence in sentences(text))
            begins = voice.to_anyone(speech).startswith(text)
            found[text] = Line(text, "neutral", place, begins, kinds[0] if all(kinds) else None, plot)
    lines = list(found.values())
    if not lines:
        return [], Reading(np.zeros((0, 384)), np.zeros((0, 28)), None), left
    reading = reader.read([line.text for line in lines])
    kept = []
    for i, line in enumerate(lines):
        line.emotion = shown(reader.config, reading.emotion[i])
        if LOSS.search(line.text) and not KIND.search(line.text):
            left["of loss or death"] += 1
        elif unsafe(reader.config, None if reading.safety is None else reading.safety[i]):
            left["would not pass the safety check"] += 1
        else:
            kept.append(i)
    safety = None if reading.safety is None else reading.safety[kept]
    return [lines[i] for i in kept], Reading(reading.embedding[kept], reading.emotion[kept], safety), left


def universal(lines: list[Line], reading: Reading, answers: Answers) -> dict[str, list[Line]]:
    """ "emotion joy" or "act greeting" → its lines, the surest first. A line stands for one of them."""
    p = answers.occasion.of(features(reading)) if lines else np.zeros((0, len(answers.occasion.names)))
    at = {name: i for i, name in enumerate(answers.occasion.names)}
    acts = {short: next((i for name, i in at.items() if name.startswith(f"act {begins}")), None) for short, (begins, *_) in ACTS.items()}
    chosen: dict[str, list[Line]] = defaultdict(list)
    for line, row in zip(lines, p, strict=True):
        act = next(
            (short for short, (_, floor, form) in ACTS.items() if form.search(line.text) and sure_of(row, acts[short]) >= floor), None
        )
        if act and len(line.text.split()) <= 16:
            chosen[f"act {act}"].append(replace(line, why=sure_of(row, acts[act])))
            continue
        if line.kind is None:
            continue
        best = max(((worth(line, emotion, row, at), emotion) for emotion in GROUP_OF if f"emotion {emotion}" in at), default=(0, ""))
        if best[0] > 0:
            chosen[f"emotion {best[1]}"].append(replace(line, why=float(best[0])))
    # "Good morning!" is right for half a day; where it has more to greet with, that is left to who says good morning.
    if longer := [line for line in chosen["act greeting"] if len(line.text.split()) >= 3]:
        chosen["act greeting"] = longer
    surest = sorted(((name, line) for name, found in chosen.items() for line in found), key=lambda pair: -pair[1].why)
    kept = set(map(id, without_twins([line for _, line in surest])))
    found = {name: [line for line in sorted(lines, key=lambda line: -line.why) if id(line) in kept] for name, lines in chosen.items()}
    return {name: lines[: MOST["universal"]] for name, lines in found.items() if lines}


def sure_of(row: np.ndarray, at: int | None) -> float:
    return 0.0 if at is None else float(row[at])


def worth(line: Line, emotion: str, row: np.ndarray, at: dict[str, int]) -> float:
    """How well a line answers whatever is felt so; 0 where it must not. Its own feeling has to go with the other's."""
    group, own = GROUP_OF[emotion], GROUP_OF[line.emotion]
    alone = row[at[f"emotion {emotion}"]]
    together = sum(row[at[f"emotion {other}"]] for other in GROUPS[group] if f"emotion {other}" in at)
    score = 0.5 * alone + 0.5 * together
    if SURPRISED.search(line.text) and line.kind == "reaction":
        return 0.5 + score if emotion == "surprise" else 0.0
    you = YOU.search(line.text)
    if you and own == "cross":
        return 0.0  # it would scold whoever speaks
    if line.kind == "maxim" and line.topical:
        return 0.0  # only where somebody speaks of that
    if group in LOW | BRIGHT | {"cross"} and DISMISSES.search(line.text):
        return 0.0
    if group in LOW:
        # Only what is kind in so many words.
        kind = KIND.search(line.text) is not None or line.emotion == "caring"
        return score if kind and own not in ("cross", "glad") and line.kind == "reaction" and score >= SURE["emotion"] else 0.0
    if group == "cross":
        fits = (own in ("cross", "open") or line.emotion == "neutral") and not KIND.search(line.text) and line.kind != "question"
        return score if fits and not you and score >= SURE["emotion" if own == "cross" else "demanding"] else 0.0
    if group in BRIGHT:
        refuses = REFUSES.search(re.sub(r"not un|no doubt|can(?:no|')t deny|never better", "", sentences(line.text)[0]))
        score += 0.3 if group == "glad" and REJOICES.search(line.text) else 0
        return score if own in BRIGHT and not refuses and line.kind == "reaction" and score >= SURE["emotion"] else 0.0
    if group == "open":
        fits = own in ("open", "calm") and not KIND.search(line.text)
        return (
            score + (0.2 if line.kind == "question" else 0)
            if fits and score >= SURE["emotion"] / (2 if line.kind == "question" else 1)
            else 0.0
        )
    # Whatever is said without much feeling: what is always true, and what takes note.
    if line.kind == "maxim":
        return 0.15 + score if own not in ("hurt", "afraid") and not PEOPLE.search(line.text) else 0.0
    return score if score >= SURE["emotion"] and own in ("calm", "warm", "open") and line.kind == "reaction" else 0.0


def for_situations(
    lines: list[Line], reading: Reading, answers: Answers, asked: dict[int, np.ndarray], vectors: dict[str, np.ndarray]
) -> dict[str, list[Line]]:
    """Situation → own lines that answer it, the surest first: where the line by itself says so, or where it began the answer to such a
    message in the play. `asked`: by place, the embedding of what the speech answered; `vectors`: by situation."""
    emotion_of = {one["id"]: one["emotion"] for one in answers.situations}
    names = answers.situation.names
    p = answers.situation.of(reading.embedding) if lines else np.zeros((0, len(names)))
    chosen: dict[str, list[Line]] = defaultdict(list)
    order = list(vectors)
    matrix = np.stack([vectors[name] for name in order]) if vectors else np.zeros((0, reading.embedding.shape[1]))
    for line, row, embedding in zip(lines, p, reading.embedding, strict=True):
        near = {}
        if line.begins and line.place in asked:
            near = {name: float(asked[line.place] @ vectors[name]) for name in names if name in vectors}
        # A second witness: the line speaks of what the situation is about.
        cosine = dict(zip(order, matrix @ embedding, strict=True))
        about = sorted(order, key=lambda one: -cosine[one])[:3]
        score = {
            name: float(row[i])
            + (0.2 if near.get(name, 0) >= SURE["said"] else 0)
            + (0.6 * max(0.0, float(cosine.get(name, 0)) - 0.25) if line.kind == "maxim" else 0)
            for i, name in enumerate(names)
        }
        name = max(score, key=score.get)
        line.topical = bool(about) and (score[name] >= SURE["agreed"] or cosine[about[0]] >= SURE["topical"])
        if not LEFT_ALONE.match(name) and answers_it(line, emotion_of[name], score[name], name in about):
            chosen[name].append(replace(line, why=score[name]))
    return {name: without_twins(sorted(found, key=lambda line: -line.why))[: MOST["situation"]] for name, found in chosen.items()}


def answers_it(line: Line, emotion: str, sure: float, agreed: bool) -> bool:
    group, own = GROUP_OF[emotion], GROUP_OF[line.emotion]
    you = YOU.search(line.text)
    if not line.kind and re.match(r"^(?:it|that|this)\b", line.text, re.IGNORECASE):
        return False  # of something that was said before
    if len(line.text.split()) < 3 and not GREETS.search(line.text) and not PARTS.search(line.text):
        return False  # an echo of one word
    if own == "cross" and (you or group in LOW or group in BRIGHT):
        return False
    if group in LOW:
        return sure >= SURE["low"] and (KIND.search(line.text) is not None or line.emotion == "caring")
    if group in BRIGHT and own in LOW:
        return False
    floor = SURE["maxim" if line.kind == "maxim" else "situation" if line.kind else "topic"]
    return not line.plot and sure >= (SURE["agreed"] if agreed and line.kind else floor)


def without_twins(lines: list[Line]) -> list[Line]:
    """Of lines that are part of one another, or come from the same breath, the surer one."""
    kept: list[Line] = []
    for line in lines:
        if not any(
            line.text in other.text or other.text in line.text or line.place == other.place and shares(line.text, other.text)
            for other in kept
        ):
            kept.append(line)
    return kept


def shares(one: str, other: str) -> bool:
    return bool(set(sentences(one)) & set(sentences(other)))
