"""One page about a version of the encoder: what it reaches, where it fails, beside frozen MiniLM and the live version.

python -m training.report [--model models/encoder/v2] [--out training/runs/report/v2]
Reads what training.evaluate left in runs/evaluation/; writes report.html, which holds its pictures, and each picture as PNG.
"""

import argparse
import base64
import json
from datetime import date
from html import escape
from pathlib import Path
from string import Template

from training import data, report_plots
from training.evaluation_sets import RUNS
from training.release import live_version, sha256

# What, figure, floor, aim. A figure that has to be small has its floor above its aim. The first figure of several that was measured counts.
TARGETS = [
    ("Emotions: macro-F1, one threshold", ["macroF1"], 0.515, 0.54),
    ("Emotions: macro-F1, a threshold a label", ["macroF1PerLabel"], 0.525, 0.56),
    ("Emotions: calibration error", ["ece"], 0.03, 0.015),
    ("CLINC150 in scope: accuracy", ["clincAccuracy"], 0.92, 0.95),
    ("CLINC150: out of scope found at 3 % false alarms", ["clincOosRecallSimilarityAt3"], 0.75, 0.85),
    ("Banking77: accuracy, all examples", ["bankingAccuracy"], 0.90, 0.925),
    ("Banking77: accuracy, ten examples an intent", ["banking10Shot"], 0.82, 0.86),
    ("True reply among 100 of the same character: MRR", ["replyCosineMrr"], 0.733, 0.833),
    ("Situation of an unseen wording: first", ["situationMeanTop1"], 0.74, 0.82),
    ("Situation of an unseen wording: among five", ["situationMeanTop5"], 0.92, 0.96),
    ("Fits no situation: recognised at 5 % false alarms", ["noneRecallExamplesAt5"], 0.60, 0.80),
    *((f"Safety, {label}: found at 5 % false alarms", [f"safety.{label}.recallAt5"], 0.85, 0.95) for label in data.SAFETY),
    ("int8 against float32: macro-F1", ["int8MacroF1Delta"], -0.005, -0.002),
]
CAPTIONS = {
    "f1": "F1 of each emotion. Rare ones move most: grief has 13 texts.",
    "confusion": "What is read instead. Texts that bear one label; rows sum to one.",
    "reliability": "Whether a probability means what it says. Off the dashed line it does not; above it, more is felt than was read.",
    "risk-coverage": "What it costs to answer more. Answered are the surest first; out of scope counts as wrong.",
    "loss": "How the training went.",
}
WORST = {
    "emotion": ("Emotions", "The surest wrong readings of texts with one label. Some of them are the label's fault."),
    "intent": ("Intents", "The surest wrong answers on CLINC150."),
    "situations": ("Situations", "Held-out wordings that are nearest to another situation, by the mean of its wordings."),
    "safety": ("Safety", "What the heads miss at the thresholds that ship."),
}


def verdict(value: float | None, floor: float, aim: float) -> tuple[str, str]:
    """(class, word)."""
    if value is None:
        return "soft", "not measured"
    better = (lambda a, b: a >= b) if aim >= floor else (lambda a, b: a <= b)
    if better(value, aim):
        return "good", "aim reached"
    return ("near", "floor reached") if better(value, floor) else ("bad", "below the floor" if aim >= floor else "above the floor")


