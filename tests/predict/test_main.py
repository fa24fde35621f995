"""The command: order and count, agreement with the train stage's predictions, files, pipes, errors."""

import csv
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelmint.predict.labeller import Labeller
from labelmint.students.arm import predict
from transformers import AutoModelForSequenceClassification

from labelmint.core.errors import DataError, ModelError
from labelmint.encoder.classifier import load_tokenizer
from labelmint.encoder.data import collate, tokenize
from labelmint.predict.command import main, parse
from labelmint.predict.items import Item
from tests.builders import NEUTRAL, OPINIONS, REPOSITORY, reviews

WORDS = [*NEUTRAL, *OPINIONS["negative"], *OPINIONS["positive"], "unheard-of", "🎬", "<script>"]
# Alone in a batch or among others, a text's numbers differ by rounding.
CLOSE = 2e-5


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["predict", *map(str, arguments)])
    main(parse())


def answers(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def test_it_agrees_with_the_predictions_of_the_train_stage(save_arm, monkeypatch):
    folder = save_arm()
    rows = reviews({"negative": 40, "positive": 40}, words=7) + reviews({"negative": 9}, first=50, words=25)
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run(monkeypatch, "--input", "in.jsonl", "--output", "out.jsonl", "--batch-rows", 8)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = load_tokenizer(folder)
    tokens = tokenize(rows, None, tokenizer, 32)
    wanted = predict(model, tokens, collate(tokenizer), 32, torch.device("cpu"))
    found = answers("out.jsonl")
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert [row["text"] for row in found] == [row["text"] for row in rows]
    given_ = np.array([[*row["probabilities"].values()] for row in found])
    assert np.abs(given_ - wanted).max() < CLOSE
    assert list(found[0]) == ["id", "text", "label", "probability", "probabilities"]
    for row, own in zip(found, wanted, strict=True):
        assert row["label"] == ["negative", "positive"][own.argmax()]
        assert row["probability"] == max(row["probabilities"].values())
    assert len({row["label"] for row in found}) == 2  # the classifier of the test tells texts apart


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), max_size=40), st.integers(1, 7))
def test_order_and_count_stay(save_arm, monkeypatch, texts, batch_rows):
    if not Path("models/mixed").exists():
        save_arm()
    Path("in.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    run(monkeypatch, "--input", "in.txt", "--output", "out.jsonl", "--batch-rows", batch_rows)
    found = answers("out.jsonl")
    assert [row["text"] for row in found] == texts
    assert all((row["label"] is None) == (not row["text"]) for row in found)
    by_text = {}
    for row in found:
        if row["label"]:
            first = by_text.setdefault(row["text"], row["probability"])
            assert abs(first - row["probability"]) < CLOSE  # wherever it stands


def test_label_lines_and_csv(save_arm, monkeypatch):
    save_arm()
    table = 'id,body,note\n7,"awful, dull\nstory",x\n8,,y\n9,great cast,z\n'
    Path("in.csv").write_text(table, encoding="utf-8")
    run(monkeypatch, "--input", "in.csv", "--column", "body", "--output", "out.txt")
    lines = Path("out.txt").read_text(encoding="utf-8").split("\n")
    assert [bool(line) for line in lines] == [True, False, True, False]
    run(monkeypatch, "--input", "in.csv", "--column", "body", "--output", "out.csv")
    with Path("out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ["id", "text", "label", "probability", "probability_negative", "probability_positive"]
    assert list(rows[0]) == columns
    assert [row["id"] for row in rows] == ["7", "8", "9"]
    assert [row["text"] for row in rows] == ["awful, dull\nstory", "", "great cast"]
    assert [row["label"] for row in rows] == lines[:3]
    assert rows[1]["probability"] == ""


def test_pairs_are_read_as_pairs(save_arm):
    labeller = Labeller(save_arm(), 4)
    one, other = labeller.probabilities(
        [Item("awful story", "great cast"), Item("great cast", "awful story")]
    )
    (single,) = labeller.probabilities([Item("awful story great cast")])
    assert abs(one - other).max() > CLOSE
    assert abs(one - single).max() > CLOSE


def test_what_json_can_hold_and_utf_8_cannot_is_labelled_and_kept(save_arm, monkeypatch):
    save_arm()
    Path("in.jsonl").write_text('{"text": "awful \\ud800 story"}\n', encoding="utf-8")
    for name in ("out.jsonl", "out.csv"):
        run(monkeypatch, "--input", "in.jsonl", "--output", name)
    assert answers("out.jsonl")[0]["text"] == "awful \ud800 story"
    assert "awful ? story" in Path("out.csv").read_text(encoding="utf-8")


def test_wrong_input_leaves_the_earlier_output_alone(save_arm, monkeypatch):
    save_arm()
    Path("out.jsonl").write_text("before\n", encoding="utf-8")
    Path("in.jsonl").write_text('{"text": "great"}\n' * 30 + "broken\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"in\.jsonl:31: not valid JSON"):
        run(monkeypatch, "--input", "in.jsonl", "--output", "out.jsonl", "--batch-rows", 2)
    assert Path("out.jsonl").read_text(encoding="utf-8") == "before\n"
    assert not list(Path().glob("*.tmp"))
    assert not list(Path().glob(".*.tmp"))


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (["--input", "none.txt"], DataError, "--input: no file none.txt"),
        (["--input", "data"], DataError, "--input: data is a folder"),
        (["--input", "in.txt", "--output", "data"], DataError, "--output: data is a folder"),
        (["--input", "in.txt", "--output", "in.txt"], DataError, "--output: in.txt is the input"),
        (["--arm", "real"], ModelError, r"models/real: no trained classifier; .* or name one of mixed"),
        (["--arm", "real_300"], ModelError, "models/real_300: the data is too small for this arm"),
        (["--model", "data", "--input", "in.txt"], ModelError, "data: no classifier: it has no config.json"),
        (["--model", "damaged", "--input", "in.txt"], ModelError, "damaged: can't be opened"),
    ],
)
def test_errors(save_arm, monkeypatch, arguments, error, said):
    save_arm()
    Path("in.txt").write_text("great\n", encoding="utf-8")
    for name, file in (("models/real_300", "empty.jsonl"), ("damaged", "config.json")):
        Path(name).mkdir()
        (Path(name) / file).write_text("{", encoding="utf-8")
    with pytest.raises(error, match=said):
        run(monkeypatch, *arguments)


def test_a_pipe_as_output_is_written_to_and_not_replaced(save_arm, monkeypatch):
    save_arm()
    Path("in.txt").write_text("great\n", encoding="utf-8")
    os.mkfifo("pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE)
    run(monkeypatch, "--input", "in.txt", "--output", "pipe", "--format", "text")
    said, _ = reader.communicate(timeout=60)
    assert said.decode().strip() in ("negative", "positive")
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_standard_input_and_a_reader_that_goes_away(save_arm):
    save_arm()
    texts = "".join(f"great cast {number}\n" for number in range(3000))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    command = f"{sys.executable} -m predict --batch-rows 16 2>stderr | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], input=texts, text=True, capture_output=True, env=environment, timeout=300
    )
    *lines, status = done.stdout.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["great cast 0", "great cast 1"]
    assert status == "0"
    said = Path("stderr").read_text(encoding="utf-8")
    assert "Error" not in said
    assert "Broken" not in said
