"""The command: order and count, agreement with the train stage's predictions, files, pipes, errors."""

import csv
import gzip
import json
import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError, ModelError
from labelmint.core.records import write_rows
from labelmint.students.loading import load_student
from labelmint.students.saving import write_note
from tests.builders import NEUTRAL, OPINIONS, REPOSITORY, reviews
from tests.predict.helpers import CLOSE, answers, run

WORDS = [*NEUTRAL, *OPINIONS["negative"], *OPINIONS["positive"], "unheard-of", "🎬", "<script>"]


def test_it_agrees_with_the_student_whatever_stands_around_a_text(mixed):
    rows = reviews({"negative": 40, "positive": 40}, words=7) + reviews({"negative": 9}, first=50, words=25)
    write_rows(Path("in.jsonl"), rows)
    run(input="in.jsonl", output="out.jsonl")
    wanted = load_student(mixed).predict_proba(rows)
    labelled = answers("out.jsonl")
    assert [row["id"] for row in labelled] == [row["id"] for row in rows]
    assert [row["text"] for row in labelled] == [row["text"] for row in rows]
    probabilities = np.array([[*row["probabilities"].values()] for row in labelled])
    assert np.abs(probabilities - wanted).max() < CLOSE
    assert list(labelled[0]) == ["id", "text", "label", "probability", "probabilities"]
    for row, scores in zip(labelled, wanted, strict=True):
        assert row["label"] == ["negative", "positive"][scores.argmax()]
        assert row["probability"] == max(row["probabilities"].values())
    assert len({row["label"] for row in labelled}) == 2  # the classifier of the test tells texts apart


def test_order_and_count_stay(mixed):
    draw = random.Random(1)
    texts = [" ".join(draw.choices(WORDS, k=draw.choice([0, 1, 2, 40]))) for _ in range(200)]
    texts += texts[:40]
    Path("in.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    run(input="in.txt", output="out.jsonl")
    labelled = answers("out.jsonl")
    assert [row["text"] for row in labelled] == texts
    assert all((row["label"] is None) == (not row["text"]) for row in labelled)
    for first, again in zip(labelled, labelled[200:], strict=False):
        assert first["probability"] == pytest.approx(again["probability"], abs=CLOSE)  # wherever it stands


def test_label_lines_and_csv(mixed):
    table = 'id,body,note\n7,"awful, dull\nstory",x\n8,,y\n9,great cast,z\n'
    Path("in.csv").write_text(table, encoding="utf-8")
    run(input="in.csv", column="body", output="out.txt")
    lines = Path("out.txt").read_text(encoding="utf-8").split("\n")
    assert [bool(line) for line in lines] == [True, False, True, False]
    run(input="in.csv", column="body", output="out.csv")
    with Path("out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ["id", "text", "label", "probability", "probability_negative", "probability_positive"]
    assert list(rows[0]) == columns
    assert [row["id"] for row in rows] == ["7", "8", "9"]
    assert [row["text"] for row in rows] == ["awful, dull\nstory", "", "great cast"]
    assert [row["label"] for row in rows] == lines[:3]
    assert rows[1]["probability"] == ""


def test_an_id_that_a_table_has_no_column_for_is_an_error(mixed):
    Path("in.jsonl").write_text('{"text": "great"}\n{"id": 7, "text": "awful"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="the row with id 7 comes after rows without one"):
        run(input="in.jsonl", output="out.csv")
    assert not Path("out.csv").exists()
    run(input="in.jsonl", output="out.jsonl")
    assert [row.get("id") for row in answers("out.jsonl")] == [None, 7]


def test_what_json_can_hold_and_utf_8_cannot_is_labelled_and_kept(mixed):
    Path("in.jsonl").write_text('{"text": "awful \\ud800 story"}\n', encoding="utf-8")
    for name in ("out.jsonl", "out.csv"):
        run(input="in.jsonl", output=name)
    assert answers("out.jsonl")[0]["text"] == "awful \ud800 story"
    assert "awful ? story" in Path("out.csv").read_text(encoding="utf-8")


def test_wrong_input_leaves_the_earlier_output_alone(mixed):
    Path("out.jsonl").write_text("before\n", encoding="utf-8")
    Path("in.jsonl").write_text('{"text": "great"}\n' * 130 + "broken\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"in\.jsonl:131: not valid JSON"):
        run(input="in.jsonl", output="out.jsonl")
    assert Path("out.jsonl").read_text(encoding="utf-8") == "before\n"
    assert not [*Path().glob("*.tmp"), *Path().glob(".*.tmp")]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"input": "none.txt"}, DataError, "--input: no file none.txt"),
        ({"input": "data"}, DataError, "--input: data is a folder"),
        ({"output": "data"}, DataError, "--output: data is a folder"),
        ({"output": "in.txt"}, DataError, "--output: in.txt is the input"),
        (
            {"output": "out.parquet"},
            DataError,
            "--output: out.parquet: answers are .jsonl, .csv or .txt files",
        ),
        ({"output": "out.csv.gz"}, DataError, "--output: out.csv.gz: answers are"),
        ({"column": "body"}, DataError, "--column body: lines of text have no columns; add --input-format"),
        ({"input": "rows"}, DataError, r"rows:1: JSON, not a text; add --input-format jsonl \(or text"),
        ({"input": "list.txt"}, DataError, r"list\.txt:1: JSON, not a text"),
        ({"input": "table"}, DataError, r"table:1: names of columns; add --input-format csv \(or text, if"),
        ({"arm": "real"}, ModelError, r"models/real: no trained student; .* or name one of mixed"),
        ({"arm": ""}, ModelError, "--arm: the name is empty, as of a shell variable that isn't set"),
        ({"arm": "real_300"}, ModelError, "models/real_300: too few rows"),
        ({"model": Path("data")}, ModelError, r"data: no classifier: it has no student.json or config\.json"),
        ({"model": Path("damaged")}, ModelError, "damaged: can't be opened"),
    ],
)
def test_errors(mixed, options, error, message):
    Path("in.txt").write_text("great\n", encoding="utf-8")
    Path("rows").write_text('{"text": "great"}\n', encoding="utf-8")
    Path("list.txt").write_text('[{"text": "great"}]\n', encoding="utf-8")
    Path("table").write_text('id,"body"\n1,great\n', encoding="utf-8")
    write_note(paths.model("real_300"), "too few rows")
    Path("damaged").mkdir()
    Path("damaged/config.json").write_text("{", encoding="utf-8")
    with pytest.raises(error, match=message):
        run(**{"input": "in.txt", **options})


