"""Prompts that show chosen rows: the student's failures, or a segment of the real rows."""

import numpy as np
import pytest

from experiments.engine import Task, write
from experiments.methods import __main__ as methods
from experiments.methods import rounds, segments
from experiments.methods.shown import write_showing
from labelmint.core.errors import DataError
from labelmint.tasks.split import Split
from tests.builders import card, labelled, shipped, write_card
from tests.fake_model import FakeModel, write_sentence
from tests.generation.helpers import ROWS, config


def task(**generate):
    """Return a task of 12 real rows per label, without test rows."""
    params = shipped().model_copy(update={"generate": config(**generate)})
    return Task(params, card(), ROWS, rows=Split(ROWS, [], []))


def test_prompts_show_the_chosen_rows_and_differ_in_nothing_else():
    asked = []

    def writer(prompt, seed):
        asked.append((prompt, seed))
        return write_sentence(prompt, seed)

    other = labelled("negative", 99, "another text.")
    write(task(), FakeModel(writer))
    plain = [*asked]
    asked.clear()
    write_showing(task(), FakeModel(writer), lambda number, label: [{**other, "label": label}])
    assert [seed for _, seed in asked] == [seed for _, seed in plain]
    for (before, _), (after, _) in zip(plain, asked, strict=True):
        assert any(row["text"] in before for row in ROWS)
        assert not any(row["text"] in after for row in ROWS)
        assert other["text"] in after
        assert after.splitlines()[-1] == before.splitlines()[-1]  # the label to write for


def test_only_the_prompts_from_a_number_on_are_written():
    asked = []

    def choose(number, label):
        asked.append(number)
        return [row for row in ROWS if row["label"] == label]

    rows = write_showing(task(candidates=16), FakeModel(), choose, first=5)
    assert asked == [5, 6, 7]
    assert [row["id"] for row in rows] == [f"s{number:06d}" for number in range(10, 16)]


@pytest.mark.parametrize(("failing", "shown"), [(0, 0), (1, 1), (6, 2)])
def test_at_most_half_of_a_prompts_rows_are_failures_of_its_label(failing, shown):
    written = [labelled("negative", number, f"written {number}.") for number in range(90, 90 + failing // 2)]
    real = [row for row in ROWS if row["label"] == "negative"][: failing - len(written)]
    failures = [*written, *real, *ROWS[-2:]]  # the last are of the other label
    for number in range(20):
        rows = rounds.shown_rows(task(demonstrations=5), failures, number, "negative")
        assert len({row["id"] for row in rows}) == 5
        assert {row["label"] for row in rows} == {"negative"}
        # Random real rows may happen to be failures, too.
        assert sum(row in failures for row in rows) >= shown
        assert sum(row in written for row in rows) <= 2


def test_a_failure_with_an_unclear_label_is_likely_noise_and_not_shown():
    rows = [labelled("negative", number) for number in range(4)]
    found = rounds.Round(
        rows,
        np.zeros((4, 2), np.float32),
        np.zeros(4, np.int64),
        margins=np.array([np.inf, rounds.CLEAR, rounds.CLEAR - 0.1, 9.0]),
        wrong=np.array([True, True, True, False]),
    )
    assert found.failures == rows[:2]
    counts = {"real": 1, "real_wrong": 1, "accepted": 3, "accepted_wrong": 1, "likely_noise": 1}
    assert found.summary() == counts


def test_segments_are_thirds_by_difficulty_the_easiest_first():
    easy, middle, hard = segments.by_difficulty(np.array([-0.1, -3.0, np.nan, -0.2, -2.0, -1.0]))
    assert [easy.tolist(), middle.tolist(), hard.tolist()] == [[0, 3], [5, 4], [1, 2]]


def test_segments_are_clusters_and_a_small_one_is_filled_with_the_nearest_rows():
    places = np.array([0, 0.1, 0.2, 5, 5.1, 5.2, 9.0])
    vectors = np.stack([places, places], axis=1).astype(np.float32)
    found = sorted(sorted(part.tolist()) for part in segments.by_cluster(vectors, 2, seed=1))
    assert found == [[0, 1, 2], [3, 4, 5], [5, 6]]


def test_segments_take_turns_and_labels_begin_with_different_ones():
    parts = [[labelled("negative", number)] for number in range(3)]
    choose = segments.in_turn({"negative": parts, "positive": parts})
    assert [parts.index(choose(0, "negative")) for _ in range(4)] == [0, 1, 2, 0]
    assert [parts.index(choose(0, "positive")) for _ in range(4)] == [1, 2, 0, 1]


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("tiny", 0, r"params\.yaml: real\.rows: 0: the methods choose among real rows; say 100"),
        ("pairs", 20, r"data/tasks/pairs\.yaml: pair_name: the methods are measured on single texts"),
    ],
)
def test_what_the_methods_cannot_be_measured_on_is_an_error(
    prepared, set_params, monkeypatch, name, rows, message
):
    set_params({"real.rows": rows, "arms": {"synthetic": {"synthetic": "all"}}})
    source = {"path": "data/raw/rows.csv", "text_column": "a", "pair_column": "b", "label_column": "label"}
    write_card(prepared, "pairs", pair_name="answer", source=source)
    with pytest.raises(DataError, match=message):
        methods.main(tasks=[name])
    assert not methods.RESULTS.exists()
