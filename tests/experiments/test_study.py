"""The study from end to end, with a scripted model and a tiny encoder."""

import json
import shutil
from contextlib import contextmanager

import pytest
import yaml

from experiments.study import table
from experiments.study.__main__ import main
from experiments.study.grid import CELLS
from tests.builders import REPOSITORY
from tests.fake_model import FakeModel

METHODS = ["few_shot", "zero_shot"]


@pytest.fixture
def study(prepared, set_params, tiny_encoder, monkeypatch):
    """Make a study of one tiny task and two methods."""
    set_params({"generate.samples_per_prompt": 10, "generate.prompts_per_wave": 2})
    set_params({"evaluate.bootstrap_samples": 100, "filter.verify.demonstrations": 4})
    (prepared / "study").mkdir()
    shutil.copy(REPOSITORY / "study/params.yaml", prepared / "study")
    path = prepared / "study/params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["study"] |= {
        **{"tasks": ["tiny"], "methods": METHODS, "checks": ["none", "drop"], "real_rows": [20, 40]},
        **{"synthetic_rows": 30, "candidates": 120, "test_rows": 40, "recipe": "linear_head"},
        "worth_tasks": [],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")

    @contextmanager
    def open_model(llm):
        yield FakeModel()

    monkeypatch.setattr("experiments.study.__main__.open_model", open_model)
    monkeypatch.setattr("stages.filter.open_model", open_model)
    return prepared


def cells(part):
    return json.loads((CELLS / f"tiny-{part}.json").read_text(encoding="utf-8"))["cells"]


def test_the_parts_and_the_table(study):
    for part in ["real", *METHODS]:
        main("tiny", part)
    real, written = cells("real"), cells("few_shot")
    assert [(cell["arm"], cell.get("real_rows")) for cell in real] == [
        ("real", 20),
        ("real", 40),
        ("llm", None),
    ]
    arms = ["synthetic", "mixed_20", "mixed_40"]
    assert [(cell["check"], cell["arm"]) for cell in written] == [
        (check, arm) for check in ("none", "drop") for arm in arms
    ]
    for cell in written:
        assert [len(row) for row in cell["right"]] == [40] * 3
        assert cell["candidates"] == 120 >= cell["kept"] > 30
        assert cell["synthetic_rows"] == 30
        mean = sum(row.count("1") for row in cell["right"]) / 120
        assert cell["accuracy"]["mean"] == pytest.approx(mean, abs=1e-4)
    # The fake writes one text in ten that it reads otherwise.
    assert written[3]["kept"] < written[0]["kept"]
    table.main()
    compared = json.loads(table.METRICS.read_text(encoding="utf-8"))["cells"]
    assert len([cell for cell in compared if "gain" in cell]) == 8
    said = table.PAGE.read_text(encoding="utf-8")
    assert said.count("| few_shot |") == said.count("| zero_shot |") == 2
    before = (CELLS / "tiny-few_shot.json").read_bytes()
    main("tiny", "few_shot")
    assert (CELLS / "tiny-few_shot.json").read_bytes() == before
