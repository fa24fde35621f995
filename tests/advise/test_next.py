import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

from labelmint.advise import next as next_texts
from labelmint.advise.next import choose, entropies, write_next
from labelmint.core import paths
from labelmint.core.config import parse_yaml
from labelmint.core.errors import DataError
from labelmint.core.params import load_params
from labelmint.core.records import input_of, write_rows
from tests.builders import card_content, reviews, write_card


def columns(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def scored(row, probability):
    """Return a text with label scores; `probability` is that of "positive"."""
    scores = {"negative": float(np.log(1 - probability)), "positive": float(np.log(probability))}
    return {**input_of(row), "label_scores": scores}


@pytest.fixture
def texts(prepared, tiny_encoder):
    """Write labelled texts, unsure ones and ones that broke a rule, as the stage `label` does."""
    rows = reviews({"negative": 20, "positive": 20}, first=500)
    kept = [{**scored(row, 0.05), "judged_label": "negative"} for row in rows[:20]]
    rejected = [{**scored(row, 0.45), "rule": "unsure_label", "evidence": {}} for row in rows[20:30]]
    rejected += [{**scored(row, 0.5), "rule": "test_leak", "evidence": {}} for row in rows[30:]]
    write_rows(paths.LABELLED, kept)
    write_rows(paths.LABELLED_REJECTED, rejected)
    return {row["id"]: row["text"] for row in rows[:30]}


def test_the_file_has_texts_that_broke_no_rule_and_an_empty_label_to_fill_in(prepared, texts, capsys):
    out = prepared / "data/raw/next.csv"
    write_next(load_params(), 5, out)
    rows = columns(out)
    assert [*rows[0]] == ["id", "text", "label", "suggested_label"]
    assert len({row["id"] for row in rows}) == 5
    for row in rows:
        assert row["text"] == texts[row["id"]]
        assert (row["suggested_label"], row["label"]) == ("negative", "")
    assert "5 of 30 texts; fill in the column `label`: negative, positive" in capsys.readouterr().out


def test_the_list_to_put_into_the_card_keeps_the_files_of_earlier_rounds(prepared, texts, capsys):
    card = prepared / "data/tasks/tiny.yaml"
    card.write_text(f"{card.read_text()}\nlabelled_later: [data/raw/next.csv]\n")
    write_next(load_params(), 5, Path("data/raw/next_2.csv"))
    assert "`labelled_later: [data/raw/next.csv, data/raw/next_2.csv]`" in capsys.readouterr().out


def test_the_list_can_be_copied_into_the_card_whatever_the_file_is_called(prepared, texts, capsys):
    name = "data/raw/a, 'b': \"c\" # [é].csv"
    write_next(load_params(), 5, Path(name))
    line = capsys.readouterr().out.splitlines()[-1]
    assert parse_yaml(line.split("`")[1]) == {"labelled_later": [name]}


@pytest.mark.parametrize("name", ["next", "next.tsv", "next.csv.gz", ".csv"])
def test_a_name_by_which_the_file_would_not_be_read_again_is_refused(prepared, texts, name):
    with pytest.raises(DataError, match=f"--out: {name}: a CSV file is written; let its name end in .csv"):
        write_next(load_params(), 5, Path(name))
    assert not Path(name).exists()
    write_next(load_params(), 5, Path("NEXT.CSV"))


def test_a_file_that_exists_is_left_alone(prepared, texts):
    out = prepared / "mine.csv"
    out.write_text("my labels", encoding="utf-8")
    with pytest.raises(DataError, match=r"mine\.csv: exists, and may hold your labels; name another"):
        write_next(load_params(), 5, out)
    assert out.read_text(encoding="utf-8") == "my labels"


def test_texts_of_a_run_of_another_task_are_refused(prepared, texts, set_params):
    set_params({"task": "bbc_news"})
    with pytest.raises(DataError, match="of another task than bbc_news, or of other labels"):
        write_next(load_params(), 5, prepared / "next.csv")
    set_params({"task": "tiny"})
    labels = {**card_content()["labels"], "mixed": {"name": "mixed", "phrase": "mixed"}}
    before = (prepared / "data/tasks/tiny.yaml").read_text(encoding="utf-8")
    write_card(prepared, "tiny", labels=labels)
    with pytest.raises(DataError, match="or of other labels; run `dvc repro label`"):
        write_next(load_params(), 5, prepared / "next.csv")
    (prepared / "data/tasks/tiny.yaml").write_text(before, encoding="utf-8")
    lock = "stages: {label: {params: {params.yaml: {task: other}}}}\n"
    (prepared / "dvc.lock").write_text(lock, encoding="utf-8")
    with pytest.raises(DataError, match="of another task than tiny"):
        write_next(load_params(), 5, prepared / "next.csv")


def test_without_texts_the_error_says_where_to_name_some(prepared, tiny_encoder):
    write_rows(paths.LABELLED, [])
    write_rows(paths.LABELLED_REJECTED, [])
    with pytest.raises(DataError, match="no unlabelled texts to choose from; name some in the card's"):
        write_next(load_params(), 5, prepared / "next.csv")


def test_of_too_many_texts_the_unsure_ones_are_looked_at(prepared, texts, monkeypatch):
    monkeypatch.setattr(next_texts, "_MAX_TEXTS", 10)
    assert {row["rule"] for row in next_texts.texts_to_label()} == {"unsure_label"}


def test_each_part_of_the_data_gives_its_most_uncertain_text():
    draw = np.random.default_rng(0)
    centres = np.eye(4)[np.repeat(range(4), 25)]
    vectors = centres + draw.normal(0, 0.05, centres.shape)
    uncertainty = draw.uniform(0, 1, 100)
    uncertainty[:25] += 1  # the first part has all of the most uncertain texts
    chosen = choose(vectors, uncertainty, 4, seed=1)
    assert sorted(place // 25 for place in chosen) == [0, 1, 2, 3]
    for place in chosen:
        part = uncertainty[place // 25 * 25 :][:25]
        assert uncertainty[place] == part.max()
    assert sorted(uncertainty[chosen], reverse=True) == list(uncertainty[chosen])


def test_without_scores_the_texts_nearest_to_the_centres_are_chosen():
    vectors = np.array([[0.0], [0.4], [1.0], [9.0], [9.5], [11.0]])
    assert sorted(choose(vectors, np.zeros(6), 2, seed=1)) == [1, 4]


@pytest.mark.parametrize("wanted", [3, 50])
def test_texts_that_the_encoder_cannot_tell_apart_are_chosen_once(wanted):
    vectors = np.array([[0.0], [0.0], [1.0], [5.0]])
    assert len(choose(vectors, np.array([0.1, 0.9, 0.5, 0.5]), wanted, seed=1)) == 3


def test_entropy_is_highest_where_all_labels_are_as_likely():
    scores = log_softmax(np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [50.0, 0.0, 0.0]]), axis=1)
    values = entropies(scores)
    assert values[0] == pytest.approx(np.log(3))
    assert values[0] > values[1] > values[2] >= 0
