"""What every training loop does alike: batches of like length, the optimiser, the schedule, checkpoints."""

import json
import math
import pickle
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

from training.encoder_model import Branched, pad_hidden


def batches(states: list[np.ndarray], size: int) -> list[list[int]]:
    """Indices in batches of like length, in random order."""
    order = np.random.permutation(len(states))
    found = []
    for start in range(0, len(order), size * 50):
        chunk = sorted(order[start : start + size * 50], key=lambda i: len(states[i]))
        found += [chunk[i : i + size] for i in range(0, len(chunk), size)]
    random.shuffle(found)
    return found


def endless(states: list[np.ndarray], size: int) -> Iterator[list[int]]:
    while True:
        yield from batches(states, size)


@torch.no_grad()
def outputs(model: Branched, of: Callable, states: list[np.ndarray], size: int = 64) -> torch.Tensor:
    """`of` one of the model's outputs, in the order of `states`. Leaves the model in evaluation mode."""
    model.eval()
    order = sorted(range(len(states)), key=lambda i: len(states[i]))
    found = torch.cat([of(*pad_hidden([states[i] for i in order[at : at + size]])) for at in range(0, len(order), size)])
    return found[torch.from_numpy(np.argsort(order))]


def optimizer_of(model: nn.Module, layers: list[nn.Module], params: dict, head: nn.Module | None = None, vectors: list | None = None):
    """AdamW: weights decay, biases and norms do not; the head learns `headFactor` times faster."""
    rate = params["learningRate"]
    body = [p for layer in layers for p in layer.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in body if p.ndim > 1], "weight_decay": params["weightDecay"]},
        {"params": [p for p in body if p.ndim <= 1], "weight_decay": 0},
    ]
    if head is not None:
        groups.append({"params": list(head.parameters()), "lr": rate * params["headFactor"], "weight_decay": 0})
    if vectors:
        groups.append({"params": vectors, "lr": params["vectorRate"], "weight_decay": 0})
    return torch.optim.AdamW(groups, lr=rate, fused=True)


def one_cycle(optimizer: torch.optim.Optimizer, steps: int, warm_up: float):
    """Up over the first `warm_up` share of all steps, then down to nothing."""
    warm = max(1, int(steps * warm_up))
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: step / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))
    )


def newest(folder: Path) -> Path | None:
    """The last checkpoint in a folder."""
    return max(folder.glob("epoch*.pt"), key=lambda path: int(path.stem[5:]), default=None)


def save(folder: Path, epoch: int, **parts) -> None:
    """A whole file under its name or none: a kill in between leaves the one before."""
    saved = {name: part.state_dict() if hasattr(part, "state_dict") else part for name, part in parts.items()}
    write(folder / f"epoch{epoch}.pt", saved | {"epoch": epoch})


def write(path: Path, saved: dict) -> None:
    partial = path.with_name("partial.pt")
    try:
        torch.save(saved, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch says a full disk as RuntimeError
        partial.unlink(missing_ok=True)
        raise SystemExit(f"{path} could not be written ({error}). What was there before is whole: make room and start again") from None


def load(path: Path, **parts) -> dict:
    """What `save` wrote, each of `parts` filled from its own. A torn file or one of another shape ends the stage in clear words."""
    if not path.exists():
        raise SystemExit(f"{path} is not here: run the stage that writes it first (training/README.md)")
    try:
        saved = torch.load(path, weights_only=False)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise SystemExit(f"{path} is no whole checkpoint ({error}): delete it to go on from the one before") from None
    for name, part in parts.items():
        try:
            part.load_state_dict(saved[name])
        except (KeyError, RuntimeError, ValueError) as error:
            why = f"it holds no {name}" if isinstance(error, KeyError) else " ".join(str(error).split())[:300]
            raise SystemExit(f"{path} is of another shape than params.yaml asks for: {why}. Train again or restore them") from None
    return saved


def share(total: int, part: float) -> int:
    return max(1, math.ceil(total * part))


def some(total: int, part: float) -> np.ndarray:
    """The indices of a share of all, in order: the same ones at every call, so that trials differ in their parameters alone."""
    if not 0 < part <= 1:
        raise SystemExit(f"--share {part:g} is no share: above 0 and up to 1")
    return np.sort(np.random.default_rng(0).permutation(total)[: share(total, part)])


def laid_over(params: dict, pairs: list[str]) -> dict:
    """Parameters with `name=value` pairs over them. Refuses a name that is not among them and a value of another kind."""
    found = dict(params)
    for name, given, text in (pair.partition("=") for pair in pairs):
        if not given or name not in params:
            raise SystemExit(f"--set {name}{given}{text}: expected name=value, the name one of {', '.join(params)}")
        value = yaml.safe_load(text)
        number = (int, float)
        if not (isinstance(value, number) if isinstance(params[name], number) else isinstance(value, type(params[name]))):
            raise SystemExit(f"--set {name}: {text!r} is not like {params[name]!r} (write 6.0e-5, not 6e-5)")
        found[name] = value
    return found


class Progress:
    """Mean losses of the steps since last told, the time that is left, and history.json for the report's curves."""

    def __init__(self, folder: Path, taken: int, steps: int, clock: Callable[[], float] = time.time):
        """`taken` of all `steps` were made by an earlier run."""
        self.file, self.first, self.taken, self.steps = folder / "history.json", taken, taken, steps
        self.clock, self.started, self.losses = clock, clock(), defaultdict(list)
        rows = json.loads(self.file.read_text(encoding="utf-8")) if taken and self.file.exists() else []
        self.rows = [row for row in rows if row["step"] <= taken]

    def step(self, **losses: float) -> None:
        self.taken += 1
        for name, loss in losses.items():
            self.losses[name].append(loss)

    def tell(self, where: str) -> str:
        """One line for the log."""
        means = {name: float(np.mean(values)) for name, values in self.losses.items()}
        self.losses.clear()
        self.rows.append({"step": self.taken} | {f"{name} loss": round(mean, 6) for name, mean in means.items()})
        self.file.write_text(json.dumps(self.rows) + "\n", encoding="utf-8")
        minutes = (self.clock() - self.started) / (self.taken - self.first) * (self.steps - self.taken) / 60
        return f"{where} {' '.join(f'{name} {mean:.4f}' for name, mean in means.items())} left {minutes:.0f} min"
