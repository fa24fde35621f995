"""Write tiny GGUF files: a Llama of one layer and random weights, whose tokens are bytes."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, INNER, HEADS, ALIGNMENT = 32, 64, 4, 32
_VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
# How GPT-2's tokenizer writes bytes: those that can't be seen as letters from 256 on.
LETTERS = {byte: chr(byte) for byte in _VISIBLE} | {
    byte: chr(256 + at) for at, byte in enumerate(sorted({*range(256)} - {*_VISIBLE}))
}
BOS, EOS, VOCABULARY = 256, 257, 258
CONTROL = 3


def tiny(path: Path, changes: dict[str, Any] | None = None, *, tensors: bool = True) -> Path:
    """Write a model with changed metadata; a key whose value is None is left out."""
    metadata = {
        "general.architecture": "llama",
        "llama.context_length": 128,
        "llama.embedding_length": WIDTH,
        "llama.block_count": 1,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-6,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.vocab_size": VOCABULARY,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [*(LETTERS[byte] for byte in range(256)), "<bos>", "<eos>"],
        "tokenizer.ggml.token_type": [1] * 256 + [CONTROL] * 2,
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.bos_token_id": BOS,
        "tokenizer.ggml.eos_token_id": EOS,
        **(changes or {}),
    }
    content = {key: value for key, value in metadata.items() if value is not None}
    weights = _weights() if tensors else {}
    out = struct.pack("<4sIQQ", b"GGUF", 3, len(weights), len(content))
    for key, value in content.items():
        out += _text(key) + _value(value)
    at = 0
    for name, weight in weights.items():
        shape = weight.shape[::-1]
        out += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, at)
        at += weight.nbytes
    out += b"\0" * (-len(out) % ALIGNMENT)
    path.write_bytes(out + b"".join(weight.tobytes() for weight in weights.values()))
    return path


def _weights() -> dict[str, np.ndarray]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (VOCABULARY, WIDTH),
        "output_norm.weight": (WIDTH,),
        "output.weight": (VOCABULARY, WIDTH),
        **{f"blk.0.attn_{part}.weight": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")},
        **{f"blk.0.{part}_norm.weight": (WIDTH,) for part in ("attn", "ffn")},
        **{f"blk.0.ffn_{part}.weight": (INNER, WIDTH) for part in ("up", "gate")},
        "blk.0.ffn_down.weight": (WIDTH, INNER),
    }
    draw = np.random.default_rng(0)
    return {name: draw.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Any) -> bytes:
    number, packed = _packed(value)
    return struct.pack("<I", number) + packed


def _packed(value: Any) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, str):
        return 8, _text(value)
    kind = 8 if isinstance(value[0], str) else 5
    items = b"".join(_text(one) if kind == 8 else struct.pack("<i", one) for one in value)
    return 9, struct.pack("<IQ", kind, len(value)) + items
