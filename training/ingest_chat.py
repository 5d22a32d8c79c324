"""JSON Lines of what was said, a speech each: {"speaker", "text"}; where known also "scene", "work", "turn", "stage", "dialogue_id"."""

from collections import defaultdict
from pathlib import Path

from training import datasets
from training.ingest_script import Scene, Speech


def read_chat(file: Path, work: str) -> list[Scene]:
    """Rows of one dialogue_id, or of one scene of a work, are a scene; `turn` orders them where all have one. Also gzipped."""
    scenes: dict[tuple, list[tuple[dict, Speech]]] = defaultdict(list)
    for number, row in enumerate(datasets.lines(file), 1):
        where = f"{file}:{number}"
        if not isinstance(row, dict):
            raise datasets.BadData(f'{where} is {type(row).__name__}, expected an object {{"speaker", "text"}}')
        if row.get("speaker") == "":
            continue  # a direction, or nobody knows who says it
        if isinstance(row.get("speaker"), list):
            row["speaker"] = " and ".join(map(str, row["speaker"]))
        for column in ("speaker", "text"):
            if not isinstance(row.get(column), str) or not row[column].strip():
                raise datasets.BadData(f'{where} has no {column}; each row needs {{"speaker": "…", "text": "…"}}')
        stage = row.get("stage") or []
        scene = (row.get("work") or work, str(row.get("scene") or ""), str(row.get("dialogue_id") or ""))
        scenes[scene].append((row, Speech(row["speaker"].strip(), row["text"], [stage] if isinstance(stage, str) else list(stage))))
    found = []
    for (of, title, _), rows in scenes.items():
        if all(isinstance(row.get("turn"), int) for row, _ in rows):
            rows.sort(key=lambda pair: pair[0]["turn"])
        found.append(Scene(of, title, [speech for _, speech in rows]))
    return found
