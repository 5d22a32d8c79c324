"""The golden texts: so many, and of every situation there is, however few wordings it has."""

from training.golden import COUNT, golden_texts


def test_situations_with_few_wordings_are_drawn_from_as_well():
    counts = {"lone": 1, "quad": 4, "hept": 7}
    found = [{"examples": [f"{name} {i}" for i in range(count)]} for name, count in counts.items()]
    texts = golden_texts(found)
    drawn = {name: {text for text in texts if text.startswith(f"{name} ")} for name in counts}
    assert len(texts) == COUNT
    assert {name: len(of) for name, of in drawn.items()} == counts
