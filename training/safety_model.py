"""The safety heads: one small network over what both branches found."""

import torch
from torch import nn

from training.data import SAFETY as LABELS


class Safety(nn.Module):
    """[batch, 2 · hidden] → logits [batch, 6]."""

    def __init__(self, features: int, inner: int, dropout: float = 0.0):
        super().__init__()
        self.inner = nn.Linear(features, inner)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(inner, len(LABELS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.dropout(torch.nn.functional.gelu(self.inner(x))))
