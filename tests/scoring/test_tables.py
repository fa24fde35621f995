import csv

import numpy as np

from labelmint.scoring.evaluation import evaluate
from labelmint.scoring.roles import Roles
from labelmint.scoring.tables import (
    write_confusion,
    write_escalation,
    write_learning_curve,
    write_reliability,
)
from tests.scoring.helpers import NAMES, arm, config, wrong_at


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_confusion_table_has_a_line_per_test_row_of_the_first_seed(tmp_path):
    truth, quoted = np.array([0, 1, 2, 1]), 'a "quoted", name'
    first_seed, second_seed = range(1), range(4)
    mixed = arm("mixed", wrong_at(truth, first_seed, second_seed, labels=3), labels=3)
    write_confusion(tmp_path / "plots/c.csv", mixed, truth, [quoted, "b", "c"])
    pairs = [[quoted, "b"], ["b", "b"], ["c", "c"], ["b", "b"]]
    assert read(tmp_path / "plots/c.csv") == [["label", "predicted"], *pairs]


def test_the_learning_curve_has_the_arms_by_kind_and_rows(tmp_path):
    truth = np.arange(60) % 2
    sizes = {"real_300": 300, "real": 100, "texts": 900, "mixed": 700, "synthetic": 500, "all": 900, "llm": 0}
    given = [arm(name, wrong_at(truth, range(at + 9)), rows) for at, (name, rows) in enumerate(sizes.items())]
    result = evaluate(Roles(given, "auto", 100), truth, NAMES[:2], config(), "macro_f1")
    write_learning_curve(tmp_path / "curve.csv", result)
    header, *lines = read(tmp_path / "curve.csv")
    assert header == ["kind", "rows", "score", "ci_low", "ci_high"]
    assert [(line[0], line[1]) for line in lines] == [
        *[("real", "100"), ("real", "300"), ("mixed", "700"), ("mixed", "900"), ("mixed", "900")],
        ("synthetic", "500"),
    ]
    score = result["arms"]["real_300"]["macro_f1"]
    assert [float(value) for value in lines[1][2:]] == [score["mean"], score["ci_low"], score["ci_high"]]


def test_the_reliability_table_has_the_bins_that_hold_answers(tmp_path):
    truth = np.zeros(10, np.int64)
    mixed = arm("mixed", wrong_at(truth, range(4), range(2)))
    write_reliability(tmp_path / "reliability.csv", [mixed], truth)
    header, *lines = read(tmp_path / "reliability.csv")
    assert header == ["arm", "bin", "confidence", "accuracy", "rows"]
    assert lines == [["mixed", "12", "0.8", "0.7", "20"]]


def test_the_escalation_table_has_a_line_per_share(tmp_path):
    curve = [
        {"share": 0.0, "accuracy": 0.8, "macro_f1": 0.7},
        {"share": 1.0, "accuracy": 0.9, "macro_f1": 0.8},
    ]
    write_escalation(tmp_path / "escalation.csv", {"llm": curve})
    assert read(tmp_path / "escalation.csv") == [
        ["fallback", "share", "accuracy", "macro_f1"],
        ["llm", "0.0", "0.8", "0.7"],
        ["llm", "1.0", "0.9", "0.8"],
    ]
