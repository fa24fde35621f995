"""A scripted language model that scores labels."""

from tests.fake_model import FakeModel


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
