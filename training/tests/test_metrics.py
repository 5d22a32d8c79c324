"""The formulas."""

import numpy as np
import pytest

from training import metrics
from training.data import multi_hot

rng = np.random.default_rng(0)


def test_labels_stand_in_the_order_of_the_head():
    assert multi_hot([["joy"], [], ["anger", "joy"]], ["anger", "joy"]).tolist() == [[0, 1], [0, 0], [1, 1]]


def test_an_unknown_label_is_refused():
    with pytest.raises(KeyError):
        multi_hot([["mirth"]], ["anger", "joy"])


def test_f1_agrees_with_scikit_learn():
    from sklearn.metrics import f1_score

    y, p = (rng.random((400, 5)) < 0.3).astype(float), rng.random((400, 5))
    assert np.allclose(metrics.f1_by_label(p, y, 0.4), f1_score(y, p > 0.4, average=None))
    assert metrics.micro_f1(p, y, 0.4) == pytest.approx(f1_score(y, p > 0.4, average="micro"))


def test_each_label_gets_the_threshold_that_parts_it():
    y = np.array([[0, 0], [0, 0], [1, 1], [1, 1]])
    p = np.array([[0.1, 0.6], [0.2, 0.7], [0.4, 0.85], [0.5, 0.9]])
    first, second = metrics.best_thresholds(p, y)
    assert 0.2 <= first < 0.4
    assert 0.7 <= second < 0.85


def test_one_threshold_has_the_best_macro_f1():
    y, p = (rng.random((300, 4)) < 0.3).astype(float), rng.random((300, 4))
    best = metrics.f1_by_label(p, y, metrics.best_threshold(p, y)).mean()
    assert best == max(metrics.f1_by_label(p, y, t).mean() for t in metrics.GRID)


def test_thresholds_chosen_on_the_other_half_do_not_flatter():
    y, p = (rng.random((300, 4)) < 0.1).astype(float), rng.random((300, 4))
    own = metrics.f1_by_label(p, y, metrics.best_thresholds(p, y)).mean()
    assert metrics.cross_fitted_macro_f1(p, y) <= own


def test_platt_finds_scale_and_shift_again():
    z = rng.normal(size=(20000, 3)) * 2
    scale, shift = np.array([0.5, 1.0, 1.8]), np.array([-1.0, 0.0, 0.7])
    y = (rng.random(z.shape) < metrics.sigmoid(z * scale + shift)).astype(float)
    found = metrics.fit_platt(z, y)
    assert np.allclose(found[0], scale, atol=0.08)
    assert np.allclose(found[1], shift, atol=0.08)


def test_platt_leaves_a_label_that_never_occurs_finite():
    scale, shift = metrics.fit_platt(rng.normal(size=(500, 1)) - 5, np.zeros((500, 1)))
    assert np.isfinite(scale).all() and np.isfinite(shift).all()


def test_calibration_lowers_the_error():
    z = rng.normal(size=(5000, 2)) * 3
    y = (rng.random(z.shape) < metrics.sigmoid(z * 0.4 - 1)).astype(float)
    scale, shift = metrics.fit_platt(z, y)
    assert metrics.ece(metrics.sigmoid(z * scale + shift), y) < 0.5 * metrics.ece(metrics.sigmoid(z), y)


def test_ece_of_a_constant_is_its_distance_to_the_rate():
    y = np.array([[1.0], [0.0], [0.0], [0.0]])
    assert metrics.ece(np.full((4, 1), 0.25), y) == pytest.approx(0)
    assert metrics.ece(np.full((4, 1), 0.75), y) == pytest.approx(0.5)


def test_a_folded_head_gives_scale_times_logit_plus_shift():
    weight, bias, x = rng.normal(size=(3, 8)), rng.normal(size=3), rng.normal(size=(5, 8))
    scale, shift = rng.normal(size=3), rng.normal(size=3)
    folded = metrics.fold_affine(weight, bias, scale, shift)
    assert np.allclose(x @ folded[0].T + folded[1], (x @ weight.T + bias) * scale + shift)


def test_situations_are_ranked_by_nearest_wording_and_by_mean():
    vectors, owner = np.eye(4)[[0, 1, 2, 3]], np.array([0, 0, 1, 1])
    right = metrics.situation_accuracy(vectors, owner, np.eye(4)[[1, 2]])
    wrong = metrics.situation_accuracy(vectors, owner, np.eye(4)[[2, 0]])
    assert right["situationNearestTop1"] == right["situationMeanTop1"] == 1
    assert wrong["situationNearestTop1"] == wrong["situationMeanTop1"] == 0
    assert wrong["situationNearestTop5"] == 1
