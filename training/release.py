"""Puts a model version into models/: files with checksums first, the pointer that makes them live last.

python -m training.release --staged FOLDER --task encoder --version v2 --gate gate.json [--by NAME] [--models DIR] [--push REPO]
python -m training.release --task encoder --version v2 --push REPO      pushes a version that is released already
python -m training.release --sync [--models DIR]      has MLflow's aliases follow `npx troupe models promote` or `rollback`

Without a gate that accepted this very folder, or was forced to, nothing is touched. --push uploads to the Hugging Face hub, by the settings
of its client: HF_ENDPOINT, HF_TOKEN.
"""

import argparse
import fcntl
import getpass
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARKS = ("<!-- figures -->", "<!-- /figures -->")
NOT_LISTED = {"manifest.json", "card.md", "figures.json", "predictions.npz"}
DERIVED = {"lines.vectors"}  # made from the version by the side that serves it


class ReleaseError(ValueError):
    """What is wrong and what to do, in a sentence for the operator."""


def file_entries(folder: Path) -> list[dict]:
    """Path, bytes and sha256 of every file of a version but those about it: manifest, card, figures."""
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


def fingerprint(folder: Path) -> str:
    """One sha256 over the files that the manifest lists: two folders with the same one hold the same model."""
    listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    sums = sorted(f"{entry['sha256']}  {entry['path']}\n" for entry in listed if entry["path"] not in DERIVED)
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def release(staged: Path, models: Path, task: str, version: str, gate: dict, by: str, at: datetime) -> dict:
    """Makes the staged folder the task's live version and returns its line of the history. ReleaseError, and nothing live touched, when the
    gate did not let this very folder through, when what is live has changed since, or when another release is going on."""
    with alone(models):
        registry = read_registry(models)
        permitted(gate, staged, task, version, registry["tasks"].get(task, {}).get("live"))
        forced = gate["forced"]
        place(staged, models, task, version, registry, kept_figures(gate))
        why = forced["why"] if forced else "accepted by the gate"
        return make_live(models, task, version, {"at": at.isoformat(timespec="seconds"), "by": by, "why": why, "forced": forced})


def permitted(gate: dict, staged: Path, task: str, version: str, live: str | None) -> None:
    if not gate.get("accepted") and not gate.get("forced"):
        raise ReleaseError(f"the gate refused it: {'; '.join(gate.get('reasons') or ['it does not say why'])}")
    manifest = json.loads((staged / "manifest.json").read_text(encoding="utf-8"))
    if (manifest["task"], manifest["version"]) != (task, version):
        raise ReleaseError(f"{staged} holds {manifest['task']} {manifest['version']}, not {task} {version}")
    judged = gate.get("candidate") or {}
    if (judged.get("task"), judged.get("version"), judged.get("sha256")) != (task, version, fingerprint(staged)):
        raise ReleaseError(f"the gate judged {judged.get('task')} {judged.get('version')}, but not the files in {staged}: run it on them")
    compared = (gate.get("live") or {}).get("version")
    # Where this very version is live, the next step says so better.
    if live not in (compared, version):
        raise ReleaseError(f"the gate compared it with {compared or 'nothing'}, but {live or 'nothing'} is live now: run the gate again")


def publish(staged: Path, models: Path, task: str, version: str) -> None:
    """Makes the staged folder live without a gate: for a first model, and for experiments in a folder of their own."""
    with alone(models):
        place(staged, models, task, version, read_registry(models))
        make_live(models, task, version)


