"""Whether the worker's llama.cpp and transformers say the same: the likeliest token at every position of held-out replies.

python -m training.parity --version training/build/generator/v1 [--base FILE.gguf] [--replies 20] [--dequantised] [--samples] [--record]
Both have the same base file and the adapter that ships. llama.cpp multiplies quantised weights by activations that it quantises too, what
transformers reads is dequantised, so near ties fall differently; --dequantised also compares with the same weights written as f16.
Status 1 below 95 %.
--samples has llama.cpp answer a few messages as each character; --record puts figures and replies into manifest and card.
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

import torch

from training import adapter, data
from training.generator_rows import Told, told
from training.gguf_files import tokenizer_of, write_model
from training.language_model import Base, open_base
from training.packing import Renderer
from training.prompt import Card, Moment, read_card
from training.release import record

LEAST = 0.95
MESSAGES = {"my manager took credit for my slides": "anger", "i'm so nervous about the interview": "nervousness", "we got a puppy!!": "joy"}
SAMPLE = {"maxTokens": 60, "temperature": 0.7, "seed": 1}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", type=Path, required=True)
    parser.add_argument("--base", help="a GGUF file; by default the base that the version names")
    parser.add_argument("--replies", type=int, default=20)
    parser.add_argument("--dequantised", action="store_true")
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--characters", type=Path, default=data.CHARACTERS)
    arguments = parser.parse_args(argv)
    manifest, tensors, base, name = adapter.open_version(arguments.version, arguments.base)
    if not base.file:
        raise SystemExit(f"{name} is no GGUF file: give the one that the worker has as --base")
    file = arguments.version / adapter.FILE
    model, tokenizer = open_base(base, name)
    cards = {slug: read_card(arguments.characters / slug / "card.json") for slug in manifest["characters"]}
    params = manifest["params"]
    renderer = Renderer(tokenizer, cards, manifest["template"]["kind"], params["context"], params["promptTokens"])

    # ── The same prompts and replies for both ────────────────────────────────────────────────────────────────────────
    unseen = [row for row in told("dev", arguments.characters) if row.character in cards]
    chosen = random.Random(0).sample(unseen, min(len(unseen), arguments.replies))
    texts = [(prompt_of(renderer, row), row.reply + tokenizer.decode([renderer.end])) for row in chosen]
    theirs = worker(base.file, file, [{"prompt": prompt, "reply": reply} for prompt, reply in texts])
    if arguments.dequantised:
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "dequantised.gguf"
            write_model(whole, model, tokenizer, base.name, *tokenizer_of(base.file))
            plain = worker(whole, file, [{"prompt": prompt, "reply": reply} for prompt, reply in texts])
    tuned = adapter.with_adapter(model, tensors, manifest)
    ours = [likeliest(tuned, renderer.ids(prompt), renderer.ids(reply)) for prompt, reply in texts]

    figures = compare(ours, theirs, "parity")
    if arguments.dequantised:
        figures |= compare(ours, plain, "parityDequantised")
    for key, value in figures.items():
        print(f"{key:28} {value:.4f}")
    replies = samples(base, file, cards, renderer) if arguments.samples else []
    for who, said, answered in replies:
        print(f"{who}, asked {said!r}: {answered}")
    if arguments.record:
        record(arguments.version, figures)
        if replies:
            adapter.tell_replies(arguments.version, replies)
    if figures["parity"] < LEAST:
        print(f"parity is {figures['parity']:.3f}; the least is {LEAST}. With --dequantised it shows whether quantisation alone is why")
        return 1
    return 0


def prompt_of(renderer: Renderer, row: Told) -> str:
    moment = row.moment(random.Random(0))
    return renderer.text(renderer.messages(row.character, moment, [], renderer.prompt_tokens))


def worker(base: Path, file: Path | None, rows: list[dict]) -> list[dict]:
    """What inference/src/teacher-forced.ts answers to each row."""
    command = ["npx", "tsx", "inference/src/teacher-forced.ts", str(base.resolve()), *([str(file.resolve())] if file else [])]
    given = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run(command, cwd=data.ROOT, input=given, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or len(answers) != len(rows):
        raise SystemExit(f"llama.cpp answered {len(answers)} of {len(rows)} rows: {done.stderr.strip()[-600:]}")
    return answers


@torch.no_grad()
def likeliest(model, prompt: list[int], reply: list[int]) -> dict:
    """As the worker answers: `tops` before each of the reply's tokens."""
    ids = torch.tensor([prompt + reply[:-1]])
    logits = model(input_ids=ids, logits_to_keep=len(reply), use_cache=False).logits[0]
    return {"promptTokens": prompt, "replyTokens": reply, "tops": logits.argmax(-1).tolist()}


def compare(ours: list[dict], theirs: list[dict], name: str) -> dict[str, float]:
    """Share of positions with the same likeliest token; by how much the worker's leads where they differ (median logit margin)."""
    for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        for part in ("promptTokens", "replyTokens"):
            if one[part] != other[part]:
                at = next((k for k, (a, b) in enumerate(zip(one[part], other[part], strict=False)) if a != b), -1)
                raise SystemExit(f"reply {i}: {part} differ at {at}: {one[part][at]} of transformers, {other[part][at]} of llama.cpp")
    same = [a == b for one, other in zip(ours, theirs, strict=True) for a, b in zip(one["tops"], other["tops"], strict=True)]
    margins = [margin for other in theirs for margin in other["margins"]]
    apart = sorted(margin for margin, equal in zip(margins, same, strict=True) if not equal)
    figures = {name: sum(same) / len(same), f"{name}Positions": len(same)}
    return figures | ({f"{name}MarginWhereApart": apart[len(apart) // 2]} if apart else {})


def samples(base: Base, file: Path, cards: dict[str, Card], renderer: Renderer) -> list[tuple[str, str, str]]:
    asked = [(slug, text, label) for slug in cards for text, label in MESSAGES.items()]
    rows = []
    for slug, text, label in asked:
        prompt = renderer.text(renderer.messages(slug, Moment(text, (label,)), [], renderer.prompt_tokens))
        rows.append({"prompt": prompt, "sample": SAMPLE})
    answers = worker(base.file, file, rows)
    return [(cards[slug].nickname, text, " ".join(answer["text"].split())) for (slug, text, _), answer in zip(asked, answers, strict=True)]


if __name__ == "__main__":
    raise SystemExit(main())