def page(folder: Path, evaluation: dict, live: tuple[str, dict] | None, pictures: dict[str, dict[str, bytes]]) -> str:
    """The whole report. `evaluation` is figures and details; `live` (version, figures) where another version is live."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    # The export alone has the float32 graph beside it; everything else in a manifest may have been measured on other sets.
    exported = {name: value for name, value in manifest["metrics"].items() if name.startswith(("int8", "parity"))}
    figures, details = exported | evaluation["figures"], evaluation["details"]
    reached = [(what, value_of(figures, names), floor, aim) for what, names, floor, aim in TARGETS]
    judged = [row for row in reached if row[1] is not None]
    words = [verdict(*row[1:])[1] for row in judged]
    aims, floors = words.count("aim reached"), words.count("floor reached")
    body = [
        f"<h1>Encoder {escape(manifest['version'])}</h1>",
        f"<p class=soft>Measured on frozen dev sets, int8 as it ships, each text alone. Made {escape(manifest['createdAt'][:10])}, "
        f"reported {date.today().isoformat()}, model <code>{evaluation['model'][:12]}</code>.</p>",
        f"<p>Of {len(judged)} targets that were measured {aims} reach their aim, {floors} more their floor, {len(judged) - aims - floors} "
        f"miss it; {len(reached) - len(judged)} are not measured.</p>",
        "<div class=tiles>" + "".join(tile(figures, *row) for row in TILES if row[0] in figures) + "</div>",
        "<h2>Targets</h2>",
        table(["what", "n:reached", "", "n:floor", "n:aim"], [target(*row) for row in reached]),
        "<h2>Pictures</h2><div class=pictures>" + "".join(picture(name, drawn) for name, drawn in pictures.items() if drawn) + "</div>",
        "<h2>Behaviour</h2>", *checklist(details, figures, live),
        "<h2>Worst errors</h2>", *worst(details),
        "<h2>Every figure</h2>",
        "<p>Beside it all-MiniLM-L6-v2 as it was before any training, and the live version where that is another one. "
        "What each name means stands in <code>training/README.md</code>.</p>", *comparison(figures, live),
        *replies(details),
        f"<h2>Make it again</h2><p><code>python -m training.evaluate --model {escape(relative(folder))}</code>, then "
        f"<code>python -m training.report --model {escape(relative(folder))}</code>; the same figures through the worker: "
        f"<code>npx troupe models evaluate --version {escape(manifest['version'])}</code>.</p>",
    ]  # fmt: skip
    template = Template((Path(__file__).parent / "report.html").read_text(encoding="utf-8"))
    return template.substitute(title=f"Encoder {escape(manifest['version'])}", body="\n".join(body))


TILES = [
    ("macroF1", "emotions, macro-F1"),
    ("ece", "calibration error"),
    ("clincAccuracy", "intents in scope"),
    ("clincOosRecallSimilarityAt3", "out of scope found"),
    ("situationMeanTop1", "situation found first"),
    ("checklist", "checklist passed"),
]


def tile(figures: dict, name: str, what: str) -> str:
    return f"<div class=tile><b>{figures[name]:.3f}</b><span>{what}</span></div>"


def value_of(figures: dict, names: list[str]) -> float | None:
    return next((figures[name] for name in names if name in figures), None)


def target(what: str, value: float | None, floor: float, aim: float) -> list[str]:
    kind, word = verdict(value, floor, aim)
    shown = "–" if value is None else f"{value:.{4 if abs(value) < 0.1 else 3}f}"
    return [escape(what), shown, f"<span class='word {kind}'>{word}</span>", f"{floor:g}", f"{aim:g}"]


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Cells are HTML. A head that begins with "n:" is of numbers, one with "t:" of sentences."""
    kinds = [{"n:": " class=n", "t:": " class=text"}.get(head[:2], "") for head in heads]
    names = [head.split(":", 1)[-1] for head in heads]
    head = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, names, strict=True))
    lines = ["<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>" for row in rows]
    return f"<div class=scroll><table><tr>{head}</tr>{''.join(lines)}</table></div>"


def picture(name: str, drawn: dict[str, bytes]) -> str:
    light, dark = (f"data:image/png;base64,{base64.b64encode(drawn[theme]).decode()}" for theme in ("light", "dark"))
    return (
        f"<figure><picture><source srcset='{dark}' media='(prefers-color-scheme: dark)'><img src='{light}' alt='{escape(name)}'></picture>"
        f"<figcaption>{CAPTIONS[name]}</figcaption></figure>"
    )


def checklist(details: dict, figures: dict, live: tuple[str, dict] | None) -> list[str]:
    if "checklist" not in details:
        return ["<p class=soft>The checklist was not run.</p>"]
    cases, rows = details["checklist"]["cases"], []
    for name in sorted({case["capability"] for case in cases}, key=lambda name: figures[f"checklist.{name}"]):
        rate, own = figures[f"checklist.{name}"], [case for case in cases if case["capability"] == name]
        bar = f"<span class=bar><i style='width:{100 * rate:.0f}%'></i></span>"
        before = [number(live[1].get(f"checklist.{name}"), 2)] if live else []
        rows.append([name, bar, f"{rate:.2f}", *before, f"{sum(case['passed'] for case in own)} of {len(own)}"])
    failed = [case for case in cases if not case["passed"]]
    shown = [[case["capability"], case["type"], said(case), wanted(case), escape(case["why"])] for case in failed]
    return [
        "<p>Cases written by hand, never trained on: what has to be read (MFT), what may not change it (INV), what has to (DIR).</p>",
        table(["capability", "", "n:passed", *(["n:live"] if live else []), "n:cases"], rows),
        f"<details><summary>The {len(failed)} cases that fail</summary>"
        f"{table(['capability', '', 't:text', 't:wanted', 't:found'], shown)}</details>",
    ]


def said(case: dict) -> str:
    return escape(case["text"]) + (f"<br>→ {escape(case['changed'])}" if "changed" in case else "")


