import pytest

from labelmint.checks import check_names
from labelmint.core.errors import ParamsError
from labelmint.core.params import load_params
from tests.builders import REPOSITORY, section


def check(**changes):
    params = load_params(REPOSITORY / "params.yaml")
    check_names(params.model_copy(update={"generate": section("generate", **changes)}))


@pytest.mark.parametrize("method", ["auto", "few_shot", {"few_shot": 0.7, "persona": 0.3}])
def test_known_methods_pass(method):
    check(method=method)


@pytest.mark.parametrize("method", ["clever", {"few_shot": 0.7, "clever": 0.3}, {"auto": 1.0}])
def test_an_unknown_method_is_an_error(method):
    with pytest.raises(ParamsError, match=r"params\.yaml: generate\.method: no method '(clever|auto)'"):
        check(method=method)


@pytest.mark.parametrize("method", ["persona", {"few_shot": 0.7, "persona": 0.3}])
def test_text_first_needs_a_method_that_shows_rows(method):
    for fitting in ("auto", "few_shot", "one_shot"):
        check(method=fitting, order="text_first")
    with pytest.raises(ParamsError, match="text_first shows labelled real rows, and persona is used"):
        check(method=method, order="text_first")
