"""A task of 120 rows to prepare, and what `prepare` wrote of it."""

import pytest

from labelmint.core.records import read_json
from tests.builders import write_card

ARMS = {"real": {"real": "all"}, "real_40": {"real": 40}, "synthetic": {"synthetic": "all"}}
SETTINGS = {"task": "mine", "real.rows": 20, "prepare.test_rows": 40, "arms": ARMS}


@pytest.fixture
def labels(project, set_params):
    """Set up a task of 120 rows, of which 12 are left out; return the label name of each text."""
    set_params(SETTINGS)
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
    inputs = {project / "data/raw", project / "data/tasks", project / "data/models.yaml"}
    made = (path for path in files if path.is_file() and not {path, *path.parents} & inputs)
    return {str(path.relative_to(project)): path.read_bytes() for path in made}


def summary(project):
    return read_json(project / "metrics/prepare.json")
