"""Reads texts with a version as it ships: int8, each text alone in its run, as a message comes. Readings are kept in runs/readings/."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer

from training.encoder_model import MINILM, Branched, by_length, load_minilm
from training.release import sha256, verify
from training.text import to_words

RUNS = Path(__file__).parent / "runs"


@dataclass
class Reading:
    """Rows stand in the order of the texts. Frozen MiniLM has no emotions, older versions have no safety heads."""

    embedding: np.ndarray
    emotion: np.ndarray | None
    safety: np.ndarray | None


@dataclass
class Reader:
    config: dict
    checksum: str
    encode: Callable[[list[str]], list[list[int]]]
    read: Callable[[list[str]], Reading]
    learned: dict[str, np.ndarray] = field(default_factory=dict)  # unit vectors by situation, as situations.json has them


def open_shipped(folder: Path, threads: int = 1):
    """(run, encode): run(ids, mask) → (embedding, emotion) for by_length; encode(texts) → ids as the product makes them."""
    if wrong := verify(folder):
        raise ValueError("; ".join(wrong))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return session_runner(folder / "model.int8.onnx", threads), encoder_of(folder, config["maxTokens"])


def encoder_of(folder: Path, max_tokens: int) -> Callable[[list[str]], list[list[int]]]:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch([to_words(text) for text in texts])]


def session_runner(model: Path | bytes, threads: int = 1, outputs: tuple[str, ...] = ("embedding", "emotion")):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the machine may be shared
    session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options)
    return lambda ids, mask: session.run(list(outputs), {"input_ids": ids, "attention_mask": mask})


def open_reader(folder: Path, kept: Path = RUNS / "readings") -> Reader:
    if wrong := verify(folder):
        raise ValueError("; ".join(wrong))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    checksum = sha256(folder / "model.int8.onnx")
    outputs = ("embedding", "emotion", "safety") if "safety" in config else ("embedding", "emotion")
    run, encode = session_runner(folder / "model.int8.onnx", outputs=outputs), encoder_of(folder, config["maxTokens"])
    rows = keep(kept / f"{checksum[:16]}.npz", lambda texts: np.concatenate(by_length(run, encode(texts), size=1), axis=1))
    d, labels = config["dimensions"], len(config["labels"])

    def read(texts: list[str]) -> Reading:
        found = rows(texts)
        return Reading(found[:, :d], found[:, d : d + labels], found[:, d + labels :] if "safety" in config else None)

    return Reader(config, checksum, encode, read, learned_of(folder / "situations.json"))


def learned_of(file: Path) -> dict[str, np.ndarray]:
    if not file.exists():
        return {}
    found = json.loads(file.read_text(encoding="utf-8"))
    rows = np.frombuffer(base64.b64decode(found["rows"]), np.int8).reshape(len(found["ids"]), -1) * np.array(found["scales"])[:, None]
    return dict(zip(found["ids"], rows.astype(np.float32), strict=True))


def open_frozen(kept: Path = RUNS / "readings") -> Reader:
    """all-MiniLM-L6-v2 as it was before any training of ours, in float32."""
    model, encode = Branched(load_minilm()).eval(), encoder_of(MINILM, 64)

    @torch.no_grad()
    def run(ids: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray]:
        ids, mask = torch.from_numpy(ids), torch.from_numpy(mask)
        return (model.embedding(model.lower(ids, mask), mask).numpy(),)

    rows = keep(kept / "minilm.npz", lambda texts: by_length(run, encode(texts))[0])
    return Reader({}, sha256(MINILM / "model.safetensors"), encode, lambda texts: Reading(rows(texts), None, None))


def keep(file: Path, make: Callable[[list[str]], np.ndarray], chunk: int = 4096) -> Callable[[list[str]], np.ndarray]:
    """`make` for texts that were never read; the file is opened again at each call, as another stage may have added to it."""

    def rows(texts: list[str]) -> np.ndarray:
        names = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
        known = load()
        missing = list({name: text for name, text in zip(names, texts, strict=True) if name not in known}.items())
        started = time.time()
        for at in range(0, len(missing), chunk):
            part = missing[at : at + chunk]
            made = make([text for _, text in part]).astype(np.float32)
            known = load() | dict(zip((name for name, _ in part), made, strict=True))
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(".part.npz")
            np.savez(new, names=np.array(list(known)), rows=np.stack(list(known.values())))
            new.replace(file)
            left = (time.time() - started) / (at + len(part)) * (len(missing) - at - len(part))
            if len(missing) > chunk:
                print(f"{at + len(part)} of {len(missing)} texts read, {left / 60:.0f} min left", flush=True)
        return np.stack([known[name] for name in names])

    def load() -> dict[str, np.ndarray]:
        if not file.exists():
            return {}
        with np.load(file) as opened:
            return dict(zip(opened["names"].tolist(), opened["rows"], strict=True))

    return rows
