"""Several draws of demonstrations: everything is read after each of them, and the mean counts."""

import random
from collections import Counter

import numpy as np

from labelmint.labelling import verify as verify_module
from labelmint.labelling.verify import demonstrations, log_softmax, reading_prompt
from tests.builders import card
from tests.filter.helpers import config
from tests.filter.test_verify import TRAIN, Reader, read


def test_other_draws_show_other_rows_and_the_first_one_is_the_only_ones():
    settings = config(verify={"demonstrations": 4})
    draws = [demonstrations(settings, card(), TRAIN, number) for number in range(4)]
    assert draws[0] == demonstrations(settings, card(), TRAIN)
    assert len({tuple(row["id"] for row in own) for own in draws}) == 4
    for own in draws:
        assert Counter(row["label"] for row in own) == {"negative": 2, "positive": 2}


class Swayed(Reader):
    """A model whose reading depends on the prompt."""

    def score(self, prefix, suffixes, choices):
        self.reader = lambda text, choice: random.Random(prefix + text + choice).gauss(0, 1)
        return super().score(prefix, suffixes, choices)


def test_the_mean_of_the_centred_scores_of_all_draws_counts(monkeypatch):
    model = Swayed("swayed")
    found = read(model, draws=3)
    prefixes = list(dict.fromkeys(prefix for prefix, _, _ in model.calls))
    shown = [demonstrations(config(verify={"action": "drop"}), card(), TRAIN, at) for at in range(3)]
    assert prefixes == [reading_prompt(card(), own) for own in shown]
    alone = []
    for own in shown:
        monkeypatch.setattr(verify_module, "demonstrations", lambda *_, own=own: own)
        alone.append(read(Swayed("swayed")))
    for row_id, scores in found.scores.items():
        mean = log_softmax(np.mean([each.scores[row_id] for each in alone], axis=0)[None])[0]
        np.testing.assert_allclose(scores, mean, atol=1e-9)
    for row in TRAIN:
        hidden = [each.real[row["id"]] for each in alone if row["id"] in each.real]
        assert (row["id"] in found.real) == bool(hidden)
        if hidden:
            mean = log_softmax(np.mean(hidden, axis=0)[None])[0]
            np.testing.assert_allclose(found.real[row["id"]], mean, atol=1e-9)


def test_further_draws_are_journalled_apart_and_the_first_is_read_no_more():
    read(Reader())
    model = Reader()
    read(model, draws=2)
    second = reading_prompt(card(), demonstrations(config(), card(), TRAIN, 1))
    assert {prefix for prefix, _, _ in model.calls} == {second}
    again = Reader()
    read(again, draws=2)
    assert again.calls == []
