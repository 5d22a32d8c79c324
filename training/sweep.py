"""Looks for better parameters of a stage: trials of its own script on a share of the texts, judged on dev, an Optuna study of them all.

python -m training.sweep emotion|embedding|safety|voice [--trials 20] [--share 0.15] [--study NAME] [--write] [-- OPTIONS OF THE SCRIPT]
sweep.yaml says what may be tried. Trial 0 is what params.yaml has. The study is kept in runs/sweep.db: started again, it goes on until
it has so many trials. One that promises less than half of the others did after as many epochs is stopped. --write puts the best
into params.yaml. Pictures of the study come to lie in runs/sweep/<study>/.
"""

import argparse
import fnmatch
import hashlib
import json
import math
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import yaml

from training.folders import alone

try:
    import optuna
    from optuna.trial import TrialState
except ModuleNotFoundError:
    raise SystemExit("a sweep needs Optuna: pip install -e 'training[sweep]'") from None

HERE = Path(__file__).resolve().parent
FAILURES = 3  # one after the other, and the sweep ends: it is not the parameters then


class Failed(Exception):
    """A trial without figures, and why."""


def main(words: list[str], here: Path = HERE, poll_s: float = 2.0) -> optuna.Study:
    words, options = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    stages = yaml.safe_load((here / "sweep.yaml").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=list(stages))
    parser.add_argument("--trials", type=int, default=20, help="finished ones that the study shall have")
    parser.add_argument("--share", type=float, help="of the texts to learn from; sweep.yaml has one for each stage")
    parser.add_argument("--study", help="the stage's name unless another is given")
    parser.add_argument("--write", action="store_true", help="put the best into params.yaml")
    arguments = parser.parse_args(words)
    stage = stages[arguments.stage]
    share, name = arguments.share or stage["share"], arguments.study or arguments.stage
    params = yaml.safe_load((here / "params.yaml").read_text(encoding="utf-8"))
    defaults = {key: value for section in stage["params"] for key, value in params[section].items()}
    check_space(stage["space"], defaults)
    folder = here / "runs" / "sweep" / name
    folder.mkdir(parents=True, exist_ok=True)
    alone(folder)

    # ── The study, as an interrupted sweep left it ───────────────────────────────────────────────────────────────────
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=name, storage=f"sqlite:///{here / 'runs' / 'sweep.db'}", direction="maximize", load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
    )  # fmt: skip
    made = made_of(stage, share, options, defaults, here)
    same_as_before(study, made)
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        print(f"trial {trial.number} was killed: failed", flush=True)
    started_from = {key: defaults[key] for key in stage["space"]}
    if not any(is_default(trial) for trial in study.get_trials(states=[TrialState.COMPLETE, TrialState.WAITING])):
        study.enqueue_trial(started_from, user_attrs={"defaults": True})
    # With one seed alone, a sweep that goes on would draw its first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=len(study.trials))

    # ── Trials ───────────────────────────────────────────────────────────────────────────────────────────────────────
    started, done, failures = time.time(), 0, 0
    while (missing := arguments.trials - len(finished(study))) > 0:
        trial = study.ask()
        values, out = given(suggest(trial, stage["space"])), folder / f"trial{trial.number}"
        print(f"trial {trial.number}: {' '.join(f'{key}={as_yaml(value)}' for key, value in values.items())}", flush=True)
        try:
            command = [sys.executable, "-m", stage["script"], "--out", str(out), "--share", f"{share:g}", *options]
            command += [stage["keep"], str(folder / "kept.pt")] if "keep" in stage else []
            command += [stage["aside"], str(out / "figures")] if "aside" in stage else []
            command += ["--set", *(f"{key}={as_yaml(value)}" for key, value in values.items())]
            value = attempt(trial, command, out, stage["figures"], stage["judgedBy"], poll_s, here.parent)
            if texts_of(stage, here) != made["texts"]:
                study.tell(trial, state=TrialState.FAIL)
                raise SystemExit(f"the texts changed while trial {trial.number} ran: give --study another name")
            study.tell(trial, value)
            done, failures, ended = done + 1, 0, f"{value:.4f}, best {study.best_value:.4f} of trial {study.best_trial.number}"
        except optuna.TrialPruned as pruned:
            study.tell(trial, state=TrialState.PRUNED)
            done, failures, ended = done + 1, 0, str(pruned)
        except Failed as failed:
            study.tell(trial, state=TrialState.FAIL)
            failures, ended = failures + 1, f"failed: {failed}"
        finally:
            shutil.rmtree(out, ignore_errors=True)  # checkpoints are large; the log stays
            out.with_name(f".{out.name}.lock").unlink(missing_ok=True)
        left = (time.time() - started) / max(1, done) * (missing - 1) / 60
        print(f"trial {trial.number}: {ended}; about {left:.0f} min left", flush=True)
        if failures == FAILURES:
            raise SystemExit(f"{FAILURES} trials failed one after the other, the last one {ended}: see {folder}/trial{trial.number}.log")

    # ── What came of it ──────────────────────────────────────────────────────────────────────────────────────────────
    for file in draw(study, folder):
        print(f"drawn: {file}")
    print(summary(study, share))
    if arguments.write:
        if is_default(study.best_trial):
            print("nothing written: what params.yaml had is best")
        else:
            file, section, values = here / "params.yaml", stage["params"][-1], given(study.best_trial.params)
            text = with_values(file.read_text(encoding="utf-8"), section, values, "Sweep " + summary(study, share))
            new = file.with_name("params.yaml.new")
            new.write_text(text, encoding="utf-8")
            new.replace(file)
            print(f"written to {section} in {file}")
    return study


