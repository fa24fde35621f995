"""The language of many texts, where it is clear."""

from labelmint.export.language import language_of

ENGLISH = [
    "the plot of this film is dull and the actors seem to be asleep",
    "one of the best films of the year",
]
GERMAN = [
    "die Handlung dieses Films ist langweilig und die Schauspieler wirken müde",
    "einer der besten Filme",
]


def test_it_is_said_where_it_is_clear():
    assert language_of(ENGLISH * 50) == "en"
    assert language_of(GERMAN * 50) == "de"
    assert language_of([*ENGLISH * 50, *GERMAN * 50]) is None
    assert language_of([]) is None
