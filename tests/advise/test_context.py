"""What doesn't fit the language model, told on a toy whose tokens are bytes; each remedy is tried."""

import re
from contextlib import nullcontext

import pytest

from tests.builders import reviews, said_by_checks, write_card
from tests.llm.toy import toy_engine

ARMS = {"real": {"real": "all"}, "synthetic": {"synthetic": "all"}}
SETTINGS = {
    "task": "mine",
    "real.rows": 40,
    "prepare.test_rows": 40,
    "arms": ARMS,
    "llm.slots": 8,
    "generate.max_new_tokens": 32,
    "generate.prompts_per_wave": 2,
    "generate.demonstrations": 2,
}


@pytest.fixture
def attempt(project, set_params, monkeypatch):
    """Return attempt(settings, words of a row, of the longest row, excerpt): what doesn't fit, or ""."""
    (project / "data/raw").mkdir(parents=True)

    def open_model(llm):
        return nullcontext(toy_engine(monkeypatch, context_tokens=llm.context_tokens, slots=llm.slots))

    monkeypatch.setattr("labelmint.advise.context.open_model", open_model)

    def result(settings, words=9, longest=9, excerpt=None):
        set_params({**SETTINGS, **settings})
        write_card(project, "mine", excerpt=excerpt)
        rows = reviews({"negative": 60, "positive": 60}, words=words)
        rows[70]["text"] = " ".join(["film"] * longest)
        return said_by_checks(rows)

    return result


def test_a_wave_that_does_not_fit_is_told_with_the_tokens_that_it_needs(attempt):
    assert attempt({"llm.context_tokens": 4096}) == ""
    said = attempt({"llm.context_tokens": 512, "labelling.demonstrations": 0})
    enough = int(re.search(r"llm.context_tokens=512; raise it to (\d+), lower", said)[1])
    assert attempt({"llm.context_tokens": enough, "labelling.demonstrations": 0}) == ""


def test_a_row_too_long_to_be_read_is_named_with_the_words_that_fit(attempt):
    said = attempt({"llm.context_tokens": 8192}, longest=300)
    assert said.startswith("data/tasks/mine.yaml: row r000070 ('film film ")
    words, side = re.search(r"cut long texts: excerpt: {words: (\d+), from: (start)}", said).groups()
    assert int(words) > 50
    excerpt = {"words": int(words), "from": side}
    assert attempt({"llm.context_tokens": 8192}, longest=300, excerpt=excerpt) == ""


def test_shown_rows_that_do_not_fit_are_told_with_how_many_do(attempt):
    settings = {"llm.context_tokens": 1024, "labelling.demonstrations": 32}
    said = attempt(settings)
    fewer = int(re.search(r"say labelling.demonstrations: (\d+), or raise llm.context_tokens", said)[1])
    assert 0 < fewer < 32
    assert attempt({**settings, "labelling.demonstrations": fewer}) == ""
