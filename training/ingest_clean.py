"""What is spoken, apart from how: directions and asides go to `stage`, songs are marked, verse becomes prose, print becomes plain text."""

import re

from training.ingest_script import Scene, Speech

PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "—": "-", "–": "-", "\u00a0": " ", "\ufeff": None, "\u00ad": None, "…": None}
)
BRACKETS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)")
SINGS = re.compile(r"\b(?:sings?|singing|song|hums|humming)\b", re.IGNORECASE)
ASIDE = re.compile(r"\baside\b|\bto (?:him|her|them)self\b|\bto the audience\b", re.IGNORECASE)
UNHEARD = re.compile(rf"[\[(][^\])]*(?:{ASIDE.pattern})[^\])]*[\])].*?(?=[\[(][^\])]*\b(?:aloud|to [A-Z])|\Z)", re.IGNORECASE | re.DOTALL)
SENTENCE = re.compile(r"(?<=[.?!])(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bMs\.)(?<!\.\.\.)[\"')\]]*\s+(?=[\"'(]?[A-Z0-9])")


def clean(scene: Scene) -> Scene:
    """Speeches without a spoken word go, their directions to the one before."""
    words = {word for speech in scene.speeches for word in re.findall(r"(?<![.?!] )(?<!\n)\b[a-z]+\b", speech.text)}
    kept: list[Speech] = []
    for speech in scene.speeches:
        told = clean_text("[aside] " + speech.text if any(ASIDE.search(part) for part in speech.stage[:1]) else speech.text, words)
        stage = [part for part in (plain(part).strip("[]()_ ") for part in [*speech.stage, *told[1]]) if part]
        sung = speech.sung or "♪" in speech.text or any(SINGS.search(part) for part in stage[:2]) and speech.text.count("\n") >= 2
        name = clean_name(speech.speaker)
        if told[0] and name:
            kept.append(Speech(name, told[0], stage, sung))
        elif kept:
            kept[-1].stage += stage
    return Scene(scene.work, scene.title.strip(), kept)


def clean_text(text: str, words: set[str] = frozenset()) -> tuple[str, list[str]]:
    """(spoken, directions). A bracket that is never closed ends with its line."""
    # Nobody in the play hears an aside; it ends where somebody speaks aloud again.
    text = UNHEARD.sub(lambda found: "[aside]", text)
    text, stage = re.sub(r"(?<=\w)-\s+(?=[a-z])", "-", plain(text)), []
    for _ in range(3):  # one within the other
        stage += [found[1:-1].strip() for found in BRACKETS.findall(text)]
        text = BRACKETS.sub(" ", text)
    if open_bracket := re.search(r"[\[(][^\n]*", text):
        stage.append(open_bracket[0].strip("[]() "))
        text = text.replace(open_bracket[0], " ")
    text = re.sub(r"[\[\]()♪~*]|(?<!\w)_|_(?!\w)", "", text)
    # A line of verse begins with a capital; in prose that is a name.
    text = re.sub(r"(?<=[\w,;'-])\s*\n\s*([A-Z])([a-z]*)", lambda found: " " + verse_word(found, words), text)
    text = re.sub(r"\s+([,.;:?!])(?!\.)", r"\1", re.sub(r"\s+", " ", text))
    # What a direction between them leaves: "hear it. [Rising.]." and "hear it, [rising], and"
    text = re.sub(r"([?!,;:])[.,]+|(?<!\.)([.,])[.,](?!\.)", lambda found: found[1] or found[2], text)
    return text.strip(" -,;"), stage


def verse_word(found: re.Match, words: set[str]) -> str:
    word = found[1] + found[2]
    return word.lower() if word.lower() in words and word != "I" else word


def plain(text: str) -> str:
    text = re.sub(r"\s*(?:--+|—+)\s*", " - ", text.replace("…", "...")).translate(PLAIN)
    return re.sub(r"^\s*- ", "", text)


def clean_name(name: str) -> str:
    """ "LADY BRACKNELL (CONT'D)" → "Lady Bracknell" """
    name = re.sub(r"\s+", " ", re.sub(r"\([^)]*\)|\[[^\]]*\]|[_*:]", " ", name.translate(PLAIN))).strip(" .,-")
    return re.sub(r"[A-Za-z][A-Za-z']*", lambda word: word[0].capitalize(), name) if name.isupper() else name


def sentences(text: str) -> list[str]:
    return [part.strip() for part in SENTENCE.split(text) if part.strip()]


def first_sentences(text: str, most_words: int) -> str:
    """As many whole sentences from the beginning as have so many words together; '' where the first alone has more."""
    return within(sentences(text), most_words)


def last_sentences(text: str, most_words: int) -> str:
    return within(sentences(text)[::-1], most_words, back=True)


def within(parts: list[str], most_words: int, back: bool = False) -> str:
    taken: list[str] = []
    for part in parts:
        if sum(len(one.split()) for one in [*taken, part]) > most_words:
            break
        taken.append(part)
    return " ".join(taken[::-1] if back else taken)