@contextmanager
def alone(models: Path) -> Iterator[None]:
    """The folder itself is the lock, so that a run that was killed leaves nothing behind."""
    models.mkdir(parents=True, exist_ok=True)
    handle = os.open(models, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseError(f"another release into {models} is going on: wait until it has ended") from None
        yield
    finally:
        os.close(handle)


def place(staged: Path, models: Path, task: str, version: str, registry: dict, figures: list[Path] | None = None) -> None:
    """Copies beside the target first, which may be another disk, then renames: a version is there whole or not at all."""
    target = models / task / version
    if wrong := verify(staged):
        raise ReleaseError("; ".join(wrong))
    if target.exists():
        listed = version in registry["tasks"].get(task, {}).get("versions", [])
        whole = (target / "manifest.json").exists() and not verify(target) and fingerprint(target) == fingerprint(staged)
        if whole and not listed:
            return  # an earlier run got as far as this
        raise FileExistsError(f"{target} exists; a released version never changes, choose the next number")
    target.parent.mkdir(parents=True, exist_ok=True)
    copy_whole(staged, target, figures or [])


def copy_whole(source: Path, target: Path, more: list[Path]) -> None:
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        shutil.copytree(source, part)
        for path in more:
            shutil.copy(path, part / path.name)
        if wrong := verify(part):
            raise ReleaseError("; ".join(wrong))
        os.replace(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def make_live(models: Path, task: str, version: str, line: dict | None = None) -> dict | None:
    """registry.json names the version. `line` is {at, by, why, forced} for the task's history."""
    registry = read_registry(models)
    found = registry["tasks"].get(task, {"versions": []})
    entry = found | {"live": version, "versions": [*(v for v in found["versions"] if v != version), version]}
    if line:
        line = {"live": version, "previous": found.get("live")} | line
        entry["history"] = [*found.get("history", []), line]
    registry["tasks"][task] = {"live": entry.pop("live"), **entry}
    write_json(models / "registry.json", registry)
    return line


def read_registry(models: Path) -> dict:
    file = models / "registry.json"
    if not file.exists():
        return {"schema": 1, "tasks": {}, "generator": {"default": "lines"}}
    try:
        registry = json.loads(file.read_text(encoding="utf-8"))
        if registry["schema"] == 1 and all(task["live"] in task["versions"] for task in registry["tasks"].values()):
            return registry
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ReleaseError(f"{file} is no registry of schema 1 whose live versions are among its versions: restore it first")


def live_version(models: Path, task: str) -> str | None:
    return read_registry(models)["tasks"].get(task, {}).get("live")


def kept_figures(gate: dict) -> list[Path]:
    """What the gate was given, to be kept with the version: the next candidate is compared with it text by text."""
    given = gate.get("figures") or {}
    path = Path(given.get("path", ""))
    if not path.is_file() or sha256(path) != given["sha256"]:
        return []
    return [found for found in (path, path.with_name("predictions.npz")) if found.exists() and found.name in NOT_LISTED]


def push(folder: Path, task: str, version: str, repository: str) -> str:
    """Uploads a version under <task>/<version>, its card as the repository's README, all in one commit. Returns the commit's address."""
    try:
        from huggingface_hub import CommitOperationAdd, HfApi
    except ImportError:
        raise ReleaseError("--push needs huggingface_hub: pip install -e 'training[hub]'") from None
    if wrong := verify(folder):
        raise ReleaseError("; ".join(wrong))
    hub = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=os.environ.get("HF_TOKEN"))
    hub.create_repo(repository, exist_ok=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    operations = [CommitOperationAdd(f"{task}/{version}/{path.relative_to(folder).as_posix()}", str(path)) for path in files]
    if (folder / "card.md").exists():
        operations.append(CommitOperationAdd("README.md", str(folder / "card.md")))
    return str(hub.create_commit(repository, operations, commit_message=f"{task} {version}").commit_url)


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
    """The whole file, or what was there before: a worker, or a sweep, may look at any moment."""
    new = path.with_name(path.name + ".new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(argv: list[str] | None = None) -> int:
    from training import tracking  # here: most who use this module release nothing

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--staged", type=Path, help="the folder the gate judged")
    parser.add_argument("--task")
    parser.add_argument("--version")
    parser.add_argument("--gate", type=Path, help="what the gate wrote about it")
    parser.add_argument("--by", default=getpass.getuser(), help="who releases it, for the history")
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--push", metavar="REPO", help="then upload it to this repository of the hub")
    parser.add_argument("--sync", action="store_true", help="only have MLflow's aliases say what registry.json says")
    arguments = parser.parse_args(argv)
    if arguments.sync:
        return synced(arguments.models)
    if not (arguments.task and arguments.version):
        parser.error("--task and --version are needed, or --sync alone")
    if bool(arguments.staged) != bool(arguments.gate) or not (arguments.staged or arguments.push):
        parser.error("give --staged and --gate together; without both, --push sends a version that is released already")
    task, version, models = arguments.task, arguments.version, arguments.models
    try:
        if arguments.staged:
            gate = json.loads(arguments.gate.read_text(encoding="utf-8"))
            line = release(arguments.staged, models, task, version, gate, arguments.by, datetime.now(UTC))
            print(f"{models / task / version} is live; before it was {line['previous'] or 'nothing'}", flush=True)
            with tracking.run("release", {"task": task, "version": version, "by": arguments.by}) as tracked:
                tracked.artifact(arguments.gate)
                tracked.register(models / task / version, line)
                tracked.sync(read_registry(models))
        elif version not in read_registry(models)["tasks"].get(task, {}).get("versions", []):
            raise ReleaseError(f"{models / 'registry.json'} names no {task} {version}: release it first")
    except (OSError, ValueError, KeyError) as error:
        print(f"not released, nothing live was touched: {error}")
        return 1
    if arguments.push:
        try:
            print(f"pushed: {push(models / task / version, task, version, arguments.push)}")
        except Exception as error:  # the client's and the network's are many; here they all mean the same
            print(f"not pushed: {error}\nwhat is live here is not concerned; try again with --push alone")
            return 1
    return 0


def synced(models: Path) -> int:
    from training import tracking

    try:
        registry = read_registry(models)
    except ReleaseError as error:
        print(f"nothing was changed: {error}")
        return 1
    if (mlflow := tracking.open_store("sync")) is None:
        return 1
    moved = tracking.Tracked(mlflow).sync(registry)
    print("\n".join(moved) or "every alias says what registry.json says")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