def check_space(space: dict, defaults: dict) -> None:
    for name, described in space.items():
        if name not in defaults:
            raise SystemExit(f"sweep.yaml: {name} is no parameter of the stage, which has {', '.join(defaults)}")
        value = defaults[name]
        inside = value in described["of"] if "of" in described else described["range"][0] <= value <= described["range"][1]
        if not inside:
            raise SystemExit(f"sweep.yaml: {described} does not hold {name}'s {value} of params.yaml, which trial 0 is")


def made_of(stage: dict, share: float, options: list[str], defaults: dict, here: Path) -> dict:
    """What has to be the same in all trials of a study, but what it tries."""
    fixed = {name: value for name, value in defaults.items() if name not in stage["space"] and name not in ("version", "note")}
    judged = {"space": stage["space"], "judgedBy": stage["judgedBy"], "share": share, "options of the script": options}
    return fixed | judged | {"texts": texts_of(stage, here)}


def texts_of(stage: dict, here: Path) -> str:
    """A sum over the files that a trial learns from and is judged on."""
    pattern = stage.get("texts", f"{here.name}/prepared/manifest.json")
    files = sorted(here.parent.glob(pattern))
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(here.parent)}" for file in files]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def same_as_before(study: optuna.Study, now: dict) -> None:
    before = study.user_attrs.get("madeOf")
    if before is None:
        study.set_user_attr("madeOf", now)
        return
    now = json.loads(json.dumps(now))
    if changed := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
        raise SystemExit(f"study {study.study_name} was made with other {', '.join(changed)}: give --study another name")


def suggest(trial: optuna.Trial, space: dict) -> dict:
    found = {}
    for name, described in space.items():
        if "of" in described:
            found[name] = trial.suggest_categorical(name, described["of"])
        else:
            low, high = described["range"]
            draw_one = trial.suggest_int if isinstance(low, int) and isinstance(high, int) else trial.suggest_float
            found[name] = draw_one(name, low, high, log=described.get("log", False))
    return found


def given(params: dict) -> dict:
    """Three digits are tried, so that what is written is what was tried."""
    return {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in params.items()}


def as_yaml(value: object) -> str:
    """5e-05 → 5.0e-5: YAML takes a number without a point for a word."""
    text = repr(value)
    if isinstance(value, float) and "e" in text:
        digits, power = text.split("e")
        text = f"{digits if '.' in digits else digits + '.0'}e{int(power)}"
    return text


def attempt(trial: optuna.Trial, command: list[str], out: Path, pattern: str, judged_by: list[str], poll_s: float, cwd: Path) -> float:
    """Runs one trial; each epoch's figure goes to the pruner as it comes. Returns the last."""
    seen: dict[Path, float] = {}
    log = out.with_suffix(".log")
    with log.open("w", encoding="utf-8") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, cwd=cwd)
        try:
            ended = False
            while not ended:
                ended = process.poll() is not None
                for file in sorted((file for file in out.glob(pattern) if file not in seen), key=epoch_of):
                    seen[file] = judge(figures_in(file), judged_by)
                    trial.report(seen[file], epoch_of(file))
                    if not ended and not is_default(trial) and trial.should_prune():
                        raise optuna.TrialPruned(f"stopped after epoch {epoch_of(file)} with {seen[file]:.4f}")
                if not ended:
                    time.sleep(poll_s)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise Failed(f"{'status' if process.returncode > 0 else 'killed by signal'} {abs(process.returncode)}: {''.join(last)}")
    if not seen:
        raise Failed(f"left no {pattern}")
    return list(seen.values())[-1]


