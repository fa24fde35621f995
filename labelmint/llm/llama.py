"""A thin, typed layer over llama-cpp-python's low-level API: model, context, batch, sequences."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from labelmint.core.arrays import Floats32
from labelmint.core.errors import ModelError, ParamsError
from labelmint.core.quoting import one_line
from labelmint.llm.gguf import check_can_write, why_not_loaded

NO_KV_SLOT = 1
BATCH_TOKENS = 512
MAX_SEQUENCES = 256  # llama.cpp's LLAMA_MAX_SEQ

# Tokens that text may be read as only where it is the template's.
SPECIAL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN

# llama.cpp's levels of a message.
ERROR = 4
_errors: list[str] = []


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(level: int, text: bytes, data: Any) -> None:
    """Keep llama.cpp's log from the screen; of a model that doesn't load, its errors say why."""
    if level == ERROR and text:
        _errors.append(text.decode("utf-8", "replace"))


class Llama:
    """One loaded model with one context whose sequences share a unified KV cache.

    `context_tokens` are KV cells, shared by all sequences, of which `MAX_SEQUENCES` can be alive at once.
    `gpu_layers` of -1 are all.
    """

    def __init__(self, path: Path, context_tokens: int, threads: int, gpu_layers: int) -> None:
        self.model: Any = None
        self.context: Any = None
        self.batch: Any = None
        self.vocabulary = self.width = self.trained_tokens = 0
        self.context_tokens = context_tokens
        self._pieces: dict[int, bytes] = {}
        llama_cpp.llama_log_set(_quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        if gpu_layers and not llama_cpp.llama_supports_gpu_offload():
            raise ParamsError(
                f"params.yaml: llm.gpu_layers={gpu_layers}, but llama-cpp-python was built without a GPU, or "
                "finds none; say llm.gpu_layers: 0, or build it for one (docs/howto/models.md)"
            )
        try:
            self._open(path, threads, gpu_layers)
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path, threads: int, gpu_layers: int) -> None:
        model_params = llama_cpp.llama_model_default_params()
        model_params.n_gpu_layers = gpu_layers if gpu_layers >= 0 else 999
        _errors.clear()
        self.model = llama_cpp.llama_model_load_from_file(os.fsencode(path), model_params)
        if not self.model:
            raise ModelError(f"{path}: {why_not_loaded(path, _errors)}")
        check_can_write(path, self.model, self.metadata)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.width = llama_cpp.llama_model_n_embd(self.model)
        self.trained_tokens = llama_cpp.llama_model_n_ctx_train(self.model)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = self.context_tokens
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_seq_max = MAX_SEQUENCES
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True  # a partial seq_cp on a split cache aborts the process
        params.swa_full = True  # sliding-window layers must keep the whole shared prefix
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED  # skips masked cells: +30 % here
        params.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_NONE  # hidden states of tokens, not of sequences
        params.no_perf = True
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        if not self.context:
            reason = f" ({one_line(_errors[0])})" if _errors else ""
            raise ModelError(
                f"{path}: no memory for llm.context_tokens={self.context_tokens}{reason}; lower it"
            )
        self.memory = llama_cpp.llama_get_memory(self.context)
        self.batch = llama_cpp.llama_batch_init(BATCH_TOKENS, 0, MAX_SEQUENCES)
        self.batch.n_tokens = 0

    def close(self) -> None:
        """Free everything; llama.cpp's memory is outside Python's reach."""
        if self.batch:
            llama_cpp.llama_batch_free(self.batch)
        if self.context:
            llama_cpp.llama_free(self.context)
        if self.model:
            llama_cpp.llama_model_free(self.model)
        self.model = self.context = self.batch = None

    def tokenize(self, text: str, *, start: bool, special: bool = False) -> list[int]:
        """Return token numbers; `start` adds what the model wants at the beginning (BOS), once."""
        raw = text.encode("utf-8", errors="replace")
        room = len(raw) + 8
        tokens = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self.vocab, raw, len(raw), tokens, room, start, special)
        numbers = list(tokens[:count])
        bos, eos = llama_cpp.llama_vocab_bos(self.vocab), llama_cpp.llama_vocab_eos(self.vocab)
        if start and llama_cpp.llama_vocab_get_add_eos(self.vocab) and numbers[-1:] == [eos]:
            numbers.pop()  # some files want an end after every text: nothing could follow a prompt
        if start and numbers[:2] == [bos, bos]:
            del numbers[0]  # the template has one of its own
        return numbers

    def piece(self, token: int) -> bytes:
        """Return a token's bytes, which may be part of a UTF-8 character; nothing for control tokens."""
        if token not in self._pieces:
            size = 256
            while True:
                buffer = ctypes.create_string_buffer(size)
                count = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, size, 0, False)
                if count >= 0:
                    break
                size = -count  # runs of spaces or signs can be long
            self._pieces[token] = buffer.raw[:count]
        return self._pieces[token]

    def ends(self, token: int) -> bool:
        """Return whether the token ends the answer."""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocab, token))

    def clear(self) -> None:
        """Forget all sequences, so that what follows depends on nothing before."""
        llama_cpp.llama_memory_clear(self.memory, True)
        self.batch.n_tokens = 0

    def share(self, source: int, target: int) -> None:
        """Let sequence `target` start as a copy of `source`, without copying cells."""
        llama_cpp.llama_memory_seq_cp(self.memory, source, target, -1, -1)

    def drop(self, sequence: int) -> None:
        """Forget a sequence; cells that others share stay."""
        llama_cpp.llama_memory_seq_rm(self.memory, sequence, -1, -1)

    def put(self, token: int, position: int, sequences: Sequence[int], logits: bool) -> None:
        """Add a token of one or more sequences to the batch; ask for the logits after it, or not."""
        batch, at = self.batch, self.batch.n_tokens
        batch.token[at], batch.pos[at], batch.logits[at] = token, position, logits
        batch.n_seq_id[at] = len(sequences)
        for number, sequence in enumerate(sequences):
            batch.seq_id[at][number] = sequence
        batch.n_tokens = at + 1

    def decode(self, outputs: int) -> Floats32:
        """Run the batch and empty it; return its logits, (outputs, vocabulary), valid until the next call."""
        if not self.batch.n_tokens:
            return np.empty((0, self.vocabulary), np.float32)
        code = llama_cpp.llama_decode(self.context, self.batch)
        self.batch.n_tokens = 0
        if code == NO_KV_SLOT:
            raise ModelError("params.yaml: llm.context_tokens is too small for llm.slots texts; raise it")
        if code != 0:
            raise ModelError(f"llama.cpp failed to run the model (llama_decode returned {code})")
        if outputs == 0:
            return np.empty((0, self.vocabulary), np.float32)
        pointer = llama_cpp.llama_get_logits(self.context)
        return np.ctypeslib.as_array(pointer, (outputs, self.vocabulary))

    def decode_with_states(self, outputs: int) -> tuple[Floats32, Floats32]:
        """Run a batch whose tokens all want logits; return these and the last hidden states.

        Shapes (outputs, vocabulary) and (outputs, width), valid until the next call. Every token of such a
        batch is an output, and the output layer costs more than all others: so texts are decoded without, up
        to their last token.
        """
        llama_cpp.llama_set_embeddings(self.context, True)
        try:
            logits = self.decode(outputs)
        finally:
            llama_cpp.llama_set_embeddings(self.context, False)
        pointer = llama_cpp.llama_get_embeddings(self.context)
        return logits, np.ctypeslib.as_array(pointer, (outputs, self.width))

    def load(self, tokens: Sequence[int], sequence: int) -> Floats32:
        """Run a prompt as one sequence; return the logits after its last token, (vocabulary,)."""
        logits = np.empty((0, self.vocabulary), np.float32)
        for start in range(0, len(tokens), BATCH_TOKENS):
            part = tokens[start : start + BATCH_TOKENS]
            last = start + len(part) == len(tokens)
            for offset, token in enumerate(part):
                self.put(token, start + offset, [sequence], last and offset == len(part) - 1)
            logits = self.decode(int(last))
        return np.asarray(logits[0])

    def metadata(self, key: str) -> str | None:
        """Return a value of the GGUF file's metadata."""
        size = llama_cpp.llama_model_meta_val_str(self.model, key.encode(), None, 0)
        if size < 0:
            return None
        buffer = ctypes.create_string_buffer(size + 1)
        llama_cpp.llama_model_meta_val_str(self.model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", errors="replace")

    def template_tokens(self) -> tuple[str, str]:
        """Return the texts of BOS, "" where `tokenize` adds it, and EOS, for a chat template."""
        bos, eos = llama_cpp.llama_vocab_bos(self.vocab), llama_cpp.llama_vocab_eos(self.vocab)
        adds = llama_cpp.llama_vocab_get_add_bos(self.vocab)
        return "" if adds else self._text(bos), self._text(eos)

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        return str(llama_cpp.llama_vocab_get_text(self.vocab, token).decode("utf-8", errors="replace"))

    def special_texts(self, template: str) -> list[str]:
        """Return the texts of the control tokens, and of tokens that the template uses as such."""
        found = []
        for token in range(self.vocabulary):
            kind = llama_cpp.llama_vocab_get_attr(self.vocab, token)
            text = self._text(token)
            # Some files declare their turn markers as user-defined, which are found in any text.
            marker = kind & llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED and text.strip() and text in template
            if len(text) > 1 and (kind & SPECIAL or marker):
                found.append(text)
        return found
