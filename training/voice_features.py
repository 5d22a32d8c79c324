"""A reply as numbers for telling who speaks: n-grams of letters and of words, hashed. inference/src/voice.ts makes the same."""

import math
import re
import zlib
from collections import Counter

import numpy as np
from scipy import sparse

LETTERS, WORDS = (1, 5), (1, 3)  # lengths of n-grams
QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})
SPACES = re.compile(r"[ \t\r\n]+")
WORD = re.compile(r"[A-Za-z0-9']+|[^ A-Za-z0-9']")


def buckets(text: str, bits: int) -> tuple[Counter[int], Counter[int]]:
    """How often each bucket is hit, by n-grams of letters (bucket 0 and on) and of words (2^bits and on)."""
    plain = SPACES.sub(" ", text.translate(QUOTES)).strip(" ")
    letters, mask = f" {plain} ", (1 << bits) - 1
    words = ["<", *(lower(word) for word in WORD.findall(plain)), ">"]
    by_letter = Counter(
        zlib.crc32(f"c{letters[at : at + n]}".encode()) & mask
        for n in range(LETTERS[0], LETTERS[1] + 1)
        for at in range(len(letters) - n + 1)
    )
    by_word = Counter(
        (zlib.crc32(f"w{' '.join(words[at : at + n])}".encode()) & mask) + mask + 1
        for n in range(WORDS[0], WORDS[1] + 1)
        for at in range(len(words) - n + 1)
    )
    return by_letter, by_word


def lower(word: str) -> str:
    """ASCII alone: other scripts' rules differ between languages' libraries."""
    return word.lower() if word.isascii() else word


def matrix(texts: list[str], bits: int, rarity: np.ndarray | None = None) -> sparse.csr_matrix:
    """[texts, 2^(bits + 1)]: 1 + ln(count), times the bucket's rarity; letters and words each of length 1."""
    indices, values, starts = [], [], [0]
    for text in texts:
        for part in buckets(text, bits):
            found = {b: (1 + math.log(count)) * (1 if rarity is None else float(rarity[b])) for b, count in part.items()}
            length = math.sqrt(sum(value * value for value in found.values())) or 1
            indices += found.keys()
            values += (value / length for value in found.values())
        starts.append(len(indices))
    shape = (len(texts), 2 << bits)
    return sparse.csr_matrix((np.array(values, np.float32), np.array(indices, np.int32), np.array(starts)), shape=shape)
