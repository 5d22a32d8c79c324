"""The safety heads: layers of their own over the affect branch's lower ones, and a small network over their mean and both branches'."""

import copy
from collections.abc import Iterable

import torch
from torch import nn

from training.data import SAFETY as LABELS
from training.encoder_model import Branched, _added, _run


class Safety(nn.Module):
    """`layers` are copied and learn; without any, the heads see no more than what the branches found."""

    def __init__(self, features: int, inner: int, dropout: float = 0.0, layers: Iterable[nn.Module] = ()):
        super().__init__()
        self.branch = nn.ModuleList(copy.deepcopy(layer) for layer in layers)
        self.inner = nn.Linear(features, inner)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(inner, len(LABELS))

    def forward(self, both: torch.Tensor, states: torch.Tensor | None = None, mask: torch.Tensor | None = None) -> torch.Tensor:
        """`both` [batch, 2 · hidden] and the states below the branch [batch, tokens, hidden] → logits [batch, 6]."""
        if self.branch:
            added, weight = _added(mask), mask[:, :, None].float()
            for layer in self.branch:
                states = _run(layer, states, added)
            both = torch.cat([both, (states * weight).sum(1) / weight.sum(1)], dim=-1)
        return self.out(self.dropout(torch.nn.functional.gelu(self.inner(both))))


def below(model: Branched, depth: int, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What `lower` gave → the affect branch's states under its `depth` topmost layers."""
    for layer in [*model.shared[model.frozen :], *model.affect[: len(model.affect) - depth]]:
        hidden = _run(layer, hidden, _added(mask))
    return hidden


def logits_of(model: Branched, safety: Safety, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What `lower` gave → logits [batch, 6]."""
    return safety(model.both(hidden, mask), below(model, len(safety.branch), hidden, mask), mask)


def open_safety(model: Branched, weights: dict[str, torch.Tensor]) -> Safety:
    """The heads that have these weights, with as many layers of their own as there are among them."""
    inner, features = weights["inner.weight"].shape
    depth = len({name.split(".")[1] for name in weights if name.startswith("branch.")})
    safety = Safety(features, inner, layers=model.affect[len(model.affect) - depth :])
    safety.load_state_dict(weights)
    return safety.eval()
