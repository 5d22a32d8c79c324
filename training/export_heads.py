"""A version with new safety heads on another's branches → training/build/encoder/<version>/: emotions and embedding stay, bit by bit.

python -m training.train_safety --graph models/encoder/v10 --out training/runs/heads
python -m training.export_heads --graph models/encoder/v10 --version v11 [--heads training/runs/heads] [--out training/build/encoder]
For a version whose branches nobody can train again to the same bits. evaluate, gate and release go on as after export.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import yaml

from training import data, on_graph
from training.encoder_model import by_length
from training.release import sha256, verify, write_json
from training.safety_graph import with_safety
from training.shipped import session_runner
from training.steps import load

HERE = Path(__file__).parent
MADE = {"model.int8.onnx", "config.json", "lines.vectors"}  # not copied: made anew, here or by the side that serves it


def export(graph: Path, trained: dict, version: str, out: Path, params: dict, texts: list[dict], at: datetime) -> Path:
    """`trained` is heads.pt's content, `texts` the rows of the manifest's `data` that the heads learned from. SystemExit, and nothing
    written, when the heads were made for another graph or anything but safety would change."""
    if not verify(graph) and trained["graph"] != sha256(graph / "model.int8.onnx"):
        raise SystemExit(f"the heads read from another graph than {graph} has: python -m training.train_safety --graph {graph}")
    base, staged = on_graph.begin(graph, version, MADE)
    before = onnx.load(graph / "model.int8.onnx")
    after = with_safety(before, {name: tensor.numpy() for name, tensor in trained["safety"].items()})
    onnx.save(after, staged / "model.int8.onnx")

    # ── Whether emotions and embedding are what they were ────────────────────────────────────────────────────────────
    golden = [row["input_ids"] for row in data.rows(graph / "golden.jsonl")]
    old, new = (by_length(session_runner(model.SerializeToString()), golden, size=1) for model in (before, after))
    if not all(np.array_equal(*pair) for pair in zip(old, new, strict=True)):
        raise SystemExit("emotions or embedding are not what they were: nothing was written")

    config = json.loads((graph / "config.json").read_text(encoding="utf-8"))
    named = {"thresholds": trained["safetyThresholds"], "certain": trained["safetyCertain"]}
    config["safety"] = {"labels": data.SAFETY} | {name: [round(float(value), 3) for value in values] for name, values in named.items()}
    write_json(staged / "config.json", config)
    note = (
        f"Emotions, embedding and situations are {base['version']}'s, bit by bit, and so are their figures; the safety heads alone are "
        "new, learned over what its int8 graph gives (`train_safety --graph`, `export_heads`)."
    )
    kept = {name: value for name, value in base["metrics"].items() if name.startswith(("int8", "parity"))}
    changed = {
        "branches": on_graph.graph_of(graph, base),
        "data": [row for row in base["data"] if not row["source"].startswith("training/texts/")] + texts,
        "params": {"safety": params},
        "metrics": kept | {name: round(value, 6) for name, value in trained["report"].items()},
    }
    return on_graph.finish(staged, base, note, changed, out, at)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graph", type=Path, required=True, help="the version whose branches stay")
    parser.add_argument("--version", required=True)
    parser.add_argument("--heads", type=Path, default=HERE / "runs" / "heads")
    parser.add_argument("--out", type=Path, default=HERE / "build" / "encoder")
    arguments = parser.parse_args()
    params = yaml.safe_load((HERE / "params.yaml").read_text(encoding="utf-8"))["safety"]
    texts = [
        {"name": name, "licence": licence, "source": source, "sha256": sha256(path), "rows": len(data.rows(path))}
        for name, licence, source, path in data.origins()
        if source.startswith("training/texts/")
    ]
    trained = load(arguments.heads / "heads.pt")
    target = export(arguments.graph, trained, arguments.version, arguments.out, params, texts, datetime.now(UTC))
    print(f"{target} is ready: python -m training.evaluate --model {target}", flush=True)


if __name__ == "__main__":
    main()
