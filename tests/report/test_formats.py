import pytest

from labelmint.report import formats


@pytest.mark.parametrize(
    ("format", "value", "text"),
    [
        (formats.count, 1396, "1,396"),
        (formats.count, None, "–"),
        (formats.rate, 340.4, "340"),
        (formats.rate, 0.412, "0.41"),
        (formats.rate, 9.97, "10"),
        (formats.rate, None, "–"),
        (formats.percent, 0.763, "76.3\xa0%"),
        (formats.percent, None, "–"),
        (formats.points, 0.0633, "+6.3"),
        (formats.points, -0.006, "−0.6"),
        (formats.points, -0.0001, "+0.0"),
        (formats.p_value, 0.0005, "0.0005"),
        (formats.p_value, 0.0512, "0.051"),
        (formats.p_value, 0.0612, "0.06"),
        (formats.p_value, 0.56172, "0.56"),
        (formats.duration, 9.26, "9.3\xa0s"),
        (formats.duration, 866.5, "14\xa0min 26\xa0s"),
        (formats.duration, 3725, "1\xa0h 2\xa0min"),
        (formats.duration, 59.7, "1\xa0min 0\xa0s"),
        (formats.number, True, "yes"),
        (formats.number, 12345, "12,345"),
        (formats.number, 0.30517, "0.3052"),
        (formats.number, 0.0, "0.0"),
        (formats.number, 1234.56, "1,234.6"),
        (formats.number, "words", "words"),
        (formats.number, None, "–"),
        (formats.interval, {"ci_low": 0.7313, "ci_high": 0.7927}, "73.1 to 79.3"),
        (formats.interval, {}, "–"),
        (formats.interval, None, "–"),
        (formats.points_interval, {"ci_low": -0.0275, "ci_high": 0.0159}, "−2.8 to +1.6"),
    ],
)
def test_numbers_are_written_as_people_do(format, value, text):
    assert format(value) == text


@pytest.mark.parametrize(
    ("rows", "low", "high", "note", "text"),
    [
        (20, 20, 20, "at most 20: the real curve begins there", "at most 20"),
        (20, 20, 50, "20 or fewer: the real curve begins there", "20 or fewer"),
        (50, 50, 50, "at least 50: the real curve ends there", "at least 50"),
        (50, 20, 50, "50 or more: the real curve ends there", "50 or more"),
        (30, 20, 50, "", "30"),
    ],
)
def test_a_worth_at_an_end_of_the_curve_is_a_bound_only_if_all_of_its_interval_is_there(
    rows, low, high, note, text
):
    assert formats.worth({"rows": rows, "ci_low": low, "ci_high": high, "note": note}) == text
