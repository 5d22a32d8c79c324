"""The safety heads: one small network over what both branches found, in their upper layers as well as at their ends."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from training import data
from training.data import SAFETY as LABELS
from training.encoder_model import Branched, _added, _run

LAYERS = 3  # of each branch, counted from its end


def seen(model: Branched, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What `lower` gave → what safety is read from [batch, features]: the shared layers' mean; of each branch the means of its last layers
    (the semantic one's end as the embedding) and the largest values of its end. safety_graph.py makes the same of the ONNX graph."""
    added, weight = _added(mask), mask[:, :, None].float()

    def mean(x: torch.Tensor) -> torch.Tensor:
        return (x * weight).sum(1) / weight.sum(1)

    for layer in model.shared[model.frozen :]:
        hidden = _run(layer, hidden, added)
    found = [mean(hidden)]
    for branch in (model.semantic, model.affect):
        x, means = hidden, []
        for layer in branch:
            x = _run(layer, x, added)
            means.append(mean(x))
        if branch is model.semantic:
            means[-1] = F.normalize(means[-1], dim=-1)
        found += [*means[-LAYERS:], (x + (weight - 1) * 1e4).max(1).values]
    return torch.cat(found, dim=-1)


def semantic_end(model: Branched, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What `lower` gave → the semantic branch's mean and largest values [batch, 2 · hidden], which are a part of what `seen` finds."""
    added, weight = _added(mask), mask[:, :, None].float()
    for layer in [*model.shared[model.frozen :], *model.semantic]:
        hidden = _run(layer, hidden, added)
    return torch.cat([(hidden * weight).sum(1) / weight.sum(1), (hidden + (weight - 1) * 1e4).max(1).values], dim=-1)


class Safety(nn.Module):
    """[batch, features] → logits [batch, 6]."""

    def __init__(self, features: int, inner: int, dropout: float = 0.0):
        super().__init__()
        self.inner = nn.Linear(features, inner)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(inner, len(LABELS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.dropout(F.gelu(self.inner(x))))


@torch.no_grad()
def joined(nets: list[Safety], mean: torch.Tensor, deviation: torch.Tensor) -> Safety:
    """One network that gives the mean of the logits of all, on features as they are; `nets` learned from (features − mean) / deviation. The
    inner weights are what float16 can say: so they ship."""
    whole = Safety(nets[0].inner.in_features, sum(net.inner.out_features for net in nets))
    weight = torch.cat([net.inner.weight for net in nets]) / deviation
    bias = torch.cat([net.inner.bias for net in nets]) - weight @ mean
    whole.inner.weight.copy_(weight.half().float())
    whole.inner.bias.copy_(bias)
    whole.out.weight.copy_(torch.cat([net.out.weight for net in nets], dim=1) / len(nets))
    whole.out.bias.copy_(torch.stack([net.out.bias for net in nets]).mean(0))
    return whole.eval()


def weighed(texts: list[str], y: np.ndarray, known: np.ndarray, params: dict) -> np.ndarray:
    """`judgements`, our own harmless texts at `trapWeight`: many of them look like harm."""
    weights = judgements(y, known, params["otherHarm"], params["otherHarmSelfHarm"])
    alike = {row["text"] for file in data.TEXTS.glob("*.train.jsonl") for row in data.rows(file) if row.get("labels") == []}
    weights[[text in alike for text in texts]] *= params["trapWeight"]
    return weights


def judgements(y: np.ndarray, known: np.ndarray, other: float, self_harm: float) -> np.ndarray:
    """How much each judgement weighs [texts, 6]. That a text harmful in one way bears no other label weighs `other`: writers gave each text
    the label they wrote it for, and an insult with a threat in it is no example of harmlessness. For self-harm, which is answered as a
    crisis, it weighs `self_harm`."""
    weights = known.astype(np.float32).copy()
    elsewhere = (y.sum(1, keepdims=True) > 0) & (y == 0)
    scale = np.array([self_harm if label == "self-harm" else other for label in LABELS], np.float32)
    return np.where(elsewhere, weights * scale, weights)
