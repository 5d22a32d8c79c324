"""What several tests stand on."""

import zlib

import pytest

from training import data


@pytest.fixture(scope="module")
def own_splits():
    """The corpus's own splits, with no public data set at hand: as `prepare` makes them, near-duplicates left in."""

    def of(name: str) -> list[dict]:
        kind, split = name.split(".")
        if kind == "exchanges":
            files = sorted(data.CHARACTERS.glob("*/exchanges.jsonl"))
            return [row for file in files for row in data.rows(file) if (zlib.crc32(row["id"].encode()) % 10 == 0) == (split == "dev")]
        assert kind == "wordings", name
        names = [] if split == "dev" else ["wordings.jsonl", "wordings.everyday.jsonl"]
        found = [row for name in names for row in data.rows(data.CHARACTERS / name)]
        for situation in data.situations():
            kept = data.held_out(situation)
            texts = [text for i, text in enumerate(situation["examples"]) if (i == kept) == (split == "dev")]
            found += [{"situation": situation["id"], "text": text} for text in texts]
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "prepared", of)
        yield
