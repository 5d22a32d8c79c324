"""Measures the shipped encoder, int8 as it ships, on dev splits alone.

python -m training.evaluate [--model models/encoder/v1] [--json FILE] [--parts emotion,intent,situations] [--record]
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import yaml
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

from training import data, metrics
from training.encoder_model import MINILM, Branched, by_length, load_minilm, torch_runner
from training.release import record, sha256, verify, write_json
from training.text import to_words

RUNS = Path(__file__).parent / "runs"
PARTS = ("emotion", "intent", "situations")


def open_shipped(folder: Path, threads: int = 1):
    """(run, encode): run(ids, mask) → (embedding, emotion) for by_length; encode(texts) → ids as the product makes them."""
    if wrong := verify(folder):
        raise ValueError("; ".join(wrong))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(config["maxTokens"])
    return session_runner(folder / "model.int8.onnx", threads), lambda texts: [
        encoding.ids for encoding in tokenizer.encode_batch([to_words(text) for text in texts])
    ]


def session_runner(model: Path | bytes, threads: int = 1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the machine may be shared
    session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options)
    return lambda ids, mask: session.run(["embedding", "emotion"], {"input_ids": ids, "attention_mask": mask})


def evaluate(folder: Path, params: dict, parts: tuple[str, ...] = PARTS) -> dict[str, float]:
    """Every figure by name. `frozen…` are all-MiniLM-L6-v2's own, in float32."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    run, encode = open_shipped(folder)
    found = {}

    if "emotion" in parts:
        texts, y = data.emotions("dev")
        p = by_length(run, encode(texts))[1]
        single, several = config["threshold"], np.array(config["thresholds"])
        found["macroF1"] = float(metrics.f1_by_label(p, y, single).mean())
        found["macroF1PerLabel"] = float(metrics.f1_by_label(p, y, several).mean())
        found["macroF1PerLabelCrossFitted"] = metrics.cross_fitted_macro_f1(p, y)
        found["microF1"] = metrics.micro_f1(p, y, single)
        found["microF1PerLabel"] = metrics.micro_f1(p, y, several)
        found["ece"] = metrics.ece(p, y, params["bins"])
        for label, score in zip(config["labels"], metrics.f1_by_label(p, y, several), strict=True):
            found[f"f1.{label}"] = float(score)

    if "intent" in parts:
        found |= intent_figures(run, encode, params)
    if "situations" in parts:
        found |= situation_figures(run, encode)
    frozen = frozen_figures(encode, params, parts)
    return found | {f"frozen{name[0].upper()}{name[1:]}": value for name, value in frozen.items()}


def frozen_figures(encode, params: dict, parts: tuple[str, ...]) -> dict[str, float]:
    """all-MiniLM-L6-v2's own figures, in float32. They never change, so they are kept in runs/ between calls."""
    run, found = torch_runner(Branched(load_minilm())), {}
    for part, measure in (("intent", lambda: intent_figures(run, encode, params)), ("situations", lambda: situation_figures(run, encode))):
        if part not in parts:
            continue
        sources = [*sorted((data.DATA / "clinc150").glob("*.jsonl")), data.CHARACTERS / "situations.jsonl", MINILM / "model.safetensors"]
        key = hashlib.sha256("".join([*map(sha256, sources), json.dumps(params)]).encode()).hexdigest()[:16]
        kept = RUNS / f"frozen-{part}-{key}.json"
        if not kept.exists():
            RUNS.mkdir(exist_ok=True)
            write_json(kept, measure())
        found |= json.loads(kept.read_text(encoding="utf-8"))
    return found


def intent_figures(run, encode, params: dict) -> dict[str, float]:
    (train, intents), (dev, truth) = data.intents("clinc150", "train"), data.intents("clinc150", "dev")
    return intent_scores(by_length(run, encode(train))[0], intents, by_length(run, encode(dev))[0], truth, params)


def situation_figures(run, encode) -> dict[str, float]:
    situations = data.situations()
    wordings, owner = data.train_wordings(situations)
    texts = [*wordings, *(situation["description"] for situation in situations)]
    owner = np.concatenate([owner, np.arange(len(situations))])
    # One text a run, as a message comes: dynamic int8 depends a little on what shares its batch.
    queries = by_length(run, encode(data.dev_wordings(situations)), size=1)[0]
    return metrics.situation_accuracy(by_length(run, encode(texts))[0], owner, queries)


def intent_scores(x: np.ndarray, intents: np.ndarray, z: np.ndarray, truth: np.ndarray, params: dict) -> dict[str, float]:
    """In-scope accuracy of logistic regression on the embeddings, and recall of out of scope by its top probability and by
    that times the nearest training text's cosine to the fourth. Thresholds: `falseOos` of dev's in-scope texts lie below."""
    known, inside = intents != "oos", truth != "oos"
    model = LogisticRegression(C=params["intentC"], max_iter=300).fit(x[known], intents[known])
    probability = model.predict_proba(z)
    top = probability.max(1)
    similarity = (z @ x[known].T).max(1)
    found = {"clincAccuracy": float((model.classes_[probability.argmax(1)] == truth)[inside].mean())}
    for name, score in (("clincOosRecall", top), ("clincOosRecallSimilarity", top * similarity**4)):
        threshold = metrics.threshold_at(score[inside], params["falseOos"])
        found[name] = float((score[~inside] < threshold).mean())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--record", action="store_true", help="write the figures into the version's manifest and card")
    arguments = parser.parse_args()
    folder = arguments.model
    if folder is None:
        registry = json.loads((data.ROOT / "models" / "registry.json").read_text(encoding="utf-8"))
        folder = data.ROOT / "models" / "encoder" / registry["tasks"]["encoder"]["live"]
    params = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))["evaluate"]
    found = evaluate(folder, params, tuple(arguments.parts.split(",")))
    for name, value in found.items():
        print(f"{name:32} {value:.4f}")
    if arguments.record:
        record(folder, found)
    if arguments.json:
        write_json(arguments.json, {name: round(value, 4) for name, value in found.items()})


if __name__ == "__main__":
    main()
