"""The report's pictures, each drawn for a light page and for a dark one."""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

THEMES = {
    "light": {
        "page": "#ffffff",
        "ink": "#1d2433",
        "soft": "#697386",
        "grid": "#e3e7ee",
        "main": "#2456c9",
        "other": "#c2622d",
        "ramp": ["#f4f7fd", "#2456c9", "#0c2258"],
    },
    "dark": {
        "page": "#161a22",
        "ink": "#e8ebf2",
        "soft": "#9aa4b6",
        "grid": "#2c3342",
        "main": "#7ea6ff",
        "other": "#f0a36b",
        "ramp": ["#1b212c", "#4f7fe6", "#dbe6ff"],
    },
}


def draw(name: str, details: dict, figures: dict, live: dict | None, histories: dict[str, list[dict]]) -> dict[str, bytes]:
    """PNG by theme, or nothing where there is nothing to show. `name` is one of PLOTS."""
    found = {}
    for theme, colours in THEMES.items():
        ink, soft, grid, page = (colours[name] for name in ("ink", "soft", "grid", "page"))
        plt.rcParams.update(
            {f"{of}.facecolor": page for of in ("figure", "axes", "savefig")}
            | {
                "text.color": ink,
                "axes.labelcolor": soft,
                "xtick.color": soft,
                "ytick.color": soft,
                "axes.edgecolor": grid,
                "grid.color": grid,
            }
            | {"axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "font.size": 10, "axes.titlesize": 11}
        )
        picture = PLOTS[name](details, figures, live, histories, colours)
        if picture is None:
            return {}
        memory = io.BytesIO()
        picture.savefig(memory, format="png", dpi=150, bbox_inches="tight", metadata={"Software": None})
        plt.close(picture)
        found[theme] = memory.getvalue()
    return found


def f1(details, figures, live, histories, colours):
    """Bars by label, the rarest support written beside; the live version as a mark where it is another."""
    if "emotion" not in details:
        return None
    labels, support = details["emotion"]["labels"], details["emotion"]["support"]
    order = sorted(range(len(labels)), key=lambda i: figures[f"f1.{labels[i]}"])
    picture, axes = plt.subplots(figsize=(7.2, 7.6))
    places = np.arange(len(order))
    axes.barh(places, [figures[f"f1.{labels[i]}"] for i in order], color=colours["main"], height=0.62, label="this version")
    if live:
        axes.plot(
            [live.get(f"f1.{labels[i]}", np.nan) for i in order], places, "|", color=colours["other"], ms=11, mew=2.4, label="live version"
        )
        axes.legend(frameon=False, loc="lower right")
    axes.set_yticks(places, [f"{labels[i]}  ({support[i]:,})" for i in order], color=colours["ink"])
    axes.set(xlim=(0, 1), xlabel="F1 at the label's own threshold (texts in brackets)")
    axes.grid(axis="x")
    axes.tick_params(length=0)
    return picture


def confusion(details, figures, live, histories, colours):
    if "emotion" not in details:
        return None
    labels, counts = details["emotion"]["labels"], np.array(details["emotion"]["confusion"], float)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    picture, axes = plt.subplots(figsize=(8.2, 7.4))
    shown = axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("ramp", colours["ramp"]), vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set(xlabel="likeliest label", ylabel="true label (texts with one label)")
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    bar = picture.colorbar(shown, ax=axes, fraction=0.035, pad=0.02, label="share of the true label's texts")
    bar.outline.set_visible(False)
    return picture


def reliability(details, figures, live, histories, colours):
    if "emotion" not in details:
        return None
    bins = details["emotion"]["reliability"]
    p, share, count = (np.array([row[key] for row in bins]) for key in ("p", "share", "count"))
    picture, (axes, below) = plt.subplots(2, 1, figsize=(6, 5.6), height_ratios=[3.4, 1], sharex=True)
    axes.plot([0, 1], [0, 1], color=colours["soft"], lw=1, ls=(0, (4, 3)))
    axes.plot(p, share, "o-", color=colours["main"], lw=2, ms=5)
    axes.annotate("as likely as it says", (0.62, 0.62), (0.66, 0.5), color=colours["soft"], fontsize=9)
    axes.set(ylabel="share that bears the label", xlim=(0, 1), ylim=(0, 1))
    below.bar(p, count, width=0.045, color=colours["main"])
    below.set(yscale="log", ylabel="decisions", xlabel="probability that was read (all labels together)")
    for part in (axes, below):
        part.grid(axis="y")
        part.tick_params(length=0)
    return picture


def risk_coverage(details, figures, live, histories, colours):
    if "intent" not in details:
        return None
    coverage, risk = np.array([row for row in details["intent"]["riskCoverage"] if row[0] >= 0.05]).T  # before that one text decides
    picture, axes = plt.subplots(figsize=(6, 3.9))
    axes.plot(100 * coverage, 100 * risk, color=colours["main"], lw=2)
    axes.fill_between(100 * coverage, 100 * risk, color=colours["main"], alpha=0.12, lw=0)
    axes.set(
        xlabel="% answered, the surest first (CLINC150 dev, out of scope included)", ylabel="% of them wrong", xlim=(0, 100), ylim=(0, None)
    )
    axes.grid(axis="y")
    axes.tick_params(length=0)
    return picture


def loss(details, figures, live, histories, colours):
    """One panel for each stage that left a history (steps.Progress)."""
    if not histories:
        return None
    picture, panels = plt.subplots(1, len(histories), figsize=(max(6, 3.6 * len(histories)), 3.4), squeeze=False)
    for axes, (name, rows) in zip(panels[0], histories.items(), strict=True):
        columns = [key for key in rows[0] if key != "step"]
        for colour, column in zip([colours["main"], colours["other"], colours["soft"]], columns, strict=False):
            axes.plot([row["step"] for row in rows], [row[column] for row in rows], color=colour, lw=2, label=column)
        axes.set(title=name, xlabel="step")
        axes.legend(frameon=False, fontsize=8)
        axes.grid(axis="y")
        axes.tick_params(length=0)
    return picture


PLOTS = {"f1": f1, "confusion": confusion, "reliability": reliability, "risk-coverage": risk_coverage, "loss": loss}


def write(folder: Path, name: str, drawn: dict[str, bytes]) -> None:
    (folder / f"{name}.png").write_bytes(drawn["light"])
