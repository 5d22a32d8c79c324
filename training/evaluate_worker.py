"""What the worker's side needs to answer the same questions with its own tokenizer, session and reader: texts, truths, and what was
learned from the embeddings here. `npx troupe models evaluate` reads it. Matrices are little-endian float32, row after row."""

import json
from pathlib import Path

import numpy as np

from training import checklist, data, measures, metrics
from training.evaluation_sets import exchanges, messages
from training.release import write_json
from training.shipped import Reader

COMPARED = (
    "macroF1",
    "macroF1PerLabel",
    "microF1",
    "ece",
    "clincAccuracy",
    "clincOosRecallAt3",
    "clincOosRecallSimilarityAt3",
    "situationMeanTop1",
    "situationMeanTop5",
)
TOKENIZED = 10_000


def write_worker(folder: Path, reader: Reader, found: dict[str, float], arrays: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    p, y, texts = arrays["emotionProbabilities"], arrays["emotionLabels"], arrays["emotionTexts"].tolist()
    write_lines(
        folder / "emotion.jsonl", [{"text": text, "labels": np.flatnonzero(row).tolist()} for text, row in zip(texts, y, strict=True)]
    )
    write_matrix(folder / "emotion.f32", p)
    intents = zip(arrays["intentTexts"].tolist(), arrays["intentTruth"].tolist(), strict=True)
    write_lines(folder / "intents.jsonl", [{"text": text, "intent": intent} for text, intent in intents])
    write_matrix(folder / "intents.f32", reader.read(arrays["intentTexts"].tolist()).embedding)
    write_matrix(folder / "intent-weights.f32", arrays["intentWeights"])
    write_matrix(folder / "intent-train.f32", arrays["intentTrain"])
    write_lines(folder / "situations.jsonl", [{"text": text} for text in arrays["situationTexts"].tolist()])
    write_matrix(folder / "situation-means.f32", arrays["situationMeans"])

    # The oddest texts first: what people type, with slips and emoji, then what was collected.
    odd = [case[name] for case in checklist.cases() for name in ("text", "changed") if name in case]
    odd += [text for text, _ in messages()] + [row["message"] for row in exchanges()] + [measures.mistype(text) for text in texts[::2]]
    everything = list(dict.fromkeys([*odd, *texts, *arrays["intentTexts"].tolist(), *data.exchange_messages()]))[:TOKENIZED]
    ids = reader.encode(everything)
    write_lines(folder / "tokens.jsonl", [{"text": text, "ids": row} for text, row in zip(everything, ids, strict=True)])

    # Each figure with the very formulas that the other side has to repeat.
    assert abs(found["macroF1"] - metrics.f1_by_label(p, y, reader.config["threshold"]).mean()) < 1e-9
    write_json(
        folder / "expected.json",
        {
            "model": reader.checksum,
            "classes": arrays["intentClasses"].tolist(),
            "threshold": reader.config["threshold"],
            "figures": {name: found[name] for name in COMPARED if name in found},
        },
    )


def write_lines(file: Path, rows: list[dict]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_matrix(file: Path, matrix: np.ndarray) -> None:
    file.write_bytes(np.ascontiguousarray(matrix, "<f4").tobytes())
