from labelmint.report.values import by_set, entries, flat, histograms, listed, side_by_side


def test_leaves_are_scalars_lists_and_means_with_their_deviation():
    content = {"rows": 3, "words": {"mean": 2.0, "most": [1, 2]}, "bleu": {"mean": 0.3, "sd": 0.1}}
    assert dict(flat(content)) == {
        ("rows",): 3,
        ("words", "mean"): 2.0,
        ("words", "most"): [1, 2],
        ("bleu",): {"mean": 0.3, "sd": 0.1},
    }


def test_sets_are_columns_and_what_one_lacks_is_empty():
    table = side_by_side(
        {
            "real": {"rows": 2, "words": {"mean_words": 1.5, "max": 3}},
            "synthetic": {"rows": 3, "self_bleu": {"mean": 0.3, "sd": 0.1}},
        }
    )
    assert table["columns"] == ["real", "synthetic"]
    assert table["groups"][""] == [
        {"name": "rows", "cells": [2, 3]},
        {"name": "self bleu", "cells": [None, "0.3 ± 0.1"]},
    ]
    assert [line["name"] for line in table["groups"]["words"]] == ["mean words", "max"]


def test_a_set_of_which_nothing_is_said_is_no_column():
    assert side_by_side({"real": {}, "synthetic": {"rows": 1}})["columns"] == ["synthetic"]


def test_lists_of_entries_become_tables_and_long_lists_are_cut():
    measures = [{"words": "a b", "share": 0.1}, {"words": "c", "weight": 2}]
    table = side_by_side({"real": {"most_repeated": measures, "values": list(range(12))}})
    assert table["lists"] == [entries(("most_repeated",), measures)]
    assert table["lists"][0] == {
        "name": "most repeated",
        "columns": ["words", "share", "weight"],
        "rows": [["a b", 0.1, None], ["c", None, 2]],
    }
    assert table["groups"][""][0]["cells"] == ["0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 … (12)"]
    assert listed(list(range(11))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"


def test_histograms_are_drawn_and_no_table():
    sets = {"real": {"length": {"mean": 3, "histogram": [0.4, 0.6]}}, "synthetic": {"length": {"mean": 2}}}
    assert histograms({"sets": sets}) == {"real": [0.4, 0.6]}
    assert histograms({}) == {}
    assert [row["name"] for row in side_by_side(sets)["groups"]["length"]] == ["mean"]


def test_measures_by_set_are_turned_into_sets_of_measures():
    measures = {"frechet": {"real": {"mean": 1.0}, "synthetic": {"mean": 2.0}}, "coverage": 0.4}
    assert by_set(measures, ["real", "synthetic"]) == {
        "real": {"frechet": {"mean": 1.0}},
        "synthetic": {"frechet": {"mean": 2.0}, "coverage": 0.4},
    }
