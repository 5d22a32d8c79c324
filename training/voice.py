"""Learns who of the troupe speaks, from how they write: hashed n-grams, logistic regression, int8 weights, golden rows for the worker.

python -m training.voice [--out training/build/voice] [--evaluation training/runs/evaluation/voice] [--set name=value …]
python -m training.voice --measure models/voice/v1 --evaluation FOLDER: a version on the lines that are unseen now, for the gate to compare
Then the gate and the release, as for every model. A situation's replies, and lines nearly alike, stand on one side of the split.
"""

import argparse
import hashlib
import json
import re
import shutil
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from sklearn.linear_model import SGDClassifier

from training import data, golden
from training.prepare import near_duplicates
from training.release import file_entries, sha256, write_json
from training.steps import laid_over, some
from training.voice_features import matrix
from training.voice_model import Voice, astray, load, log_softmax

HERE = Path(__file__).parent
SHORT = 12  # words; what has more is long
KINDS = ("situations", "exchanges", "conversations", "universal")


@dataclass
class Line:
    text: str
    speaker: str
    kind: str
    group: str

    @property
    def dev(self) -> bool:
        return zlib.crc32(self.group.encode()) % 10 == 0


def lines(characters: Path) -> list[Line]:
    """All that every character says, each text of a speaker once."""
    found = {}
    for folder in sorted(path.parent for path in characters.glob("*/card.json")):
        for kind in KINDS:
            file = folder / f"{kind}.jsonl"
            for row in data.rows(file) if file.exists() else []:
                said = [turn["text"] for turn in row.get("turns", []) if turn["role"] == "character"] or [row["text"]]
                group = f"{kind} {row.get('situation', row['id'])}"
                for text in said:
                    plain = re.sub(r"\{\w+\}[.,!?]? ?", "", text)  # where a word of the person's comes in
                    found.setdefault((folder.name, plain), Line(plain, folder.name, kind, group))
    return list(found.values())


