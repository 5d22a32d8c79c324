"""Decides whether a candidate may become the live version of its task. Touches neither of them.

python -m training.gate --candidate FOLDER --figures FILE [--live FOLDER] [--live-figures FILE] [--force WHO WHY]
FILE is the evaluation's runs/evaluation/<version>/figures.json. Without --live it is compared with what the registry names; where that
names none it is the task's first release. Status 1 when refused. The rules are in params.yaml under `gate`; what differs is judged by
resampling the texts of both in pairs.
"""

import argparse
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist

import numpy as np
import yaml

from training import figures, tracking
from training.figures import Measured
from training.release import ReleaseError, fingerprint, live_version, sha256, verify, write_json

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "training" / "runs"


def decide(candidate: Measured, live: Measured | None, task: str, rules: dict) -> tuple[list[str], list[dict]]:
    """(why it is refused, a sentence each; what was compared). No reasons: accepted. `rules` is params.yaml's `gate`."""
    if task not in rules["tasks"]:
        return [f'params.yaml has no rules for the task "{task}" under gate.tasks: write them first'], []
    of_task = {"limits": {}, "notBelow": {}, "beatBy": {}} | rules["tasks"][task]
    reasons, compared = [], []

    def add(metric: str, verdict: str, reason: str | None = None, low: float | None = None, high: float | None = None, **more) -> None:
        """Numbers that are none stay out of the file: JSON has no NaN."""
        old = live.figures.get(metric) if live else None
        values = {"live": number(old), "candidate": number(candidate.figures.get(metric))}
        compared.append({"metric": metric} | values | {"low": low, "high": high, "verdict": verdict} | more)
        if reason and reason not in reasons:
            reasons.append(reason)

    for metric, limits in of_task["limits"].items():
        value = candidate.figures.get(metric)
        if number(value) is None:
            add(metric, "missing", f"{metric} of the candidate is {describe(value)}: it has to be measured")
        elif value < limits.get("least", -math.inf):
            add(metric, "too low", f"{metric} is {value:.4f}; no version may have less than {limits['least']}")
        elif value > limits.get("most", math.inf):
            add(metric, "too high", f"{metric} is {value:.4f}; no version may have more than {limits['most']}")
        else:
            add(metric, "within its limits")
    if live is None:
        return reasons, compared

    wanted = [(metric, -tolerance, "notBelow") for metric, tolerance in of_task["notBelow"].items()]
    wanted += [(metric, margin, "beatBy") for metric, margin in of_task["beatBy"].items()]
    for metric, least, rule in wanted:
        old, new = live.figures.get(metric), candidate.figures.get(metric)
        if number(new) is None or number(old) is None:
            whose, value = ("the candidate", new) if number(new) is None else (f"the live {live.version}", old)
            add(metric, "missing", f"{metric} of {whose} is {describe(value)}: it has to be measured")
            continue
        try:
            low, high = interval(metric, candidate, live, rules)
        except ValueError as error:
            add(metric, "not comparable", str(error))
            continue
        lowest = new - old if low is None else low
        how = "" if low is None else f", by resampling from {low:+.4f} to {high:+.4f}"
        change = f"{metric} goes from {old:.4f} to {new:.4f} ({new - old:+.4f}{how})"
        chance = equal_passes(low, high, least, rules["confidence"])
        if lowest >= least:
            add(metric, "better" if lowest > 0 else "not worse", None, low, high, equalPasses=chance)
        elif rule == "beatBy":
            add(metric, "not better", f"{change}; it has to gain {least} for sure", low, high, equalPasses=chance)
        else:
            told = "" if chance is None else f" (of versions that are equally good, {chance:.0%} would pass)"
            add(metric, "worse", f"{change}; it may not lose more than {-least}{told}", low, high, equalPasses=chance)

    for metric in sorted(name for name in {*live.figures, *candidate.figures} if name.startswith("checklist.")):
        old, new = live.figures.get(metric), candidate.figures.get(metric)
        capability, most = metric.removeprefix("checklist."), rules["capabilityTolerance"]
        if number(new) is None:
            add(metric, "missing", f"the capability {capability} of the candidate is {describe(new)}: it has to be measured")
        elif number(old) is None:
            add(metric, "new")
        elif old - new > most + 1e-9:
            add(metric, "worse", f"the capability {capability} falls from {old:.3f} to {new:.3f}; no more than {most} is allowed")
        else:
            add(metric, "within its limits")
    return reasons, compared


def interval(metric: str, candidate: Measured, live: Measured, rules: dict) -> tuple[float | None, float | None]:
    """Where the gain lies with `confidence`, over resamplings of the same texts for both; (None, None) where either was kept without its
    texts' results. ValueError when they were measured on different texts, or a figure is not what its texts give."""
    new, old = candidate.results.get(metric), live.results.get(metric)
    if new is None or old is None:
        return None, None
    first = next(iter(new.values()))
    if candidate.texts != live.texts or {key: part.shape for key, part in new.items()} != {key: part.shape for key, part in old.items()}:
        raise ValueError(f"{metric} of the candidate and of {live.version} were measured on different texts: measure both again")
    for measured in (candidate, live):
        given, figure = float(means(counted(measured.results[metric]), np.ones((1, len(first)), np.float32))[0]), measured.figures[metric]
        if abs(given - figure) > 5e-3:  # the texts' results are kept in half precision
            raise ValueError(f"{metric} of {measured.version} is said to be {figure:.4f}, but its texts give {given:.4f}: measure it again")
    random, gains, new, old = np.random.default_rng(rules["seed"]), [], counted(new), counted(old)
    for start in range(0, rules["resamples"], 50):
        drawn = random.multinomial(len(first), np.full(len(first), 1 / len(first)), min(50, rules["resamples"] - start)).astype(np.float32)
        gains.extend(means(new, drawn) - means(old, drawn))
    outside = (1 - rules["confidence"]) / 2
    low, high = np.quantile(gains, [outside, 1 - outside])
    return float(low), float(high)


