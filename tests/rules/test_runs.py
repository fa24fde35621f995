import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmint.core.words import words_of
from labelmint.rules.apply import filter_candidates
from labelmint.rules.runs import COPIED_RUN, LONG_RUN, common_runs, copied_runs
from tests.builders import candidate, labelled
from tests.rules.helpers import filtering_of

TEXTS = st.lists(st.tuples(st.integers(0, 3), st.lists(st.sampled_from("abc"), max_size=14)), max_size=6)


def longest(one, other):
    """Return the longest run by trying all of them."""
    return max(
        (
            size
            for size in range(1, len(one) + 1)
            for at in range(len(one) - size + 1)
            if any(other[to : to + size] == one[at : at + size] for to in range(len(other)))
        ),
        default=0,
    )


@settings(max_examples=30)
@given(TEXTS)
def test_runs_are_those_of_a_plain_reference(rows):
    groups, texts = [group for group, _ in rows], [words for _, words in rows]
    lengths, copied, others = common_runs(texts, groups)
    for at, words in enumerate(texts):
        found = [longest(words, texts[to]) for to in range(len(texts)) if groups[to] != groups[at]]
        assert lengths[at] == max(found, default=0)
        assert longest(words, texts[others[at]]) == lengths[at] or not lengths[at]
        assert (copied[at] > 0) == (lengths[at] >= LONG_RUN)
        assert copied[at] <= len(words)


def words(count, draw):
    return " ".join(f"w{draw.randrange(3000)}" for _ in range(count))


def test_a_long_text_with_a_copied_sentence_is_rejected():
    draw = random.Random(1)
    secret = words(20, draw)
    train = [labelled("negative", at, words(60, draw)) for at in range(19)]
    train.append(labelled("positive", 99, f"{words(20, draw)} {secret} {words(20, draw)}"))
    copy = candidate(1, f"{words(30, draw)} {secret} {words(30, draw)}", demonstration_ids=["r000099"])
    fine = [candidate(2, words(60, draw)), candidate(3, words(60, draw), "positive")]
    result = filter_candidates(filtering_of(copy, *fine, train=train, max_words=0))
    assert [row["id"] for row in result.kept] == [row["id"] for row in fine]
    (rejected,) = result.rejected
    evidence = rejected["evidence"]
    assert (rejected["rule"], evidence["real"], evidence["measure"]) == (
        "demonstration_copy",
        "r000099",
        "run",
    )
    assert evidence["similarity"] == 20 / 80


def test_what_real_rows_have_in_common_is_no_copy():
    draw = random.Random(1)
    greeting = "dear team i hope that this message finds all of you well and that you enjoy the summer"
    real = [f"{greeting} {words(40, draw)}".split() for _ in range(20)]
    texts = [f"{greeting} {words(30, draw)}".split(), [*words(9, draw).split(), *real[7][:40]]]
    assert [(i, j) for i, j, _ in copied_runs(texts, real)] == [(1, 7)]


def test_a_copied_end_is_found():
    draw = random.Random(1)
    end = words(COPIED_RUN, draw).split()
    text, real = [*words(9, draw).split(), *end], [*words(20, draw).split(), *end]
    assert list(copied_runs([text], [real])) == [(0, 0, COPIED_RUN / len(text))]
    assert list(copied_runs([text[:-1]], [real])) == []


def test_scripts_without_spaces_have_runs_too():
    real = words_of("今天的天气非常好我们一起去公园散步吧然后回家吃饭")
    copied = words_of("他说今天的天气非常好我们一起去公园散步但是我没有时间")
    assert [(i, j) for i, j, _ in copied_runs([copied, words_of("今天的书很好")], [real])] == [(0, 0)]
    assert common_runs([copied, real], [0, 1])[0].min() > COPIED_RUN


def test_no_texts_have_no_runs():
    assert [len(part) for part in common_runs([], [])] == [0, 0, 0]
    assert np.array_equal(common_runs([[], ["a"]], [0, 1])[0], [0, 0])
    assert list(copied_runs([["a"]], [])) == []
