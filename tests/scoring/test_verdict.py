"""What the last lines of `make repro` say, of results made by hand and of a comparison."""

import numpy as np
import pytest

from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.records import write_json
from labelmint.scoring import verdict
from labelmint.scoring.compare import compare
from labelmint.scoring.roles import Roles
from tests.scoring.helpers import NAMES, arm, config, wrong_at

TRUTH = np.arange(200) % 2
ROWS = {"real": 100, "synthetic": 900, "mixed": 1000, "real_300": 300, "real_1000": 1000}


def result(baselines=(), **wrong):
    """Return a result; `wrong` and `baselines` say how many of the 200 rows are labelled wrong."""
    arms = [arm(name, wrong_at(TRUTH, range(count)), ROWS[name]) for name, count in wrong.items()]
    arms += [arm(name, wrong_at(TRUTH, range(count))) for name, count in dict(baselines).items()]
    return {"task": "films", **compare(Roles(arms, "auto", 100), TRUTH, NAMES[:2], config())}


def said(**given):
    return verdict.verdict(result(**given)).splitlines()


def test_every_arm_has_a_line():
    found = result(baselines={"llm": 20}, real=80, mixed=40)
    lines = verdict.verdict(found).splitlines()
    assert lines[0] == "films: accuracy on 200 held-out real rows (95 % interval)"
    for line, (name, score, rows) in zip(
        lines[1:],
        [("real", 0.6, " 100 rows"), ("mixed", 0.8, " 1000 rows"), ("llm", 0.9, " 100 rows")],
        strict=False,
    ):
        entry = found["arms"][name]["accuracy"]
        assert line.split()[0] == name
        assert rows in line
        assert f"{score:.3f}  ({entry['ci_low']:.3f} to {entry['ci_high']:.3f})" in line


def test_the_worth_is_what_mixed_scores_like_less_the_real_rows():
    found = result(real=80, real_300=60, real_1000=20, mixed=40)
    equivalence = found["label_equivalence"]["mixed"]
    low, high = equivalence["ci_low"], equivalence["ci_high"]
    assert equivalence["rows"] == 548
    assert (
        f"They are worth about 448 real labels (95 % interval {low - 100}–{high - 100}; "
        "a test set of 200 rows cannot narrow it further)."
    ) in verdict.verdict(found).splitlines()
    assert any(
        line.startswith("The synthetic rows change accuracy by +20.0 points (")
        for line in said(real=80, mixed=40)
    )


def test_beyond_the_curve_the_worth_is_a_lower_bound():
    assert (
        "They are worth at least 200 real labels (95 % interval 200–200; at least 300: the real curve ends "
        "there; a test set of 200 rows cannot narrow it further)."
    ) in said(real=100, real_300=80, mixed=2)


def test_rows_that_add_nothing_are_worth_nothing():
    lines = said(real=60, real_300=20, mixed=61)
    assert any(line.startswith("They are worth about 0 real labels (95 % interval 0–") for line in lines)
    gain = next(line for line in lines if line.startswith("The synthetic rows change"))
    assert gain.endswith(", which may be chance.")


def test_without_a_mixed_arm_the_worth_is_that_of_the_synthetic_one():
    lines = said(real_300=60, real_1000=20, synthetic=40, baselines={"llm": 4})
    assert any(line.startswith("They are worth about 548 real labels (") for line in lines)
    assert lines[-1].startswith("llm labels the test rows better than synthetic: ")


@pytest.mark.parametrize(("wrong", "chance"), [(5, False), (39, True)])
def test_a_baseline_that_is_better_is_named(wrong, chance):
    lines = said(real=80, mixed=40, baselines={"llm": wrong, "tfidf": 70, "majority": 100})
    better = [line for line in lines if "labels the test rows better" in line]
    assert len(better) == 1
    points = 100 * (40 - wrong) / 200
    assert better[0].startswith(f"llm labels the test rows better than mixed: {points:+.1f} points (")
    assert better[0].endswith(", which may be chance.") is chance


def test_what_is_not_there_is_not_said():
    assert len(said(real=80)) == 2


def test_without_test_labels_the_verdict_is_a_line():
    found = {"task": "tiny", "test_rows": 0, "note": "no test labels: nothing could be scored"}
    found["arms"] = {"synthetic": {"train_rows": 200}}
    assert verdict.verdict(found) == (
        "tiny: no test labels: nothing could be scored; trained: synthetic (200 rows)"
    )


def test_the_command_prints_what_evaluate_found(project, capsys):
    with pytest.raises(DataError, match=r"metrics/evaluate\.json: no such file; run `dvc repro`"):
        verdict.print_verdict()
    write_json(paths.METRICS / "evaluate.json", {"arms": {}})
    with pytest.raises(DataError, match="written by an earlier version; run `dvc repro`"):
        verdict.print_verdict()
    write_json(paths.METRICS / "evaluate.json", result(real=80))
    verdict.print_verdict()
    assert capsys.readouterr().out == verdict.verdict(result(real=80)) + "\n"
