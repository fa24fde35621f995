from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.core.errors import ModelError
from labelmint.llm.llama import BATCH_TOKENS
from labelmint.llm.reading import Reader, distinguishing_prefixes, pack
from tests.llm.toy import ToyLlama, toy_logits

LINE = 99  # stands for a line break


def prefixes(choices):
    return distinguishing_prefixes(choices, [[*choice, LINE] for choice in choices])


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([[1], [2]], [[1], [2]]),
        ([[1, 7], [2, 8, 9]], [[1], [2]]),
        ([[1, 7], [1, 8]], [[1, 7], [1, 8]]),
        ([[1, 7, 5], [1, 8, 6]], [[1, 7], [1, 8]]),
        ([[1, 7], [1, 8], [2, 3]], [[1, 7], [1, 8], [2]]),
        ([[1, 2, 3], [1, 2, 4], [1, 5, 6]], [[1, 2, 3], [1, 2, 4], [1, 5]]),
        ([[1], [1, 2]], [[1, LINE], [1, 2]]),  # "good", "good enough"
        ([[1], [1, 2], [3]], [[1, LINE], [1, 2], [3]]),
        ([[1], [1, 2], [1, 2, 3]], [[1, LINE], [1, 2, LINE], [1, 2, 3]]),
        ([[], [1]], [[LINE], [1]]),
        ([[1, 2]], [[1]]),
    ],
)
def test_choices_are_cut_where_they_begin_to_differ(choices, expected):
    assert prefixes(choices) == expected


@pytest.mark.parametrize("choices", [[[1], [1]], [[1, 2], [3], [1, 2]], [[], []]])
def test_equal_choices_are_an_error(choices):
    with pytest.raises(ModelError, match="task card: labels: two labels' phrases are the same to the model"):
        prefixes(choices)


@given(st.lists(st.integers(0, 40), max_size=40), st.integers(1, 60), st.integers(1, 10))
def test_packs_hold_everything_in_order_and_are_as_full_as_room_and_number_allow(sizes, room, most):
    ranges = pack(sizes, room, most)
    assert [at for each in ranges for at in each] == list(range(len(sizes)))
    for each in ranges:
        assert 1 <= len(each) <= most
        assert len(each) == 1 or sum(sizes[at] for at in each) <= room
    for each, following in pairwise(ranges):
        together = [*each, following[0]]
        assert len(together) > most or sum(sizes[at] for at in together) > room


def toy(context_tokens=2048):
    return ToyLlama(None, context_tokens, 1, 0)


def log_softmax(row):
    row = np.asarray(row, np.float64)
    return row - row.max() - np.log(np.exp(row - row.max()).sum())


def check_scores(reader, texts):
    """Compare with each choice's log-probability given the others, every prompt read whole."""
    scores = reader.read(texts).log_probabilities
    assert (scores.shape, scores.dtype) == ((len(texts), len(reader.branches)), np.float32)

    @cache
    def after(*tokens):
        return log_softmax(toy_logits(tokens))

    for text, row in zip(texts, scores, strict=True):
        expected = [
            sum(after(*reader.start, *text, *branch[:at])[token] for at, token in enumerate(branch))
            for branch in reader.branches
        ]
        np.testing.assert_allclose(log_softmax(row), log_softmax(expected), atol=1e-4)


TEXTS = st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=30), max_size=30)
CHOICES = st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=2, max_size=6, unique_by=tuple)
START = st.lists(st.integers(0, 255), min_size=1, max_size=40)


@settings(max_examples=15)
@given(START, TEXTS, CHOICES)
def test_scores_are_those_of_every_prompt_read_whole(start, texts, choices):
    check_scores(Reader(toy(), start, prefixes(choices)), texts)


# More texts than go into a batch: 512 tokens, or 255 sequences.
@pytest.mark.parametrize(
    ("branches", "count"),
    [([[1], [2]], 300), ([[1, 2], [1, 3], [4]], 140), ([[1, 2, 3, 4], [1, 2, 3, 5]], 140)],
)
def test_many_texts_are_read_in_several_batches(branches, count):
    check_scores(Reader(toy(), [5, 6], branches), [[number % 256, 7] for number in range(count)])


@pytest.mark.parametrize("tail", [1, 3])
def test_more_choices_than_sequences_are_read_in_several_passes(tail):
    branches = [[number % 200, 7 + number // 200, *range(tail)] for number in range(300)] + [[201], [202]]
    reader = Reader(toy(), [5, 6], branches)
    assert len(reader.parts) > 1
    check_scores(reader, [[3]])


def test_texts_fill_a_small_context_to_the_last_cell():
    reader = Reader(toy(context_tokens=100), [1] * 80, [[1], [2]])
    check_scores(reader, [[2] * 20, [3] * 20, [4] * 10, [5] * 10])


@pytest.mark.parametrize(
    ("context_tokens", "text", "branches"),
    [(100, 21, [[1], [2]]), (100, 19, [[1, 2], [1, 3]])],
)
def test_a_text_that_does_not_fit_is_an_error_with_the_key(context_tokens, text, branches):
    reader = Reader(toy(context_tokens), [1] * 80, branches)
    with pytest.raises(
        ModelError, match=rf"params\.yaml: .* llm\.context_tokens={context_tokens};"
    ) as caught:
        reader.read([[1], [1] * text])
    assert "after a prompt of 80" in str(caught.value)


def test_a_text_that_no_setting_makes_readable_is_an_error_without_a_key():
    with pytest.raises(
        ModelError, match=f"^a text of 513 tokens is more than the {BATCH_TOKENS} .*; cut long"
    ):
        Reader(toy(2048), [1] * 80, [[1], [2]]).read([[1], [1] * (BATCH_TOKENS + 1)])


def test_an_empty_text_is_refused_and_not_confused_with_its_neighbour():
    with pytest.raises(ValueError, match="empty"):
        Reader(toy(), [1, 2], [[1], [2]]).read([[3], [], [4]])


@pytest.mark.parametrize("branches", [[[1], [2]], [[1, 2], [1, 3], [4]]])
def test_states_are_those_of_each_texts_last_token(branches):
    """The toy's state is a token and its position."""
    texts = [[number % 250] * (1 + number % 5) for number in range(300)]
    states = Reader(toy(), [5, 6], branches).read(texts).states
    assert states.tolist() == [[text[-1], 2 + len(text) - 1] for text in texts]
