"""Readers' marks of situations as a loss: towards what fits, away from what is wrong, and nothing where nobody said anything."""

import torch

from training.marks import losses


def ones(*rows: list[int]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float32)


def test_what_fits_is_drawn_up_and_what_is_wrong_down():
    scores = torch.zeros(1, 3, requires_grad=True)
    losses(scores, ones([0, 1, 0]), ones([1, 0, 0])).sum().backward()
    wrong, fits, unknown = scores.grad[0].tolist()
    assert fits < 0 < unknown < wrong  # a step goes against the gradient


def test_two_that_fit_are_drawn_alike_and_each_half():
    even, one = losses(torch.tensor([[3.0, 3.0, 0.0], [3.0, 0.0, 0.0]]), ones([1, 1, 0], [1, 0, 0]), ones([0, 0, 0], [0, 0, 0]))
    shares = torch.tensor([[3.0, 3.0, 0.0], [3.0, 0.0, 0.0]]).softmax(-1)
    assert torch.isclose(even, -shares[0, 0].log()) and torch.isclose(one, -shares[1, 0].log())


def test_a_message_that_nothing_fits_only_leaves_what_is_wrong():
    sure, spread = losses(torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), ones([0, 0, 0], [0, 0, 0]), ones([1, 0, 0], [1, 0, 0]))
    assert sure > spread > 0


def test_a_wrong_one_that_is_sure_costs_much_and_stays_finite():
    loss = losses(torch.tensor([[1e4, 0.0]]), ones([0, 1]), ones([1, 0]))
    assert torch.isfinite(loss).all() and losses(torch.zeros(1, 2), ones([0, 0]), ones([0, 0])).item() == 0
