"""Train an arm's student, once per seed, and predict the test inputs.

Reads the task card, <arm>.jsonl in data/arms and data/arms/unclear, and data/real/test.jsonl (inputs only);
writes models/<arm>/ (the first seed's student), data/predictions/<arm>.jsonl (all seeds'),
metrics/train/<arm>.json and, as it trains, metrics/curves/<arm>/.
Run alone: `python -m stages.train mixed`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelmint.core import paths
from labelmint.core.arms import rows_by_source
from labelmint.core.arrays import Floats
from labelmint.core.cache import fresh
from labelmint.core.errors import DataError, ParamsError, add_debug_flag, one_line_errors
from labelmint.core.files import write_text
from labelmint.core.params import Params, load_params
from labelmint.core.progress import progress
from labelmint.core.records import ArmRow, Input, Prediction, read_rows, write_metrics, write_rows
from labelmint.students.base import Classifier, Setting
from labelmint.students.loading import load_student
from labelmint.students.registry import open_student
from labelmint.students.saving import note_inputs, write_note
from labelmint.students.weighting import weigh
from labelmint.tasks.cards import load_card

if TYPE_CHECKING:
    from dvclive.live import Live

# Texts of the speed measurement: some seconds at the language model's speed. Fast students get more of them.
_WARM_UP_TEXTS, _TIMED_TEXTS, _MORE_TEXTS = 8, 64, 256
_ENOUGH_SECONDS = 2.0
_STOPPED = "stopped; run it again: this arm begins anew, finished ones are kept"
_NOT_KEPT = (
    "trained on more real rows than real.rows, to compare with; its student was not kept (0.4 GB each)"
)

# The table of an arm whose student has no curve: DVC warns of folders and files that are empty.
_NO_CURVE = "step\tloss\n"


class Curves:
    """The folder of an arm's curves, by DVCLive: `dvc plots` and VS Code show them as they grow.

    `seed` is the one that is trained with. Times aren't noted, so the same training writes the same bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.seed = folder, 0
        self._live: Live | None = None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def add(self, curve: str, step: int, value: float) -> None:
        """Write one more point."""
        self._live = self._live or _open(self.folder)
        self._live.step = step
        # Written at once. `next_step` would also write a metrics.json, which DVC would take for a plot.
        self._live.log_metric(f"seed_{self.seed}/{curve}", round(value, 6))

    def close(self) -> None:
        """Write an empty table if there was no point."""
        if not self._live:
            write_text(self.folder / "loss.tsv", _NO_CURVE)


def main(arm: str) -> None:
    """Train the arm's student and predict the test inputs."""
    params = load_params()
    if arm not in params.arms:
        raise ParamsError(f"params.yaml: arms: no arm {arm!r}; there are {', '.join(params.arms)}")
    encoder, default = params.encoder_of(arm), params.train.encoder
    params = params.trained_as(arm)
    rows, unclear = (read_rows(path(arm), ArmRow) for path in (paths.arm_rows, paths.unclear_rows))
    seeds = params.seeds_of(arm) if rows else []
    metrics = {
        "train_rows": len(rows),
        **rows_by_source(rows),
        "student": params.student_of(arm),
        **({"encoder": encoder} if encoder != default else {}),  # else it is the same student
        "seeds": len(seeds),
    }
    predictions: list[Prediction] = []
    with closing(Curves(paths.curves(arm))) as curves:
        if rows:
            predictions, summary = train(arm, params, rows, unclear, seeds, curves)
            metrics |= summary
        else:
            write_note(
                paths.model(arm), "the data can't fill this arm, so it has no student (see metrics/arms.json)"
            )
    write_rows(paths.predictions(arm), predictions)
    write_metrics(paths.train_metrics(arm), metrics)


