"""A tiny encoder with random weights, for tests of its graph and its heads."""

import torch
from transformers import BertConfig, BertModel

from training.encoder_model import Branched

IDS = [[101, 5, 6, 102], [101, 7, 102], [101, *range(10, 40), 102], [101, 102]]


def tiny_encoder(layers: int, frozen: int) -> Branched:
    """Two shared layers, of which `frozen` are frozen, five emotions, 32 wide. The branches differ, and no bias is zero."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
        layer_norm_eps=1e-12,
        attn_implementation="sdpa",
    )
    model = Branched(BertModel(config), shared=2, labels=5, frozen=frozen)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()
