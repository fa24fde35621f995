import json
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
import yaml

from labelmint.core import paths
from labelmint.core.records import read_rows, write_rows
from labelmint.llm.base import ABILITIES
from stages.baselines import NAMES, main
from tests.builders import OPINIONS
from tests.fake_model import FakeModel


@pytest.fixture(autouse=True)
def model(monkeypatch, prepared, set_params):
    """Return the model that main opens, which knows the opinions; vectors tell them too."""
    set_params({"baselines.draws": 2, "baselines.draw_rows": 10, "filter.verify.demonstrations": 4})

    def reader(text, choice):
        bad = any(word in text for word in OPINIONS["negative"])
        return 0.0 if bad == ("negative" in choice) else -2.0

    fake = FakeModel(reader=reader)

    @contextmanager
    def open_model(llm):
        yield fake

    def embed_rows(config, rows, on_rows):
        on_rows(len(rows))
        bad = [any(word in row["text"] for word in OPINIONS["negative"]) for row in rows]
        return np.array([[1.0, 0.0] if own else [0.0, 1.0] for own in bad], np.float32)

    monkeypatch.setattr("stages.baselines.open_model", open_model)
    monkeypatch.setattr("labelmint.students.classifiers.embed_rows", embed_rows)
    return fake


def metrics():
    return json.loads((paths.METRICS / "baselines.json").read_text(encoding="utf-8"))


def said(name):
    rows = read_rows(paths.baseline(name))
    return {row["id"]: max(row["probabilities"], key=row["probabilities"].get) for row in rows}


def right(name):
    found = said(name)
    answers = {row["id"]: row["label"] for row in read_rows(paths.TEST_LABELS)}
    assert list(found) == [row["id"] for row in read_rows(paths.TEST_INPUTS)]
    return np.mean([found[row_id] == label for row_id, label in answers.items()])


def test_what_is_written_is_what_dvc_yaml_declares(prepared):
    before = {path for path in prepared.rglob("*") if path.is_file()}
    main()
    made = {path for path in prepared.rglob("*") if path.is_file()} - before
    stage = yaml.safe_load((prepared / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["baselines"]
    declared = [*stage["outs"], *(name for metric in stage["metrics"] for name in metric)]
    assert {str(path.relative_to(prepared)) for path in made} == set(declared)


def test_every_baseline_labels_every_test_input():
    main()
    assert (right("llm"), right("linear_head"), right("majority")) == (1, 1, 0.5)
    assert right("tfidf") > 0.6  # a few opinions stand in 20 real rows
    found = metrics()
    assert found["names"] == list(NAMES)
    assert (found["train_rows"], found["test_rows"], found["notes"]) == (20, 40, {})
    assert (found["llm"]["demonstrations"], found["llm"]["draws"]) == (4, 2)
    for name in NAMES:
        for row in read_rows(paths.baseline(name)):
            assert list(row["probabilities"]) == ["negative", "positive"]
            assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_the_draws_are_of_the_first_test_inputs():
    main()
    rows = read_rows(paths.baseline("draws"))
    assert Counter(row["seed"] for row in rows) == {1: 10, 2: 10}
    first = [row["id"] for row in read_rows(paths.TEST_INPUTS)[:10]]
    assert [row["id"] for row in rows] == first * 2


def test_running_again_writes_the_same_bytes(prepared):
    main()
    files = [*(paths.baseline(name) for name in (*NAMES, "draws")), paths.METRICS / "baselines.json"]
    first = [path.read_bytes() for path in files]
    main()
    assert [path.read_bytes() for path in files] == first


def test_the_majority_is_that_of_the_real_rows():
    rows = read_rows(paths.REAL_TRAIN)
    write_rows(paths.REAL_TRAIN, [row for row in rows if row["label"] == "positive"] + rows[:2])
    main()
    assert set(said("majority").values()) == {"positive"}


def test_only_the_named_ones_are_asked(set_params, model):
    set_params({"baselines.names": ["majority", "tfidf"]})
    main()
    assert metrics()["names"] == ["tfidf", "majority"]
    assert model.texts_scored == 0
    assert read_rows(paths.baseline("llm")) == read_rows(paths.baseline("linear_head")) == []


def test_without_real_rows_the_llm_is_left(capsys, set_params):
    set_params({"real.rows": 0, "arms": ["synthetic"]})
    write_rows(paths.REAL_TRAIN, [])
    main()
    assert metrics()["names"] == ["llm"]
    assert right("llm") == 1
    assert set(metrics()["notes"]) == {"tfidf", "linear_head", "majority"}
    assert "baselines: note: tfidf is left out: the real rows are of fewer" in capsys.readouterr().err


def test_without_test_rows_nothing_is_asked(model):
    write_rows(paths.TEST_INPUTS, [])
    main()
    assert metrics()["names"] == []
    assert model.texts_scored == 0
    assert all(read_rows(paths.baseline(name)) == [] for name in (*NAMES, "draws"))


def test_a_backend_that_cannot_read_leaves_the_llm_out(model, capsys):
    model.abilities = ABILITIES - {"score"}
    main()
    assert metrics()["names"] == ["tfidf", "linear_head", "majority"]
    assert read_rows(paths.baseline("llm")) == read_rows(paths.baseline("draws")) == []
    assert "baselines: note: llm is left out: this model or backend can't read" in capsys.readouterr().err


def test_texts_without_words_are_no_trouble():
    marks = {"positive": "!", "negative": "?"}
    rows = read_rows(paths.REAL_TRAIN)
    write_rows(paths.REAL_TRAIN, [{**row, "text": marks[row["label"]]} for row in rows])
    main()
    assert metrics()["names"] == list(NAMES)