def wanted(case: dict) -> str:
    if case["type"] == "INV":
        return "the same tone"
    return f"{case['score']} {case['moves']}" if case["type"] == "DIR" else ", ".join(case.get("labels", [case.get("tone", "")]))


def worst(details: dict) -> list[str]:
    found = []
    for part, (name, what) in WORST.items():
        if rows := details.get(part, {}).get("worst"):
            cells = [[escape(row["text"]), escape(row["truth"]), escape(row["read"]), f"{row['p']:.2f}"] for row in rows]
            found.append(f"<details><summary>{name} ({len(rows)})</summary><p>{what}</p>"
                         f"{table(['t:text', 'true', 'read', 'n:sure'], cells)}</details>")  # fmt: skip
    return found


def comparison(figures: dict, live: tuple[str, dict] | None) -> list[str]:
    groups = {
        "Emotions": ("macro", "micro", "ece", "f1."),
        "Intents": ("clinc", "banking"),
        "Situations": ("situation", "everyday", "none"),
        "Safety": ("safety",),
        "Replies": ("reply", "replies"),
        "Checklist": ("checklist",),
        "int8": ("int8", "parity"),
    }
    found = []
    for group, starts in groups.items():
        rows = []
        for name in (name for name in figures if name.startswith(starts)):
            frozen = figures.get(f"frozen{name[0].upper()}{name[1:]}")
            before = live[1].get(name) if live else None
            beside = [number(before), change(figures[name], before)] if live else []
            rows.append([f"<code>{escape(name)}</code>", number(figures[name]), number(frozen), *beside])
        if rows:
            heads = ["figure", "n:this", "n:frozen MiniLM", *([f"n:live {escape(live[0])}", "n:change"] if live else [])]
            opened = " open" if group in ("Intents", "Situations") else ""
            found.append(f"<details{opened}><summary>{group} ({len(rows)})</summary>{table(heads, rows)}</details>")
    return found


def replies(details: dict) -> list[str]:
    found = []
    for name, shown in details.get("replies", {}).items():
        rows = [
            [row["character"], escape(row["message"]), escape(row["reply"]), f"{row['emotion']} / {row['read']}"] for row in shown["hurts"]
        ]
        if rows:
            found.append(f"<details><summary>Replies of {escape(name)} that may jar ({len(rows)})</summary>"
                         f"{table(['who', 't:message', 't:reply', 'felt / heard in the reply'], rows)}</details>")  # fmt: skip
    return found


def number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def change(now: float, before: float | None) -> str:
    return "–" if before is None else f"{now - before:+.4f}"


def relative(folder: Path) -> str:
    return str(folder.resolve().relative_to(data.ROOT)) if folder.resolve().is_relative_to(data.ROOT) else folder.name


def read_evaluation(folder: Path) -> dict | None:
    """What training.evaluate left of this very model."""
    kept = RUNS / folder.name
    if not (kept / "figures.json").exists():
        return None
    figures, details = (json.loads((kept / f"{name}.json").read_text(encoding="utf-8")) for name in ("figures", "details"))
    return figures | details if figures["model"] == details["model"] == sha256(folder / "model.int8.onnx") else None


def histories() -> dict[str, list[dict]]:
    """runs/<stage>/history.json, as steps.Progress writes it."""
    files = {file.parent.name: json.loads(file.read_text(encoding="utf-8")) for file in sorted(RUNS.parent.glob("*/history.json"))}
    return {name: rows for name, rows in files.items() if isinstance(rows, list) and rows and {"step", "epoch", "at"} & rows[0].keys()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    version = live_version(data.ROOT / "models", "encoder")
    live_folder = data.ROOT / "models" / "encoder" / version if version else None
    folder = arguments.model or live_folder
    if folder is None:
        raise SystemExit("no encoder is live yet: say which one with --model FOLDER")
    evaluation = read_evaluation(folder)
    if evaluation is None:
        raise SystemExit(f"{RUNS / folder.name} holds no figures of this model: run python -m training.evaluate --model {folder} first")
    live = None
    if live_folder and folder.name != live_folder.name and (kept := read_evaluation(live_folder)):
        live = (live_folder.name, kept["figures"])
    out = arguments.out or RUNS.parent / "report" / folder.name
    out.mkdir(parents=True, exist_ok=True)
    pictures = {}
    for name in report_plots.PLOTS:
        pictures[name] = report_plots.draw(name, evaluation["details"], evaluation["figures"], live and live[1], histories())
        if pictures[name]:
            report_plots.write(out, name, pictures[name])
    (out / "report.html").write_text(page(folder, evaluation, live, pictures), encoding="utf-8")
    print(out / "report.html")


if __name__ == "__main__":
    main()
