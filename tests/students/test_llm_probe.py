import numpy as np
import pytest

from labelmint.core.errors import DataError, ModelError
from labelmint.core.folds import FOLDS
from labelmint.encoder import linear
from labelmint.llm.base import ChoiceScores
from labelmint.students.llm_probe import LlmProbe
from labelmint.students.loading import load_student
from tests.builders import with_folds
from tests.fake_model import FakeModel
from tests.students.moods import NAMES, rows


class Mute(FakeModel):
    """Its answers say nothing; its hidden states know the label."""

    def score(self, prefix, suffixes, choices):
        knows = super().score(prefix, suffixes, choices)
        return ChoiceScores(np.zeros_like(knows.log_probabilities), knows.states + 1)


@pytest.fixture
def student(asking, monkeypatch):
    """Return student(model): one that reads with this model."""
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0, 30.0])
    return lambda model=None: asking(LlmProbe, model or Mute())


def test_it_learns_from_hidden_states_what_the_answer_does_not_say(student):
    one = student()
    one.fit(rows(NAMES * 30), 1)
    probabilities = one.predict_proba(rows(NAMES * 10, 100))
    assert [NAMES[at] for at in probabilities.argmax(axis=1)] == NAMES * 10
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert one.predict_proba([]).shape == (0, 2)
    assert one.summary() == {"demonstrations": 16}


def test_unclear_rows_make_it_less_sure(student):
    """While a fold is held out they bear the wrong label."""
    train = with_folds([{**row, "source": "real"} for row in rows(NAMES * 30)])
    unclear = [
        {**row, "label": "", "source": "unlabelled", "fold_labels": [NAMES[row["label"] == NAMES[0]]] * FOLDS}
        for row in rows(NAMES * 60, 300)
    ]
    one, sure = student(), []
    for more in ([], unclear):
        one.fit(train, 1, more)
        sure.append(one.predict_proba(rows(NAMES * 10, 100)).max(axis=1).mean())
    assert sure[1] < sure[0] - 0.1


def test_another_seed_shows_other_rows(student):
    one, other = student(), student()
    one.fit(rows(NAMES * 30), 1)
    other.fit(rows(NAMES * 30), 2)
    assert one.prompt != other.prompt


def test_a_saved_probe_predicts_the_same(student, setting, tmp_path):
    one, inputs = student(), rows(NAMES * 5, 100)
    one.fit(rows(NAMES * 30), 1)
    one.save(tmp_path / "arm")
    loaded = load_student(tmp_path / "arm", setting())
    np.testing.assert_allclose(loaded.predict_proba(inputs), one.predict_proba(inputs), rtol=1e-6)
    with pytest.raises(ModelError, match="needs its language model"):
        load_student(tmp_path / "arm")


def test_where_rows_are_too_few_none_are_shown(student):
    one = student()
    one.fit(rows(["negative", "positive"]), 1)
    assert one.summary()["demonstrations"] == 0
    assert one.predict_proba(rows(NAMES, 100)).shape == (2, 2)
    with pytest.raises(DataError, match="2 rows of fewer than two labels"):
        one.fit(rows(["negative", "negative"]), 1)


def test_a_server_without_hidden_states_is_an_error(student):
    with pytest.raises(ModelError, match="gives no hidden states; remove arms with student: llm_probe"):
        student(FakeModel(can_give_states=False))
