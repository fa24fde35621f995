"""`labelmint tune`: find the prompt settings that write texts like real rows, with the right labels.

It reads params.yaml, the card and data/real/train.jsonl, prints a table and the change to make, and writes
nothing into the project. Texts, label scores and vectors are kept in the cache: a stopped run resumes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labelmint.checks import check_names
from labelmint.core import paths
from labelmint.core.errors import DataError
from labelmint.core.params import Params
from labelmint.core.quoting import printable
from labelmint.core.records import Fact, Labelled, read_rows
from labelmint.labelling.pool import MIN_ROWS
from labelmint.labelling.scores import LabelScores, score_labels
from labelmint.llm import open_model
from labelmint.tasks.cards import TaskCard, card_path, load_card
from labelmint.tasks.task import Task
from labelmint.tune.race import Round, plan_rounds, run_race
from labelmint.tune.settings import Setting, settings_to_try


def tune(params: Params, candidates: int) -> None:
    """Print how each setting does and which to use; raise an error if there is nothing to compare by."""
    check_names(params)
    card = load_card(params.task)
    task = Task(params, card, real_rows(card, params.task), facts=read_rows(paths.FACTS, Fact))
    with open_model(params.llm) as model:
        settings, left_out = settings_to_try(task, model)
        plan_rounds(len(settings), candidates)
        # It raises an error if labels can't be scored, before anything is written.
        labeller = score_labels(task, [], model)
        rounds = run_race(task, model, settings, candidates)
    lines = [f"not tried: {name}: {reason}" for name, reason in left_out.items()]
    print(printable("\n".join([*lines, *_labeller(labeller), *_table(rounds), *_advice(settings, rounds)])))


def real_rows(card: TaskCard, task: str) -> list[Labelled]:
    """Return the real training rows; raise `DataError` if they are missing, too few, or another task's."""
    path, remedy = paths.REAL_TRAIN, "run `dvc repro prepare`"
    if not path.exists():
        raise DataError(f"{path}: no such file; {remedy}")
    train: list[Labelled] = read_rows(path, Labelled)
    unknown = sorted({row["label"] for row in train} - {*card.label_names})
    if unknown:
        raise DataError(f"{path}: no label {unknown[0]!r} in {card_path(task)}: another task's; {remedy}")
    if len(train) < MIN_ROWS:
        raise DataError(
            f"{path}: {len(train)} rows, and tune compares texts with at least {MIN_ROWS} real ones; raise "
            f"real.rows in params.yaml, and {remedy}"
        )
    return train


def _labeller(scores: LabelScores) -> Iterator[str]:
    """Yield how far the labels that texts are checked by can be trusted."""
    for share in [*scores.accuracy.values()][-1:]:  # all scorers together, or the only one
        yield f"The labeller is right on {share:.0%} of {len(scores.real)} real rows that it hasn't seen."


def _table(rounds: Sequence[Round]) -> Iterator[str]:
    """Yield a line for each setting, from its last round; the best come first."""
    width = max(map(len, rounds[0]))
    yield f"\n{'setting':<{width}}  round  texts  AUC (95 %)        agreed  accepted  both  score  texts/min"
    shown: set[str] = set()
    for number in range(len(rounds), 0, -1):
        for name, of in sorted(rounds[number - 1].items(), key=lambda item: -item[1].score):
            if name not in shown:
                auc = "{:.2f} ({:.2f}–{:.2f})".format(of.auc, *of.auc_interval())
                yield (
                    f"{name:<{width}}  {number:>5}  {of.texts:>5}  {auc}  {of.agreed:>6.0%}  "
                    f"{of.accepted:>8.0%}  {of.both:>4.0%}  {of.score:>5.2f}  {of.texts_per_minute:>9.0f}"
                )
            shown.add(name)


def _advice(settings: Sequence[Setting], rounds: Sequence[Round]) -> Iterator[str]:
    """Yield whether the best change beats the current settings in the last round, and how to use it."""
    current, best = (next(each for each in settings if each.name == name) for name in rounds[-1])
    base, of = (rounds[-1][each.name] for each in (current, best))
    (low, high), gain = of.gain_interval(base), of.score - base.score
    verdict = (
        "better by more than noise; to use it:"
        if low > 0
        else "no more than noise. More --candidates tell more. To try it all the same:"
        if gain > 0
        else "no gain: keep them."
    )
    yield (
        f"\nAgainst the settings of params.yaml, on {of.texts} new texts of each: {best.name} scores "
        f"{gain:+.2f} ({low:+.2f} to {high:+.2f}), {verdict}"
    )
    if gain > 0:
        yield "  dvc exp run " + " ".join(f"-S generate.{key}={value}" for key, value in best.change.items())
        yield "or in params.yaml:\ngenerate:"
        yield from (f"  {key}: {value}" for key, value in best.change.items())
