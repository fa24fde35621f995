from experiments.methods import summary


def entry(accuracy, p_value):
    return {"gain": {"accuracy": accuracy, "ci_low": -0.01, "ci_high": 0.05, "p_value": p_value}}


def test_each_method_has_a_row_and_only_what_is_beyond_noise_is_counted():
    arms = {
        "real": entry(0.1, 0.0),
        "plain": {"gain": {}},
        "imp": entry(0.04, 0.001),
        "dimp": entry(-0.02, 0.04),
    }
    rounds = {
        "found": {"real": 100},
        "sets": {"checked": {"plain again": entry(0.2, 0.0), "failures": entry(-0.03, 0.03)}},
    }
    results = [{"task": "a", "weights": {"checked": arms}}, {"task": "b", "rounds": rounds}]
    lines = "\n".join(summary.page(results, ["weights", "rounds"])).splitlines()
    assert lines[2].startswith(
        "Of 3 comparisons with the plain way, 1 are gains and 0 are losses beyond noise"
    )
    assert lines[4:] == [
        "| method | a | b |",
        "|---|---|---|",
        "| checked · imp | +4.0 (-1.0 to +5.0) | – |",
        "| checked · dimp | -2.0 (-1.0 to +5.0) | – |",
        "| checked · failures | – | -3.0 (-1.0 to +5.0) |",
    ]
