"""Check settings, task card and data together, before the first expensive step."""

from __future__ import annotations

from collections.abc import Sequence

from labelmint.advise.context import ContextCheck
from labelmint.core.errors import ParamsError
from labelmint.core.params import Filter, Params
from labelmint.core.records import Labelled
from labelmint.generation.plan import check_every_label, checked_shares
from labelmint.generation.session import with_max_new_tokens
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import source_files
from labelmint.prompts.methods import METHODS, check_order
from labelmint.rules.form import FormContext
from labelmint.rules.registry import RULES
from labelmint.students.registry import STUDENTS
from labelmint.tasks.cards import TaskCard, load_card
from labelmint.tasks.data import TaskData, arms_without_rows, read_task
from labelmint.tasks.task import Task

# The least that encoders read; a larger `train.max_tokens` is worth opening the encoder for.
_ANY_ENCODER_TOKENS = 512
# Test rows times resamples, which take 16 bytes each: 3.2 GB.
_MOST_RESAMPLED = 200_000_000


def read_checked_task(params: Params) -> tuple[TaskCard, TaskData]:
    """Return the task's card and rows; raise an error if anything of settings, card or rows can't work."""
    check_names(params)
    check_models(params)
    card = load_card(params.task)
    check_budget(params, len(card.labels))
    data = read_task(params, card)
    arms_without_rows(params, data)  # an error if every arm is
    check_resamples(params, len(data.split.test))
    rows = data.split.train
    task = with_max_new_tokens(Task(params, card, rows, data.split.test, data.facts.rows))
    shares, methods = checked_shares(task)
    check_every_label(task.params.generate, shares)
    check_words(params.filter, card, rows)
    ContextCheck(task, data.unlabelled.rows, shares, methods).run()
    return card, data


def check_names(params: Params) -> None:
    """Raise `ParamsError` if a student, prompt method or rule is named that there is none of."""
    students = {
        f"arms.{name}.student": arm.student for name, arm in params.arms.items() if arm.student is not None
    }
    for key, student in {**students, "train.student": params.train.student}.items():
        if student not in STUDENTS:
            raise ParamsError(f"params.yaml: {key}: no student {student!r}; there are {', '.join(STUDENTS)}")
    for student in params.train.students:
        if student not in STUDENTS or student == "auto":
            others = ", ".join(name for name in STUDENTS if name != "auto")
            raise ParamsError(f"params.yaml: train.students: no student {student!r}; there are {others}")
    method = params.generate.method
    # The method that a task card recommends for auto is checked when the card is read.
    methods = [] if method == "auto" else [method] if isinstance(method, str) else [*method]
    for name in methods:
        if name not in METHODS:
            raise ParamsError(
                f"params.yaml: generate.method: no method {name!r}; there are {', '.join(METHODS)}, and auto"
            )
    check_order(params.generate, methods)
    optional = [name for name, rule in RULES.items() if rule.optional]
    for name in params.filter.disabled_rules:
        if name not in optional:
            problem = f"{name} has no switch" if name in RULES else f"no rule {name!r}"
            raise ParamsError(
                f"params.yaml: filter.disabled_rules: {problem}; there are {', '.join(optional)}"
            )


def check_models(params: Params) -> None:
    """Raise an error if a model is unknown, or can't do what the settings ask of it."""
    if params.llm.backend == "llama_cpp":
        load_entry(params.llm.model, ("base", "chat"), "llm.model")
    else:
        for name in params.arms:
            if params.student_of(name) == "llm_probe":
                raise ParamsError(
                    f"params.yaml: arms.{name}: llm_probe reads hidden states, which a server doesn't give; "
                    "remove the arm, or say llm.backend: llama_cpp"
                )
    for name, key in params.encoders().items():
        # Fetched if need be: an arm may be the first to use its encoder, after all texts were written.
        source_files(name, load_entry(name, ("encoder",), key))
    if params.train.max_tokens > _ANY_ENCODER_TOKENS:
        # Takes seconds to import, which other runs need not wait for.
        from labelmint.encoder.loading import open_encoder

        for name in params.encoders():
            open_encoder(name).check_length(params.changed({"train.encoder": name}).train)


def check_budget(params: Params, labels: int) -> None:
    """Raise `ParamsError` if fewer texts may be written than are to be kept."""
    wanted = params.filter.rows_per_label * labels
    if wanted > max(params.generate.candidates, params.top_up.max_candidates):
        raise ParamsError(
            f"params.yaml: filter.rows_per_label={params.filter.rows_per_label} of {labels} labels are "
            f"{wanted} texts, and top_up.max_candidates={params.top_up.max_candidates}; lower the "
            f"first, or raise the second, to {2 * wanted} for example, since many texts are rejected"
        )


def check_resamples(params: Params, rows: int) -> None:
    """Raise `ParamsError` if resampling the test rows would take more than some GB of memory."""
    samples = params.evaluate.bootstrap_samples
    if samples * rows > _MOST_RESAMPLED:
        raise ParamsError(
            f"params.yaml: evaluate.bootstrap_samples={samples} of {rows} test rows (prepare.test_rows) need "
            f"{samples * rows * 16 / 1e9:.0f} GB of memory; lower one, to a product of {_MOST_RESAMPLED:,}"
        )


def check_words(config: Filter, card: TaskCard, rows: Sequence[Labelled]) -> None:
    """Raise `ParamsError` if every text would be too short or too long."""
    most = max(FormContext(config, card, rows).longest)
    if config.min_words > most and not {"too_short", "too_long"} & {*config.disabled_rules}:
        raise ParamsError(
            f"params.yaml: filter.min_words={config.min_words} is more than the {most} words that a text may "
            f"have by filter.max_words={config.max_words}; say filter.min_words: 3, or raise max_words"
        )
