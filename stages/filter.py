"""Keep the candidates that are well-formed, new, not in the test set, and labelled right.

Reads the task card, data/real/train.jsonl and test.jsonl (inputs only), data/synthetic/candidates.jsonl and
then top_up_candidates.jsonl; writes data/synthetic/kept.jsonl and rejected.jsonl, which partition the
candidates, and metrics/filter.json.
Run alone: `python -m stages.filter`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from labelmint.core import paths
from labelmint.core.errors import run_stage
from labelmint.core.params import load_params
from labelmint.core.records import Candidate, Input, Labelled, read_rows, write_metrics, write_rows
from labelmint.labelling.folds import add_fold_labels
from labelmint.labelling.scores import LabelScores, score_candidates
from labelmint.llm import open_model
from labelmint.rules.apply import filter_candidates, summary
from labelmint.rules.filtering import Filtering
from labelmint.tasks.cards import load_card
from labelmint.tasks.task import Task

_MORE = "raise generate.candidates, or the budget of top_up; metrics/top_up.json says what was rejected"
_TOP_UP = "with filter.rows_per_label, top_up writes more of them; rejected.jsonl has the others"

_LOOK = (
    "look at data/synthetic/rejected.jsonl, the label phrases in the task card, and labelling and filter in "
    "params.yaml; arms with synthetic rows are left out"
)


def main() -> None:
    """Apply the rules to the candidates; write the kept rows and the rejected ones."""
    params = load_params()
    candidates = [*read_rows(paths.CANDIDATES, Candidate), *read_rows(paths.TOP_UP_CANDIDATES, Candidate)]
    train, test = read_rows(paths.REAL_TRAIN, Labelled), read_rows(paths.TEST_INPUTS, Input)
    task = Task(params, load_card(params.task), train, test)
    scores = _scores(task, candidates)
    result = filter_candidates(Filtering(task, candidates, scores.texts))
    if not result.kept:
        rules = Counter(row["rule"] for row in result.rejected).most_common(3)
        counts = ", ".join(f"{count} {rule}" for rule, count in rules) or "there are none"
        print(f"filter: note: no candidate is accepted (rejected: {counts}); {_LOOK}", file=sys.stderr)
    remedy = _MORE if params.filter.rows_per_label else _TOP_UP
    for name, missing in result.missing.items():
        print(f"filter: {missing} rows of {name!r} are missing; {remedy}", file=sys.stderr)
    write_rows(paths.KEPT, add_fold_labels(task, result.kept, scores.without_folds))
    write_rows(paths.REJECTED, add_fold_labels(task, result.rejected, scores.without_folds))
    write_metrics(paths.METRICS / "filter.json", {**summary(task.card, result), **scores.summary()})


def _scores(task: Task, candidates: Sequence[Candidate]) -> LabelScores:
    """Score the labels; with `labelling.action: none` no model is opened."""
    if task.params.labelling.action == "none":
        return LabelScores()
    with open_model(task.params.llm) as model:
        return score_candidates(task, candidates, model)


if __name__ == "__main__":
    run_stage("filter", main)