def test_a_pipe_as_output_is_written_to_and_not_replaced(mixed):
    Path("in.txt").write_text("great\n", encoding="utf-8")
    os.mkfifo("pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE)
    run(input="in.txt", output="pipe", form="text")
    answer, _ = reader.communicate(timeout=60)
    assert answer.decode().strip() in ("negative", "positive")
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_standard_input_is_labelled_on_standard_output(mixed, monkeypatch, capfdbinary):
    Path("in.txt").write_text("great cast\nawful plot\n", encoding="utf-8")
    with Path("in.txt").open(encoding="utf-8") as lines:
        monkeypatch.setattr(sys, "stdin", lines)
        run()
    out, _ = capfdbinary.readouterr()
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["great cast", "awful plot"]


def test_compressed_standard_input_is_told_to_be_decompressed_in_the_pipe(mixed, monkeypatch):
    Path("in.gz").write_bytes(gzip.compress(b"great cast\n"))
    with Path("in.gz").open(encoding="utf-8") as packed:
        monkeypatch.setattr(sys, "stdin", packed)
        with pytest.raises(DataError, match="it is compressed; decompress it first: zcat FILE"):
            run()


@pytest.mark.parametrize(
    ("begin", "kind"), [(b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"PK\3\4", "excel")]
)
def test_a_table_on_standard_input_is_told_to_be_named(mixed, monkeypatch, begin, kind):
    Path("table").write_bytes(begin + b"\0" * 100)
    with Path("table").open(encoding="utf-8") as table:
        monkeypatch.setattr(sys, "stdin", table)
        with pytest.raises(DataError, match=f"standard input: .*; add --input-format {kind}"):
            run()


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_the_command_quietly(mixed):
    student = {"student": "majority", "label_names": ["negative", "positive"], "class_balance": [0.5, 0.5]}
    (mixed / "student.json").write_text(json.dumps(student), encoding="utf-8")  # it needs no PyTorch
    texts = "".join(f"great cast {number}\n" for number in range(3000))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    command = f"{sys.executable} -m labelmint.cli predict 2>stderr | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], input=texts, text=True, capture_output=True, env=environment, timeout=300
    )
    *lines, status = done.stdout.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["great cast 0", "great cast 1"]
    assert status == "0"
    errors = Path("stderr").read_text(encoding="utf-8")
    assert "Error" not in errors
    assert "Broken" not in errors