def epoch_of(file: Path) -> int:
    return int("".join(re.findall(r"\d+", file.stem)) or 1)


def figures_in(file: Path) -> dict[str, float]:
    """A checkpoint's report, or a manifest's metrics."""
    if file.suffix == ".pt":
        import torch

        return torch.load(file, weights_only=False, mmap=True)["report"]
    found = json.loads(file.read_text(encoding="utf-8"))
    return found["metrics"] if "metrics" in found else found["report"]


def judge(figures: dict[str, float], judged_by: list[str]) -> float:
    values = [value for name, value in figures.items() if any(fnmatch.fnmatchcase(name, pattern) for pattern in judged_by)]
    if not values or not all(map(math.isfinite, values)):
        raise Failed(f"{', '.join(judged_by)}: {values or 'not'} among its figures {', '.join(figures)}")
    return float(np.mean(values))


def is_default(trial: optuna.Trial | optuna.trial.FrozenTrial) -> bool:
    return bool(trial.user_attrs.get("defaults"))


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED])


def summary(study: optuna.Study, share: float) -> str:
    """ "emotion of runs/sweep.db, trial 7 of 20: 0.4312 on a share of 0.15; what was there before 0.4207"."""
    best = study.best_trial
    before = [trial.value for trial in study.get_trials(states=[TrialState.COMPLETE]) if is_default(trial)]
    than = f"; with what was there before {before[-1]:.4f}" if before and not is_default(best) else ""
    return (
        f"{study.study_name} in training/runs/sweep.db, trial {best.number} of {len(finished(study))}: "
        f"{best.value:.4f} on a share of {share:g}{than}"
    )


def draw(study: optuna.Study, folder: Path) -> list[Path]:
    """history.png, importance.png, parallel.png; the last two need two trials that ended and differ."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as pictures

    drawn = []
    plots = {"history": pictures.plot_optimization_history, "importance": pictures.plot_param_importances,
             "parallel": pictures.plot_parallel_coordinate}  # fmt: skip
    for name, plot in plots.items():
        values = {trial.value for trial in study.get_trials(states=[TrialState.COMPLETE])}
        if len(values) < 2 and name != "history":
            print(f"{name}.png needs two trials that differ: not drawn", flush=True)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "experimental"
            plot(study)
            pyplot.gcf().set_size_inches(11, 6)
            pyplot.gcf().savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")
            pyplot.close("all")
        drawn.append(folder / f"{name}.png")
    return drawn


def with_values(text: str, section: str, values: dict, comment: str) -> str:
    """params.yaml with these values in a section, all comments kept; `comment` takes the place of an earlier sweep's."""
    lines = text.splitlines()
    start = lines.index(f"{section}:") + 1
    end = next((at for at in range(start, len(lines)) if re.match(r"[^\s#]", lines[at])), len(lines))
    block = [line for line in lines[start:end] if not line.startswith("  # Sweep ")]
    for name, value in values.items():
        at = next((at for at, line in enumerate(block) if re.match(rf"  {re.escape(name)}:(\s|$)", line)), None)
        own = f"  {name}: {as_yaml(value)}"
        if at is None:
            block.append(own)  # a parameter shared with other stages gets a value of this one's own
        elif " #" in block[at]:
            said = block[at].index("#", block[at].index(" #"))
            block[at] = own.ljust(said - 1) + " " + block[at][said:]
        else:
            block[at] = own
    new = "\n".join([*lines[:start], f"  # {comment}", *block, *lines[end:]]) + "\n"
    expected = yaml.safe_load(text)
    expected[section] |= values
    if yaml.safe_load(new) != expected:
        raise SystemExit(f"{section} in params.yaml could not be changed line by line; the values are {values}")
    return new


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; start it again and it goes on"))  # the trial's own process ends with it
    main(sys.argv[1:])
