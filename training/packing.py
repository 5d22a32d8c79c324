"""Prompts and replies as tokens, and many of one character in one row: what they begin with alike (the card) is computed once.

Each example sees that beginning and itself, and its positions are those it would have alone, so that the loss is the same as one by one.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from training.generator_rows import Exemplars, Told
from training.prompt import Card, Moment, build


@dataclass
class Example:
    ids: list[int]
    begins: int  # where the reply does; nothing before it counts for the loss
    kind: str = ""


class Renderer:
    """Turns a reply to learn into tokens, as the base's template has it. `context` tokens hold prompt and reply."""

    def __init__(self, tokenizer, cards: dict[str, Card], kind: str, context: int, prompt_tokens: int):
        self.tokenizer, self.cards, self.kind, self.context, self.prompt_tokens = tokenizer, cards, kind, context, prompt_tokens
        self.too_long = 0
        self.end = end_of_reply(tokenizer)

    def example(self, row: Told, moment: Moment, exemplars: list[str]) -> Example | None:
        """None, counted in `too_long`, where even the card and the last message do not fit."""
        reply = [*self.ids(row.reply), self.end]
        ids = self.fitting(row.character, moment, exemplars, self.context - len(reply))
        if ids is None:
            self.too_long += 1
            return None
        return Example(ids + reply, len(ids), row.kind)

    def fitting(self, slug: str, moment: Moment, exemplars: list[str], most: int) -> list[int] | None:
        """The prompt's ids, at most so many: exemplars and the oldest utterances go first, the card and the last message never do."""
        budget = min(self.prompt_tokens, most)
        while True:
            messages = self.messages(slug, moment, exemplars, budget)
            ids = self.ids(self.text(messages))
            if len(ids) <= most:
                return ids
            if budget < 0:
                return None
            # The budget counts roughly; what it counts wrongly is taken off it.
            budget = min(budget - (len(ids) - most), budget - 16) if budget > 16 else -1

    def messages(self, slug: str, moment: Moment, exemplars: list[str], budget: int) -> list[dict]:
        if self.kind == "chat":
            return build(self.cards[slug], moment, exemplars, budget)
        felt = next((label for label in moment.detected if label != "neutral"), "neutral")
        whole = build(self.cards[slug], moment, exemplars, budget)
        return [{"role": "system", "content": f"{slug}<|emotion|>{felt}"}, *whole[1:]]

    def text(self, messages: list[dict]) -> str:
        return self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    def ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False).input_ids


def end_of_reply(tokenizer) -> int:
    """The token that the template ends a turn with, which need not be the tokenizer's own end."""
    talk = [{"role": "user", "content": "asked"}, {"role": "assistant", "content": "answered"}]
    after = tokenizer.apply_chat_template(talk, tokenize=False).rpartition("answered")[2]
    ids = tokenizer(after, add_special_tokens=False).input_ids
    return ids[0] if ids and ids[0] in tokenizer.all_special_ids else tokenizer.eos_token_id


def examples(
    rows: list[Told], renderer: Renderer, exemplars: Exemplars, share: float, most: int, key: str
) -> Iterator[tuple[str, Example]]:
    """(character, example) in a random order that `key` decides, as it does each wording and exemplar: the same ones at every call."""
    order = list(range(len(rows)))
    random.Random(key).shuffle(order)
    for i in order:
        drawn = random.Random(f"{key} {i}")
        moment = rows[i].moment(drawn)
        shown = exemplars.near(rows[i], moment.text, most, drawn) if drawn.random() < share else []
        if example := renderer.example(rows[i], moment, shown):
            yield rows[i].character, example


@dataclass
class Pack:
    examples: list[Example]
    shared: int  # tokens that all of them begin with

    @property
    def tokens(self) -> int:
        return self.shared + sum(len(example.ids) - self.shared for example in self.examples)


def packs(found: Iterator[tuple[str, Example]], tokens: int, share: bool) -> Iterator[Pack]:
    """Rows of at most so many tokens, each of one character's examples, in the order they fill. An example alone may be longer."""
    open_packs: dict[str, Pack] = {}
    for slug, example in found:
        pack = open_packs.get(slug)
        if pack is None:
            open_packs[slug] = Pack([example], example.begins)
            continue
        joined = Pack([*pack.examples, example], alike(pack.examples[0].ids, example.ids, min(pack.shared, example.begins)))
        if share and joined.tokens <= tokens:
            open_packs[slug] = joined
        else:
            yield pack
            open_packs[slug] = Pack([example], example.begins)
    yield from open_packs.values()


def dev_packs(rows: list[Told], renderer: Renderer, exemplars: Exemplars, params: dict, share: bool) -> list[Pack]:
    """`devReplies` altogether, as many of each kind, the same ones at every call, without exemplars."""
    kinds = sorted({row.kind for row in rows})
    chosen = []
    for kind in kinds:
        mine = [row for row in rows if row.kind == kind]
        chosen += random.Random(0).sample(mine, min(len(mine), params["devReplies"] // len(kinds)))
    return list(packs(examples(chosen, renderer, exemplars, 0, 0, "dev"), params["tokens"], share))


def alike(a: list[int], b: list[int], most: int) -> int:
    return next((i for i in range(most) if a[i] != b[i]), most)


def losses(model, pack: Pack, device: torch.device) -> list[torch.Tensor]:
    """Of each example, the cross-entropy of its reply's tokens."""
    shared = pack.shared
    ids, positions, owner = list(pack.examples[0].ids[:shared]), list(range(shared)), [-1] * shared
    asked, targets = [], []  # rows of the output, and the tokens that have to come of them
    for number, example in enumerate(pack.examples):
        first = len(ids) - shared  # what an own place in the example is moved by
        for place in range(example.begins, len(example.ids)):
            asked.append(place - 1 + first if place - 1 >= shared else place - 1)
            targets.append(example.ids[place])
        ids += example.ids[shared:]
        positions += range(shared, len(example.ids))
        owner += [number] * (len(example.ids) - shared)
    owners = torch.tensor(owner, device=device)
    earlier = torch.ones(len(ids), len(ids), dtype=torch.bool, device=device).tril()
    seen = earlier & ((owners[None] == -1) | (owners[None] == owners[:, None]))
    output = model(
        input_ids=torch.tensor([ids], device=device),
        attention_mask=seen[None, None],
        position_ids=torch.tensor([positions], device=device),
        logits_to_keep=torch.tensor(asked, device=device),
        use_cache=False,
    )
    found = F.cross_entropy(output.logits[0].float(), torch.tensor(targets, device=device), reduction="none")
    return list(found.split([len(example.ids) - example.begins for example in pack.examples]))


@torch.no_grad()
def perplexities(model, found: list[Pack], device: torch.device, precision) -> dict[str, float]:
    """Of the replies' tokens: "" of all, ".exchange" and so on of a kind. Leaves the model as it was."""
    was, by_kind = model.training, defaultdict(list)
    model.eval()
    for pack in found:
        with precision():
            for example, loss in zip(pack.examples, losses(model, pack, device), strict=True):
                by_kind[f".{example.kind}"].append(loss)
    model.train(was)
    by_kind[""] = [loss for of in by_kind.values() for loss in of]
    return {kind: float(torch.cat(of).mean().exp()) for kind, of in by_kind.items()}
