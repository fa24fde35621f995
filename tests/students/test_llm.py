import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.errors import ModelError
from labelmint.core.params import load_params
from labelmint.labelling.verify import demonstrations, log_softmax
from labelmint.llm.base import ABILITIES
from labelmint.students.reader import answers, matching, prior
from tests.builders import REPOSITORY, card, labelled, labelled_rows
from tests.fake_model import FakeModel, read_words

MOODS = {"negative": "awful", "positive": "great"}
NAMES = list(MOODS)


def rows(labels, first=0):
    return [labelled(label, at, f"row {at} is {MOODS[label]}") for at, label in enumerate(labels, first)]


def settings(**baselines):
    shipped = load_params(REPOSITORY / "params.yaml")
    return shipped.model_copy(update={"baselines": shipped.baselines.model_copy(update=baselines)})


def asked(train, test, model=None, **baselines):
    return answers(settings(**baselines), card(), train, test, model or FakeModel())


@given(
    st.lists(st.floats(0.05, 1), min_size=2, max_size=5),
    st.floats(-6, 6),
    st.integers(0, 1000),
)
def test_the_offsets_make_each_labels_mean_probability_its_share(weights, bias, seed):
    shares = np.array(weights) / sum(weights)
    scores = np.random.default_rng(seed).normal(0, 2, (40, len(shares)))
    scores[:, 0] += bias
    scores = log_softmax(scores)
    offsets = matching(scores, shares)
    assert offsets.sum() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(np.exp(log_softmax(scores - offsets)).mean(axis=0), shares, atol=1e-4)
    # What a constant preference of the model adds is taken off again.
    moved = matching(log_softmax(scores + np.arange(len(shares))), shares)
    np.testing.assert_allclose(
        log_softmax(scores + np.arange(len(shares)) - moved), log_softmax(scores - offsets), atol=1e-3
    )


def test_the_prior_is_that_of_the_real_rows():
    assert prior(["a", "b"], labelled_rows({"a": 30, "b": 10})).tolist() == [0.75, 0.25]
    assert prior(["a", "b"], []).tolist() == [0.5, 0.5]
    assert prior(["a", "b"], labelled_rows({"a": 5}))[1] > 0


@pytest.mark.parametrize("negative", [5, 15, 35])
def test_a_model_that_prefers_a_label_is_right_after_matching_whatever_the_shares(negative):
    """It says "positive" of everything, though less surely of what is awful."""
    model = FakeModel(reader=lambda text, choice: read_words(text, choice) + 3 * ("positive" in choice))
    labels = ["negative"] * negative + ["positive"] * (40 - negative)
    found = asked(rows(labels), rows(labels, 100), model, draws=1)
    assert [NAMES[at] for at in found.probabilities.argmax(axis=1)] == labels
    assert found.offsets["positive"] > found.offsets["negative"]
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


def test_a_handful_of_test_rows_is_not_forced_into_the_shares():
    labels = ["negative", "positive"] * 30
    found = asked(rows(labels), rows(["negative"] * 3, 100), draws=1)
    assert found.probabilities.argmax(axis=1).tolist() == [0, 0, 0]


def test_further_draws_show_other_rows_and_read_some_inputs():
    train, test = rows(NAMES * 20), rows(NAMES * 10, 100)
    prefixes = []

    class Watched(FakeModel):
        def score(self, prefix, suffixes, choices):
            prefixes.append((prefix, len(suffixes)))
            return super().score(prefix, suffixes, choices)

    found = asked(train, test, Watched(), draws=3, draw_rows=5)
    assert found.draws.shape == (3, 5, 2)
    np.testing.assert_array_equal(found.draws[0], found.probabilities[:5])
    assert found.demonstrations == 16
    assert len({prefix for prefix, _ in prefixes}) == 3
    assert [count for _, count in prefixes] == [20, 24, 5, 24, 5, 24]


def test_the_first_draw_shows_what_the_filter_shows():
    train = rows(NAMES * 20)
    seen = []

    class Watched(FakeModel):
        def score(self, prefix, suffixes, choices):
            seen.append(prefix)
            return super().score(prefix, suffixes, choices)

    asked(train, rows(NAMES, 100), Watched(), draws=1)
    shown = demonstrations(settings().filter, card(), train)
    assert [seen[0].count(row["text"]) for row in shown] == [1] * 16


def test_without_real_rows_nothing_is_shown_and_there_is_one_draw():
    found = asked([], rows(NAMES * 10), draws=3)
    assert (found.demonstrations, found.draws.size) == (0, 0)
    assert found.probabilities.argmax(axis=1).tolist() == [0, 1] * 10


def test_a_second_reading_comes_from_the_journal():
    train, test, model = rows(NAMES * 20), rows(NAMES * 10, 100), FakeModel()
    first, read = asked(train, test, model), model.texts_scored
    again = asked(train, test, model)
    np.testing.assert_array_equal(again.probabilities, first.probabilities)
    assert model.texts_scored == read


def test_a_model_that_cannot_read_is_left_out_with_a_note():
    found = asked(rows(NAMES * 9), rows(NAMES), FakeModel(abilities=ABILITIES - {"score"}))
    assert found.note == "this model or backend can't read"
    assert not len(found.probabilities)


def test_a_text_that_does_not_fit_is_an_error_that_says_how_to_do_without():
    def fail(text, choice):
        raise ModelError("a text does not fit")

    with pytest.raises(ModelError, match=r"a text does not fit; or take llm out of baselines\.names"):
        asked(rows(NAMES * 9), rows(NAMES), FakeModel(reader=fail))
