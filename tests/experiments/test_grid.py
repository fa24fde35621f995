import json

import pytest

from experiments.paper import grid


@pytest.mark.parametrize(
    ("edit", "made"),
    [
        (lambda settings: None, 0),
        # A setting, or a part of one, that is newer than the file.
        (lambda settings: settings.pop("class_balance"), 0),
        (lambda settings: settings["generate"].pop("order"), 0),
        (lambda settings: settings["generate"].update(temperature=0.5), 1),
        (lambda settings: settings.update(removed=1), 1),
    ],
)
def test_a_result_is_made_again_if_a_setting_that_its_file_has_is_another(project, tmp_path, edit, made):
    path, params, calls = tmp_path / "result.json", grid.grid_params("tweets", 10), []
    grid.renew(path, params, [], dict)
    stored = json.loads(path.read_text(encoding="utf-8"))
    edit(stored["settings"])
    path.write_text(json.dumps(stored), encoding="utf-8")
    grid.renew(path, params, [], lambda: calls.append(1) or {})
    assert len(calls) == made


def test_a_result_is_made_again_if_a_method_is_missing(project, tmp_path):
    path, params, calls = tmp_path / "result.json", grid.grid_params("tweets", 10), []
    grid.renew(path, params, ["few_shot"], lambda: {"methods": {"few_shot": {}}})
    for methods in (["few_shot"], ["few_shot", "text_first"]):
        grid.renew(path, params, methods, lambda: calls.append(1) or {})
    assert len(calls) == 1


def test_rows_without_a_label_go_whatever_params_say(project, set_params):
    set_params({"filter.disabled_rules": ["no_label", "language"]})
    assert grid.grid_params("tweets", 10).filter.disabled_rules == ["language"]