def train(
    arm: str,
    params: Params,
    rows: Sequence[ArmRow],
    unclear: Sequence[ArmRow],
    seeds: Sequence[int],
    curves: Curves,
) -> tuple[list[Prediction], dict[str, Any]]:
    """Fit the student with every seed and save the first one's; return predictions and its summary."""
    card = load_card(params.task)
    labels = {row["label"] for row in rows}
    labels |= {label for row in [*rows, *unclear] for label in row.get("fold_labels", ()) if label}
    if unknown := sorted(labels - set(card.label_names)):
        raise DataError(f"{paths.arm_rows(arm)}: labels {unknown} are not the task's; run `dvc repro`")
    if not all("fold" in row for row in rows if row["source"] == "real"):
        raise DataError(f"{paths.arm_rows(arm)}: written by an earlier version; run `dvc repro`")
    inputs: list[Input] = read_rows(paths.TEST_INPUTS, Input)
    probabilities: dict[int, Floats] = {}
    with progress(0, f"train {arm}", "rows") as bar:

        def on_planned(count: int) -> None:
            bar.total += count

        setting = Setting(params, card, on_planned, bar.update, curves.add)
        student = open_student(params.student_of(arm), setting)
        try:
            # The first seed comes last: its student is saved once nothing else can fail.
            config, names = params.train, card.label_names
            rows, unclear, summary = weigh(params.arms[arm], rows, unclear, names, config, config.seeds[0])
            for seed in reversed(seeds):
                curves.seed = seed
                student.fit(rows, seed, unclear)
                probabilities[seed] = student.predict_proba(inputs)
            if kept := is_kept(params, arm):
                student.save(paths.model(arm))
                note_inputs(paths.model(arm), card)
            else:
                write_note(paths.model(arm), _NOT_KEPT)
        except DataError as error:
            raise DataError(f"{paths.arm_rows(arm)}: {error}") from None
        finally:
            student.close()
    predictions = [
        row for seed in seeds for row in _predictions(seed, card.label_names, inputs, probabilities[seed])
    ]
    speed = _speed(arm, Setting(params, card), inputs) if kept and inputs else None
    return predictions, {**student.summary(), **summary, "texts_per_s": speed}


def is_kept(params: Params, arm: str) -> bool:
    """Return whether the arm's student is kept: not for points of the real learning curve."""
    real = params.arms[arm].real
    return real == "all" or real <= params.real.rows


def _speed(arm: str, setting: Setting, inputs: Sequence[Input]) -> float:
    """Return how many texts a second the saved student labels on this machine."""
    classifier = load_student(paths.model(arm), setting)
    try:
        classifier.predict_proba(inputs[:_WARM_UP_TEXTS])
        with fresh():
            speed, seconds = _timed(classifier, inputs[-_TIMED_TEXTS:])
            others = inputs[:-_TIMED_TEXTS][-_MORE_TEXTS:]  # a classifier may know those it has read
            if seconds < _ENOUGH_SECONDS and len(others) > _TIMED_TEXTS:
                speed, _ = _timed(classifier, others)
        return round(speed, 1)
    finally:
        classifier.close()


def _timed(classifier: Classifier, inputs: Sequence[Input]) -> tuple[float, float]:
    begin = time.perf_counter()
    classifier.predict_proba(inputs)
    seconds = time.perf_counter() - begin
    return len(inputs) / seconds, seconds


def _predictions(
    seed: int, names: Sequence[str], inputs: Sequence[Input], probabilities: Floats
) -> Iterator[Prediction]:
    for row, values in zip(inputs, probabilities, strict=True):
        by_name = {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}
        yield Prediction(seed=seed, id=row["id"], probabilities=by_name)


def _open(folder: Path) -> Live:
    os.environ["DVC_STUDIO_OFFLINE"] = "true"  # nothing leaves the machine, whatever DVC's settings are
    from dvclive.live import Live  # takes a second, and most students have no curve

    return Live(str(folder), save_dvc_exp=False, dvcyaml=None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m stages.train", description=main.__doc__)
    parser.add_argument("arm", help="one of params.yaml's `arms`")
    add_debug_flag(parser)
    arguments = parser.parse_args()
    with one_line_errors(f"train {arguments.arm}", debug=arguments.debug, stopped=_STOPPED):
        main(arguments.arm)
