"""Puts a model version into models/: files with checksums first, the pointer that makes them live last."""

import hashlib
import json
import os
from pathlib import Path

MARKS = ("<!-- figures -->", "<!-- /figures -->")
NOT_LISTED = {"manifest.json", "card.md"}


def file_entries(folder: Path) -> list[dict]:
    """Path, bytes and sha256 of every file of a version but the manifest and the card."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_LISTED)
    return [{"path": str(path.relative_to(folder)), "bytes": path.stat().st_size, "sha256": sha256(path)} for path in files]


def verify(folder: Path) -> list[str]:
    """What is wrong with a version's files, one sentence each; empty if they are those that were released."""
    wrong = []
    for entry in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]:
        path = folder / entry["path"]
        if not path.exists():
            wrong.append(f"{path} is not here")
        elif path.stat().st_size != entry["bytes"] or sha256(path) != entry["sha256"]:
            wrong.append(f"{path} is damaged: expected {entry['bytes']} bytes with sha256 {entry['sha256']}")
    return wrong


def publish(staged: Path, models: Path, task: str, version: str) -> None:
    """Renames the staged folder into place, then writes registry.json. Refuses a version that exists or is damaged."""
    target = models / task / version
    if target.exists():
        raise FileExistsError(f"{target} exists; a released version never changes, choose the next number")
    if wrong := verify(staged):
        raise ValueError("; ".join(wrong))
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(staged, target)
    registry = {"schema": 1, "tasks": {}, "generator": {"default": "lines"}}
    if (models / "registry.json").exists():
        registry = json.loads((models / "registry.json").read_text(encoding="utf-8"))
    versions = registry["tasks"].get(task, {}).get("versions", [])
    registry["tasks"][task] = {"live": version, "versions": [*versions, version]}
    write_json(models / "registry.json.new", registry)
    os.replace(models / "registry.json.new", models / "registry.json")


def record(folder: Path, figures: dict[str, float]) -> None:
    """Adds figures to a version's manifest, and shows all there are in its card, between the two marks."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["metrics"] |= {name: round(value, 6) for name, value in figures.items()}
    write_json(folder / "manifest.json", manifest)
    table = "\n".join(f"| {name} | {value:.4g} |" for name, value in manifest["metrics"].items())
    card = (folder / "card.md").read_text(encoding="utf-8")
    before, _, rest = card.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    (folder / "card.md").write_text(f"{before}{MARKS[0]}\n| figure | value |\n| --- | --- |\n{table}\n{MARKS[1]}{after}", encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
