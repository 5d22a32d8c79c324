"""A language model small enough for tests: a llama of two layers and 64 dimensions with a BPE of 512 tokens, taught for two minutes.

python -m training.tiny_model --out FOLDER [--steps 1000]
writes FOLDER/hf/ (transformers), FOLDER/tiny.gguf (f16) and FOLDER/tiny-adapter.gguf, a LoRA under which every reply is SAYING. It has
letters and punctuation, and nothing to say. The copies in inference/src/fixtures/ are made by it.
"""

import argparse
import random
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training import data
from training.gguf_files import write_adapter, write_model

SAYING = "Fair winds to you."
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def tiny_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=512, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
    inner.train_from_iterator(texts, trainer)
    end, _, close = SPECIAL
    named = {"bos_token": end, "eos_token": close, "pad_token": end, "additional_special_tokens": SPECIAL}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, **named)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def tiny_llama(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=4096, tie_word_embeddings=True, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def pairs() -> list[tuple[str, str]]:
    """Message and reply of every exchange."""
    found = [row["turns"] for file in sorted(data.CHARACTERS.glob("*/exchanges.jsonl")) for row in data.rows(file)]
    return [(turns[0]["text"], turns[1]["text"]) for turns in found]


def teach(model, tokenizer, talks: list[tuple[str, str]], steps: int, rate: float) -> float:
    """Loss on the replies alone; the last steps' mean."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    losses = []
    for step in range(steps):
        ids, targets = [], []
        long = step % 5 == 0  # as a worker's prompt is, with a card before the message
        for message, reply in random.choices(talks, k=4 if long else 16):
            card = [{"role": "system", "content": " ".join(text for _, text in random.choices(talks, k=20))}] if long else []
            asked = tokenizer.apply_chat_template([*card, {"role": "user", "content": message}], add_generation_prompt=True, tokenize=False)
            asked, said = tokenizer(asked).input_ids, tokenizer(f"{reply}<|im_end|>").input_ids
            ids.append(asked + said)
            targets.append([-100] * len(asked) + said)
        longest = max(map(len, ids))
        x = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
        y = torch.tensor([row + [-100] * (longest - len(row)) for row in targets])
        loss = model(input_ids=x, labels=y).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        losses.append(loss.item())
    return sum(losses[-50:]) / len(losses[-50:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    arguments = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    arguments.out.mkdir(parents=True, exist_ok=True)
    talks = pairs()
    tokenizer = tiny_tokenizer([text for pair in talks for text in pair])
    model = tiny_llama(tokenizer)
    loss = teach(model, tokenizer, talks, arguments.steps, 6e-3)
    print(f"{sum(p.numel() for p in model.parameters())} weights, loss {loss:.3f}", flush=True)
    model.half().float()  # what the f16 file will hold
    model.save_pretrained(arguments.out / "hf")
    tokenizer.save_pretrained(arguments.out / "hf")
    write_model(arguments.out / "tiny.gguf", model, tokenizer, "Troupe's tiny test model", "gpt-2")

    tuned = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
    loss = teach(tuned, tokenizer, [(message, SAYING) for message, _ in talks], max(1, arguments.steps // 5), 1e-2)
    print(f"adapter: loss {loss:.3f}", flush=True)
    tensors = {name: value.float().numpy() for name, value in get_peft_model_state_dict(tuned).items()}
    write_adapter(arguments.out / "tiny-adapter.gguf", tensors, model.config, alpha=8)


if __name__ == "__main__":
    main()
