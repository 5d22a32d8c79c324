"""The phrases of ingest_words.yaml as patterns."""

import re
from functools import cache
from pathlib import Path

import yaml


def phrases(name: str) -> list[str]:
    return [phrase.strip() for phrase in re.split(r"\s\|\s|\n", _read()[name]) if phrase.strip()]


def any_of(name: str) -> str:
    return f"(?:{'|'.join(phrases(name))})"


def pattern(name: str, form: str = r"\b{}\b") -> re.Pattern:
    """`form` has {} where the phrases go."""
    return re.compile(form.replace("{}", any_of(name)), re.IGNORECASE)


@cache
def _read() -> dict[str, str]:
    return yaml.safe_load((Path(__file__).parent / "ingest_words.yaml").read_text(encoding="utf-8"))
