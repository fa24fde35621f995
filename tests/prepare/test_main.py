import json

import pytest
import yaml

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import read_rows
from stages.prepare import main
from tests.builders import write_card

SETTINGS = {
    "  rows: 100 ": "  rows: 20 ",
    "curve: [300, 1000, 3000]": "curve: [30, 40, 50]",
    "real_300, real_1000, real_3000, mixed_300": "real_30, real_40, real_50, mixed_300",
    "  test_rows: 1000 ": "  test_rows: 40 ",
    "task: rotten_tomatoes": "task: mine",
}


@pytest.fixture
def labels(project, edit):
    """Set up a task of 120 rows, of which 12 are left out; return the label name of each text."""
    for old, new in SETTINGS.items():
        edit("params.yaml", old, new)
    write_card(project, "mine")
    rows = [(f"Text {number}, with a comma", "neg" if number % 3 else "pos") for number in range(108)]
    wrong = [("", "pos")] * 3 + [(rows[0][0], rows[0][1])] * 4 + [("both", "pos"), ("both", "neg")] * 2
    path = project / "data/raw/rows.csv"
    path.parent.mkdir(parents=True)
    lines = [f'"{text}",{label}\n' for text, label in rows + wrong + [("BOTH", "neg")]]
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    names = {"neg": "negative", "pos": "positive"}
    return {text: names[label] for text, label in rows}


def written(project):
    files = {path for folder in ("data", "metrics") for path in (project / folder).rglob("*")}
    inputs = {project / "data/raw", project / "data/tasks", project / "data/grammars"}
    made = (path for path in files if path.is_file() and not {*path.parents} & inputs)
    return {str(path.relative_to(project)): path.read_bytes() for path in made}


def test_what_is_written_is_what_dvc_yaml_declares(project, labels):
    main()
    stage = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["prepare"]
    names = [*stage["outs"], *(name for metric in stage["metrics"] for name in metric)]
    for at, rows in enumerate([30, 40, 50]):
        names = [name.replace(f"${{real.curve[{at}]}}", str(rows)) for name in names]
    assert set(written(project)) == set(names)


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


def test_the_real_arms_are_nested_and_marked_as_real(project, labels):
    main()
    arms = {rows: read_rows(paths.arm_rows(f"real_{rows}")) for rows in (30, 40, 50)}
    arms = {20: read_rows(paths.arm_rows("real")), **arms}
    for rows, arm in arms.items():
        assert len(arm) == rows
        assert arm == arms[50][:rows]
        assert {row["source"] for row in arm} == {"real"}
    unmarked = [{key: row[key] for key in ("id", "text", "label")} for row in arms[20]]
    assert unmarked == read_rows(paths.REAL_TRAIN)


def test_the_metrics_count_what_was_read_and_left_out(project, labels):
    main()
    assert json.loads((project / "metrics/prepare.json").read_text(encoding="utf-8")) == {
        "rows": 108,
        "left_out": {"empty": 3, "duplicate": 4, "contradicting_labels": 5, "in_test": 0},
        "excerpt": {"words": 0, "from": "", "rows": 0},
        "labels": {"negative": 72, "positive": 36},
        "train_labels": {"negative": 13, "positive": 7},
        "test_rows": 40,
    }


def test_running_again_writes_the_same_bytes(project, labels):
    main()
    first = written(project)
    main()
    assert written(project) == first


def test_other_training_sizes_leave_the_test_files_as_they_are(project, labels, edit):
    main()
    first = written(project)
    edit("params.yaml", "  rows: 20 ", "  rows: 25 ")
    edit("params.yaml", "curve: [30, 40, 50]", "curve: [30, 40, 60]")
    edit("params.yaml", "real_50, mixed_300", "real_60, mixed_300")
    main()
    second = written(project)
    same = {name for name in first if second[name] == first[name]}
    assert {str(paths.TEST_INPUTS), str(paths.TEST_LABELS), "data/arms/real_40.jsonl"} <= same
    assert str(paths.REAL_TRAIN) not in same


