from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.core.records import Input
from labelmint.encoder.data import tokenize, validation_splits

SHARES = st.sampled_from([0.1, 0.2, 0.25, 0.5])


def splits_of(counts, share=0.2, max_rows=400, seed=1, shuffled=True):
    labels = np.repeat(np.arange(len(counts)), np.array(counts, np.int64))
    if shuffled:
        labels = np.random.default_rng(0).permutation(labels)
    return labels, validation_splits(labels, share, max_rows, seed)


def test_texts_are_cut_and_keep_their_order(tokenizer):
    texts = ["film story", "awful " * 50, ""]
    columns = tokenize([Input(id="", text=text) for text in texts], tokenizer, 8)
    assert {*columns} == {"input_ids", "attention_mask"}
    rows = columns["input_ids"]
    assert [len(row) for row in rows] == [4, 8, 2]
    assert tokenizer.decode(rows[0]) == "[CLS] film story [SEP]"
    assert tokenizer.decode(rows[1]).endswith("awful [SEP]")


def test_lone_surrogates_are_no_trouble(tokenizer):
    assert len(tokenize([Input(id="", text="film \ud800")], tokenizer, 8)["input_ids"]) == 1


def test_control_tokens_in_a_text_are_letters(tokenizer):
    [tokens] = tokenize([Input(id="", text="film [MASK] [SEP] story")], tokenizer, 20)["input_ids"]
    known = tokenizer.convert_ids_to_tokens(tokens)
    assert (known[0], known[1], known[-2], known[-1]) == ("[CLS]", "film", "story", "[SEP]")
    assert {"[MASK]", "[SEP]"}.isdisjoint(known[1:-1])


@settings(max_examples=25)
@given(st.lists(st.integers(2, 60), min_size=2, max_size=4), SHARES, st.integers(1, 40), st.integers(0, 9))
def test_validation_rows_are_disjoint_from_training_rows_and_from_each_other(counts, share, max_rows, seed):
    labels, splits = splits_of(counts, share, max_rows, seed)
    everything = set(range(len(labels)))
    seen = []
    for train, validation in splits:
        assert 0 < len(validation) <= max_rows
        assert set(train) | set(validation) == everything
        assert len(train) + len(validation) == len(labels)
        assert train.tolist() == sorted(train)
        assert set(labels[train]) == set(labels)  # no label is unknown to the training rows
        seen += validation.tolist()
    assert splits
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        ([50, 50], [20] * 5),  # 100 rows: all five folds, until 100 rows are read
        ([125, 125], [50] * 2),
        ([150, 150], [60] * 2),
        ([500, 500], [200]),
        ([1500, 1500], [400]),  # the cap
        ([10, 10], [4] * 5),
        ([40, 3], [15, 14, 14]),  # few rows of a label make fewer folds
    ],
)
def test_few_rows_are_validated_by_more_splits(counts, sizes):
    assert [len(validation) for _, validation in splits_of(counts)[1]] == sizes


@pytest.mark.parametrize("counts", [[], [50], [1, 1], [50, 1], [50, 1, 1]])
def test_fewer_than_two_labels_with_two_rows_cannot_be_validated(counts):
    assert splits_of(counts)[1] == []


@pytest.mark.parametrize("counts", [[1, 30, 30], [60, 3, 40, 1, 2]])
def test_rare_labels_are_always_trained_on_and_the_others_validated(counts):
    labels, splits = splits_of(counts)
    rare = {label for label, count in enumerate(counts) if count < 5}
    assert len(splits) == 5
    assert sorted(np.concatenate([validation for _, validation in splits])) == [
        at for at, label in enumerate(labels) if label not in rare
    ]
    for train, validation in splits:
        assert sorted([*train, *validation]) == list(range(len(labels)))


@pytest.mark.parametrize("shuffled", [True, False])
def test_a_capped_split_still_has_all_labels_in_their_shares(shuffled):
    labels, splits = splits_of([2000, 2000, 1000], shuffled=shuffled)
    counts = Counter(labels[splits[0][1]].tolist())
    assert sum(counts.values()) == 400
    for label, expected in enumerate([160, 160, 80]):
        assert abs(counts[label] - expected) <= 40


def test_splits_depend_on_the_seed_alone():
    def validation(seed):
        return [part.tolist() for _, part in splits_of([50, 50], seed=seed)[1]]

    assert validation(1) == validation(1)
    assert validation(1) != validation(2)
