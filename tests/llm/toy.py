"""A tiny stand-in for llama.cpp: bytes are tokens, and the logits are a hash of all that came before.

Like the real one it knows sequences that share cells; unlike it, it checks every step, and computes the
same numbers whatever shares a batch. So what the engine makes of it can be told in advance.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelmint.llm.catalog import Entry
from labelmint.llm.engine import Engine
from labelmint.llm.llama import BATCH_TOKENS, MAX_SEQUENCES, Llama
from tests.builders import llm

END, START = 256, 257
VOCABULARY = 258


def toy_logits(history: Sequence[int]) -> np.ndarray:
    """Return the logits after these tokens; line breaks and the end are likely."""
    seed = zlib.crc32(np.array(history, np.int32).tobytes())
    logits = np.random.default_rng(seed).normal(0, 3, VOCABULARY).astype(np.float32)
    logits[[ord("\n"), END]] += 3
    return logits


def following(script: str):
    """Return logits that write `script` after any prompt that ends in "|", then the end."""
    tokens = [*script.encode(), END]

    def logits(history: Sequence[int]) -> np.ndarray:
        written = len(history) - 1 - max(at for at, token in enumerate(history) if token == ord("|"))
        row = np.full(VOCABULARY, -50, np.float32)
        row[tokens[min(written, len(tokens) - 1)]] = 50
        return row

    return logits


class ToyLlama(Llama):
    """The interface of `Llama`, checked."""

    def __init__(self, path: Path, context_tokens: int, threads: int, gpu_layers: int):
        self.vocabulary, self.width = VOCABULARY, 2
        self.context_tokens, self.trained_tokens = context_tokens, 1 << 20
        self.logits = toy_logits
        self.template: str | None = None
        self.special: list[str] = []
        self.decoded = 0
        self.clear()

    def close(self) -> None:
        self.clear()

    def tokenize(self, text: str, *, start: bool, special: bool = False) -> list[int]:
        return [START] * start + list(text.encode("utf-8", "replace"))

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < END else b""

    def ends(self, token: int) -> bool:
        return token == END

    def template_tokens(self) -> tuple[str, str]:
        return "", "</s>"

    def special_texts(self, template: str) -> list[str]:
        return self.special

    def metadata(self, key: str) -> str | None:
        return self.template if key == "tokenizer.chat_template" else None

    def clear(self) -> None:
        self.cells: dict[int, list[int]] = {}  # numbers of the cells of each sequence, in order
        self.tokens: list[int] = []  # token of each cell
        self.batch: list[tuple[int, int, list[int], bool]] = []

    def share(self, source: int, target: int) -> None:
        assert 0 <= target < MAX_SEQUENCES
        assert not self.cells.get(target), f"sequence {target} is in use"
        self.cells[target] = list(self.cells[source])

    def drop(self, sequence: int) -> None:
        assert self.cells[sequence], f"sequence {sequence} is not in use"
        del self.cells[sequence]

    def put(self, token: int, position: int, sequences: Sequence[int], logits: bool) -> None:
        self.batch.append((token, position, list(sequences), logits))
        assert len(self.batch) <= BATCH_TOKENS

    def decode(self, outputs: int) -> np.ndarray:
        rows = []
        for token, position, sequences, wanted in self.batch:
            histories = {tuple(self.cells.get(sequence, [])) for sequence in sequences}
            assert len(histories) == 1, "a token is put after different texts"
            (history,) = histories
            assert len(history) == position, f"a gap or an overlap at position {position}"
            for sequence in sequences:
                assert 0 <= sequence < MAX_SEQUENCES
                self.cells[sequence] = [*history, len(self.tokens)]
            self.tokens.append(token)
            self.decoded += 1
            if wanted:
                rows.append(self.logits([self.tokens[cell] for cell in (*history, len(self.tokens) - 1)]))
        self.batch = []
        used = len({cell for cells in self.cells.values() for cell in cells})
        assert used <= self.context_tokens, f"{used} cells of {self.context_tokens}"
        assert len(rows) == outputs
        return np.array(rows, np.float32).reshape(outputs, VOCABULARY)

    def decode_with_states(self, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        assert all(wanted for *_, wanted in self.batch), "a token that is no output"
        tokens = [token for token, *_ in self.batch]
        positions = [position for _, position, *_ in self.batch]
        return self.decode(outputs), np.array([tokens, positions], np.float32).T


def toy_engine(monkeypatch, *, kind: str = "base", logits=toy_logits, template=None, **settings) -> Engine:
    """Return an engine on the toy."""
    monkeypatch.setattr("labelmint.llm.engine.Llama", ToyLlama)
    entry = Entry(kind=kind, path="toy.gguf", sha256="0" * 64)
    engine = Engine(Path("toy.gguf"), entry, llm(**settings))
    engine.llama.logits = logits
    engine.llama.template = template
    return engine
