"""README and docs name what exists."""

import re
from pathlib import Path

import pytest

from labelmint.core.config import check, read_yaml
from labelmint.core.params import Params
from labelmint.students.registry import STUDENTS
from tests.builders import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = [REPOSITORY / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")]
PAGES += sorted((REPOSITORY / "docs").rglob("*.md"))
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(REPOSITORY)) for page in PAGES])
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_has_every_page():
    index = (REPOSITORY / "docs/README.md").read_text(encoding="utf-8")
    for page in PAGES:
        if page.is_relative_to(REPOSITORY / "docs") and page.name != "README.md":
            assert f"({page.relative_to(REPOSITORY / 'docs')})" in index


def test_the_readme_is_short_and_begins_with_two_commands():
    assert len(README.splitlines()) < 150
    assert re.findall(r"^make (\w+)", FENCE.findall(README)[0], re.MULTILINE) == ["repro", "test"]


def test_the_settings_that_the_readme_lists_have_their_defaults():
    for key, default in re.findall(
        r"^\| `([a-z_.]+)` \| `?(.+?)`? \|", README.split("settings that matter")[1], re.M
    ):
        value = read_yaml(REPOSITORY / "params.yaml")
        for name in key.split("."):
            value = value[name]
        if not isinstance(value, dict | list):
            assert str(value) == default, key


def test_the_arm_in_the_readme_is_valid():
    content = read_yaml(REPOSITORY / "params.yaml")
    content["arms"]["mixed_600"] = {"real": "all", "synthetic": 600}
    assert "mixed_600: {real: all, synthetic: 600}" in README
    check(Params, content, Path("params.yaml"))


def test_the_students_are_explained():
    method = (REPOSITORY / "docs/explanation/method.md").read_text(encoding="utf-8")
    for student in STUDENTS:
        assert f"| `{student}` |" in method
