"""The places that real rows may come from, beside CSV and JSON Lines files by path."""

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelmint.tasks.source import read_source
from tests.builders import card, failure

CARD = "data/tasks/mine.yaml"
COLUMNS = {"text_column": "text", "label_column": "label"}
NUMBERS = {"0": {"name": "negative", "phrase": "negative"}, "1": {"name": "positive", "phrase": "positive"}}
NAMES = {"neg": {"name": "negative", "phrase": "negative"}, "pos": {"name": "positive", "phrase": "positive"}}


def rows_of(labels=NAMES, **source):
    result = read_source(card(labels=labels, source=source), "mine")
    return [(row["id"], row["text"], row["label"]) for row in result.rows]


def refused(labels=NAMES, **source):
    return failure(read_source, card(labels=labels, source=source), "mine")


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string()])
def test_parquet_labels_match_as_texts(tmp_path, kind):
    labels = pa.array([0, 1, None]).cast(kind)
    columns = {"text": ["x", "NA", "z"], "label": labels, "keep": ["y", "y", "n"], "v": [[1]] * 3}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    rows = rows_of(NUMBERS, path=str(tmp_path / "a.parquet"), where={"keep": "y"}, **COLUMNS)
    assert rows == [("r000000", "x", "negative"), ("r000001", "NA", "positive")]


def test_folders_hold_a_sub_folder_of_texts_per_label(tmp_path, capsys):
    files = {"pos/b.txt": b"two\nlines", "neg/a.txt": b"caf\xe9", "pos/a.txt": b"one", "x": b""}
    for name, raw in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    expected = [("negative", "caf\ufffd"), ("positive", "one"), ("positive", "two lines")]
    assert [(row[2], row[1]) for row in rows_of(folder=str(tmp_path))] == expected
    assert "1 of 3 files" in capsys.readouterr().err
    assert rows_of(folder=str(tmp_path), encoding="cp1252")[0][1] == "café"
    assert "Python knows no encoding" in refused(folder=str(tmp_path), encoding="klingon")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/a.txt").write_text("x")
    assert refused(folder=str(tmp_path)).endswith("add the label, or move its folder away")


def test_a_folder_has_another_hash_when_one_of_its_files_changes(tmp_path):
    def sha256():
        return read_source(card(labels=NAMES, source={"folder": str(tmp_path)}), "mine").sha256

    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    before = sha256()
    (tmp_path / "pos/a.txt").write_text("better")
    assert len(before) == 64
    assert sha256() != before


def test_a_folder_without_texts_is_an_error(tmp_path):
    assert "must have one sub-folder of .txt files per label" in refused(folder=str(tmp_path))
    assert refused(folder="nowhere") == f"{CARD}: source.folder: no folder nowhere"


def data_set(**columns):
    features = {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


@pytest.fixture
def saved(tmp_path):
    """Write a data set with named labels in both ways that a local folder may have it."""
    texts = {"train": ["x", "y", "Shared"], "test": ["u", "v", "shared"]}
    parts = {name: data_set(text=split, label=[0, 1, 1]) for name, split in texts.items()}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "arrow")
    (tmp_path / "parquet").mkdir()
    for name, part in parts.items():
        part.to_parquet(tmp_path / "parquet" / f"{name}.parquet")
    return tmp_path


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
@pytest.mark.parametrize("labels", [NUMBERS, NAMES])
def test_data_sets_labels_go_by_number_or_name(saved, kind, labels, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", saved / "cache")
    source = {"dataset": str(saved / kind), **COLUMNS}
    assert [row[2] for row in rows_of(labels, **source)] == ["negative", "positive", "positive"]
    result = read_source(card(labels=labels, source={**source, "test_split": "test"}), "mine")
    assert [row["id"] for row in result.rows] == ["r000000", "r000001"]
    assert result.left_out["in_test"] == 1
    assert [row["id"] for row in result.test] == ["t000000", "t000001", "t000002"]
    assert "split dev" in refused(labels, **source, split="dev")


def test_files_in_a_local_data_set_are_read_like_all_others(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\nNA,007\nnull,1.0\n\u00fc,\n", encoding="utf-8")
    labels = {"007": {"name": "agent", "phrase": "agent"}, "1": {"name": "one", "phrase": "one"}}
    rows = rows_of(labels, dataset=str(tmp_path), **COLUMNS)
    assert rows == [("r000000", "NA", "agent"), ("r000001", "null", "one")]
    assert "it has the splits train" in refused(labels, dataset=str(tmp_path), split="dev", **COLUMNS)
    (tmp_path / "train.csv").write_text('text,label\n"a" b,007\n')
    assert "train.csv:2: not a valid table" in refused(labels, dataset=str(tmp_path), **COLUMNS)


def test_rows_of_a_data_set_that_hides_their_labels_are_counted(tmp_path):
    data_set(text=["x", "y", "z"], label=[0, 1, -1]).save_to_disk(tmp_path / "saved")
    source = {"dataset": str(tmp_path / "saved"), **COLUMNS}
    result = read_source(card(labels=NAMES, source=source), "mine")
    assert (len(result.rows), result.left_out["no_label"]) == (2, 1)
    # A saved data set without splits is the training split, and no other.
    assert "it has the split train alone" in refused(**source, test_split="test")


def test_a_data_set_for_which_there_is_no_room_is_not_a_wrong_name(monkeypatch):
    def full(*_, **__):
        raise OSError("Not enough disk space. Needed: 2.00 TiB")  # of the library itself

    monkeypatch.setattr(datasets, "load_dataset", full)
    assert "free some space, or let HF_HOME" in refused(dataset="some/thing", **COLUMNS)


def test_a_hub_that_cannot_be_reached_is_an_error_with_a_remedy(monkeypatch):
    def offline(*_, **__):
        raise ConnectionError("Couldn't reach 'some/thing'\non the Hub (OfflineModeIsEnabled)")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    message = refused(dataset="some/thing", **COLUMNS)
    assert message.startswith(
        f"{CARD}: source.dataset: can't read some/thing, split train: the hub can't be reached"
    )
    assert (
        refused(dataset="data/raw/nowhere", **COLUMNS)
        == f"{CARD}: source.dataset: no folder data/raw/nowhere"
    )


@pytest.mark.parametrize("state", [None, "[]", "{}"])
def test_a_saved_data_set_that_is_empty_or_damaged_is_an_error(tmp_path, state):
    datasets.Dataset.from_dict({"text": [], "label": []}).save_to_disk(tmp_path / "saved")
    if state:
        (tmp_path / "saved/state.json").write_text(state)
    assert f"can't read {tmp_path}/saved, split train" in refused(dataset=str(tmp_path / "saved"), **COLUMNS)


def test_a_separate_test_file_must_have_every_label(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nx,pos\ny,neg\nz,neg\n")
    (tmp_path / "test.csv").write_text("text,label\nX,pos\n")
    source = {"path": str(tmp_path / "a.csv"), "test_path": str(tmp_path / "test.csv"), **COLUMNS}
    assert f"no row of {tmp_path}/test.csv is labelled 'neg'" in refused(**source)
    (tmp_path / "test.csv").write_text("text,label\nX,pos\nq,neg\n")
    result = read_source(card(source=source), "mine")
    assert [row["text"] for row in result.rows] == ["y", "z"]
    assert [row["text"] for row in result.test] == ["X", "q"]
