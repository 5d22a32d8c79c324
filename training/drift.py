"""How far live reads have moved from the reference: numbers, a file for Prometheus, and Evidently's page where it is installed.

python -m training.drift --live reads.jsonl [--reference dev|FILE] [--out training/runs/drift] [--repro-above 0.1]
python -m training.drift --make models/encoder/v10/reference.json [--model models/encoder/v10] [--through http://127.0.0.1:3000]

`npx troupe export --reads` writes the reads of a running Troupe, a line each: {"emotions": {label: score} or [{label, score} …],
"intent": {"name", "confidence"} or null, "length", "unknown", "at"}. The length is in words; unknown is the share of the tokenizer's words
that it has in pieces only. No text is in it. The reference is our dev messages read with the live model; through a running Troupe (API_KEY
where it has one) they get intents too. Reads of an earlier time (.jsonl) are a reference as well.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np

from training import datasets

ROOT = Path(__file__).resolve().parent.parent
NAMED, NUMBERS = ("emotion", "intent"), ("confidence", "intent_confidence", "length", "unknown")
LEAST = 200  # reads: among fewer, 28 emotions differ by chance alone


def main(words: list[str], run: Callable = subprocess.run) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--live", type=Path, help="JSON Lines of reads")
    what.add_argument("--make", type=Path, help="writes a reference and ends")
    parser.add_argument("--model", type=Path, help="the live version of the encoder unless another is given")
    parser.add_argument("--through", help="address of a running Troupe that reads our dev messages, for --make")
    parser.add_argument("--reference", help="a reference.json, reads of an earlier time, or dev; the model's own unless another is given")
    parser.add_argument("--out", type=Path, default=ROOT / "training" / "runs" / "drift")
    parser.add_argument("--least", type=int, default=LEAST, help="reads, or nothing is said")
    parser.add_argument("--repro-above", type=float, help="run --command when the total score is above this")
    parser.add_argument("--command", default="dvc repro", help="what is run then")
    arguments = parser.parse_args(words)
    model = arguments.model or live_model()
    if arguments.make:
        write(arguments.make, json.dumps(dev_reference(model, arguments.through)) + "\n")
        print(f"{arguments.make} is ready")
        return 0

    # ── Reads, and what they are held against ────────────────────────────────────────────────────────────────────────
    own = model / "reference.json"
    given = arguments.reference or (str(own) if own.exists() else "dev")
    reference = dev_reference(model, None)["columns"] if given == "dev" else read_reference(Path(given))
    live = columns_of(datasets.lines(arguments.live), str(arguments.live))
    for name, columns in ((given, reference), (str(arguments.live), live)):
        if (count := len(columns["emotion"])) < arguments.least:
            raise SystemExit(f"{name} has {count} reads, too few to tell a drift from chance: {arguments.least} are needed (--least)")

    # ── How far apart ────────────────────────────────────────────────────────────────────────────────────────────────
    found = compare(reference, live)
    print(f"{len(live['emotion'])} reads against {len(reference['emotion'])} of {given}")
    print(f"{'':18} distance  by chance       PSI     score")
    for name, row in found.items():
        print(f"{name:18} {row['distance']:8.4f}   {row['chance']:8.4f}  {row['psi']:8.4f}  {row['score']:8.4f}")
    for name in {*reference, *live} - {*found}:
        print(f"{name:18} is not in both, so not compared")
    total = max(row["score"] for row in found.values())
    print(f"{'total':18} {'the largest':>30}  {total:8.4f}")
    write(arguments.out / "drift.prom", prometheus(found, total, len(live["emotion"]), time.time()))
    write(arguments.out / "drift.json", json.dumps({"reference": given, "features": found, "total": total}, indent=1) + "\n")
    page = evidently_page(reference, live, list(found), arguments.out / "drift.html")
    print(f"written: {arguments.out}/drift.prom, drift.json{', drift.html' if page else ''}", flush=True)

    # ── Training again, where that was asked for ─────────────────────────────────────────────────────────────────────
    if arguments.repro_above is None or total <= arguments.repro_above:
        return 0
    print(f"{total:.4f} is above {arguments.repro_above:g}: {arguments.command}", flush=True)
    return run(shlex.split(arguments.command), cwd=ROOT).returncode


def compare(reference: dict[str, np.ndarray], live: dict[str, np.ndarray], seed: int = 0, draws: int = 300) -> dict[str, dict[str, float]]:
    """A feature's Jensen-Shannon distance (0: alike, 1: nothing in common) and population stability index. `chance`: 95 of 100 samples
    of these sizes, both from the reference, stay under this distance. `score`: what is more than chance."""
    rng, found = np.random.default_rng(seed), {}
    for name in (name for name in (*NAMED, *NUMBERS) if name in reference and name in live):
        before, now = counts(reference[name], live[name])
        p = before / before.sum()
        draws_before, draws_now = (rng.multinomial(int(side.sum()), p, draws) for side in (before, now))
        chance = float(np.quantile([distance(a, b) for a, b in zip(draws_before, draws_now, strict=True)], 0.95))
        far = distance(before, now)
        found[name] = {"distance": far, "chance": chance, "psi": stability_index(before, now), "score": max(0.0, far - chance)}
    return found


def counts(before: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of each name, or of each tenth of the reference's numbers."""
    if before.dtype.kind in "US":
        names = np.unique(np.concatenate([before, now]))
        return tuple(np.array([(side == name).sum() for name in names]) for side in (before, now))
    edges = np.unique(np.quantile(before, np.linspace(0.1, 0.9, 9)))
    return tuple(np.bincount(np.searchsorted(edges, side, side="left"), minlength=len(edges) + 1) for side in (before, now))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    p, q = a / a.sum(), b / b.sum()
    m = (p + q) / 2
    parts = [np.sum(side[side > 0] * np.log2(side[side > 0] / m[side > 0])) for side in (p, q)]
    return float(np.sqrt(max(0.0, sum(parts) / 2)))


