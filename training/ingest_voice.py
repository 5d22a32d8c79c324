"""A character's own lines out of what it says: whole sentences, without whoever it speaks to, and which of them say nothing of the plot."""

import re
from collections import Counter

from training.ingest_clean import sentences
from training.ingest_script import Scene
from training.ingest_words import any_of, pattern, phrases

TITLES = any_of("titles")
# What must have come before for it to make sense; what is only half said.
HANGS = pattern("hangs", r"^{}(?!\w)")
PARTICULAR = {
    "somebody who is not here": pattern("absent"),
    "a number": pattern("numbers", r"\b{}\b|\d"),
    "a time, a thing at hand": pattern("now-and-here", r"\b{}\b|[\"£$]"),
}
CAPITAL = re.compile(rf"(?<=.)\b{TITLES}\b|(?<=[a-z,;] )(?!I\b|I'|God\b|Heaven\b|English\b|Christmas\b)[A-Z]")
# "Algernon, of course, can choose for himself" speaks of him, not to him.
ASIDE = r"(?:of course|however|indeed|too|I (?:think|suppose|fear|believe|hope|am sure)|at least|at any rate|who|whose|which|like|and|or)"
LEAD = r"(?:oh|ah|o|well|why|now|yes|no|come)"


def proper_names(scenes: list[Scene]) -> set[str]:
    """Words that stand with a capital in mid-sentence and nowhere without; the speakers' names."""
    texts = [speech.text for scene in scenes for speech in scene.speeches]
    lower = {word for text in texts for word in re.findall(r"\b[a-z][a-z'-]+", text)}
    inner = Counter(word for text in texts for word in re.findall(r"(?<=[a-z,;] )(?!I\b)[A-Z][a-z][\w'-]*", text))
    spoken = {word for scene in scenes for speech in scene.speeches for word in re.findall(r"[A-Z][\w'-]+", speech.speaker)}
    found = {*inner, *after_titles(texts), *spoken}
    return {re.sub(r"'s?$", "", word) for word in found if word.lower() not in lower or word in spoken}


def people_of(scenes: list[Scene], names: set[str]) -> set[str]:
    """Those of the names that are somebody's: of who speaks, or after a title. The others are towns, months and papers."""
    texts = [speech.text for scene in scenes for speech in scene.speeches]
    spoken = {word for scene in scenes for speech in scene.speeches for word in re.findall(r"[A-Z][\w'-]+", speech.speaker)}
    return {name for name in names if name in spoken | after_titles(texts)}


def after_titles(texts: list[str]) -> set[str]:
    title = rf"\b(?:(?:Mr|Mrs|Ms|Dr|St)\.|{TITLES}) ([A-Z][a-z][\w'-]*)"
    return {re.sub(r"'s?$", "", word) for text in texts for word in re.findall(title, text)}


class Voice:
    """What belongs to one script: its names."""

    def __init__(self, scenes: list[Scene]):
        self.names = proper_names(scenes) - set(phrases("titles"))
        name = "|".join(sorted(map(re.escape, self.names), key=len, reverse=True)) or r"(?!)"
        soft = r"(?:(?:my|dear|dearest|darling|poor|good|old|young|own|sweet|gentle|noble|brave) )*"
        named = rf"{soft}(?:{TITLES}\.? )*(?:{name})(?:(?: (?:of )?|-)(?:{name}))*"
        someone = rf"(?:{named}|{TITLES}\b|{any_of('addressed')}|(?:my )?(?:dear|dearest|darling))"
        self.named = re.compile(rf"\b(?:{name})\b")
        self.people = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, people_of(scenes, self.names)), reverse=True)) or '(?!)'})\b")
        self.first = re.compile(rf"^(?:({LEAD}),? )?(?:{someone})(?:, (?:{someone}))?[,!:] +(?!{ASIDE}\b)(?=\w)", re.IGNORECASE)
        self.alone = re.compile(rf"^(?:{someone})[.!?]*$", re.IGNORECASE)
        self.inner = re.compile(rf", (?:{someone})(?=[,;:.?!]|$)(?:, (?=\w)(?!and\b|but\b|or\b))?", re.IGNORECASE)

    def to_anyone(self, text: str) -> str:
        """ "Good day, dear Algernon, are you well?" → "Good day, are you well?" Sentences that are only a name go."""
        kept = []
        for sentence in sentences(text):
            if self.alone.match(sentence):
                continue
            bare = self.first.sub(lambda found: f"{found[1]}, " if found[1] else "", sentence)
            bare = self.inner.sub(lambda found: ", " if found[0].endswith(", ") else "", bare).strip()
            if bare and re.search(r"\w", bare):
                kept.append(bare[0].upper() + bare[1:])
        return " ".join(kept)

    def excerpts(self, text: str, most_words: int) -> list[str]:
        """Runs of up to three whole sentences, each as far as `most_words` go."""
        found, parts = [], sentences(self.to_anyone(text))
        for at in range(len(parts)):
            for size in (1, 2, 3):
                run = " ".join(parts[at : at + size])
                if at + size <= len(parts) and len(run.split()) <= most_words and (size == 1 or len(parts[at + size - 2].split()) <= 9):
                    found.append(run)
        return found

    def particular(self, text: str) -> str | None:
        """Why it says something of the play that nobody outside could know; None for a line that could be said to anyone."""
        if self.named.search(text):
            return "a name"
        for why, form in PARTICULAR.items():
            if form.search(text):
                return why
        if HANGS.match(text):
            return "hangs on what came before"
        if CAPITAL.search(text):
            return "a name"
        return "half a sentence" if not re.search(r"[.?!]$", text) or re.search(r"\w - \w+ - |- ?[.?!]$", text) else None
