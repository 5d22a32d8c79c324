"""Which lines could be said to a stranger, going by their words; whom a line is said to is taken off, whom it speaks of is not."""

import pytest

from training.ingest_forms import kind_of
from training.ingest_script import Scene, Speech
from training.ingest_voice import Voice

SPEECHES = [
    Speech("Algernon", "Did you hear the carriage, Lane? I told Lord Bolton I heard it. Yes, Sir. Then it went."),
    Speech("Lady Bracknell", "Good afternoon, dear Algernon, I hope you are well. Mr. Bunbury was in London on Monday, I hear."),
]
VOICE = Voice([Scene("Play", "I", SPEECHES)])
GENERAL = set(
    [
        "that",
        "this",
        "is",
        "very",
        "strange",
        "quite",
        "what",
        "mean",
        "glad",
        "hear",
        "good",
        "idea",
        "matter",
        "different",
        "think",
        "know",
        "never",
        "great",
        "old",
        "young",
        "right",
    ]
)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Good afternoon, dear Algernon, I hope you are well.", "Good afternoon, I hope you are well."),
        ("Algernon! Sit down, sir.", "Sit down."),
        ("Oh, Lady Bracknell, how good of you!", "Oh, how good of you!"),
        ("My dear Algernon, that is absurd.", "That is absurd."),
        ("Algernon, of course, can choose for himself.", "Algernon, of course, can choose for himself."),
        ("I met Algernon in London.", "I met Algernon in London."),
        ("No, mamma.", "No."),
        ("Algernon.", ""),
    ],
)
def test_whom_it_is_said_to_is_taken_off(said, left):
    assert VOICE.to_anyone(said) == left


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Mr. Bunbury is ill.", "a name"),
        ("Algernon is late.", "a name"),
        ("He never comes.", "somebody who is not here"),
        ("It is nearly seven.", "a number"),
        ("Dinner is at eight o'clock.", "a number"),
        ("Tomorrow will do.", "a time, a thing at hand"),
        ("And that is why.", "hangs on what came before"),
        ("I never - I mean -", "half a sentence"),
        ("That is quite different.", None),
    ],
)
def test_what_nobody_outside_would_understand_is_told_apart(text, why):
    assert VOICE.particular(text) == why


def test_people_are_told_from_places():
    assert VOICE.people.search("I saw Bunbury") and VOICE.people.search("I saw Algernon") and not VOICE.people.search("I saw London")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("I am very glad to hear it.", "reaction"),
        ("That is very strange.", "reaction"),
        ("Good heavens!", "reaction"),
        ("What do you mean?", "question"),
        ("The truth is rarely pure and never simple.", "maxim"),
        ("I have always been of opinion that a man should know either everything or nothing.", "maxim"),
        ("I won it.", None),
        ("I have sold the boat.", None),
        ("You promised to marry me.", None),
        ("The programme is delightful.", None),
        ("We have not a moment to lose.", None),
        ("Sit down immediately.", None),
        ("How many bedrooms?", None),
        ("Where is that baby?", None),
    ],
)
def test_a_line_is_known_by_its_form(line, kind):
    assert kind_of(line, GENERAL | {"truth"}) == kind