def stability_index(a: np.ndarray, b: np.ndarray) -> float:
    """Half a read is added to each bin, as an empty one would make it infinite."""
    p, q = ((side + 0.5) / (side + 0.5).sum() for side in (a, b))
    return float(np.sum((q - p) * np.log(q / p)))


def columns_of(reads: list[dict], where: str) -> dict[str, np.ndarray]:
    """A column a feature; those of intents only where some read has one."""
    found = {name: [] for name in (*NAMED, *NUMBERS)}
    for number, read in enumerate(reads, 1):
        try:
            emotions, intent = read["emotions"], read.get("intent") or {}
            scores = emotions if isinstance(emotions, dict) else {row["label"]: row["score"] for row in emotions}
            strongest = max(scores, key=scores.get)
            row = (strongest, intent.get("name") or "none", scores[strongest], intent.get("confidence", 0), read["length"], read["unknown"])
            for name, value in zip(found, row, strict=True):
                found[name].append(value if name in NAMED else float(value))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            expected = 'emotions, intent, length and unknown, see "python -m training.drift --help"'
            raise SystemExit(f"read {number} of {where} is not one ({error!r}); expected {expected}") from None
    columns = {name: np.array(values) for name, values in found.items()}
    if not any(read.get("intent") for read in reads):
        del columns["intent"], columns["intent_confidence"]
    return columns


def read_reference(file: Path) -> dict[str, np.ndarray]:
    if not file.exists():
        raise SystemExit(f"{file} is not here: python -m training.drift --make {file}")
    if file.suffix == ".jsonl":
        return columns_of(datasets.lines(file), str(file))
    return {name: np.array(values) for name, values in json.loads(file.read_text(encoding="utf-8"))["columns"].items()}


def live_model() -> Path:
    registry = json.loads((ROOT / "models" / "registry.json").read_text(encoding="utf-8"))
    return ROOT / "models" / "encoder" / registry["tasks"]["encoder"]["live"]


