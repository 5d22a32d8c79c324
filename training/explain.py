"""Which words a reading comes from: each word coloured by its part in every detected emotion and in the safety labels, as one page.

python -m training.explain "text" [--label joy …] [--out training/runs/explain.html] [--checkpoint FILE] [--model models/encoder/v4]
With a checkpoint (training/runs/encoder/encoder.pt, or an epoch<N>.pt, which has no safety) by integrated gradients over the word
embeddings: what a word adds to the label's score (log odds), from a text of blanks to this one; the parts add up to the difference. Where
there is none by leaving one word out at a time with the int8 model that ships, which adds up only roughly.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertModel

from training import data, metrics
from training.drift import live_model
from training.encoder_model import Branched, by_length, load_minilm, open_tokenizer
from training.safety_model import LABELS as SAFETY
from training.safety_model import Safety, seen
from training.text import to_words

CHECKPOINT = Path(__file__).parent / "runs" / "encoder" / "encoder.pt"
TOLERANCE = 0.05  # of the difference, or of 1 where that is smaller: what the parts may miss


@dataclass
class Part:
    """One label. `parts` [words] are log odds; `whole` is the difference they should add up to."""

    label: str
    probability: float
    threshold: float
    parts: np.ndarray
    whole: float

    @property
    def missing(self) -> float:
        return float(abs(self.parts.sum() - self.whole) / max(1.0, abs(self.whole)))


def main(words: list[str]) -> list[Part]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--label", action="append", default=[], help="only this one; as often as you like")
    parser.add_argument("--checkpoint", type=Path, help="encoder.pt unless another is given")
    parser.add_argument("--model", type=Path, help="the version whose thresholds count, and that reads where there is no checkpoint")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "runs" / "explain.html")
    arguments = parser.parse_args(words)
    text = to_words(arguments.text)
    if not text:
        raise SystemExit("there is nothing to read in an empty text")
    if arguments.checkpoint and not arguments.checkpoint.exists():
        raise SystemExit(f"{arguments.checkpoint} is not here")
    folder = arguments.model or live_model()
    config = shipped_config(folder)
    thresholds = dict(zip(config["labels"], config["thresholds"], strict=True)) | shipped_safety(config)

    # ── Every word's part in every label ─────────────────────────────────────────────────────────────────────────────
    checkpoint = arguments.checkpoint or (CHECKPOINT if CHECKPOINT.exists() else None)
    if checkpoint:
        tokenizer = open_tokenizer(config["maxTokens"])
        model, safety, own = open_checkpoint(checkpoint)
        thresholds |= own
        labels = data.labels() + (SAFETY if safety else [])
        score = scores_of(model, safety)
        with torch.no_grad():
            scores = score(torch.tensor([tokenizer.encode(text).ids]))[0].numpy()
    else:
        read, tokenizer, labels = shipped_scores(folder, config)
        scores = read([text])[0]
    if unknown := set(arguments.label) - set(labels):
        raise SystemExit(f"no label {', '.join(sorted(unknown))}; there are {', '.join(labels)}")
    probabilities = metrics.sigmoid(scores)
    chosen = arguments.label or shown_labels(labels, probabilities, thresholds)
    targets = [labels.index(label) for label in chosen]
    spans = word_spans(tokenizer, text)
    if checkpoint:
        parts, whole = integrated(model, score, tokenizer, text, targets)
        how = f"integrated gradients over the word embeddings of {checkpoint.name}, from a text of blanks; emotions before calibration"
    else:
        parts, whole = left_out(read, text, spans, targets)
        how = f"leaving one word out at a time, int8 model {folder.name}; words that need each other make the sum miss the difference"
    found = [
        Part(label, float(probabilities[target]), thresholds.get(label, 0.5), parts[i], float(whole[i]))
        for i, (label, target) in enumerate(zip(chosen, targets, strict=True))
    ]

    # ── What is seen of it ───────────────────────────────────────────────────────────────────────────────────────────
    for part in found:
        strongest = sorted(zip(spans, part.parts, strict=True), key=lambda pair: -abs(pair[1]))[:4]
        said = ", ".join(f"{text[start:end]} {value:+.2f}" for (start, end), value in strongest)
        adds = "adds up" if part.missing <= TOLERANCE else f"misses {part.missing:.0%}"
        print(f"{part.label:17} p {part.probability:.3f}  parts {part.parts.sum():+.3f} of {part.whole:+.3f}, {adds}: {said}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(page(text, spans, found, how), encoding="utf-8")
    print(f"written: {arguments.out} ({how})")
    return found


def shown_labels(labels: list[str], probabilities: np.ndarray, thresholds: dict[str, float]) -> list[str]:
    """Detected emotions, the likeliest first and at least that one, then all of safety."""
    emotions = [i for i, label in enumerate(labels) if label not in SAFETY]
    order = sorted(emotions, key=lambda i: -probabilities[i])
    detected = [i for i in order if probabilities[i] > thresholds.get(labels[i], 0.5)] or order[:1]
    return [labels[i] for i in detected] + [label for label in labels if label in SAFETY]


def word_spans(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    """Start and end in the text of every word that is read; what is cut off at the end has none."""
    encoding, spans = tokenizer.encode(text), {}
    for word, (start, end) in zip(encoding.word_ids, encoding.offsets, strict=True):
        if word is not None:
            spans[word] = (spans.get(word, (start, end))[0], end)
    return list(spans.values())


def open_checkpoint(file: Path, bert: Callable[[], BertModel] = load_minilm) -> tuple[Branched, Safety | None, dict[str, float]]:
    """The model, its safety heads where it has any, and their thresholds."""
    saved = torch.load(file, weights_only=False)
    try:
        weights = saved["model"]
        shared = len({name.split(".")[1] for name in weights if name.startswith("shared.")})
        model = Branched(bert(), shared, len(weights["head.weight"]))
        model.load_state_dict(weights)
        safety, thresholds = None, {}
        if "safety" in saved:
            inner, features = saved["safety"]["inner.weight"].shape
            safety = Safety(features, inner)
            safety.load_state_dict(saved["safety"])
            safety.eval()
            thresholds = dict(zip(SAFETY, map(float, saved["safetyThresholds"]), strict=True))
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise SystemExit(f"{file} is no checkpoint of this encoder: {str(error).splitlines()[0]}") from None
    return model.eval(), safety, thresholds


def scores_of(model: Branched, safety: Safety | None) -> Callable[[torch.Tensor], torch.Tensor]:
    """ids [b, tokens] → log odds [b, labels], safety's after the emotions'. No padding: every row is whole."""

    def score(ids: torch.Tensor) -> torch.Tensor:
        mask = torch.ones_like(ids)
        hidden = model.lower(ids, mask)
        found = [model.emotion(hidden, mask)]
        return torch.cat([*found, safety(seen(model, hidden, mask))] if safety else found, dim=-1)

    return score


def integrated(model: Branched, score: Callable, tokenizer: Tokenizer, text: str, targets: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Parts [targets, words] and the differences [targets]. More steps are taken until the parts add up, 400 at most."""
    try:
        from captum.attr import LayerIntegratedGradients
    except ModuleNotFoundError:
        raise SystemExit("integrated gradients need captum: pip install -e 'training[explain]'") from None
    encoding = tokenizer.encode(text)
    ids = torch.tensor([encoding.ids])
    words = np.array([-1 if word is None else word for word in encoding.word_ids])
    blanks = torch.where(torch.from_numpy(words)[None] >= 0, tokenizer.token_to_id("[PAD]"), ids)  # [CLS] and [SEP] stay
    with torch.no_grad():
        whole = (score(ids) - score(blanks))[0, targets].numpy()
    gradients = LayerIntegratedGradients(score, model.embeddings.word_embeddings)
    order, parts = list(dict.fromkeys(words[words >= 0].tolist())), []
    for target, difference in zip(targets, whole, strict=True):
        for steps in (50, 150, 400):
            by_token = gradients.attribute(ids, blanks, target=target, n_steps=steps, internal_batch_size=50).sum(-1)[0].detach().numpy()
            if abs(by_token.sum() - difference) <= TOLERANCE * max(1.0, abs(difference)):
                break
        parts.append([by_token[words == word].sum() for word in order])
    return np.array(parts), whole