def equal_passes(low: float | None, high: float | None, least: float, confidence: float) -> float | None:
    """How likely a version that differs by chance alone keeps its interval's lower end over `least`, with a spread like this interval's.
    None without an interval. Where it is small, a refusal says little of the version and much of how few texts there are."""
    if low is None or high is None or high <= low:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return NormalDist().cdf(-least / ((high - low) / (2 * z)) - z)


def counted(parts: dict[str, np.ndarray]) -> list[np.ndarray]:
    """[scores], or [hits, predicted, true], for sums by matrix product."""
    if "score" in parts:
        return [parts["score"].astype(np.float32)]
    truth, predicted = parts["truth"] > 0, parts["predicted"] > 0
    return [matrix.astype(np.float32) for matrix in (truth & predicted, predicted, truth)]


def means(sums: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The figure under each row of weights [rows, texts]: the mean score, or the mean F1 of the labels."""
    if len(sums) == 1:
        return weights @ sums[0] / weights.sum(1)
    hits, predicted, true = (weights @ matrix for matrix in sums)
    return (2 * hits / np.maximum(predicted + true, 1)).mean(1)


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else None


def describe(value: object) -> str:
    return "missing" if value is None else f"{value}, which is no number"


def gate(
    folder: Path,
    file: Path,
    live_at: Path | None,
    live_file: Path | None,
    evaluation: Path,
    rules: dict,
    at: datetime,
    force: tuple[str, str] | None = None,
) -> dict:
    """gate.json's content. What cannot be judged (damaged files, another version's figures) is refused, and not to be forced."""
    result = {"schema": 1, "candidate": None, "live": None, "figures": None, "at": at.isoformat(timespec="seconds")}
    result |= {"accepted": False, "forced": None, "reasons": [], "compared": []}
    try:
        result["candidate"] = candidate = identity(folder)
        measured = figures.read(file, folder)
        result["figures"] = {"path": str(file), "sha256": sha256(file)}
        live = None
        if live_at:
            result["live"] = identity(live_at)
            if result["live"]["task"] != candidate["task"]:
                raise ValueError(f"{live_at} is of the task {result['live']['task']}, the candidate of {candidate['task']}")
            live = figures.read(live_file, live_at) if live_file else figures.stored(live_at, evaluation)
    except ValueError as error:
        return result | {"reasons": [str(error)]}
    reasons, compared = decide(measured, live, candidate["task"], rules)
    forced = {"who": force[0], "why": force[1], "at": result["at"]} if force and reasons else None
    return result | {"accepted": not reasons, "forced": forced, "reasons": reasons, "compared": compared}


def identity(folder: Path) -> dict:
    try:
        wrong = verify(folder)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        found = {"task": manifest["task"], "version": manifest["version"], "sha256": fingerprint(folder)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} holds no version: its manifest.json cannot be used ({type(error).__name__}: {error})") from None
    if wrong:
        raise ValueError("; ".join(wrong))
    return found


def live_folder(candidate: Path, models: Path) -> Path | None:
    """Of the candidate's task, as the registry has it; None for a first release. A candidate that is no version is told of later."""
    try:
        task = json.loads((candidate / "manifest.json").read_text(encoding="utf-8"))["task"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    version = live_version(models, task)
    return models / task / version if version else None


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidate", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True, help="what was measured of the candidate")
    parser.add_argument("--live", type=Path, help="the version to compare with, by default the registry's")
    parser.add_argument("--live-figures", type=Path, help="what was measured of that, by default what came with it or the evaluation has")
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--force", nargs=2, metavar=("WHO", "WHY"), help="let it through although it is refused, and record this")
    parser.add_argument("--out", type=Path, default=RUNS / "gate.json")
    parser.add_argument("--go-on", action="store_true", help="status 0 when refused, too: to a pipeline that is a result")
    arguments = parser.parse_args(argv)
    if arguments.force and not all(text.strip() for text in arguments.force):
        parser.error("--force needs both: who takes it on, and why")
    rules = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))["gate"]

    try:
        live = arguments.live or live_folder(arguments.candidate, arguments.models)
    except ReleaseError as error:
        print(f"refused: {error}")
        return 1
    with tracking.run("gate", rules) as tracked:
        at = datetime.now(UTC)
        result = gate(arguments.candidate, arguments.figures, live, arguments.live_figures, RUNS / "evaluation", rules, at, arguments.force)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, result)
        tracked.metrics({row["metric"]: row["candidate"] for row in result["compared"] if row["candidate"] is not None})
        tracked.artifact(arguments.out)

    for row in result["compared"]:
        values = " → ".join("–" if row[key] is None else f"{row[key]:.4f}" for key in ("live", "candidate"))
        between = "" if row["low"] is None else f" [{row['low']:+.4f}, {row['high']:+.4f}]"
        chance = "" if row.get("equalPasses") is None else f" (equal versions pass: {row['equalPasses']:.0%})"
        print(f"{row['metric']:32} {values}{between}  {row['verdict']}{chance}")
    for reason in result["reasons"]:
        print(f"refused: {reason}")
    if result["forced"]:
        print(f"let through by {result['forced']['who']}: {result['forced']['why']}")
    print(f"{'accepted' if result['accepted'] else 'forced' if result['forced'] else 'refused'}; {arguments.out}")
    return 0 if result["accepted"] or result["forced"] or arguments.go_on else 1


if __name__ == "__main__":
    raise SystemExit(main())
