"""The rows of the files: what `lines` says from (in the format of characters/), and what a language model trains on."""

import re
from collections import Counter
from dataclasses import dataclass

from training.ingest_clean import first_sentences, last_sentences, sentences
from training.ingest_exchanges import Exchange, runs
from training.ingest_feelings import FACES, GROUP_OF, LOW, Readings
from training.ingest_forms import of_the_plot
from training.ingest_lines import KIND, SURPRISED, Line
from training.ingest_voice import Voice

ASKED, SAID = 40, 60  # words of a message and a reply in lines mode: nobody writes more to a chat, nobody reads more
FEW = 4  # words; a message of no more is like a great many
LOWEST = 0.3  # of the low feelings together: from here on somebody may be hurt


def exchange_rows(slug: str, exchanges: list[Exchange], sayer: "Sayer", alone: set[str]) -> tuple[list[dict], Counter]:
    """What is said to a message that is really alike, and how many exchanges are for training only, by why. No reply stands twice: `alone`
    are the lines that are said by themselves."""
    rows, left, told = [], Counter(), {plain(text) for text in alone}
    for one in exchanges:
        asked, said = sayer.spoken(one)
        if why := sayer.unsayable(one) or ("said elsewhere already" if plain(said) in told else None):
            left[why] += 1
            continue
        told.add(plain(said))
        turns = [{"role": "user", "text": asked}, {"role": "character", "text": said, "expression": FACES[one.emotions[-1]]}]
        rows.append({"id": f"{slug}-x{len(rows) + 1:04}", "character": slug, "emotion": one.emotions[-2], "turns": turns})
    return rows, left


def conversation_rows(slug: str, exchanges: list[Exchange], sayer: "Sayer") -> list[dict]:
    """Talks of two, as far as each turn may be said to anyone."""
    rows = []
    for run in runs([one for one in exchanges if not sayer.unsayable(one)]):
        turns = []
        for one in run:
            asked, said = sayer.spoken(one)
            turns.append({"role": "user", "emotion": one.emotions[-2], "text": asked})
            turns.append({"role": "character", "expression": FACES[one.emotions[-1]], "text": said})
        rows.append({"id": f"{slug}-c{len(rows) + 1:03}", "character": slug, "turns": turns})
    return rows


@dataclass
class Sayer:
    """What of the script may be said outside it."""

    voice: Voice
    general: set[str]  # words anybody uses
    read: Readings  # of every message and reply

    def spoken(self, one: Exchange) -> tuple[str, str]:
        return last_sentences(self.voice.to_anyone(one.message), ASKED), first_sentences(self.voice.to_anyone(one.reply), SAID)

    def unsayable(self, one: Exchange) -> str | None:
        """Why it is for training only. A reply that tells of the plot goes with a message that is about the same, never with "yes"."""
        asked, said = self.spoken(one)
        if not re.search(r"\w", asked) or not re.search(r"\w", said):
            return "a sentence too long, or nothing but a name"
        if self.read.unsafe(one.reply):
            return "would not pass the safety check"
        hurt = self.read.low(one.message) >= LOWEST or GROUP_OF[one.emotions[-2]] in LOW
        if hurt and not KIND.search(said) and one.emotions[-1] not in ("caring", "sadness", "grief"):
            return "not kind enough to somebody who may be hurt"
        if self.voice.people.search(said):
            return "names somebody of the play"
        plot = self.voice.particular(said) or any(of_the_plot(sentence, self.general) for sentence in sentences(said))
        return "of the plot, to a few words that anybody may say" if len(asked.split()) <= FEW and plot else None


def line_rows(slug: str, mark: str, chosen: dict[str, list[Line]]) -> list[dict]:
    """Universal lines ("emotion joy", "act greeting") or replies to situations, in the order of their names."""
    rows = []
    for name in sorted(chosen):
        for line in chosen[name]:
            of = dict([name.split(" ", 1)]) if mark == "u" else {"situation": name}
            row = {"id": f"{slug}-{mark}{len(rows) + 1:03}", "character": slug, **of}
            rows.append(row | {"expression": face_of(line), "text": line.text})
    return rows


def face_of(line: Line) -> str:
    """What is always true is said with a straight face, whatever words it is made of."""
    if line.kind == "maxim":
        return "neutral"
    return "surprise" if SURPRISED.search(line.text) else FACES[line.emotion]


def training_rows(slug: str, exchanges: list[Exchange]) -> list[dict]:
    return [
        {
            "character": slug,
            "context": [turn | {"emotion": emotion} for turn, emotion in zip(one.context, one.emotions, strict=False)],
            "reply": one.reply,
            "emotion": one.emotions[-1],
        }
        for one in exchanges
    ]


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()
