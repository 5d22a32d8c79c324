"""A version on another's graph: its folder begins as a copy, and says whose graph it has."""

import json
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from training.release import NOT_LISTED, file_entries, record, sha256, verify, write_json

CARD = Path(__file__).parent / "encoder_card.md"


def begin(graph: Path, version: str, made: set[str]) -> tuple[dict, Path]:
    """The graph's manifest, and a copy of its folder without the files in `made`. SystemExit when the folder is damaged."""
    if wrong := verify(graph):
        raise SystemExit("; ".join(wrong))
    staged = Path(tempfile.mkdtemp(prefix="encoder-")) / version
    shutil.copytree(graph, staged, ignore=lambda _, names: [name for name in names if name in made | NOT_LISTED])
    return json.loads((graph / "manifest.json").read_text(encoding="utf-8")), staged


def finish(staged: Path, base: dict, note: str, changed: dict, out: Path, at: datetime) -> Path:
    """Manifest (the base's, with what `changed`) and card, then into `out`. Returns the version's folder there."""
    version = staged.name
    before = base["params"].get("export", base["params"]["encoder"])["note"]
    manifest = base | changed | {"version": version, "createdAt": at.isoformat(timespec="seconds")}
    manifest["params"] = base["params"] | changed["params"] | {"export": {"version": version, "note": note}}
    write_json(staged / "manifest.json", manifest | {"files": file_entries(staged)})
    rows = "\n".join(f"| {row['name']} | {row['rows']:,} | {row['licence']} | {row['source']} |" for row in manifest["data"])
    card = CARD.read_text(encoding="utf-8")
    for name, value in {"version": version, "note": f"{note} Of {base['version']}: {before}", "data": rows}.items():
        card = card.replace(f"{{{{{name}}}}}", value)
    (staged / "card.md").write_text(card, encoding="utf-8")
    record(staged, {})
    target = out / version
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    shutil.move(staged, target)
    staged.parent.rmdir()
    return target


def graph_of(graph: Path, base: dict) -> dict[str, str]:
    return {"version": base["version"], "sha256": sha256(graph / "model.int8.onnx")}
