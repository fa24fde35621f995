import subprocess
import sys
from pkgutil import resolve_name

import pytest

from labelmint.checks import check_names
from labelmint.core.errors import ParamsError
from labelmint.core.params import Params
from labelmint.rules.reference import rules_page
from labelmint.rules.registry import RULES
from tests.builders import REPOSITORY
from tests.rules.helpers import settings


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_has_a_function_one_sentence_and_settings_that_exist(rule):
    assert callable(resolve_name(rule.function))
    assert rule.meaning.endswith(".")
    assert "|" not in rule.meaning
    for setting in rule.settings:
        value = settings().model_dump()
        for key in setting.split("."):
            value = value[key]


def test_the_page_in_the_docs_is_current():
    page = (REPOSITORY / "docs/reference/rules.md").read_text(encoding="utf-8")
    assert page == rules_page(), "run `python -m labelmint.rules.reference > docs/reference/rules.md`"


def test_the_registry_loads_no_heavy_library():
    code = "import sys, labelmint.rules.registry; print({'torch', 'sklearn', 'numpy'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["tagged", "surplus", "unsure_label", "wrong_label"])
def test_unknown_rules_and_those_without_a_switch_cannot_be_disabled(name):
    with pytest.raises(ParamsError, match=rf"filter.disabled_rules: .*{name}.*; there are no_label"):
        check_names(settings(disabled_rules=["markup", name]))


def test_every_optional_rule_can_be_disabled():
    names = [name for name, rule in RULES.items() if rule.optional]
    params: Params = settings(disabled_rules=names, labelling={"action": "relabel"})
    check_names(params)
