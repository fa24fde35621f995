"""Read many texts after one shared prompt: how probable each choice is as what comes next.

The prompt is decoded once; batches of texts are then decoded against its KV cells, several texts to a
batch. Choices of more than one token branch off their text, whose own tokens are still decoded only once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmint.core.arrays import Floats32
from labelmint.core.errors import ModelError
from labelmint.llm.base import ChoiceScores
from labelmint.llm.llama import BATCH_TOKENS, MAX_SEQUENCES, Llama


class Reader:
    """Scores texts after the prompt of these tokens; clears the model's cache.

    `branches` are, for each choice, the tokens that tell it from the others.
    """

    def __init__(self, llama: Llama, start: list[int], branches: list[list[int]]) -> None:
        self.llama = llama
        self.start = start
        self.branches = branches
        # Passes over the texts: the later tokens of a pass's choices, and so the sequences for them, fit
        # beside a text.
        self.parts = pack([len(branch) - 1 for branch in branches], MAX_SEQUENCES - 1, len(branches))
        self.extras = [sum(len(branches[choice]) - 1 for choice in part) for part in self.parts]
        # Log-probabilities of several terms, or of several passes, must not be raw logits.
        self.normalised = any(len(branch) > 1 for branch in branches) or len(self.parts) > 1

    def read(self, texts: list[list[int]]) -> ChoiceScores:
        """Return the choices' log-probabilities and the hidden state at each text's last token."""
        if not all(texts):  # it would have no logits of its own, and take its neighbour's
            raise ValueError("an empty text can't be read")
        self._check_fits(max(map(len, texts), default=0) + max(self.extras, default=0))
        self.llama.clear()
        self.llama.load(self.start, 0)
        room = min(BATCH_TOKENS, self.llama.context_tokens - len(self.start))
        out = np.zeros((len(texts), len(self.branches)), np.float32)
        states = np.zeros((len(texts), self.llama.width), np.float32)
        for part, extra in zip(self.parts, self.extras, strict=True):
            # Sequences of a text: one for each choice that goes on after its first token.
            width = max(1, sum(len(self.branches[choice]) > 1 for choice in part))
            for rows in pack([len(text) + extra for text in texts], room, (MAX_SEQUENCES - 1) // width):
                self._read_batch(rows, texts, part, width, out, states)
        return ChoiceScores(out, states)

    @property
    def text_tokens(self) -> int:
        """How many tokens a text may have."""
        most = min(self.llama.context_tokens, self.llama.trained_tokens) - len(self.start)
        return min(BATCH_TOKENS, most) - max(self.extras, default=0)

    def _check_fits(self, longest: int) -> None:
        prompt, trained = len(self.start), self.llama.trained_tokens
        if prompt + longest > trained:
            raise ModelError(
                f"params.yaml: a text of {longest} tokens after a prompt of {prompt} is more than the "
                f"{trained} that llm.model was trained for; lower labelling.demonstrations, or choose "
                "another model"
            )
        if longest > BATCH_TOKENS:
            raise ModelError(
                f"a text of {longest} tokens is more than the {BATCH_TOKENS} that the language model reads "
                "at once; cut long texts"
            )
        context = self.llama.context_tokens
        if prompt + longest > context:
            raise ModelError(
                f"params.yaml: a text of {longest} tokens after a prompt of {prompt} does not fit in "
                f"llm.context_tokens={context}; show fewer or shorter rows, or raise it"
            )

    def _read_batch(
        self,
        rows: Sequence[int],
        texts: list[list[int]],
        part: range,
        width: int,
        out: Floats32,
        states: Floats32,
    ) -> None:
        """Read some texts in two decodes: up to their last tokens, then these and the choices.

        A text's tokens belong to all of its choices' sequences.
        """
        llama, place = self.llama, len(self.start)
        for number, row in enumerate(rows):
            sequences = range(1 + number * width, 1 + (number + 1) * width)
            for sequence in sequences:
                llama.share(0, sequence)
            for at, token in enumerate(texts[row][:-1]):
                llama.put(token, place + at, sequences, False)
        llama.decode(0)
        outputs, after_text, after_choice = 0, [], []
        for number, row in enumerate(rows):
            sequences = range(1 + number * width, 1 + (number + 1) * width)
            text = texts[row]
            llama.put(text[-1], place + len(text) - 1, sequences, True)
            after_text.append((row, outputs))
            outputs += 1
            free = iter(sequences)
            for choice in part:
                branch = self.branches[choice]
                if len(branch) == 1:
                    continue
                sequence = next(free)
                for at, token in enumerate(branch[:-1]):
                    llama.put(token, place + len(text) + at, [sequence], True)
                    after_choice.append((row, choice, branch[at + 1], outputs))
                    outputs += 1
        logits, hidden = llama.decode_with_states(outputs)
        self._collect(logits, after_text, after_choice, part, out)
        for row, at in after_text:
            states[row] = hidden[at]
        for sequence in range(1, 1 + len(rows) * width):
            llama.drop(sequence)

    def _collect(
        self,
        logits: Floats32,
        after_text: list[tuple[int, int]],
        after_choice: list[tuple[int, int, int, int]],
        part: range,
        out: Floats32,
    ) -> None:
        columns = slice(part.start, part.stop)
        first = [branch[0] for branch in self.branches[columns]]
        for row, at in after_text:
            out[row, columns] = logits[at, first]
            if self.normalised:
                out[row, columns] -= _log_sum_exp(logits[at])
        for row, choice, token, at in after_choice:
            out[row, choice] += logits[at, token] - _log_sum_exp(logits[at])


def _log_sum_exp(row: Floats32) -> np.float32:
    top = row.max()
    return np.float32(top + np.log(np.exp(row - top).sum(dtype=np.float64)))


def distinguishing_prefixes(choices: list[list[int]], ended: list[list[int]]) -> list[list[int]]:
    """Cut each choice's tokens to the shortest start that no other choice shares; at least one token.

    Where one choice is the start of another ("very good", "very good indeed"), `ended`, the choices
    followed by a line break, are used instead.
    """

    def shared(a: list[int], b: list[int]) -> int:
        return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))

    def cut(every: list[list[int]]) -> list[list[int]]:
        lengths = [
            1 + max((shared(one, two) for j, two in enumerate(every) if j != i), default=0)
            for i, one in enumerate(every)
        ]
        if any(length > len(one) for length, one in zip(lengths, every, strict=True)):
            return []
        return [one[:length] for one, length in zip(every, lengths, strict=True)]

    result = cut(choices) or cut(ended)
    if not result:
        raise ModelError("task card: labels: two labels' phrases are the same to the model; change one")
    return result


def pack(sizes: Sequence[int], room: int, most: int) -> list[range]:
    """Return consecutive ranges whose sizes sum to at most `room`, of at most `most` items."""
    ranges, begin, used = [], 0, 0
    for at, size in enumerate(sizes):
        if at > begin and (used + size > room or at - begin == most):
            ranges.append(range(begin, at))
            begin, used = at, 0
        used += size
    if begin < len(sizes):
        ranges.append(range(begin, len(sizes)))
    return ranges
