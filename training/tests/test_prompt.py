import json

from training.data import CHARACTERS, ROOT
from training.prompt import Card, Moment, build, read_card


def test_prompts_are_those_that_the_worker_builds():
    for case in json.loads((ROOT / "inference" / "src" / "fixtures" / "training-prompts.json").read_text(encoding="utf-8")):
        moment = case["moment"] | {"detected": tuple(case["moment"]["detected"]), "history": tuple(map(tuple, case["moment"]["history"]))}
        assert build(Card(**case["card"]), Moment(**moment), case["exemplars"], case["budget"]) == case["messages"], case["name"]


def test_a_card_is_read_with_its_macros_replaced():
    card = read_card(CHARACTERS / "june" / "card.json")
    assert card.nickname == "June" and "{{" not in card.personality + card.scenario
