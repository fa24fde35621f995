"""Label files as the command does, and read what it wrote."""

import json
from pathlib import Path

from labelmint.predict.command import Request, predict

# Alone in a batch or among others, a text's numbers differ by rounding.
CLOSE = 2e-5


def run(**options):
    predict(Request(**options))


def answers(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
