import pytest

from labelmint.rules.language import MIN_TEXTS, language_of, other_language
from tests.rules.helpers import ENGLISH

FOREIGN = [
    "ce film est une merveille d'intelligence et d'humour",
    "el guion es flojo y los actores parecen aburridos",
    "der film ist langweilig und viel zu lang geraten",
    "una commedia brillante che diverte dall'inizio alla fine",
    "o filme é uma perda de tempo do começo ao fim",
    "de film is een prachtig portret van een verloren stad",
    "filmen är en vacker berättelse om sorg och hopp",
    "elokuva on pitkä ja tylsä , mutta kaunis",
]


def test_the_language_of_the_real_rows():
    assert language_of(ENGLISH) == "en"
    assert language_of([text.upper() for text in ENGLISH]) == "en"
    assert language_of([*ENGLISH, FOREIGN[0]]) == "en"  # ten of eleven


@pytest.mark.parametrize("texts", [[], ENGLISH[: MIN_TEXTS - 1], [*ENGLISH, *FOREIGN], ["two words"] * 50])
def test_few_short_or_mixed_rows_have_none(texts):
    assert language_of(texts) is None


@pytest.mark.parametrize("text", FOREIGN)
def test_other_languages_are_named(text):
    evidence = other_language(text, "en")
    assert evidence["usual"] == "en"
    assert evidence["language"] != "en"
    assert evidence["probability_of_usual"] <= 0.02


@pytest.mark.parametrize(
    "text",
    [
        *ENGLISH,
        "juwanna mann ? no thanks . wewannour money back , actually .",
        "@united AN HOUR DELAY BECAUSE YOU CAN'T PRINT A PIECE OF PAPER!",
        "@united 45+ min at EWR baggage claim #stillnobags #ridiculous",
        "ce film est nul",  # too short to judge
        "w408744 w453789 w636944 w799308 w804423 w2208 w729633",
        "https://exemple.fr/une-merveille-d-intelligence-et-d-humour",
        "",
    ],
)
def test_the_usual_language_and_short_texts_pass(text):
    assert other_language(text, "en") is None


GERMAN = [
    "der spaten liegt wunderbar in der hand",
    "nach einer woche war die schere verrostet",
    "meine großmutter arbeitet gern damit",
    "der schlauch tropft an beiden enden",
    "schnell geliefert und sorgfältig verpackt",
    "niemand antwortet auf meine mails",
    "viel zu schwer und schlecht verarbeitet",
    "läuft leise und startet beim ersten versuch",
    "riecht fürchterlich nach billigem gummi",
    "hält nun schon zwei jahre ohne schwäche",
]
CHINESE = [
    "这把铲子用起来非常顺手，挖土很省力。",
    "才一个星期就生锈了，真是浪费钱。",
    "手感轻便，连老人也能用。",
    "两头都漏水，鞋子全湿了。",
    "包装仔细，第二天就送到了。",
    "味道刺鼻，放在家里受不了。",
    "客服耐心，换货也很快。",
    "螺丝少了两颗，装不起来。",
    "浇花很方便，从来不漏水。",
    "太重了，根本拿不动，后悔没看评论。",
]


@pytest.mark.parametrize(("language", "texts"), [("de", GERMAN), ("zh", CHINESE)])
def test_other_tasks_have_their_language(language, texts):
    assert language_of(texts) == language
    assert [text for text in texts if other_language(text, language)] == []
    others = [*ENGLISH, *{"de": CHINESE, "zh": GERMAN}[language]]
    assert all(other_language(text, language) for text in others)
