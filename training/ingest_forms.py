"""What a line says about itself by its words alone: does it react to what was said, state what is always true, or tell of the plot?"""

import re

from training.ingest_words import any_of, pattern, phrases

LEAD = r"^(?:(?:oh|ah|o|well|why|yes|no|but|and|now|then|so|pray|indeed|dear me),? )*"
ABOUT_SELF = re.compile(r"\b(?:I|I'm|I've|I'd|I'll|me|my|mine|myself)\b")
# What one says of oneself to show how something was taken. Everything else in the first person tells of the speaker's own day.
TAKES_IT = [
    re.compile(rf"\bI(?:'m| am| feel)(?: {any_of('however-much')})* {any_of('taken-as')}\b"),
    re.compile(rf"\bI (?:{any_of('may-be')} ?)*{any_of('takes-it')}\b"),
    pattern("of-oneself"),
]
OF_THE_PLOT = [pattern("tells"), pattern("to-you-before"), pattern("us")]
ORDERS = pattern("orders", r"^(?:(?:pray|please|kindly|now|just|do|well|then),? )*{}\b(?! (?:on|it|the truth)\b|, ?come|, ?now)")
OUTCRY = pattern("outcries", LEAD + r"{}(?: (?:indeed|then|now))?[.!?]+$")
OPEN_QUESTION = pattern("open-questions", LEAD + r"{}\b")
TAKES_NOTE = pattern("takes-note", LEAD + r"{}\b")
UNFINISHED = re.compile(r"\b(?:did|do|does|have|had|is|are|was|were|would|will|can|could|should)(?:n't| not)?[.!?]+$", re.IGNORECASE)
ONCE_WAS = re.compile(r"\b(?:was|were|had|did)\b", re.IGNORECASE)
HOLDS = re.compile(
    r"^I (?:have|'ve) always (?:been of (?:the )?opinion|thought|said|held|believed|maintained) that (?!you|he|she|it|this)", re.IGNORECASE
)
ALWAYS, ONCE, POINTS = pattern("always"), pattern("once"), pattern("points", r"^{}\b")
HALF = re.compile(r"\b(?:do|does|did) (?:that|it|so)\b|\b(?:into|for|of|with|about|to) (?:it|that)\b", re.IGNORECASE)
YOU = re.compile(r"\byou(?:r|'re)?\b", re.IGNORECASE)
AUXILIARIES = set(phrases("auxiliaries"))


def kind_of(line: str, general: set[str]) -> str | None:
    """ "reaction", "question", "maxim", or None for a line that belongs where it was said. `general` are words anybody uses."""
    words = re.findall(r"[a-z'-]+", line.lower())
    own = [word for word in words if len(word) > 3 and word not in general and word not in AUXILIARIES]
    if OUTCRY.match(line):
        if re.search(r"\bwhat an? ", line, re.IGNORECASE) and not set(words) - {"what", "a", "an", "oh"} <= general:
            return None
        return "question" if line.endswith("?") and OPEN_QUESTION.match(line) else "reaction"
    if len(words) < 3 or ORDERS.match(line) or of_the_plot(line, general):
        return None
    if line.endswith("?"):
        return "question" if OPEN_QUESTION.match(line) and len(own) <= 1 and len(words) <= 12 else None
    if HOLDS.match(line) and len(words) >= 8:
        return "maxim"
    if ABOUT_SELF.search(line):
        return "reaction" if any(form.search(line) for form in TAKES_IT) and not UNFINISHED.search(line) else None
    if is_maxim(line, words):
        return "maxim"
    # Of what was just said: "That is satisfactory", "It is very strange", "You are quite right".
    noted = TAKES_NOTE.match(line) and len(own) <= 1 and len(words) <= 14
    return "reaction" if noted and not UNFINISHED.search(line) and not ONCE_WAS.search(line) else None


def is_maxim(line: str, words: list[str]) -> bool:
    if len(words) < 5 or not ALWAYS.search(line):
        return False
    return not any(form.search(line) for form in (POINTS, HALF, ONCE, YOU))


def of_the_plot(line: str, general: set[str]) -> bool:
    """Tells what somebody did or will do, or points at what is not here."""
    return any(form.search(line) for form in OF_THE_PLOT) or points_at_things(line, general)


def points_at_things(line: str, general: set[str]) -> bool:
    """ "the programme", "my table", "that baby": something definite that only the play knows. "the primary duty of life" is none."""
    for found in re.finditer(r"\b(the|my|your|this|that|these|those)\s+([a-z'-]+)(?:\s+([a-z'-]+))?(?:\s+([a-z'-]+))?", line.lower()):
        determiner, *after = found.groups()
        after = [word for word in after if word]
        noun = next((i for i, word in enumerate(after) if word in AUXILIARIES), len(after))
        if determiner in ("this", "that") and (noun == 0 or after[0] in general or after[0].endswith("ly")):
            continue
        if "of" in after[1:] or any(word in general for word in after[: min(2, noun)]):
            continue
        return True
    return False
