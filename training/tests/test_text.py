"""Emoji become words before the tokenizer."""

import pytest

from training.text import emoji_names, to_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ok 👍", "ok thumbs up"),
        ("yes👍🏽👍no", "yes thumbs up thumbs up no"),
        ("❤️ ❤", "red heart red heart"),
        ("❤️‍🔥", "heart on fire"),
        ("👨‍👩‍👧", "family man woman girl"),
        ("🇫🇷 1️⃣ 1 #", "France keycap 1 1 #"),
        ("  a\n\t b\u3000\u0085c\u001fd ", "a b c d"),
        ("plain café", "plain café"),
        ("🏽\ufe0f", ""),
        ("🇫", "🇫"),
    ],
)
def test_turns_emoji_into_words(text, words):
    assert to_words(text) == words


def test_names_hold_base_forms_only():
    names = emoji_names()
    assert len(names) > 1800
    assert not any(0x1F3FB <= ord(character) <= 0x1F3FF or character == "\ufe0f" for name in names for character in name)
    assert not any("skin tone" in words or "_" in words or ":" in words for words in names.values() if words != ":")


def test_is_the_same_when_done_twice():
    assert all(to_words(to_words(sequence)) == to_words(sequence) for sequence in emoji_names())
