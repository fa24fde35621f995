"""The data set opens in `datasets`, pandas and plain JSON with every text as it was."""

from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import read_rows, write_rows
from labelmint.export.command import export
from labelmint.export.dataset import write_dataset
from tests.export.conftest import AWKWARD, kept_row
from tests.export.helpers import exported, opened

TEXTS = [*AWKWARD[:4], "half of a pair: \ufffd", AWKWARD[5], "a great film"]


def test_all_forms_have_every_text_as_it_was(finished):
    folder = exported() / "dataset"
    data = opened(folder)
    assert data["text"][:] == TEXTS
    assert data.features["label"] == datasets.ClassLabel(names=["negative", "positive"])
    assert data["label"][:] == [0] * 6 + [1]
    assert data["written_for"][:] == [0] * 7
    assert data[0]["label_scores"] == {"negative": -0.1, "positive": -2.5}
    assert data["method"][0] == "few_shot"
    assert data["id"][-1] == "s000009"
    # The Parquet file says the same by itself.
    file = folder / "data/train.parquet"
    schema = pq.read_schema(file)
    assert schema.names == ["text", "label", "written_for", "method", "label_scores", "id"]
    assert str(schema.field("label").type) == "int64"
    assert datasets.Dataset.from_parquet(str(file)).features["label"].names == ["negative", "positive"]
    # JSON Lines have the labels by name.
    rows = read_rows(folder / "data/train.jsonl")
    assert [row["text"] for row in rows] == TEXTS
    assert [row["label"] for row in rows] == ["negative"] * 6 + ["positive"]
    assert rows[0]["label_scores"] == {"negative": -0.1, "positive": -2.5}


def test_each_export_opens_with_its_own_rows(finished):
    """`datasets` keeps what it read under the folder's name, which is the same for all exports."""
    rows = read_rows(paths.KEPT)
    for count in (len(rows), 3):
        write_rows(paths.KEPT, rows[:count])
        assert opened(exported() / "dataset")["text"][:] == TEXTS[:count]


def test_columns_that_only_some_runs_have(finished):
    rows = read_rows(paths.KEPT)
    for number, row in enumerate(rows):
        row |= {"label_scores": None, "text_pair": f"and {number}"}
    rows[0] |= {"profile": "easy", "confidence": 0.9, "variability": 0.1}
    write_rows(paths.KEPT, rows)
    data = opened(exported() / "dataset")
    assert data[3]["text_pair"] == "and 3"
    assert data["profile"][:2] == ["easy", None]
    assert data[0]["label_scores"] in (None, {"negative": None, "positive": None})


def test_a_text_to_which_the_model_gave_no_label_is_written_for_none(finished):
    rows = read_rows(paths.KEPT)
    rows[0]["label"] = ""
    write_rows(paths.KEPT, rows)
    folder = exported() / "dataset"
    data = opened(folder)
    assert (data["label"][0], data["written_for"][:2]) == (0, [None, 0])
    assert read_rows(folder / "data/train.jsonl")[0]["written_for"] is None


def test_labels_of_any_name(tmp_path):
    names = ["no", "1", "a.b", "näïve 🙂", "with | pipe"]
    rows = [
        kept_row(number, f"text {number}", name, label_scores=dict.fromkeys(names, -1.0))
        for number, name in enumerate(names)
    ]
    write_dataset(tmp_path, names, rows)
    data = datasets.Dataset.from_parquet(str(tmp_path / "data/train.parquet"))
    assert [data.features["label"].int2str(number) for number in data["label"]] == names
    assert list(data[0]["label_scores"]) == names


def test_rows_that_are_not_the_tasks(finished):
    rows = read_rows(paths.KEPT)
    write_rows(paths.KEPT, [rows[0], {**rows[1], "judged_label": "neutral"}])
    with pytest.raises(DataError, match=r"kept\.jsonl:2: judged_label 'neutral' is none of the task's"):
        exported()
    assert not Path("exported/tiny").exists()
    assert not list(Path("exported").iterdir())


def test_without_synthetic_rows_the_classifier_is_exported_alone(finished, capsys):
    write_rows(paths.KEPT, [])
    folder = exported()
    assert [path.name for path in folder.iterdir()] == ["model"]
    assert "no data set: no synthetic rows were kept" in capsys.readouterr().out
    model_card = (folder / "model/README.md").read_text(encoding="utf-8")
    assert "The data card in the folder beside" not in model_card


def test_the_same_run_gives_the_same_bytes(finished):
    def everything(out):
        export("mixed", out)
        return {file.relative_to(out): file.read_bytes() for file in out.rglob("*") if file.is_file()}

    assert everything(Path("one")) == everything(Path("two"))
