"""What happens to a text before it is tokenised: emoji become words. The TypeScript side does the same, letter for letter."""

import re
from functools import cache

import emoji

DROPPED = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # variation selector 16 and the five skin tones
SKIN = re.compile(r" (?:light|medium-light|medium|medium-dark|dark) skin tone")
SPACE = re.compile(r"\s+")


@cache
def emoji_names() -> dict[str, str]:
    """Base form (no variation selector, no skin tone) → CLDR short name in words, as emoji.json holds it."""
    names = {}
    for sequence, data in emoji.EMOJI_DATA.items():
        base = DROPPED.sub("", sequence)
        if base and data["status"] <= emoji.STATUS["fully_qualified"]:
            # A few sequences exist with skin tones alone; their names lose them too.
            names.setdefault(base, SKIN.sub("", data["en"].strip(":").replace("_", " ")))
    return names


@cache
def _pattern() -> re.Pattern:
    return re.compile("|".join(map(re.escape, sorted(emoji_names(), key=len, reverse=True))))


def to_words(text: str) -> str:
    """ "nice 👍🏽" → "nice thumbs up"; white space collapsed and trimmed."""
    names = emoji_names()
    text = _pattern().sub(lambda match: f" {names[match[0]]} ", DROPPED.sub("", text))
    return SPACE.sub(" ", text).strip(" ")
