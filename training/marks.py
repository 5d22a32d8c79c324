"""What readers said of situations for a message, as a loss over scores."""

import torch


def losses(scores: torch.Tensor, fits: torch.Tensor, wrong: torch.Tensor) -> torch.Tensor:
    """Logits [texts, situations], and which fit and which are wrong (zeros and ones) → a loss for each text: cross entropy with the ones
    that fit, all alike, and for each wrong one −log(1 − its share)."""
    shares = scores.log_softmax(-1)
    right = -(fits * shares).sum(1) / fits.sum(1).clamp(min=1)
    return right - (wrong * torch.log1p(-shares.exp().clamp(max=1 - 1e-4))).sum(1)
