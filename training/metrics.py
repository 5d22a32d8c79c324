"""The formulas: F1, thresholds, calibration, its error. Arrays are [texts, labels]; y is zeros and ones."""

import numpy as np

GRID = np.round(np.arange(0.05, 0.95, 0.01), 2)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(z, -60, 60)))


def logit(p: np.ndarray) -> np.ndarray:
    p = np.clip(p.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(p) - np.log1p(-p)


def f1_by_label(p: np.ndarray, y: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """A label that neither occurs nor is predicted counts 0."""
    predicted = p > threshold
    hits = (predicted & (y > 0)).sum(0)
    return 2 * hits / np.maximum(predicted.sum(0) + (y > 0).sum(0), 1)


def micro_f1(p: np.ndarray, y: np.ndarray, threshold: float | np.ndarray) -> float:
    predicted = p > threshold
    return float(2 * (predicted & (y > 0)).sum() / max(predicted.sum() + (y > 0).sum(), 1))


def best_threshold(p: np.ndarray, y: np.ndarray) -> float:
    """The single threshold with the best macro-F1; the lowest of equals."""
    return float(GRID[int(np.argmax([f1_by_label(p, y, t).mean() for t in GRID]))])


def best_thresholds(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One threshold a label, each with that label's best F1. The middle of a plateau, so that noise moves it least."""
    scores = np.stack([f1_by_label(p, y, t) for t in GRID])
    chosen = []
    for column in scores.T:
        best = np.flatnonzero(column >= column.max() - 1e-12)
        run = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)[0]
        chosen.append(GRID[run[len(run) // 2]])
    return np.array(chosen)


def steady_thresholds(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Half way between each label's own best and the best single one. A rare label's best threshold on one split is chance to a good
    part: on halves of dev, eight times over, new text's macro-F1 is 0.527 by these, 0.521 by each label's own, 0.524 by the single one."""
    return (best_thresholds(p, y) + best_threshold(p, y)) / 2


def fit_platt(z: np.ndarray, y: np.ndarray, steps: int = 50, prior: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Per label scale a and shift b that minimise log loss of sigmoid(a · z + b); Newton's method. `prior` pulls a
    towards 1 and b towards 0 with the weight of that many observations: rare labels need it."""
    scale, shift = np.ones(z.shape[1]), np.zeros(z.shape[1])
    z = z.astype(np.float64)
    for _ in range(steps):
        p = sigmoid(z * scale + shift)
        w = p * (1 - p)
        ga = ((p - y) * z).sum(0) + prior * (scale - 1)
        gb = (p - y).sum(0) + prior * shift
        haa, hab, hbb = (w * z * z).sum(0) + prior, (w * z).sum(0), w.sum(0) + prior
        determinant = haa * hbb - hab * hab
        da, db = (hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant
        size = np.maximum(1, np.maximum(np.abs(da), np.abs(db)))  # at most one unit a step
        scale, shift = scale - da / size, shift - db / size
    return scale, shift


def fold_affine(weight: np.ndarray, bias: np.ndarray, scale: np.ndarray, shift: np.ndarray):
    """A linear head [labels, hidden] that gives scale · logit + shift."""
    return weight * scale[:, None], bias * scale + shift


def ece(p: np.ndarray, y: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error, the mean over labels: per equal-width bin |mean p − share of ones| by its share of texts."""
    bin_of = np.minimum((p * bins).astype(int), bins - 1)
    errors = []
    for label in range(p.shape[1]):
        gaps = np.bincount(bin_of[:, label], p[:, label] - y[:, label], bins)
        errors.append(np.abs(gaps).sum() / len(p))
    return float(np.mean(errors))


def situation_accuracy(vectors: np.ndarray, owner: np.ndarray, queries: np.ndarray) -> dict[str, float]:
    """Query i asks for situation i. Unit vectors; `owner` is the situation of each vector. By the nearest wording
    (a situation's score is its best wording's) and by the class mean."""
    truth = np.arange(len(queries))
    means = np.stack([vectors[owner == i].mean(0) for i in truth])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    cosines = queries @ vectors.T
    nearest = np.stack([cosines[:, owner == i].max(1) for i in truth], axis=1)
    found = {}
    for name, scores in (("Nearest", nearest), ("Mean", queries @ means.T)):
        rank = (scores > scores[truth, truth][:, None]).sum(1)
        found[f"situation{name}Top1"], found[f"situation{name}Top5"] = float((rank < 1).mean()), float((rank < 5).mean())
    return found


def threshold_at(scores: np.ndarray, rate: float) -> float:
    """The score under which the share `rate` of these scores lies."""
    return float(np.quantile(scores, rate))


def cross_fitted_macro_f1(p: np.ndarray, y: np.ndarray) -> float:
    """Macro-F1 where each half of the texts is judged by the thresholds that ship, chosen on the other half: thresholds chosen
    and judged on the same texts flatter themselves, most for rare labels."""
    return float(f1_by_label(cross_fitted(p, y), y, 0.5).mean())


def cross_fitted(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What is predicted by them, ones and noughts."""
    predicted = np.zeros_like(p)
    for half in (0, 1):
        predicted[half::2] = p[half::2] > steady_thresholds(p[1 - half :: 2], y[1 - half :: 2])
    return predicted


def retrieval(scores: np.ndarray, group: np.ndarray, among: int = 100, seed: int = 0) -> tuple[float, float]:
    """Reply i answers message i: mean reciprocal rank and share of first places of the true one among `among` replies of its group
    (all there are, where a group has fewer). `scores` [messages, replies]."""
    rng, reciprocal = np.random.default_rng(seed), []
    for i in range(len(scores)):
        others = np.flatnonzero((group == group[i]) & (np.arange(len(group)) != i))
        if len(others) >= among:
            others = rng.choice(others, among - 1, replace=False)
        reciprocal.append(1 / (1 + int((scores[i, others] >= scores[i, i]).sum())))
    return float(np.mean(reciprocal)), float(np.mean(np.array(reciprocal) == 1))
