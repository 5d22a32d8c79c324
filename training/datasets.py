"""Reads declared data sets (datasets.yaml) from TROUPE_DATA, a folder or an http address; a wrong sum, column or label stops the run."""

import gzip
import hashlib
import json
import os
import shutil
import urllib.error
import urllib.request
import zlib
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
FETCHED = ROOT / "training" / "runs" / "data"
WHERE = os.environ.get("TROUPE_DATA") or str(ROOT.parent / "shared" / "data")


class BadData(SystemExit):
    """Ends a stage with one sentence that names the file, and the line where there is one."""


@cache
def declared() -> dict:
    return yaml.safe_load((Path(__file__).parent / "datasets.yaml").read_text(encoding="utf-8"))


def taxonomy(name: str) -> list[str]:
    return declared()["taxonomies"][name]


def entry(file: str) -> tuple[dict, dict]:
    """What is declared of a set and of its file, "goemotions/dev.jsonl"."""
    key, _, name = file.rpartition("/")
    found = declared()["sets"].get(key, {"files": {}})
    if name not in found["files"]:
        raise BadData(f"{file} is not declared in training/datasets.yaml: add its source, licence, use, columns and sha256 first")
    return found, found["files"][name]


@cache
def path(file: str) -> Path:
    """Where a declared file lies, its sum checked; fetched into training/runs/data when TROUPE_DATA is an address or lacks it."""
    described, own = entry(file)
    remote = WHERE.startswith(("http://", "https://"))
    found = Path(WHERE) / file
    if remote or not found.exists():
        addresses = [*([WHERE] if remote else []), *described.get("fetch", [])]
        found = FETCHED / file
        if not found.exists() or _sum(found) != own["sha256"]:
            fetch(file, addresses, found, own["sha256"])
    elif (have := _sum(found)) != own["sha256"]:
        raise BadData(f"{found} has sha256 {have}, expected {own['sha256']}: it is not the file that training/datasets.yaml declares")
    return found


def fetch(file: str, addresses: list[str], target: Path, expected: str) -> None:
    """From the first address that has it. A file with a wrong sum is never left under its name."""
    if not addresses:
        raise BadData(f"{Path(WHERE) / file} is not here: set TROUPE_DATA to the folder, or the http address, that holds {file}")
    tried = []
    for address in addresses:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        url = f"{address.rstrip('/')}/{file}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer, part.open("wb") as out:
                shutil.copyfileobj(answer, out)
        except (urllib.error.URLError, OSError) as error:
            tried.append(f"{url}: {error}")
            continue
        if (have := _sum(part)) != expected:
            part.unlink()
            raise BadData(f"{url} has sha256 {have}, expected {expected}: nothing of it was kept")
        part.replace(target)
        return
    raise BadData(f"{file} could not be fetched ({'; '.join(tried)})")


def rows(file: str) -> list[dict]:
    """A declared file, its columns and labels checked."""
    own, found = entry(file)[1], lines(path(file))
    columns = own["columns"]
    for number, row in enumerate(found, 1):
        for column, kind in columns.items():
            check(row, column, kind, f"{path(file)}:{number}")
    for column in columns.keys() & {"intent", "label", "labels"}:
        one_sided([row[column] for row in found], f"{path(file)}: column {column}")
    return found


def lines(found: Path) -> list[dict]:
    """JSON Lines, gzipped or not."""
    if not found.exists():
        raise FileNotFoundError(f"{found} is not here")
    try:
        raw = gzip.decompress(found.read_bytes()) if found.suffix == ".gz" else found.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise BadData(f"{found} cannot be unpacked: {error}") from None
    read = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            read.append(json.loads(line.decode("utf-8")))
        except UnicodeDecodeError as error:
            raise BadData(f"{found}:{number} is not UTF-8: byte {line[error.start]:#04x} at column {error.start + 1}") from None
        except json.JSONDecodeError as error:
            raise BadData(f"{found}:{number} is not JSON: {error}") from None
    if not read:
        raise BadData(f"{found} is empty")
    return read


def check(row: dict, column: str, kind: str | list[str], where: str) -> None:
    """`kind` as in datasets.yaml: string, [string], a taxonomy's name or [name]."""
    if column not in row:
        raise BadData(f"{where} has no {column}")
    inner, values = (kind[0], row[column]) if isinstance(kind, list) else (kind, [row[column]])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadData(f"{where}: {column} is {row[column]!r}, expected {'a list of strings' if isinstance(kind, list) else 'a string'}")
    if column == "text" and not row["text"].strip():
        raise BadData(f"{where}: text is empty")
    if inner != "string":
        for value in values:
            if value not in taxonomy(inner):
                raise BadData(f"{where}: {column} {value!r} is not one of {inner}: {', '.join(taxonomy(inner))}")


def one_sided(values: list, where: str) -> None:
    """Labels that are all alike teach nothing and measure nothing."""
    if len({json.dumps(value) for value in values}) < 2:
        raise BadData(f"{where} is one-sided: every row says {values[0]!r}")


def own_files(name: str) -> list[Path]:
    """The files of one of the troupe's own corpora, in order."""
    return sorted(found for pattern in declared()["own"][name]["files"] for found in ROOT.glob(pattern))


def _sum(found: Path) -> str:
    with found.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