def left_out(read: Callable, text: str, spans: list[tuple[int, int]], targets: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """`read(texts)` → log odds [texts, labels]. A word's part: how much lower the score is without it. The difference is to no words."""
    scores = read([text, "", *(text[:start] + text[end:] for start, end in spans)])[:, targets]
    return (scores[0] - scores[2:]).T, scores[0] - scores[1]


def shipped_config(folder: Path) -> dict:
    if not (folder / "config.json").exists():
        raise SystemExit(f"{folder} holds no version of the encoder")
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def shipped_safety(config: dict) -> dict[str, float]:
    safety = config.get("safety", {})
    return dict(zip(safety.get("labels", []), safety.get("thresholds", []), strict=True))


def shipped_scores(folder: Path, config: dict) -> tuple[Callable, Tokenizer, list[str]]:
    """read(texts) → log odds [texts, labels], each text alone in its run. Nothing of the texts is kept."""
    from training.shipped import encoder_of, session_runner

    outputs = ("emotion", "safety") if "safety" in config else ("emotion",)
    run, encode = session_runner(folder / "model.int8.onnx", outputs=outputs), encoder_of(folder, config["maxTokens"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(config["maxTokens"])

    def read(texts: list[str]) -> np.ndarray:
        return metrics.logit(np.concatenate(by_length(run, encode(texts), size=1), axis=1))

    return read, tokenizer, config["labels"] + (SAFETY if "safety" in config else [])


def page(text: str, spans: list[tuple[int, int]], found: list[Part], how: str) -> str:
    """One colour scale for all labels: the strongest word of any of them is full."""
    full = max((float(np.abs(part.parts).max()) for part in found if len(part.parts)), default=0) or 1.0
    seen, rest = [], []
    for part in found:
        detected = part.probability > part.threshold
        word = "detected" if detected else "not detected"
        figure = (
            f"<figure><h2>{escape(part.label)}<span>{part.probability:.1%}, {word} (from {part.threshold:.0%})</span></h2>"
            f"<p>{coloured(text, spans, part.parts, full)}</p>"
            f"<figcaption>The parts sum to {part.parts.sum():+.2f}, the log odds differ by {part.whole:+.2f}.</figcaption></figure>"
        )
        (seen if detected or part.label not in SAFETY else rest).append(figure)
    body = [
        "<h1>What was read in it</h1>",
        f"<blockquote>{escape(text)}</blockquote>",
        f"<p class=soft>Found by {escape(how)}. <mark class='for strong' style='--much: 60'>Blue, underlined</mark> speaks for the label, "
        "<mark class='against strong' style='--much: 60'>orange, dashed</mark> against it; the fuller, the more. "
        "Point at a word for its number.</p>",
        *seen,
        *(["<details><summary>Safety labels that were not detected</summary>", *rest, "</details>"] if rest else []),
    ]
    template = Template((Path(__file__).parent / "explain.html").read_text(encoding="utf-8"))
    return template.substitute(body="\n".join(body))


def coloured(text: str, spans: list[tuple[int, int]], parts: np.ndarray, full: float) -> str:
    pieces, at = [], 0
    for (start, end), value in zip(spans, parts, strict=True):
        share = abs(value) / full
        strong = " strong" if share > 0.25 else ""
        kind = "for" if value >= 0 else "against"
        pieces.append(escape(text[at:start]))
        pieces.append(
            f"<mark class='{kind}{strong}' style='--much: {70 * share**0.7:.0f}' title='{value:+.3f}'>{escape(text[start:end])}</mark>"
        )
        at = end
    unread = f"<del title='longer than what is read'>{escape(text[at:])}</del>" if text[at:].strip() else ""
    return "".join(pieces) + unread


if __name__ == "__main__":
    main(sys.argv[1:])
