"""What docs/howto/models.md shows works: every YAML example is checked, every command names what exists."""

import re
import tomllib

import pytest
import yaml

from labelmint.core.config import check, read_yaml
from labelmint.core.params import Params
from labelmint.llm.catalog import Entry
from labelmint.llm.endpoint import PASSING
from tests.builders import REPOSITORY

TEXT = (REPOSITORY / "docs/howto/models.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))


def merged(base, changes):
    """Return a mapping with changes; every key must be there already."""
    assert set(changes) <= set(base)
    return base | {
        key: merged(base[key], value) if isinstance(value, dict) else value for key, value in changes.items()
    }


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_right(tmp_path, example):
    file = tmp_path / "example.yaml"
    file.write_text(example, encoding="utf-8")
    content = read_yaml(file)
    if example.startswith("# data/models.yaml\n"):
        for name, entry in content.items():
            check(Entry, entry, file, name)
            assert "." not in name
    else:
        assert example.startswith("# params.yaml, only what differs\n")
        check(Params, merged(read_yaml(REPOSITORY / "params.yaml"), content), file)


def test_there_are_examples():
    assert len(EXAMPLES) == 4


def test_what_experiments_set_is_there():
    params = read_yaml(REPOSITORY / "params.yaml")
    models = yaml.safe_load((REPOSITORY / "data/models.yaml").read_text(encoding="utf-8"))
    settings = re.findall(r"-S (\S+)=(\S+)", COMMANDS)
    assert settings
    for key, value in settings:
        section = params
        for name in key.split("."):
            section = section[name]
        if key == "llm.model":
            assert value in models


def test_the_locked_version_is_said():
    locked = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    version = re.search(r"llama-cpp-python==(\S+)", COMMANDS)[1]
    assert re.search(rf"^llama.cpp.python=={re.escape(version)}$", locked, re.MULTILINE)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"llama-cpp-python=={version}" in project["dependencies"]


def test_the_statuses_that_are_tried_again_are_said():
    assert {408, 425, 429, 500, 502, 503, 504} == PASSING
    assert "status 408, 425, 429, 500, 502 to 504" in TEXT
