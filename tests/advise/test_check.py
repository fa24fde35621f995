import pytest

from labelmint.advise.check import check
from labelmint.core import paths
from labelmint.core.params import load_params
from labelmint.core.records import read_rows
from tests.builders import contents_of, write_card
from tests.fake_model import FakeModel


@pytest.fixture
def model(prepared, tiny_encoder, set_params, open_with):
    """Return the scripted model that check opens in a small project; it tells half of the labels."""
    set_params({"real.rows": 60, "labelling.demonstrations": 4})

    def reader(text, choice):
        return 0.0 if ("great" in text) == ("positive" in choice) else -2.0

    return open_with(FakeModel(reader=reader), "labelmint.advise.check")


def test_the_report_has_all_parts_of_rows_to_train_with_and_the_project_stays_as_it_is(
    prepared, model, monkeypatch, capsys
):
    before, read, score = contents_of(prepared), [], model.score

    def noting(prefix, suffixes, choices):
        read.extend([prefix, *suffixes])
        return score(prefix, suffixes, choices)

    monkeypatch.setattr(model, "score", noting)
    check(load_params())
    assert contents_of(prepared) == before
    out = capsys.readouterr().out
    for part in (
        "60 training rows (negative 30, positive 30)",
        "40 test rows, 20 other labelled rows",
        "20 texts to label",
        "=== Labels: how often each is right on 56 real rows that it hasn't seen",
        "labelling the 20 texts without labels: ",
        " GB of memory in this check",
    ):
        assert part in out
    scorers = (
        "language model",
        "classifier on its hidden state",
        "classifier on tiny",
        "all of them, weighted",
    )
    for line in (*scorers, "generate", "label", "filter", "train", "together"):
        assert f"\n  {line} " in out
    tests = [row["text"] for row in read_rows(paths.TEST_INPUTS)]
    assert tests
    assert read
    assert not any(text in part for text in tests for part in read)


def test_where_a_run_asks_for_no_labels_neither_does_the_check(prepared, model, set_params, capsys):
    """These are the remedies for a server that can't score labels."""
    model.can_score = False
    set_params({"arms": {"real": {"real": "all"}}, "labelling.scorers": ["classifier"]})
    check(load_params())
    out = capsys.readouterr().out
    assert "=== Labels" in out
    assert "to read" not in out
    set_params({"labelling.action": "none", "prepare.unlabelled_rows": 0})
    check(load_params())
    out = capsys.readouterr().out
    assert "=== Labels" not in out
    assert "nothing to tell by" in out
    assert "to read" not in out


def test_without_real_rows_there_is_still_a_forecast_of_the_time(prepared, model, set_params, capsys):
    write_card(prepared, "tiny", source=None)
    set_params({"real.rows": 0, "arms": {"synthetic": {"synthetic": "all"}}})
    check(load_params())
    out = capsys.readouterr().out
    assert "0 training rows (none)" in out
    assert "\n  together " in out
