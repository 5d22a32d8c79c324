"""What tells that a message is any situation at all."""

import numpy as np
import pytest

from training.evaluate_situations import energy, near


def test_energy_is_near_the_likeliest_alone_and_above_it_where_several_are_likely():
    one, several, none = energy(np.array([[0.8, 0.0, 0.0], [0.8, 0.8, 0.8], [0.2, 0.2, 0.2]]), 20)
    assert one == pytest.approx(0.8, abs=1e-6)
    assert several == pytest.approx(0.8 + np.log(3) / 20)
    assert none == pytest.approx(several - 0.6)


def test_what_has_neighbours_among_examples_is_near_them_and_one_alone_is_not_enough():
    examples = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]])
    five, one = near(np.array([[1.0, 0.0], [0.0, 1.0]]), examples)
    assert five == 1.0 and one == pytest.approx(0.2)
    assert near(np.array([[1.0, 0.0]]), examples[:2])[0] == 1.0
