"""A model that writes what was asked for in a given share of its texts."""

import random

from labelmint.llm.base import Completion
from tests.fake_model import FakeModel

SAYS = {"negative": "awful", "positive": "great"}
OTHER = {"negative": "positive", "positive": "negative"}


class Scripted(FakeModel):
    """A model that finds the requested label in the given shares of its texts.

    It ends no text of a label without a share. `left` counts the calls until the model fails.
    """

    def __init__(self, left=10**9, **shares):
        super().__init__(writer=self.write)
        self.shares, self.left = shares, left

    def tick(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    def write_wave(self, groups, sampling, on_text=None):
        self.tick()
        return super().write_wave(groups, sampling, on_text)

    def score(self, prefix, suffixes, choices):
        self.tick()
        return super().score(prefix, suffixes, choices)

    def write(self, prompt, seed):
        draw = random.Random(seed)
        low = prompt.lower()
        label = "negative" if low.rfind("negative film") > low.rfind("positive film") else "positive"
        told = label if draw.random() < self.shares.get(label, 0) else OTHER[label]
        words = [f"w{draw.randrange(10**6)}" for _ in range(7)]
        done = "stop" if label in self.shares else "length"
        return Completion(" ".join([*words, SAYS[told]]), 9, done)