def dev_reference(model: Path, through: str | None) -> dict:
    """Columns of every dev message that resembles what people write: GoEmotions', the everyday ones, openings of exchanges."""
    from training import data
    from training.shipped import open_reader

    texts = [row["text"] for name in ("emotion.dev", "daily.dev") for row in data.prepared(name)]
    texts += [row["turns"][0]["text"] for row in data.exchanges("dev")]
    texts = list(dict.fromkeys(texts))
    reader = open_reader(model)
    if through:
        reads = predicted(texts, through)
    else:
        emotion, labels = reader.read(texts).emotion, reader.config["labels"]
        reads = [{"emotions": dict(zip(labels, map(float, row), strict=True))} for row in emotion]
    measured = measures(texts, model, reader.config["maxTokens"])
    columns = columns_of([read | measure for read, measure in zip(reads, measured, strict=True)], "dev")
    shown = {name: (values if name in NAMED else values.round(4)).tolist() for name, values in columns.items()}
    return {"encoder": reader.checksum, "texts": "emotion.dev, daily.dev, exchanges.dev", "columns": shown}


def measures(texts: list[str], model: Path, max_tokens: int) -> list[dict]:
    """Words, and the share of them that the tokenizer does not know whole."""
    from tokenizers import Tokenizer

    from training.text import to_words

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    found = []
    for text in map(to_words, texts):
        encoding = tokenizer.encode(text)
        pairs = [(word, token) for word, token in zip(encoding.word_ids, encoding.tokens, strict=True) if word is not None]
        broken = {word for word, token in pairs if token == "[UNK]" or token.startswith("##")}
        found.append({"length": len(text.split()), "unknown": len(broken) / max(1, len({word for word, _ in pairs}))})
    return found


def predicted(texts: list[str], address: str, size: int = 128) -> list[dict]:
    """What a running Troupe reads in them, intents included."""
    headers = {"content-type": "application/json"}
    if key := os.environ.get("API_KEY"):
        headers["authorization"] = f"Bearer {key}"
    found = []
    for at in range(0, len(texts), size):
        body = json.dumps({"texts": texts[at : at + size]}).encode()
        request = urllib.request.Request(f"{address.rstrip('/')}/v1/predict/batch", body, headers)
        with urllib.request.urlopen(request, timeout=300) as answer:
            found += json.load(answer)["results"]
        print(f"{len(found)} of {len(texts)} read", flush=True)
    return found


def prometheus(found: dict[str, dict[str, float]], total: float, reads: int, now: float) -> str:
    """For node_exporter's textfile collector."""
    scores = {name: row["score"] for name, row in found.items()} | {"total": total}
    psi = {name: row["psi"] for name, row in found.items()}
    gauges = [
        ("troupe_drift_score", "Jensen-Shannon distance of live reads from the reference, beyond chance; total is the largest.", scores),
        ("troupe_drift_psi", "Population stability index of live reads against the reference.", psi),
        ("troupe_drift_reads", "Live reads that were compared.", reads),
        ("troupe_drift_timestamp_seconds", "When they were compared.", round(now)),
    ]  # fmt: skip
    lines = []
    for name, help_text, values in gauges:
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
        rows = [(f'{{feature="{feature}"}}', value) for feature, value in values.items()] if isinstance(values, dict) else [("", values)]
        lines += [f"{name}{label} {value:.10g}" for label, value in rows]
    return "\n".join(lines) + "\n"


def evidently_page(reference: dict[str, np.ndarray], live: dict[str, np.ndarray], names: list[str], file: Path) -> bool:
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        import pandas
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset
    except ImportError as error:
        print(f"no page: Evidently cannot be loaded ({error}); pip install -e 'training[drift]'")
        return False
    definition = DataDefinition(
        categorical_columns=[name for name in names if name in NAMED], numerical_columns=[name for name in names if name in NUMBERS]
    )
    now, before = (
        Dataset.from_pandas(pandas.DataFrame({name: side[name] for name in names}), data_definition=definition)
        for side in (live, reference)
    )
    Report([DataDriftPreset(columns=names, method="jensenshannon")]).run(now, before).save_html(str(file))
    return True


def write(file: Path, text: str) -> None:
    """A whole file or none: the collector may look at any moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(file.name + ".new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
