"""A scripted language model that scores labels, and candidates to score."""

from labelmint.labelling.scores import score_candidates
from labelmint.tasks.task import Task
from tests.builders import candidate, card, review, reviews
from tests.fake_model import FakeModel
from tests.rules.helpers import settings

TRAIN = reviews({"negative": 6, "positive": 6})
LABELS = ("negative", "positive")
CANDIDATES = [
    candidate(number, review(LABELS[number % 2], 100 + number)["text"], LABELS[number % 2])
    for number in range(20)
]


class Scorer(FakeModel):
    """A model with a name, which notes what it is asked and fails at a call."""

    def __init__(self, name="scorer", fail_at=None, reader=None):
        super().__init__(reader=reader)
        self.name, self.fail_at, self.calls = name, fail_at, []

    @property
    def identity(self):
        return {"model": self.name}

    def score(self, prefix, suffixes, choices):
        if self.fail_at is not None and len(self.calls) == self.fail_at:
            raise KeyboardInterrupt
        self.calls.append((prefix, list(suffixes), list(choices)))
        return super().score(prefix, suffixes, choices)


def right_label(text, choice):
    """Score the fakes' reviews without an error."""
    good = any(word in text for word in ("great", "bright", "lovely", "superb"))
    return 0.0 if good == ("positive" in choice) else -3.0


def scored(model, rows=CANDIDATES, train=TRAIN, the_card=None, **labelling):
    params = settings(labelling={"action": "drop", **labelling})
    return score_candidates(Task(params, the_card or card(), train), rows, model)
