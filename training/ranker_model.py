"""The ranker: small heads over the encoder's cached embeddings. inference/src/ranker.ts computes what forward does."""

import torch
from torch import nn
from torch.nn import functional as F


class Ranker(nn.Module):
    """Does this reply answer that message? Who would say it? What face goes with it?"""

    def __init__(self, dimensions: int, inner: int, labels: int, speakers: int, dropout: float = 0.0):
        super().__init__()
        self.message = nn.Linear(dimensions, inner, bias=False)
        self.before = nn.Linear(dimensions, inner, bias=False)
        self.felt = nn.Linear(labels, inner, bias=False)
        self.reply = nn.Linear(dimensions, inner, bias=False)
        self.face = nn.Linear(labels, inner, bias=False)
        self.near = nn.Parameter(torch.tensor(8.0))
        self.scale = nn.Parameter(torch.tensor(8.0))
        self.speaker = nn.Linear(dimensions, speakers)
        self.expression = nn.Linear(dimensions, labels)
        self.dropout = dropout

    def ask(self, message: torch.Tensor, before: torch.Tensor, felt: torch.Tensor) -> torch.Tensor:
        """Message embedding [b, d], the mean of the turns before [b, d] (noughts when there are none), calibrated emotions [b, 28]."""
        drop = lambda x: F.dropout(x, self.dropout, self.training)  # noqa: E731
        return F.normalize(self.message(drop(message)) + self.before(drop(before)) + self.felt(felt), dim=-1)

    def offer(self, reply: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        """Reply embedding [c, d], its expression as one of 28 [c, 28] (noughts where it has none)."""
        return F.normalize(self.reply(F.dropout(reply, self.dropout, self.training)) + self.face(face), dim=-1)

    def forward(self, message, before, felt, reply, face) -> torch.Tensor:
        """Scores [b, c]: how well each reply answers each message."""
        return self.scale * self.ask(message, before, felt) @ self.offer(reply, face).T + self.near * message @ reply.T
