import hashlib
import json
from collections import Counter

import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import read_rows
from stages.prepare import main
from tests.builders import write_card
from tests.stages.preparing import labels, summary, written

__all__ = ["labels"]


def test_test_inputs_have_no_label_and_the_labels_stand_beside_them(project, labels):
    main()
    inputs, answers = read_rows(paths.TEST_INPUTS), read_rows(paths.TEST_LABELS)
    assert len(inputs) == 40
    assert {tuple(row) for row in inputs} == {("id", "text")}
    assert {tuple(row) for row in answers} == {("id", "label")}
    assert [row["id"] for row in inputs] == [row["id"] for row in answers]
    assert [labels[row["text"]] for row in inputs] == [row["label"] for row in answers]


def test_all_rows_keep_their_label_and_lie_in_one_part(project, labels):
    main()
    parts = [read_rows(path) for path in (paths.REAL_TRAIN, paths.REAL_POOL, paths.TEST_INPUTS)]
    assert [len(part) for part in parts] == [20, 48, 40]
    texts = [row["text"] for part in parts for row in part]
    assert sorted(texts) == sorted(labels)
    for row in parts[0] + parts[1]:
        assert row["label"] == labels[row["text"]]


def test_the_metrics_count_what_was_read_and_left_out(project, labels):
    main()
    content = (project / "data/raw/rows.csv").read_bytes()
    found = summary(project)
    left_out = +Counter(found.pop("left_out"))
    assert left_out == {"empty": 3, "duplicate": 4, "contradicting_labels": 5}
    assert found == {
        "schema_version": 1,
        "rows": 108,
        "test_left_out": {},
        "excerpt": {"words": 0, "from": "", "rows": 0},
        "labels": {"negative": 72, "positive": 36},
        "train_labels": {"negative": 13, "positive": 7},
        "test_rows": 40,
        "labelled_later": {"rows": 0, "left_out": {}},
        "unlabelled": {"rows": 48, "from": "source", "left_out": {}},
        "facts": {"rows": 0, "left_out": {}},
        "packages": {},
        "sha256": "",
        "files": {"data/raw/rows.csv": hashlib.sha256(content).hexdigest()},
    }


def test_facts_are_written_once_with_the_columns_that_the_card_names(project, labels, capsys):
    main()
    assert read_rows(paths.FACTS) == []
    table = project / "data/raw/cast.csv"
    table.write_text("actor,part,year\nA. B.,hero,1999\nC. D.,villain,2001\n", encoding="utf-8")
    write_card(project, "mine", facts={"path": "data/raw/cast.csv", "words": "with {actor} as {part}"})
    main()
    assert read_rows(paths.FACTS)[1] == {"label": "", "values": {"actor": "C. D.", "part": "villain"}}
    assert summary(project)["facts"] == {"rows": 2, "left_out": {"repeated": 0}}
    assert "prepare: facts: 2 rows read, 2 used; left out: none" in capsys.readouterr().err


def test_running_again_writes_the_same_bytes_and_another_seed_another_test_set(project, labels, set_params):
    main()
    first = written(project)
    main()
    assert written(project) == first
    set_params({"prepare.seed": 2})
    main()
    assert written(project)[str(paths.TEST_INPUTS)] != first[str(paths.TEST_INPUTS)]


def test_too_few_rows_are_an_error_before_anything_is_written(project, labels, set_params):
    set_params({"prepare.test_rows": 89})
    with pytest.raises(DataError, match=r"need 109 rows, but the task's data has 108; say real\.rows: 20"):
        main()
    assert written(project) == {}


@pytest.mark.parametrize(("test_rows", "noted"), [(68, False), (69, True)])
def test_arms_that_the_real_rows_cannot_fill_are_noted(project, labels, set_params, capsys, test_rows, noted):
    set_params({"prepare.test_rows": test_rows})
    main()
    note = "prepare: note: there are 39 real rows beside the test rows, too few for the arms real_40"
    assert (note in capsys.readouterr().err) == noted
    assert len(read_rows(paths.REAL_POOL)) == 108 - test_rows - 20


@pytest.mark.parametrize(("folder", "noted"), [("data/raw", False), ("elsewhere", True)])
def test_a_file_that_dvc_does_not_watch_is_noted(project, labels, folder, noted, capsys, edit):
    (project / "elsewhere").mkdir()
    source = (project / "data/raw/rows.csv").read_text(encoding="utf-8")
    (project / folder / "copy.csv").write_text(source, encoding="utf-8")
    edit("data/tasks/mine.yaml", "data/raw/rows.csv", f"{folder}/copy.csv")
    main()
    assert ("DVC doesn't see when it changes" in capsys.readouterr().err) == noted


def test_without_a_source_all_files_are_empty(project, labels, set_params):
    write_card(project, "mine", source=None)
    with pytest.raises(DataError, match=r"without a `source` there are no real rows; say real\.rows: 0 and"):
        main()
    assert written(project) == {}
    set_params({"real.rows": 0, "arms": {"synthetic": {"synthetic": "all"}}})
    main()
    files = written(project)
    assert {name for name, raw in files.items() if raw.strip(b"\n")} == {"metrics/prepare.json"}
    assert json.loads(files["metrics/prepare.json"])["test_rows"] == 0
