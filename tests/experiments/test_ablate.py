"""The ablation from end to end, with a tiny encoder and rows made by hand; what its page says."""

import json

import pytest

from experiments.ablate.__main__ import METRICS, PAGE, main
from experiments.ablate.page import in_words
from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import write_rows
from tests.builders import candidate, reviews
from tests.experiments.ablation import NAMES, set_constants

__all__ = ["set_constants"]


@pytest.fixture
def ablation(prepared, set_params, tiny_encoder, set_constants):
    """Make a project of 60 accepted texts, and 40 that a rule against wrong labels removed."""
    set_constants(MIN_SCORED_ROWS=40)
    set_params({"evaluate.bootstrap_samples": 100})
    texts = [row["text"] for row in reviews({"negative": 50, "positive": 50}, first=200)]
    rows = [{**candidate(n, text, NAMES[n % 2]), "label_scores": None} for n, text in enumerate(texts)]
    write_rows(paths.KEPT, ({**row, "judged_label": row["label"]} for row in rows[:60]))
    flipped = dict(zip(NAMES, NAMES[::-1], strict=True))
    more = {"rule": "new_rule", "evidence": {}}
    write_rows(paths.REJECTED, ({**row, **more, "label": flipped[row["label"]]} for row in rows[60:]))


def test_the_metrics_and_the_page(ablation):
    main()
    result = json.loads(METRICS.read_text(encoding="utf-8"))
    assert result["scored_on"] == {"rows": 60, "source": "pool", "note": ""}
    assert (result["seeds"], result["draws"], result["candidates"]) == ([1, 2], 4, 100)
    for part, rows in ((result, 60), (result["mixed"], 80)):
        assert part["base"]["rows"] == rows
        (rule,) = part["rules"]
        assert (rule["rule"], rule["removed"]) == ("new_rule", 40)
        assert set(rule["gain"]) == {"accuracy", "ci_low", "ci_high", "p_value", "p_adjusted"}
        assert set(rule["without_rule"]["accuracy"]) == {"mean", "ci_low", "ci_high"}
        gain = part["base"]["accuracy"]["mean"] - rule["random_subset"]["accuracy"]["mean"]
        assert rule["gain"]["accuracy"] == pytest.approx(gain, abs=2e-4)
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("| `new_rule` | 40 |") == text.count("| **the whole filter** | 40 |") == 2
    assert "60 held-back real rows (no test rows); mean of 2 students, and of 4 times as many" in text
    before = METRICS.read_bytes(), PAGE.read_bytes()
    main()
    assert (METRICS.read_bytes(), PAGE.read_bytes()) == before
    PAGE.unlink()
    main(page_only=True)
    assert PAGE.read_bytes() == before[1]


def test_with_a_small_pool_there_are_no_mixed_sets_and_the_page_says_why(ablation, set_constants):
    set_constants(MIN_SCORED_ROWS=61)
    main()
    result = json.loads(METRICS.read_text(encoding="utf-8"))
    assert (result["scored_on"]["rows"], result["scored_on"]["source"]) == (20, "train")
    assert result["mixed"] == {"real_rows": 0}
    assert "Note: the pool has only 60 rows" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [paths.KEPT, paths.REJECTED, paths.REAL_POOL, paths.REAL_TRAIN])
def test_missing_inputs_are_named_and_nothing_is_written(ablation, path):
    path.unlink()
    with pytest.raises(DataError, match=f"{path}: no such file; run"):
        main()
    assert not METRICS.exists()
    assert not PAGE.exists()


def entry(accuracy, p_value, p_adjusted=None):
    gain = {"accuracy": accuracy, "ci_low": accuracy - 0.01, "ci_high": accuracy + 0.01, "p_value": p_value}
    return {"note": "", "gain": gain | ({} if p_adjusted is None else {"p_adjusted": p_adjusted})}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (entry(0.02, 0.001, 0.01), "pays: better than removing as many at random"),
        (entry(-0.02, 0.001, 0.01), "costs: its rows were worth more than the others"),
        (entry(0.02, 0.03, 0.12), "may pay: unsure, as one of 4 rules compared"),
        (entry(-0.02, 0.03, 0.12), "may cost: unsure, as one of 4 rules compared"),
        (entry(0.001, 0.8, 1.0), "like chance: any difference lies within -0.9 and +1.1 points"),
        (entry(0.02, 0.01), "pays: better than removing as many at random"),
        ({"note": "too few to tell"}, "too few to tell"),
    ],
)
def test_results_are_put_in_words(result, words):
    assert in_words(result, 4) == words
