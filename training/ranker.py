"""Learns from votes what is liked about a reply's manner (ranker_model.py), and says what that is worth.

python -m training.ranker --votes votes.jsonl [--version v1] [--offers FILE] [--models DIR] [--out training/build/ranker]
python -m training.ranker --version v0          one that has learnt nothing: every reply is chosen as without it

Every fifth vote is held out for good. How strongly the rest may speak is found by cross-validation over lines never seen; where votes say
nothing, nothing is learnt. Then measures the new version and the live one on the same held-out votes and offers, for the gate.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from training import data, votes
from training.evaluate_ranker import OFFERS, RUNS, above, read_offers, save
from training.ranker_model import STYLE, Ranker, fit, style, tone
from training.release import file_entries, live_version, record, sha256, write_json
from training.votes import Vote

VALENCE = {1: "positive", -1: "negative"}


def valence() -> dict[str, int]:
    """Which emotions are bright and which are low, as the live encoder has it."""
    models = data.ROOT / "models"
    config = json.loads((models / "encoder" / live_version(models, "encoder") / "config.json").read_text(encoding="utf-8"))
    return {label: sign for sign, side in VALENCE.items() for label in config["sentiment"][side]}


@dataclass
class Design:
    """What is learnt from: a row for each vote. The first `aside` columns say nothing about a reply (who votes, who speaks, the moment):
    they are learnt beside the others and left out of the ranker, as they are the same for all candidates of a turn."""

    matrix: np.ndarray
    up: np.ndarray
    hold: np.ndarray
    aside: int
    parts: dict[str, list[str]]  # of the other columns, in their order: what they belong to, and their names

    def fitted(self, strength: float, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        hold = np.concatenate([self.hold[: self.aside], strength * self.hold[self.aside :]])
        return fit(self.matrix[rows], self.up[rows].astype(float), hold)


def design(found: list[Vote], params: dict, signs: dict[str, int]) -> Design:
    slugs, lines = sorted({vote.character for vote in found}), sorted({vote.line for vote in found if vote.line})
    manner = np.array([[style(vote.text, vote.expression, vote.kind).get(name, 0.0) for name in STYLE] for vote in found])
    at = np.array([tone(vote.emotions, vote.mood, signs) for vote in found])[:, None]
    low, bright = np.maximum(-at, 0), np.maximum(at, 0)
    who = one_of(slugs, [vote.character for vote in found])
    voters = one_of(sorted({vote.voter for vote in found}), [vote.voter for vote in found])
    aside = np.hstack([np.ones((len(found), 1)), voters, who, low, bright])
    parts = {
        "common": (STYLE, manner, params["common"]),
        "low": (STYLE, low * manner, params["moment"]),
        "bright": (STYLE, bright * manner, params["moment"]),
        **{f"of {slug}": (STYLE, who[:, [i]] * manner, params["character"]) for i, slug in enumerate(slugs)},
        "lines": (lines, one_of(lines, [vote.line for vote in found]), params["line"]),
    }
    hold = [np.full(aside.shape[1], params["aside"]), *(np.full(len(names), hold) for names, _, hold in parts.values())]
    matrix = np.hstack([aside, *(columns for _, columns, _ in parts.values())])
    up = np.array([vote.up for vote in found], bool)
    return Design(matrix, up, np.concatenate(hold), aside.shape[1], {part: names for part, (names, _, _) in parts.items()})


def one_of(names: list, given: list) -> np.ndarray:
    return np.array([[value == name for name in names] for value in given], float).reshape(len(given), len(names))


def learn(found: list[Vote], params: dict, signs: dict[str, int], strength: float) -> Ranker:
    """A ranker from these votes. `strength` multiplies every hold towards nothing; infinite learns nothing."""
    empty = Ranker(params["margin"], signs, {}, {}, {}, {}, {})
    if not found or not np.isfinite(strength):
        return empty
    given = design(found, params, signs)
    weights = iter(given.fitted(strength)[given.aside :].tolist())
    named = {part: {name: round(next(weights), 5) for name in names} for part, names in given.parts.items()}
    own = {part.removeprefix("of "): of for part, of in named.items() if part.startswith("of ")}
    return Ranker(params["margin"], signs, named["common"], named["low"], named["bright"], own, named["lines"])


def choose(found: list[Vote], params: dict, signs: dict[str, int]) -> tuple[float, float]:
    """(the strength that foretells votes on lines never seen best, its AUC there). Infinite where knowing nothing is as good."""
    given = design(found, params, signs)
    if given.up.all() or not given.up.any():
        return np.inf, 0.5
    losses, aucs = {}, {}
    for strength in (*params["strengths"], np.inf):
        odds, worths = cross_fitted(found, given, strength, params["folds"])
        losses[strength] = float(np.logaddexp(0, np.where(given.up, -odds, odds)).mean())
        aucs[strength] = float(above(worths[given.up], worths[~given.up]).mean())
        print(f"strength {strength:g}: loss {losses[strength]:.4f}, AUC {aucs[strength]:.4f} on lines never seen", flush=True)
    best = min(losses, key=lambda strength: losses[strength])
    return best, aucs[best]


def cross_fitted(found: list[Vote], given: Design, strength: float, folds: int) -> tuple[np.ndarray, np.ndarray]:
    """Each vote's log-odds and its reply's worth, by a ranker that has not seen its line: all votes on a line are in one fold."""
    names = sorted({vote.text for vote in found})
    fold_of = dict(zip(names, np.random.default_rng(0).permutation(len(names)) % folds, strict=True))
    fold = np.array([fold_of[vote.text] for vote in found])
    odds, worths = np.zeros(len(found)), np.zeros(len(found))
    for apart in (fold == number for number in range(folds)):
        # 1e9 times the hold is as good as nothing learnt, and keeps the arithmetic finite.
        weights = given.fitted(min(strength, 1e9), ~apart)
        odds[apart] = given.matrix[apart] @ weights
        worths[apart] = given.matrix[apart][:, given.aside :] @ weights[given.aside :] if np.isfinite(strength) else 0.0
    return odds, worths


def write(out: Path, version: str, ranker: Ranker, params: dict, source: Path | None, learnt: list[Vote]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "ranker.json", {"schema": 1} | {name: getattr(ranker, name) for name in Ranker.__dataclass_fields__})
    (out / "golden.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in golden(ranker)), encoding="utf-8")
    origin = [{"name": "votes", "licence": "the operator's own", "source": source.name, "sha256": sha256(source), "rows": len(learnt),
               "people": len({vote.voter for vote in learnt}), "until": learnt[-1].at}] if source and learnt else []  # fmt: skip
    write_json(
        out / "manifest.json",
        {
            "task": "ranker", "version": version, "createdAt": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "data": origin, "params": params, "metrics": {}, "files": file_entries(out),
        },
    )  # fmt: skip
    card = (Path(__file__).parent / "ranker_card.md").read_text(encoding="utf-8")
    strongest = sorted(ranker.common.items(), key=lambda pair: -abs(pair[1]))[:12]
    asked = "\n".join(f"| {name} | {weight:+.3f} |" for name, weight in strongest if weight) or "| nothing | 0 |"
    about = f"{len(learnt)} votes of {origin[0]['people']} people, until {origin[0]['until']}" if origin else "no votes"
    for name, text in (("version", version), ("votes", about), ("asked", asked)):
        card = card.replace(f"{{{{{name}}}}}", text)
    (out / "card.md").write_text(card, encoding="utf-8")


def golden(ranker: Ranker) -> list[dict]:
    """Candidates and the scores that inference/src/ranker.ts has to give them."""
    given = [
        candidate("Sit down.", next(iter(ranker.lines), None), "caring", "situation", 0.9),
        candidate("What happened, and who was there when it did?", "x-1", "curiosity", "situation", 0.89),
        candidate("Oh, that is a fine thing! " * 4, None, "joy", "model", 0.875),
        candidate("Mm.", "x-2", "neutral", "universal", 0.2),
    ]
    moments = [
        ({"joy": 0.8, "neutral": 0.1}, None),
        ({"sadness": 0.7, "grief": 0.4}, {"valence": -0.5, "intensity": 0.8}),
        ({"neutral": 0.9}, None),
    ]
    cases = []
    for slug in [*sorted(ranker.characters), "nobody"]:
        for emotions, mood in moments:
            after = ranker.ranked(given, tone(emotions, mood, ranker.valence), slug)
            scores = [[found["text"], found["score"]] for found in after]
            cases.append({"character": slug, "emotions": emotions, "mood": mood, "candidates": given, "scores": scores})
    return cases


def candidate(text: str, line: str | None, expression: str, kind: str, score: float) -> dict:
    return {"text": text, "line": line, "expression": expression, "source": {"kind": kind}, "score": score}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=Path)
    parser.add_argument("--version", help="of the new one; by default the number after the highest there is")
    parser.add_argument("--offers", type=Path, default=OFFERS)
    parser.add_argument("--models", type=Path, default=data.ROOT / "models")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "build" / "ranker")
    parser.add_argument("--runs", type=Path, default=RUNS / "evaluation")
    arguments = parser.parse_args()
    params = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))["ranker"]
    signs, version = valence(), arguments.version or next_version(arguments.models)
    out = arguments.out / version
    if not arguments.votes:
        write(out, version, learn([], params, signs, np.inf), params, None, [])
        print(f"{out} is ready: it has learnt nothing and changes nothing")
        return

    # ── Votes ────────────────────────────────────────────────────────────────────────────────────────────────────────
    everything = votes.read(arguments.votes)
    learnt, held = [vote for vote in everything if not vote.held_out], [vote for vote in everything if vote.held_out]
    if len(everything) < params["least"]:
        raise SystemExit(
            f"{arguments.votes} has {len(everything)} votes; fewer than {params['least']} say nothing for sure: export again later"
        )
    ups, people = sum(vote.up for vote in everything), len({vote.voter for vote in everything})
    print(f"{len(everything)} votes of {people} people, {ups} of them up; {len(held)} held out for good", flush=True)
    offers = read_offers(arguments.offers)

    # ── How strongly they may speak, and what they say ───────────────────────────────────────────────────────────────
    strength, auc = choose(learnt, params, signs)
    ranker = learn(learnt, params, signs, strength)
    print("the votes tell nothing for sure; nothing is learnt" if np.isinf(strength) else f"strength {strength:g} is chosen", flush=True)
    write(out, version, ranker, params | {"strength": None if np.isinf(strength) else strength}, arguments.votes, learnt)

    # ── What it is worth, and what the live one is on the same ───────────────────────────────────────────────────────
    runs = arguments.runs / f"ranker.{version}"
    found = save(runs, out, held, offers) | {"votesAucCrossFitted": auc}
    record(out, found)
    for name, value in found.items():
        print(f"{name:24} {value:.4f}")
    command = f"python -m training.gate --candidate {out} --figures {runs / 'figures.json'}"
    if live := live_version(arguments.models, "ranker"):
        save(runs / "live", arguments.models / "ranker" / live, held, offers)
        command += f" --live-figures {runs / 'live' / 'figures.json'}"
    print(f"{out} is ready. Next: {command} --models {arguments.models}", flush=True)


def next_version(models: Path) -> str:
    taken = [int(path.name[1:]) for path in (models / "ranker").glob("v*") if path.name[1:].isdigit()]
    return f"v{max(taken, default=0) + 1}"


if __name__ == "__main__":
    main()
