"""The ablation from end to end, with a tiny encoder and rows made by hand; what its page says."""

import json
import shutil

import pytest

from experiments.ablate.__main__ import METRICS, PAGE, main
from experiments.ablate.page import reading
from experiments.ablate.settings import PARAMS, load_settings
from labelmint.core import paths
from labelmint.core.errors import DataError, ParamsError
from labelmint.core.records import write_rows
from tests.ablate.helpers import NAMES
from tests.builders import REPOSITORY, candidate, reviews


@pytest.fixture
def ablation(prepared, set_params, tiny_encoder, edit):
    """Make a project of 60 accepted texts, and 40 that a rule against wrong labels removed."""
    set_params({"evaluate.bootstrap_samples": 100})
    (prepared / "ablate").mkdir()
    shutil.copy(REPOSITORY / PARAMS, prepared / PARAMS)
    edit(str(PARAMS), "min_scored_rows: 200", "min_scored_rows: 40")
    edit(str(PARAMS), "seeds: [1, 2, 3]", "seeds: [1, 2]")
    texts = [row["text"] for row in reviews({"negative": 50, "positive": 50}, first=200)]
    rows = [candidate(n, text, NAMES[n % 2]) for n, text in enumerate(texts)]
    write_rows(
        paths.KEPT, ({**row, "written_label": row["label"], "label_scores": None} for row in rows[:60])
    )
    flipped = dict(zip(NAMES, NAMES[::-1], strict=True))
    more = {"rule": "new_rule", "evidence": {}, "label_scores": None}
    write_rows(paths.REJECTED, ({**row, **more, "label": flipped[row["label"]]} for row in rows[60:]))
    return prepared


def test_the_metrics_and_the_page(ablation):
    main()
    found = json.loads(METRICS.read_text(encoding="utf-8"))
    assert found["scored_on"] == {"rows": 60, "source": "pool", "note": ""}
    assert (found["seeds"], found["draws"], found["candidates"]) == ([1, 2], 4, 100)
    for part, rows in ((found, 60), (found["mixed"], 80)):
        assert part["base"]["rows"] == rows
        (rule,) = part["rules"]
        assert (rule["rule"], rule["removed"]) == ("new_rule", 40)
        assert set(rule["gain"]) == {"accuracy", "ci_low", "ci_high", "p_value", "p_adjusted"}
        assert set(rule["without_rule"]["accuracy"]) == {"mean", "ci_low", "ci_high"}
        gain = part["base"]["accuracy"]["mean"] - rule["random_subset"]["accuracy"]["mean"]
        assert rule["gain"]["accuracy"] == pytest.approx(gain, abs=2e-4)
    said = PAGE.read_text(encoding="utf-8")
    assert said.count("| `new_rule` | 40 |") == said.count("| **the whole filter** | 40 |") == 2
    assert "60 held-back real rows (no test rows); mean of 2 students, and of 4 times as many" in said
    before = METRICS.read_bytes(), PAGE.read_bytes()
    main()
    assert (METRICS.read_bytes(), PAGE.read_bytes()) == before


def test_with_a_small_pool_there_are_no_mixed_sets_and_the_page_says_why(ablation, edit):
    edit(str(PARAMS), "min_scored_rows: 40", "min_scored_rows: 61")
    main()
    found = json.loads(METRICS.read_text(encoding="utf-8"))
    assert (found["scored_on"]["rows"], found["scored_on"]["source"]) == (20, "train")
    assert found["mixed"] == {"real_rows": 0}
    said = PAGE.read_text(encoding="utf-8")
    assert "on 20 real training rows" in said
    assert "Note: the pool has only 60 rows" in said


@pytest.mark.parametrize("path", [paths.KEPT, paths.REJECTED, paths.REAL_POOL, paths.REAL_TRAIN])
def test_missing_inputs_are_named_and_nothing_is_written(ablation, path):
    path.unlink()
    with pytest.raises(DataError, match=f"{path}: no such file; run"):
        main()
    assert not METRICS.exists()
    assert not PAGE.exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("draws: 4", "draws: 1", "ablate.draws"),
        ("seeds: [1, 2]", "seeds: [1, 1]", "ablate.seeds: the seeds must differ"),
        ("draws: 4", "drawn: 4", "unknown key ablate.drawn"),
        ("ablate:", "else:", "ablate must be a mapping"),
    ],
)
def test_wrong_settings_are_named(ablation, edit, old, new, said):
    edit(str(PARAMS), old, new)
    with pytest.raises(ParamsError, match=said):
        load_settings()


def entry(accuracy, p_value, p_adjusted=None):
    gain = {"accuracy": accuracy, "ci_low": accuracy - 0.01, "ci_high": accuracy + 0.01, "p_value": p_value}
    return {"note": "", "gain": gain | ({} if p_adjusted is None else {"p_adjusted": p_adjusted})}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (entry(0.02, 0.001, 0.01), "pays: better than removing as many at random"),
        (entry(-0.02, 0.001, 0.01), "costs: its rows were worth more than the others"),
        (entry(0.02, 0.03, 0.12), "may pay: unsure, as one of 4 rules looked at"),
        (entry(-0.02, 0.03, 0.12), "may cost: unsure, as one of 4 rules looked at"),
        (entry(0.001, 0.8, 1.0), "like chance: any difference lies within -0.9 and +1.1 points"),
        (entry(0.02, 0.01), "pays: better than removing as many at random"),
        ({"note": "too few to tell"}, "too few to tell"),
    ],
)
def test_each_row_is_said_in_plain_words(found, said):
    assert reading(found, 4) == said
