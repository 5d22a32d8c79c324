"""The card of a character out of a script: Character Card V3, everything in it from the script itself."""

from collections import Counter

from training.ingest_exchanges import Exchange
from training.ingest_feelings import GROUP_OF
from training.ingest_lines import Line
from training.ingest_rows import Sayer
from training.ingest_script import Scene
from training.prepare import spread

GREETINGS, EXAMPLES = 4, 4


def card_of(
    name: str, scenes: list[Scene], exchanges: list[Exchange], lines: dict[str, list[Line]], sayer: Sayer, manifest: dict, description: str
) -> dict:
    first, *others = greetings(name, lines)
    works = list(dict.fromkeys(scene.work for scene in scenes))
    company = Counter(one.asker for one in exchanges).most_common(3)
    met = listed([other for other, _ in company])
    return {
        "spec": "chara_card_v3",
        "spec_version": "3.0",
        "data": {
            "name": name,
            "nickname": name,
            "description": description or f"{name}, as in {listed(works)}. Mostly in talk with {met}.",
            "personality": f"Speaks as in {listed(works)}: {manner(exchanges)}.",
            "scenario": f"Out of {listed(works)}, {name} talks with people who write in.",
            "first_mes": first,
            "mes_example": "\n".join(f"<START>\n{{{{user}}}}: {said}\n{{{{char}}}}: {reply}" for said, reply in examples(exchanges, sayer)),
            "creator_notes": "; ".join(f"{listed(one['works'])}: {one['source']}, {manifest['licence']}" for one in manifest["sources"]),
            "system_prompt": "",
            "post_history_instructions": "",
            "alternate_greetings": others,
            "group_only_greetings": [],
            "tags": ["troupe", "ingested"],
            "creator": "training/ingest.py",
            "character_version": "1.0.0",
            "extensions": {},
        },
    }


def greetings(name: str, lines: dict[str, list[Line]]) -> list[str]:
    """What it greets with; else a question that can be put to anyone, else what it holds to be always true; else its name."""
    for own in (
        lines.get("act greeting", []),
        *([line for found in lines.values() for line in found if line.kind == kind] for kind in ("question", "maxim")),
    ):
        if own:
            return [line.text for line in own][:GREETINGS]
    return [f"{name}."]


def examples(exchanges: list[Exchange], sayer: Sayer) -> list[tuple[str, str]]:
    """Middling long, from the whole script but what is held back: the card stands in a language model's prompt."""
    able = [one for one in exchanges if one.split == "train" and not sayer.unsayable(one) and 3 <= len(one.reply.split()) <= 50]
    return [sayer.spoken(one) for one in spread(able, EXAMPLES)]


def manner(exchanges: list[Exchange]) -> str:
    words = sorted(len(one.reply.split()) for one in exchanges)
    middle = words[len(words) // 2]
    length = "in a few words" if middle <= 8 else "in a sentence or two" if middle <= 25 else "at length"
    shown = [emotion for emotion, _ in Counter(one.emotions[-1] for one in exchanges).most_common(5) if GROUP_OF[emotion] != "calm"]
    return f"{length}, most often with {listed(shown[:3])}" if shown else length


def listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "nobody"
