"""A stage's folder: one run at a time, and only checkpoints that this very code, these parameters and these data made."""

import fcntl
import hashlib
import json
import shutil
from pathlib import Path

MODEL_CODE = [Path(__file__).parent / name for name in ("encoder_model.py", "steps.py", "text.py")]
UNHEARD = {"version", "note"}  # parameters that training does not hear of
HELD = []  # open for as long as the process lives; the system lets go of a lock when its holder dies


def alone(folder: Path) -> None:
    """Ends a second run that would write where one is writing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.with_name(f".{folder.name}.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another run is writing {folder}: wait for it, or give another folder") from None
    HELD.append(file)


def fresh_folder(folder: Path, params: dict, files: list[Path], made: str = "*.pt") -> None:
    """`folder` ready to be written to by this process alone. Checkpoints made with other parameters, data or code than `params` and
    `files` are set aside in <folder>.before, where the ones before them are lost; an interrupted run's own are kept and gone on from."""
    alone(folder)
    folder.mkdir(parents=True, exist_ok=True)
    params = {name: value for name, value in params.items() if name not in UNHEARD}
    key = {"params": params, "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}}
    kept = folder / "key.json"
    checkpoints = sorted(folder.glob(made))
    if checkpoints and not kept.exists():
        raise SystemExit(f"{folder} holds checkpoints and no key.json that says what made them: move them away, or give another folder")
    if checkpoints and (changed := differences(json.loads(kept.read_text(encoding="utf-8")), key)):
        before = folder.with_name(f"{folder.name}.before")
        shutil.rmtree(before, ignore_errors=True)
        folder.replace(before)
        folder.mkdir()
        print(f"{folder} was made with other {', '.join(changed)}: set aside as {before.name}, starting afresh", flush=True)
    kept.write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")


def differences(old: dict, new: dict) -> list[str]:
    """Names of parameters and files that are not the same in both."""
    return [name for part in ("params", "files") for name in sorted({*old[part], *new[part]}) if old[part].get(name) != new[part].get(name)]
