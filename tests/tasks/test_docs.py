"""The cards that the tutorial and docs/howto/tasks.md and facts.md show are whole and valid."""

import re

import pytest
import yaml

from labelmint.core.config import read_yaml
from labelmint.tasks.cards import load_card
from tests.builders import REPOSITORY

SHOWN = [
    card
    for name in ("howto/tasks", "howto/facts", "tutorial")
    for card in re.findall(
        r"```yaml\n# data/tasks/(\w+)\.yaml\n(.*?)```",
        (REPOSITORY / f"docs/{name}.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
]


def test_there_is_one_for_each_kind_of_source():
    sources = [set(yaml.safe_load(text).get("source") or {}) for _, text in SHOWN]
    for key in ("path", "folder", "dataset", "pair_column", "test_path", "test_split"):
        assert any(key in source for source in sources), key
    assert set() in sources


@pytest.mark.parametrize(("task", "text"), SHOWN, ids=[task for task, _ in SHOWN])
def test_the_shown_cards_are_valid(project, task, text):
    path = project / "data/tasks" / f"{task}.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_card(task).label_names == [label["name"] for label in read_yaml(path)["labels"].values()]
