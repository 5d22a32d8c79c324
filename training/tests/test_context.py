"""What is compared of a conversation, and that what is learned is judged on others."""

import numpy as np

from training import context


def say(role: str, text: str, emotion: str = "joy") -> dict:
    return {"role": role, "text": text} | ({"emotion": emotion} if role == "user" else {})


def test_a_message_is_compared_where_it_follows_an_answer_to_one_of_theirs():
    talk = [say("character", "Hi."), say("user", "he left", "grief"), say("character", "Oh no."), say("user", "i'm fine", "sadness")]
    talk += [say("user", "really"), say("character", "Sure?")]
    (found,) = context.turns([{"id": "a", "turns": talk}])
    assert found == context.Turn("a", "sadness", "i'm fine", "he left", "grief", "Oh no.")


def test_a_conversation_is_judged_by_what_others_taught():
    talks = np.repeat(np.arange(20), 5).astype(str)
    y = np.arange(20).repeat(5) % 2
    x = (2.0 * y - 1)[:, None] + np.random.default_rng(0).normal(0, 0.1, (100, 1))
    assert (context.learned(x, y, talks).argmax(1) == y).all()
    own = np.eye(20)[talks.astype(int)]  # says which conversation it is, and nothing else: nothing to be learned from others
    assert (context.learned(own, y, talks).argmax(1) == y).mean() < 0.7


def test_a_gain_of_one_conversation_alone_is_not_sure():
    talks = np.repeat(["a", "b", "c", "d"], 25)
    low, _ = context.interval((talks == "a").astype(float), talks)
    assert low == 0
    assert context.interval(np.ones(100), talks) == (1, 1)
