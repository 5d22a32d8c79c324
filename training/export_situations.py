"""A version with new vectors of the situations on another's graph → training/build/encoder/<version>/: the model file stays, bit by bit.

python -m training.export_situations --graph models/encoder/v10 --version v11 [--out training/build/encoder]
For situations and wordings that came after the graph was trained: a cosine softmax over what its int8 graph gives, each text alone.
evaluate, gate and release go on as after export.
"""

import argparse
import base64
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
import yaml
from torch.nn import functional as F

from training import data, on_graph
from training.marks import losses
from training.release import sha256, write_json
from training.shipped import open_reader

HERE = Path(__file__).parent
MADE = {"situations.json", "lines.vectors"}  # not copied: made anew, here or by the side that serves it


def learn(embedding: np.ndarray, owner: np.ndarray, count: int, params: dict, marked: tuple[np.ndarray, ...] | None = None) -> np.ndarray:
    """Unit vectors [count, dimensions], from each situation's mean on, by the softmax of their cosines with the rows of `embedding`, and
    with those of the messages that readers marked: (embedding, fits, wrong)."""
    torch.manual_seed(params["seed"])
    x, y = torch.from_numpy(embedding), torch.from_numpy(owner)
    vectors = F.normalize(torch.zeros(count, x.shape[1]).index_add_(0, y, x), dim=-1).requires_grad_()
    optimizer = torch.optim.Adam([vectors], lr=params["learningRate"])
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, params["epochs"])
    m, fits, wrong = map(torch.from_numpy, marked or (embedding[:0], *(np.zeros((0, count), np.float32),) * 2))
    for _ in range(params["epochs"]):
        parts = torch.randperm(len(x)).split(params["batch"])
        for chosen, told in zip(parts, torch.randperm(len(m)).tensor_split(len(parts)), strict=True):
            directions = F.normalize(vectors, dim=-1).T
            loss = F.cross_entropy(params["scale"] * x[chosen] @ directions, y[chosen], label_smoothing=params["smoothing"])
            if len(told):
                loss = loss + params["markedWeight"] * losses(params["scale"] * m[told] @ directions, fits[told], wrong[told]).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        scheduler.step()
    return F.normalize(vectors.detach(), dim=-1).numpy()


def described(ids: list[str], vectors: np.ndarray) -> dict:
    """situations.json: int8 rows with a scale each."""
    scales = np.abs(vectors).max(1) / 127
    rows = np.round(vectors / scales[:, None]).astype(np.int8)
    return {"ids": ids, "scales": [round(float(scale), 8) for scale in scales], "rows": base64.b64encode(rows.tobytes()).decode()}


def export(graph: Path, ids: list[str], vectors: np.ndarray, version: str, out: Path, params: dict, sets: list[dict], at: datetime) -> Path:
    """`sets` are the rows of the manifest's `data` that the vectors were learned from: they stand in for the graph's own of those names."""
    base, staged = on_graph.begin(graph, version, MADE)
    write_json(staged / "situations.json", described(ids, vectors))
    note = (
        f"The graph is {base['version']}'s, bit by bit, and with it every figure of emotions, intents and safety; the vectors of the "
        "situations alone are new, learned over what it gives (`export_situations`)."
    )
    changed = {
        "graph": on_graph.graph_of(graph, base),
        "data": [row for row in base["data"] if row["source"] not in {new["source"] for new in sets}] + sets,
        "params": {"situations": params},
        "metrics": {name: value for name, value in base["metrics"].items() if "ituation" not in name},
    }
    return on_graph.finish(staged, base, note, changed, out, at)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graph", type=Path, required=True, help="the version whose model file stays")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, default=HERE / "build" / "encoder")
    arguments = parser.parse_args()
    params = yaml.safe_load((HERE / "params.yaml").read_text(encoding="utf-8"))["situations"]
    found = data.situations()
    texts, owner = zip(*data.wordings(found, "train"), strict=True)
    reader, (told, fits, wrong) = open_reader(arguments.graph), data.marked(found, "train")
    marked = (reader.read(told).embedding, fits, wrong)
    vectors = learn(reader.read(list(texts)).embedding, np.array(owner), len(found), params, marked)
    sets = [
        {"name": name, "licence": licence, "source": source, "sha256": sha256(path), "rows": len(data.rows(path))}
        for name, licence, source, path in data.origins()
        if (source.startswith("characters/") and source.count("/") == 1) or source.endswith("/answers.jsonl")
    ]
    ids = [situation["id"] for situation in found]
    target = export(arguments.graph, ids, vectors, arguments.version, arguments.out, params, sets, datetime.now(UTC))
    print(f"{target} is ready: python -m training.evaluate --model {target}", flush=True)


if __name__ == "__main__":
    main()
