"""Label the test inputs without any synthetic row: by the LLM itself, and by the real rows alone.

Reads the task card, data/real/train.jsonl and test.jsonl (inputs only); writes data/baselines/<name>.jsonl,
empty for a baseline that there is none of, data/baselines/draws.jsonl and metrics/baselines.json.
Run alone: `python -m stages.baselines`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.params import Params, load_params
from labelmint.core.records import Input, Labelled, Prediction, read_rows, write_json, write_rows
from labelmint.llm import open_model
from labelmint.students.classifiers import CLASSIFIERS, Floats
from labelmint.students.reader import Answers, answers
from labelmint.tasks.cards import TaskCard, load_card

NAMES = ("llm", *CLASSIFIERS)


def main() -> None:
    """Have the language model itself, and classifiers of the real rows alone, label the test inputs."""
    params = load_params()
    card = load_card(params.task)
    train: list[Labelled] = read_rows(paths.REAL_TRAIN)
    test: list[Input] = read_rows(paths.TEST_INPUTS)
    wanted: list[str] = [*params.baselines.names] if test else []
    llm = read(params, card, train, test) if "llm" in wanted else Answers()
    found: dict[str, Floats | str] = {}
    for name in (name for name in NAMES if name in wanted):
        own = llm.note or llm.probabilities
        found[name] = own if name == "llm" else CLASSIFIERS[name](params, card, train, test)
    notes = {name: own for name, own in found.items() if isinstance(own, str)}
    for name, note in notes.items():
        print(f"baselines: note: {name} is left out: {note}", file=sys.stderr)
    said = {name: own for name, own in found.items() if not isinstance(own, str)}
    names, seed = card.label_names, params.baselines.seed
    for name in NAMES:
        write_rows(paths.baseline(name), predictions(seed, names, test, said.get(name, ())))
    draws = enumerate(llm.draws, 1)
    asked = (row for draw, own in draws for row in predictions(draw, names, test, own))
    write_rows(paths.baseline("draws"), asked)
    made = {"names": [*said], "notes": notes, "train_rows": len(train), "test_rows": len(test)}
    write_json(paths.METRICS / "baselines.json", {**made, "llm": asking(llm)})


def read(params: Params, card: TaskCard, train: Sequence[Labelled], test: Sequence[Input]) -> Answers:
    """Have the LLM read the test inputs."""
    with open_model(params.llm) as model:
        return answers(params, card, train, test, model)


def predictions(
    seed: int, names: Sequence[str], inputs: Sequence[Input], probabilities: Iterable[Any]
) -> Iterator[Prediction]:
    """Yield a row for each of the probabilities; the inputs may go on after them."""
    for row, own in zip(inputs, probabilities, strict=False):
        said = {name: round(float(p), 6) for name, p in zip(names, own, strict=True)}
        yield Prediction(seed=seed, id=row["id"], probabilities=said)


def asking(llm: Answers) -> dict[str, Any]:
    """Return how the LLM was asked, for the metrics."""
    return {"demonstrations": llm.demonstrations, "draws": len(llm.draws), "offsets": llm.offsets}


if __name__ == "__main__":
    run_stage("baselines", main)