def too_near(train: list[str], unseen: list[str], params: dict, kept: Path | None) -> set[int]:
    """Which of `train` are near-duplicates of an unseen line: most of the stage's time, and the same for every trial of a sweep."""
    made_from = hashlib.sha256(json.dumps([train, unseen, params]).encode()).hexdigest()
    if kept and kept.exists() and (found := json.loads(kept.read_text(encoding="utf-8")))["madeFrom"] == made_from:
        return set(found["alike"])
    alike = set(near_duplicates(train, unseen, params, "voice"))
    if kept:
        write_json(kept, {"madeFrom": made_from, "alike": sorted(alike)})
    return alike


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "build" / "voice")
    parser.add_argument("--evaluation", type=Path, default=HERE / "runs" / "evaluation" / "voice")
    parser.add_argument("--characters", type=Path, default=data.CHARACTERS)
    parser.add_argument("--measure", type=Path, help="learns nothing: a version's figures on the unseen lines")
    parser.add_argument("--share", type=float, default=1, help="of the lines to learn from; those that judge stay whole")
    parser.add_argument("--alike", type=Path, help="keeps there which lines are too near the unseen, for a sweep's next trial")
    parser.add_argument("--set", nargs="*", default=[], help="name=value over params.yaml, for a trial")
    arguments = parser.parse_args()
    everything = yaml.safe_load((HERE / "params.yaml").read_text(encoding="utf-8"))
    params = laid_over(everything["voice"], arguments.set)

    # ── Lines, and those that are judged apart ───────────────────────────────────────────────────────────────────────
    all_lines = lines(arguments.characters)
    speakers = sorted({line.speaker for line in all_lines})
    unseen = [line for line in all_lines if line.dev]
    if arguments.measure:
        measure(arguments.measure, unseen, arguments.evaluation)
        return
    train = [line for line in all_lines if not line.dev]
    alike = too_near([line.text for line in train], [line.text for line in unseen], everything["prepare"], arguments.alike)
    train = [line for i, line in enumerate(train) if i not in alike]
    train = [train[i] for i in some(len(train), arguments.share)]
    print(f"{len(train)} lines of {len(speakers)} characters to learn from, {len(unseen)} unseen, {len(alike)} too near these", flush=True)

    # ── Rarity in a byte, then weights in a byte, so that what is measured is what ships ─────────────────────────────
    bits = params["bits"]
    seen = matrix([line.text for line in train], bits)
    rarity = np.log((1 + len(train)) / (1 + np.bincount(seen.indices, minlength=seen.shape[1]))) + 1
    rarity_scale = float(rarity.max() / 255)
    rarity = np.round(rarity / rarity_scale).astype(np.uint8)
    x, z = (matrix([line.text for line in part], bits, rarity * rarity_scale) for part in (train, unseen))
    y, truth = (np.array([speakers.index(line.speaker) for line in part]) for part in (train, unseen))
    learning = {"alpha": params["alpha"], "max_iter": params["epochs"], "random_state": params["seed"]}
    model = SGDClassifier(loss="log_loss", tol=None, average=True, **learning).fit(x, y)
    scales = np.abs(model.coef_).max(1) / 127
    weights = np.round(model.coef_.T / scales).astype(np.int8)

    # ── Calibrated on every second unseen line, measured on the others where that matters ────────────────────────────
    config = {"schema": 1, "bits": bits, "characters": speakers, "rarityScale": rarity_scale, "scales": scales.tolist(),
              "biases": model.intercept_.tolist(), "temperature": 1.0}  # fmt: skip
    voice = Voice(config, rarity, weights)
    even = calibrating(unseen)
    scores = voice.of(z)
    candidates = np.geomspace(0.05, 5, 200)
    loss = [-log_softmax(scores[even] / t)[np.arange(even.sum()), truth[even]].mean() for t in candidates]
    config["temperature"] = round(float(candidates[int(np.argmin(loss))]), 4)
    log_p = voice.of(z)
    # Never below 0: what sounds more like its own speaker than like anybody else is refused to nobody.
    config["margin"] = max(0.0, round(float(np.quantile(astray(log_p[even], truth[even]), 1 - params["refuseOwn"])), 4))
    found = figures(unseen, truth, log_p, ~even, config["margin"])
    for name, value in found.items():
        print(f"{name:28} {value:.4f}")

    # ── The files ────────────────────────────────────────────────────────────────────────────────────────────────────
    out = arguments.out / params["version"]
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with (out / "voice.int8").open("wb") as file:
        file.write(rarity.tobytes())
        file.write(np.ascontiguousarray(weights).tobytes())
    write_json(out / "config.json", config)
    texts = [*golden.PLAIN, *golden.EMOJI, *golden.SLIPS, *(line.text for line in unseen[:: max(1, len(unseen) // 60)])]
    expected = np.round(voice.log_probabilities(texts), 6).tolist()
    rows = [json.dumps({"text": text, "logProbabilities": row}, ensure_ascii=False) for text, row in zip(texts, expected, strict=True)]
    (out / "golden.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    files = [folder / f"{kind}.jsonl" for folder in sorted(arguments.characters.iterdir()) for kind in KINDS]
    manifest = {
        "task": "voice",
        "version": params["version"],
        "createdAt": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        "base": None,
        "data": [
            {"name": f"Troupe {file.parent.name} {file.stem}", "licence": "Apache-2.0", "source": f"characters/{file.parent.name}",
             "sha256": sha256(file), "rows": len(data.rows(file))} for file in files if file.exists()
        ],  # fmt: skip
        "params": params,
        "metrics": {name: round(value, 6) for name, value in found.items()},
        "files": file_entries(out),
    }
    write_json(out / "manifest.json", manifest)
    card = (HERE / "voice_card.md").read_text(encoding="utf-8").replace("{{version}}", params["version"])
    table = "\n".join(f"| {name} | {value:.4g} |" for name, value in found.items())
    (out / "card.md").write_text(card.replace("{{figures}}", table), encoding="utf-8")

    # ── What the gate compares versions by ───────────────────────────────────────────────────────────────────────────
    kept = keep(arguments.evaluation, out, unseen, manifest["metrics"], log_p.argmax(1) == truth)
    print(f"{out} is ready, {kept} says what it is worth", flush=True)


def measure(folder: Path, unseen: list[Line], evaluation: Path) -> None:
    """What `main` says of the version it makes, for one that is there: its margin as it ships."""
    try:
        voice = load(folder)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{folder} holds no whole version of the voice: {error}") from None
    if strangers := sorted({line.speaker for line in unseen} - set(voice.characters)):
        raise SystemExit(f"{folder} does not know {', '.join(strangers)}: it cannot be measured on their lines")
    truth = np.array([voice.characters.index(line.speaker) for line in unseen])
    log_p = voice.log_probabilities([line.text for line in unseen])
    found = {name: round(value, 6) for name, value in figures(unseen, truth, log_p, ~calibrating(unseen), voice.config["margin"]).items()}
    kept = keep(evaluation, folder, unseen, found, log_p.argmax(1) == truth)
    print(f"accuracy {found['accuracy']:.4f}; {kept} says what {folder} is worth", flush=True)


def calibrating(unseen: list[Line]) -> np.ndarray:
    """Which of the unseen lines calibrate; the others measure."""
    return np.arange(len(unseen)) % 2 == 0


def keep(evaluation: Path, folder: Path, unseen: list[Line], found: dict[str, float], right: np.ndarray) -> Path:
    """figures.json and predictions.npz of the version in `folder`, as the gate reads them."""
    kept = evaluation / folder.name
    kept.mkdir(parents=True, exist_ok=True)
    write_json(kept / "figures.json", {"model": sha256(folder / "voice.int8"), "figures": found})
    judged = hashlib.sha256("\n".join(line.text for line in unseen).encode()).hexdigest()
    np.savez_compressed(kept / "predictions.npz", textSha256=judged, accuracy=right.astype(np.float16))
    return kept


def figures(unseen: list[Line], truth: np.ndarray, log_p: np.ndarray, apart: np.ndarray, margin: float) -> dict[str, float]:
    """`apart`: the lines that the margin was not calibrated on."""
    right = log_p.argmax(1) == truth
    words = np.array([len(line.text.split()) for line in unseen])
    parts = {"accuracyShort": words <= SHORT, "accuracyLong": words > SHORT, "accuracy6to28": (words >= 6) & (words <= 28)}
    parts |= {f"accuracy.{kind}": np.array([line.kind == kind for line in unseen]) for kind in KINDS}
    found = {"accuracy": float(right.mean())} | {name: float(right[of].mean()) for name, of in parts.items() if of.any()}
    found |= {f"accuracyOf{n}": together(truth, log_p, n) for n in (2, 3, 5)}
    strays = np.stack([astray(log_p, np.full(len(truth), own)) > margin for own in range(log_p.shape[1])], 1)
    mine = np.eye(log_p.shape[1], dtype=bool)[truth]
    found["refusedOwn"] = float(strays[apart][mine[apart]].mean())
    found["refusedOthers"] = float(strays[apart][~mine[apart]].mean())
    found["loss"] = float(-log_p[apart, truth[apart]].mean())
    return found


def together(truth: np.ndarray, log_p: np.ndarray, count: int) -> float:
    """Share right where `count` replies of a character, drawn as they come, are judged as one."""
    right = []
    for own in range(log_p.shape[1]):
        mine = np.random.default_rng(0).permutation(log_p[truth == own])
        whole = mine[: len(mine) // count * count].reshape(-1, count, log_p.shape[1]).sum(1)
        right += (whole.argmax(1) == own).tolist()
    return float(np.mean(right))


if __name__ == "__main__":
    main()
