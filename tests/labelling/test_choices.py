import numpy as np
import pytest

from labelmint.core.cache import fingerprint
from labelmint.labelling import choices
from labelmint.labelling.choices import ChoiceScorer, draw_demonstrations, labelled_prompt
from tests.builders import card, reviews
from tests.labelling.scorer import Scorer

TRAIN = reviews({"negative": 6, "positive": 6})


@pytest.mark.parametrize(("total", "each"), [(0, 0), (1, 1), (2, 1), (5, 2), (6, 3), (100, 3)])
def test_the_demonstrations_are_as_many_of_each_label_and_at_most_half_of_its_rows(total, each):
    shown = draw_demonstrations(1, total, card(), TRAIN)
    assert sorted(row["label"] for row in shown) == ["negative"] * each + ["positive"] * each
    assert len({row["id"] for row in shown}) == 2 * each
    assert all(row in TRAIN for row in shown)


def test_the_half_of_a_rare_label_is_rounded_up_and_a_missing_one_has_none():
    rows = reviews({"negative": 6, "positive": 1})
    shown = draw_demonstrations(1, 8, card(), rows)
    assert sorted(row["label"] for row in shown) == ["negative"] * 3 + ["positive"]
    assert draw_demonstrations(1, 8, card(), []) == []


def test_the_demonstrations_are_drawn_and_mixed_by_the_seed():
    draws = [draw_demonstrations(seed, 4, card(), TRAIN) for seed in (1, *range(1, 20))]
    assert draws[0] == draws[1]
    assert len({tuple(row["id"] for row in shown) for shown in draws}) == 19
    assert len({shown[-1]["label"] for shown in draws}) == 2
    by_label = sorted(draws[0], key=lambda row: row["label"])
    assert draws[0] not in (by_label, by_label[::-1])


def test_the_prompt_shows_each_text_with_its_label_before_the_next_one():
    prompt = labelled_prompt(card(), TRAIN)
    places = [prompt.index(row["text"]) for row in TRAIN]
    assert places == sorted(places)
    for row, begin, end in zip(TRAIN, places, [*places[1:], len(prompt)], strict=True):
        between = prompt[begin + len(row["text"]) : end]
        assert card().phrase(row["label"]) in between
        assert card().question in between


def test_texts_are_scored_in_chunks_that_are_kept(monkeypatch):
    monkeypatch.setattr(choices, "CHUNK_TEXTS", 4)
    model, told = Scorer(), []
    scorer = ChoiceScorer(card(), "prompt", model)
    first = scorer.score([f"text {number}" for number in range(10)], told.append)
    assert [len(suffixes) for _, suffixes, _ in model.calls] == told == [4, 4, 2]
    again = ChoiceScorer(card(), "prompt", model)
    for one, other in zip(again.score([f"text {at}" for at in range(10)], told.append), first, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(model.calls) == 3
    chunks = [[f"text {at}" for at in places] for places in (range(4), range(4, 8), range(8, 10))]
    kept = [scorer.cache.get(fingerprint({"texts": chunk}))["seconds"] for chunk in chunks]
    assert again.seconds == scorer.seconds == pytest.approx(sum(kept))


@pytest.mark.parametrize(
    "change",
    [
        {"the_card": card(question="Verdict")},
        {"prefix": "another prompt"},
        {"model": Scorer("another model")},
        {"texts": ["another text"]},
    ],
)
def test_another_question_prompt_model_or_text_is_scored_anew(change):
    def calls(model, the_card=None, prefix="prompt", texts=("a text",)):
        ChoiceScorer(the_card or card(), prefix, model).score(list(texts), lambda _: None)
        return len(model.calls)

    assert calls(Scorer()) == 1
    assert calls(**{"model": Scorer(), **change}) == 1
    assert calls(Scorer()) == 0