def test_another_seed_gives_another_test_set(project, labels, edit):
    main()
    first = written(project)
    edit("params.yaml", "prepare:\n  seed: 1 ", "prepare:\n  seed: 2 ")
    main()
    assert written(project)[str(paths.TEST_INPUTS)] != first[str(paths.TEST_INPUTS)]


def test_too_few_rows_are_an_error_before_anything_is_written(project, labels, edit):
    edit("params.yaml", "  test_rows: 40 ", "  test_rows: 89 ")
    with pytest.raises(DataError, match="need 109 rows, but the task's data has 108; lower them"):
        main()
    assert written(project) == {}


@pytest.mark.parametrize(
    ("test_rows", "left"),
    [
        (58, {30: 30, 40: 40, 50: 50}),
        (59, {30: 30, 40: 40, 50: 0}),
        (88, {30: 0, 40: 0, 50: 0}),
    ],
)
def test_points_of_the_curve_that_the_rows_cannot_fill_are_left_out_with_a_note(
    project, labels, edit, capsys, test_rows, left
):
    edit("params.yaml", "  test_rows: 40 ", f"  test_rows: {test_rows} ")
    main()
    assert {size: len(read_rows(paths.arm_rows(f"real_{size}"))) for size in left} == left
    assert len(read_rows(paths.TEST_INPUTS)) == test_rows
    short = [size for size, rows in left.items() if not rows]
    said = capsys.readouterr().err
    assert ("prepare: note: 108 rows" in said) == bool(short)
    assert (f"can't make the curve's points {short}; they are left out" in said) == bool(short)


def test_a_point_of_the_curve_that_no_arm_asks_for_is_left_out_without_a_note(project, labels, edit, capsys):
    edit("params.yaml", "curve: [30, 40, 50]", "curve: [30, 40, 5000]")
    edit("params.yaml", "real_40, real_50, mixed_300", "real_40, real_5000, mixed_300")
    main()
    assert "5000" in capsys.readouterr().err
    edit("params.yaml", "real_40, real_5000, mixed_300", "real_40, mixed_300")
    main()
    assert "note" not in capsys.readouterr().err
    assert len(read_rows(paths.arm_rows("real_40"))) == 40
    assert read_rows(paths.arm_rows("real_5000")) == []


@pytest.mark.parametrize(("folder", "noted"), [("data/raw", False), ("elsewhere", True)])
def test_a_file_that_dvc_does_not_watch_is_noted(project, labels, folder, noted, capsys, edit):
    (project / "elsewhere").mkdir()
    source = (project / "data/raw/rows.csv").read_text(encoding="utf-8")
    (project / folder / "copy.csv").write_text(source, encoding="utf-8")
    edit("data/tasks/mine.yaml", "data/raw/rows.csv", f"{folder}/copy.csv")
    main()
    assert ("DVC doesn't see when it changes" in capsys.readouterr().err) == noted


def test_without_real_rows_the_curve_and_the_test_rows_stay(project, labels, edit):
    edit("params.yaml", "  rows: 20 ", "  rows: 0 ")
    edit("params.yaml", "arms: [real, synthetic, mixed, ", "arms: [synthetic, ")
    edit("params.yaml", "real_50, mixed_300, mixed_1000]", "real_50]")
    main()
    assert read_rows(paths.REAL_TRAIN) == read_rows(paths.arm_rows("real")) == []
    assert len(read_rows(paths.arm_rows("real_50"))) == 50
    assert len(read_rows(paths.TEST_INPUTS)) == 40


def test_without_a_source_all_files_are_empty(project, labels, edit):
    write_card(project, "mine", source=None)
    with pytest.raises(
        DataError, match=r"without a `source` there are no real rows; say real\.rows: 0 and arms"
    ):
        main()
    assert written(project) == {}
    edit("params.yaml", "  rows: 20 ", "  rows: 0 ")
    arms = "[real, synthetic, mixed, real_30, real_40, real_50, mixed_300, mixed_1000]"
    edit("params.yaml", f"arms: {arms}", "arms: [synthetic]")
    main()
    files = written(project)
    assert {name for name, raw in files.items() if raw} == {"metrics/prepare.json"}
    assert json.loads(files["metrics/prepare.json"])["test_rows"] == 0
