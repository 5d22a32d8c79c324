"""Measures the shipped encoder, int8 as it ships, on dev splits alone.

python -m training.evaluate [--model models/encoder/v1] [--json FILE] [--parts emotion,intent,situations]
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
import yaml
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

from training import data, metrics
from training.encoder_model import Branched, by_length, load_minilm, torch_runner
from training.release import verify, write_json
from training.text import to_words

PARTS = ("emotion", "intent", "situations")


def open_shipped(folder: Path, threads: int = 0):
    """(run, encode): run(ids, mask) → (embedding, emotion) for by_length; encode(texts) → ids as the product makes them."""
    if wrong := verify(folder):
        raise ValueError("; ".join(wrong))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(config["maxTokens"])
    return session_runner(folder / "model.int8.onnx", threads), lambda texts: [
        encoding.ids for encoding in tokenizer.encode_batch([to_words(text) for text in texts])
    ]


def session_runner(model: Path | bytes, threads: int = 0):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options)
    return lambda ids, mask: session.run(["embedding", "emotion"], {"input_ids": ids, "attention_mask": mask})


def evaluate(folder: Path, params: dict, parts: tuple[str, ...] = PARTS) -> dict[str, float]:
    """Every figure by name. `frozen…` are all-MiniLM-L6-v2's own, in float32."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    run, encode = open_shipped(folder)
    frozen = torch_runner(Branched(load_minilm()))
    found = {}

    if "emotion" in parts:
        texts, y = data.emotions("dev")
        started = time.time()
        p = by_length(run, encode(texts))[1]
        found["emotionTextsPerSecond"] = len(texts) / (time.time() - started)
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
        train, dev = data.intents("clinc150", "train"), data.intents("clinc150", "dev")
        for name, runner in (("", run), ("frozen", frozen)):
            x, z = (by_length(runner, encode(texts))[0] for texts, _ in (train, dev))
            scored = intent_scores(x, train[1], z, dev[1], params)
            found |= {_joined(name, key): value for key, value in scored.items()}

    if "situations" in parts:
        situations = data.situations()
        wordings, owner = data.train_wordings(situations)
        texts = [*wordings, *(situation["description"] for situation in situations)]
        owner = np.concatenate([owner, np.arange(len(situations))])
        for name, runner in (("", run), ("frozen", frozen)):
            vectors = by_length(runner, encode(texts))[0]
            # One text a run, as a message comes: dynamic int8 depends a little on what shares its batch.
            queries = by_length(runner, encode(data.dev_wordings(situations)), size=1)[0]
            scored = metrics.situation_accuracy(vectors, owner, queries)
            found |= {_joined(name, key): value for key, value in scored.items()}
    return found


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


def _joined(prefix: str, name: str) -> str:
    return prefix + name[0].upper() + name[1:] if prefix else name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--parts", default=",".join(PARTS))
    arguments = parser.parse_args()
    folder = arguments.model
    if folder is None:
        registry = json.loads((data.ROOT / "models" / "registry.json").read_text(encoding="utf-8"))
        folder = data.ROOT / "models" / "encoder" / registry["tasks"]["encoder"]["live"]
    params = yaml.safe_load((Path(__file__).parent / "params.yaml").read_text(encoding="utf-8"))["evaluate"]
    found = evaluate(folder, params, tuple(arguments.parts.split(",")))
    for name, value in found.items():
        print(f"{name:32} {value:.4f}")
    if arguments.json:
        write_json(arguments.json, {name: round(value, 4) for name, value in found.items()})


if __name__ == "__main__":
    main()
