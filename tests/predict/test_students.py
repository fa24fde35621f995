"""Which student answers, and what it is given: its arm, pairs or single texts, the excerpt it learnt from."""

import json
from pathlib import Path

import numpy as np
import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError, ModelError
from labelmint.core.lock import folder_md5
from labelmint.core.params import load_params
from labelmint.core.records import write_rows
from labelmint.students.base import Setting
from labelmint.students.loading import load_student
from labelmint.students.registry import open_student
from labelmint.students.saving import note_inputs
from labelmint.tasks.cards import load_card
from labelmint.tasks.texts import cut
from tests.builders import card, reviews
from tests.predict.helpers import CLOSE, answers, run


@pytest.mark.parametrize("side", ["start", "end"])
def test_texts_are_cut_as_those_that_the_student_learnt_from(mixed, side):
    the_card = card(excerpt={"words": 5, "from": side})
    excerpt = the_card.excerpt
    rows = reviews({"negative": 20, "positive": 20}, words=25)
    write_rows(Path("in.jsonl"), rows)
    note_inputs(mixed, the_card)
    run(input="in.jsonl", output="out.jsonl")
    labelled = answers("out.jsonl")
    assert [row["text"] for row in labelled] == [row["text"] for row in rows]
    wanted = load_student(mixed).predict_proba([{**row, "text": cut(row["text"], excerpt)} for row in rows])
    probabilities = np.array([[*row["probabilities"].values()] for row in labelled])
    assert np.abs(probabilities - wanted).max() < CLOSE


PAIRS = '{"text": "a great film", "reply": "no, awful"}\n{"text": "awful", "reply": "no, great"}\n'


@pytest.mark.parametrize(
    ("name", "content", "options", "problem"),
    [
        ("in.jsonl", PAIRS, {}, "in.jsonl:1: no column 'text_pair'; .*; name one with --pair-column"),
        (
            "in.csv",
            "text,reply\na,b\n",
            {},
            "no column 'text_pair'; it has text, reply; name one with --pair",
        ),
        ("in.jsonl", PAIRS, {"pair_column": "replies"}, "no column 'replies'"),
        ("in.txt", "a film\n", {}, "--input: the student labels pairs of texts; name a table"),
    ],
)
def test_a_student_of_pairs_is_given_no_single_texts(mixed, name, content, options, problem):
    note_inputs(mixed, card().model_copy(update={"pair_name": "reply"}))
    Path(name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=problem):
        run(input=name, **options)


def test_a_student_of_single_texts_takes_no_second_one(mixed):
    Path("in.jsonl").write_text(PAIRS.replace("reply", "text_pair"), encoding="utf-8")
    note_inputs(mixed, card())
    run(input="in.jsonl", output="out.jsonl")
    first = [{"id": "", "text": json.loads(line)["text"]} for line in PAIRS.splitlines()]
    wanted = load_student(mixed).predict_proba(first)
    for row, scores in zip(answers("out.jsonl"), wanted, strict=True):
        assert "text_pair" not in row
        assert abs(row["probability"] - scores.max()) < CLOSE
    with pytest.raises(DataError, match="--pair-column: the student labels single texts"):
        run(input="in.jsonl", pair_column="text_pair")


@pytest.mark.parametrize("option", [{"pair_column": "replies"}, {"pair_column": "text_pair"}])
def test_a_named_second_column_must_be_there(mixed, option):
    """Of a classifier that doesn't say what it labels."""
    Path("in.jsonl").write_text(PAIRS, encoding="utf-8")
    with pytest.raises(DataError, match=f"no column '{option['pair_column']}'"):
        run(input="in.jsonl", **option)
    run(input="in.jsonl", output="out.jsonl", pair_column="reply")
    assert [row["text_pair"] for row in answers("out.jsonl")] == ["no, awful", "no, great"]


def test_a_student_of_another_run_than_the_recorded_one_is_noted(mixed, capsys):
    Path("in.txt").write_text("a film\n", encoding="utf-8")
    recorded = {"path": str(paths.model("mixed")), "md5": folder_md5(paths.model("mixed"))}
    for md5, noted in ((recorded["md5"], False), (f"{'0' * 32}.dir", True)):
        stages = {"train@mixed": {"outs": [{**recorded, "md5": md5}]}}
        Path("dvc.lock").write_text(json.dumps({"stages": stages}), encoding="utf-8")
        run(arm="mixed", input="in.txt", output="out.jsonl")
        note = (
            "models/mixed is not what dvc.lock records, as after a `git switch`; `dvc checkout` restores that"
        )
        assert (note in capsys.readouterr().err) == noted
        assert len(answers("out.jsonl")) == 1
    Path("dvc.lock").unlink()  # nothing is recorded
    run(arm="mixed", input="in.txt", output="out.jsonl")
    assert "note" not in capsys.readouterr().err


def test_the_student_of_an_arm_that_is_no_longer_declared_is_used_by_its_folder_alone(mixed, set_params):
    Path("in.txt").write_text("great\n", encoding="utf-8")
    set_params({"arms": {"real": {"real": "all"}}})
    with pytest.raises(
        ModelError, match=r"no arm 'mixed': models/mixed is of an earlier run; --model models/"
    ):
        run(arm="mixed", input="in.txt")
    run(model=paths.model("mixed"), input="in.txt", output="out.jsonl")
    assert len(answers("out.jsonl")) == 1


def test_an_arm_may_have_any_student(project):
    setting = Setting(load_params(), load_card("rotten_tomatoes"))
    for name in ("tfidf", "majority"):
        student = open_student(name, setting)
        student.fit(reviews({"negative": 20, "positive": 20}), seed=1)
        student.save(paths.model(name))
    Path("in.txt").write_text("awful dull film\nsuperb lovely film\n", encoding="utf-8")
    run(arm="tfidf", input="in.txt", output="out.txt")
    assert Path("out.txt").read_text(encoding="utf-8") == "negative\npositive\n"
    run(arm="majority", input="in.txt", output="out.jsonl")
    assert answers("out.jsonl")[0]["probabilities"] == {"negative": 0.5, "positive": 0.5}
