"""Train an arm's classifiers, one per seed, and predict the test inputs.

Reads the task card, data/arms/<arm>.jsonl and data/real/test.jsonl (inputs only); writes models/<arm>/ (the
first seed's classifier), data/predictions/<arm>.jsonl (all seeds') and metrics/train/<arm>.json.
Run alone: `python -m stages.train mixed`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from labelmint.core import paths
from labelmint.core.errors import DataError, ParamsError, add_debug_flag, one_line_errors
from labelmint.core.params import Params, Train, is_point, load_params
from labelmint.core.progress import progress
from labelmint.core.records import ArmRow, Prediction, read_rows, write_json, write_rows
from labelmint.encoder.classifier import export
from labelmint.encoder.data import soft_targets, tokenize
from labelmint.encoder.opening import open_encoder
from labelmint.students.arm import ArmTrainer, Choice, predict
from labelmint.students.fine_tune import planned_epochs, uses_bf16
from labelmint.students.save import save_model
from labelmint.tasks.cards import load_card


def main(arm: str) -> None:
    """Train the arm's classifiers and predict the test inputs."""
    params = load_params()
    if arm not in params.arms:
        raise ParamsError(f"params.yaml: arms: no arm {arm!r}; it has {', '.join(params.arms)}")
    rows: list[ArmRow] = read_rows(paths.arm_rows(arm))
    names = load_card(params.task).label_names
    train_arm(arm, params, names, rows)


def train_arm(arm: str, params: Params, names: Sequence[str], rows: Sequence[ArmRow]) -> None:
    """Choose the recipe, train every seed, predict, and write the arm's outputs."""
    config, seeds = params.train, params.train.seeds_of(arm)
    unknown = sorted({row["label"] for row in rows} - set(names))
    if unknown:
        raise DataError(f"{paths.arm_rows(arm)}: labels {unknown} are not the task's; run `dvc repro`")
    if not rows and is_point(arm):
        write_nothing(arm)
        return
    if len({row["label"] for row in rows}) < 2:
        raise DataError(f"{paths.arm_rows(arm)}: {len(rows)} rows of fewer than two labels; nothing to learn")
    encoder = open_encoder(config.encoder, len(names))
    tokenizer, collator = encoder.tokenizer, encoder.collator
    labels = np.array([names.index(row["label"]) for row in rows], np.int64)
    train = replace(tokenize(rows, labels, tokenizer, config.max_tokens), shares=soft_targets(rows, names))
    inputs = read_rows(paths.TEST_INPUTS)
    test = tokenize(inputs, None, tokenizer, config.max_tokens)
    predictions: list[Prediction] = []
    with progress(_rows_to_come(config, len(rows), len(seeds)), f"train {arm}", "rows") as bar:
        trainer = ArmTrainer(config, encoder.base, train, collator, len(names), bar.update)
        choice = trainer.choose()
        for seed in seeds:
            model = export(trainer.train(choice, seed).cpu(), names)
            if seed == seeds[0]:
                save_model(model, tokenizer, paths.model(arm), config.max_tokens)
            probabilities = predict(model, test, collator, config.batch_rows, encoder.device)
            predictions += _predictions(seed, names, inputs, probabilities)
        bar.total = bar.n
    write_rows(paths.predictions(arm), predictions)
    summary = _summary(trainer, choice, len(seeds), str(encoder.device))
    write_json(paths.METRICS / "train" / f"{arm}.json", summary)


def write_nothing(arm: str) -> None:
    """Write the outputs of a point of a curve that the data is too small for; `evaluate` skips it."""
    paths.model(arm).mkdir(parents=True, exist_ok=True)
    write_rows(paths.model(arm) / "empty.jsonl", [])
    write_rows(paths.predictions(arm), [])
    write_json(paths.METRICS / "train" / f"{arm}.json", {"train_rows": 0})


def _rows_to_come(config: Train, rows: int, seeds: int) -> int:
    """Estimate the rows to come, for the progress bar: all embedded, one validation run, one run a seed."""
    if config.recipe == "linear_head":
        return rows
    return rows + planned_epochs(config, rows) * rows * (1 + seeds)


def _predictions(
    seed: int, names: Sequence[str], inputs: Sequence[Any], probabilities: Any
) -> Iterable[Prediction]:
    for row, own in zip(inputs, probabilities, strict=True):
        said = {name: round(float(p), 6) for name, p in zip(names, own, strict=True)}
        yield Prediction(seed=seed, id=row["id"], probabilities=said)


def _summary(trainer: ArmTrainer, choice: Choice, seeds: int, device: str) -> dict[str, Any]:
    return {
        "train_rows": len(trainer.rows),
        "recipe": choice.recipe,
        "epochs": choice.epochs if choice.recipe == "fine_tune" else 0,
        "validation_rows": choice.validation_rows,
        "validation": choice.scores,
        "seeds": seeds,
        "device": device,
        "precision": "bf16" if uses_bf16(trainer.config) else "fp32",
        "seconds": round(trainer.train_seconds, 1),
        "rows_per_s": round(trainer.trained_rows / max(trainer.train_seconds, 1e-9), 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m stages.train", description=main.__doc__)
    parser.add_argument("arm", help="a training set named in params.yaml's `arms`")
    add_debug_flag(parser)
    arguments = parser.parse_args()
    with one_line_errors(f"train {arguments.arm}", debug=arguments.debug):
        main(arguments.arm)
