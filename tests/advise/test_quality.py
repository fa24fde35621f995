import numpy as np
import pytest

from labelmint.advise.quality import accuracy_lines, forecast
from labelmint.labelling.scores import LabelScores
from tests.builders import labelled_rows, shipped

PARAMS = shipped()


def scored(rows=100, **accuracy):
    return LabelScores(real={str(at): np.zeros(2) for at in range(rows)}, accuracy=accuracy)


def test_each_scorer_has_a_line_with_its_interval_and_the_least_to_beat():
    rows = labelled_rows({"negative": 60, "positive": 40})
    accuracy = {"llm": 0.8, "probe": 0.85, "classifier": 0.7, "pooled": 0.86}
    scores = LabelScores(real={row["id"]: np.zeros(2) for row in rows}, accuracy=accuracy)
    shown = [{"id": f"shown {at}", "label": "positive"} for at in range(16)]  # they aren't scored
    lines = [*accuracy_lines(PARAMS, scores, [*rows, *shown])]
    assert [line.split("%")[0].split()[-1] for line in lines] == ["80.0", "85.0", "70.0", "86.0", "60.0"]
    assert lines[0].startswith(f"language model {PARAMS.llm.model} ")
    assert "(71.1% to 86.7%)" in lines[0]


@pytest.mark.parametrize(
    ("pooled", "expected"),
    [(0.86, "likely to help"), (0.72, "may help a little"), (0.7, "hardly help"), (0.6, "hardly help")],
)
def test_made_data_can_help_where_the_pool_is_right_more_often_than_the_classifier(pooled, expected):
    lines = [*forecast(scored(classifier=0.7, pooled=pooled), 2000)]
    often = "more often" if pooled >= 0.7 else "less often"
    points = f"{abs(pooled - 0.7) * 100:.1f} points {often}"
    assert lines[0].startswith(f"the labels that texts will get are right {points} than a classifier's")
    assert lines[1].startswith("labelling the 2,000 texts without labels: ")
    assert lines[2].startswith("writing new texts: ")
    assert expected in lines[1]
    assert expected in lines[2]
    assert lines[3].startswith("this rests on 100 real rows, which leave ± ")


def test_without_texts_the_forecast_says_where_to_name_some():
    lines = [*forecast(scored(classifier=0.7, pooled=0.8), 0)]
    assert lines[1].startswith("labelling texts: there are none; name some in the card (`unlabelled`)")


@pytest.mark.parametrize("scores", [scored(0), scored(10, llm=0.9)])
def test_too_few_rows_forecast_nothing(scores):
    [line] = forecast(scores, 2000)
    assert line.startswith("nothing to tell by: it takes 20 real rows beside those shown to")
