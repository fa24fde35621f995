"""Label texts with a trained student: a file or standard input, whatever its size, in order.

Reads models/<arm>/ or another student's folder; writes one answer per text. Run:
`labelmint predict --input tickets.csv --column body --output labelled.jsonl`, or in a pipe:
`zcat reviews.gz | labelmint predict --format text | sort | uniq -c`.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from labelmint.core import paths
from labelmint.core.errors import DataError, ModelError
from labelmint.core.lock import LOCK, is_other_student, outputs, read_file, read_lock, stages_of
from labelmint.core.params import PARAMS_PATH, load_params
from labelmint.core.progress import progress
from labelmint.core.records import read_json
from labelmint.predict.answers import FORMATS, Answers, Format, answers_file
from labelmint.predict.fallback import WithFallback, folder_of
from labelmint.predict.items import Item, read_items, windows
from labelmint.students.base import Classifier, Setting
from labelmint.students.loading import load_student
from labelmint.students.saving import read_inputs
from labelmint.tasks.cards import Excerpt, load_card
from labelmint.tasks.lines import STANDARD_INPUT
from labelmint.tasks.tables import TEXT, Kind, OpenTable, Row, kind_of, known_kind, open_table, unpacked

_PAIR = "text_pair"  # the column of second texts
_FIRST_WINDOW = 64
# More would save little padding, and show progress less often: a language model takes a minute for these.
_WINDOW = 1024
_BUDGET = 0.2
_JSON_ROW = re.compile(r'\s*(\[\s*)?\{\s*"')


@dataclass(frozen=True)
class Request:
    """What to label and where to write it; "-" is standard input or output.

    Without an `arm`, the student of the last run's headline answers. A folder `model` takes the place of
    models/<arm>, and so does the arm of the student `with_student`; `kind` (of the input) and `form` (of the
    output) go by the file's name unless given. Texts whose label is less probable than `min_confidence` get
    none. `fallback` names the student that answers the texts that the other is least sure of: those below
    `min_confidence`, and of each window at most the share `budget`, which is 0.2 if neither is given.
    """

    arm: str | None = None
    model: Path | None = None
    input: str = "-"
    output: str = "-"
    kind: Kind | None = None
    form: Format | None = None
    column: str = "text"
    pair_column: str | None = None
    with_student: str | None = None
    min_confidence: float = 0.0
    fallback: str | None = None
    budget: float | None = None


def predict_with(**options: Any) -> None:
    """Label texts as the options of `labelmint predict` say."""
    predict(Request(**options))


def predict(request: Request) -> None:
    """Label the input's texts."""
    if request.budget is not None and request.fallback is None:
        raise DataError("--budget: nobody to pass texts on to; add --fallback llm or llm_probe")
    folder = _folder(request)
    pairs, excerpt = read_inputs(folder)
    output = None if request.output == "-" else Path(request.output)
    with opened(request.input) as stream:
        if output and output.is_file() and os.path.samestat(output.stat(), os.fstat(stream.fileno())):
            raise DataError(f"--output: {output} is the input; name another file")
        items = _items(stream, request, pairs)
        # On a terminal each line is answered at once.
        parts = windows(items, 1, 1) if stream.isatty() else windows(items, _FIRST_WINDOW, _WINDOW)
        # A wrong column is an error before the student is opened.
        parts = chain([next(parts, [])], parts)
        form = request.form or _form(output)
        student = _open(request, folder)
        try:
            _label(student, parts, stream, output, form, request.min_confidence, excerpt)
        finally:
            student.close()


def _form(output: Path | None) -> Format:
    """Return the format of the answers by the file's name; raise `DataError` if it means another one."""
    name = output.name if output else ""
    kind, packed = kind_of(name)
    form = FORMATS.get(Path(name).suffix.lower(), "jsonl")
    if packed or kind not in (None, form):
        raise DataError(
            f"--output: {output}: answers are .jsonl, .csv or .txt files; name it so, or say --format"
        )
    return form


def _items(stream: IO[bytes], request: Request, pairs: bool | None) -> Iterator[Item]:
    """Read what the student labels; it isn't known whether another program's labels `pairs`."""
    kind, packed = kind_of(request.input)
    if request.kind:
        kind = request.kind
    elif not Path(request.input).suffix:  # also standard input, and pipes
        kind = "text"
    elif kind is None:
        known_kind(request.input, "; or say what it is: --input-format")
    kind = kind or "text"
    if kind == "text" and request.column != TEXT:
        raise DataError(f"--column {request.column}: lines of text have no columns; add --input-format csv")
    named = request.pair_column is not None
    if named and pairs is False:
        raise DataError("--pair-column: the student labels single texts, not pairs; leave the option out")
    if kind == "text" and (pairs or named):
        raise DataError("--input: the student labels pairs of texts; name a table with two columns of texts")
    pair_column = None if pairs is False else request.pair_column or _PAIR
    column = TEXT if kind == "text" else request.column
    origin = STANDARD_INPUT if request.input == "-" else request.input
    wanted = list(dict.fromkeys([column, *([pair_column] if pair_column else []), "id"]))
    table = open_table(unpacked(stream, packed), origin, kind, wanted)
    if kind == "text" and request.kind is None:
        table = replace(table, rows=_plain_lines(table))
    return read_items(table, column, pair_column, required=bool(pairs or named))


def _plain_lines(table: OpenTable) -> Iterator[tuple[int, Row]]:
    """Yield the lines of a text; raise `DataError` if the first is a row of JSON, or names columns."""
    for number, row in table.rows:
        if number == 1:
            _check_first_line(table, row[TEXT])
        yield number, row


def _check_first_line(table: OpenTable, line: str) -> None:
    if _JSON_ROW.match(line):
        raise table.error(1, "JSON, not a text; add --input-format jsonl (or text, if it is one)")
    for kind, separator in (("csv", ","), ("tsv", "\t")):
        names = {name.strip('"').lower() for name in line.split(separator)}
        if len(names) > 1 and names & {TEXT, "id"}:
            raise table.error(1, f"names of columns; add --input-format {kind} (or text, if it is one)")


def _folder(request: Request) -> Path:
    if request.with_student is not None:
        return folder_of(request.with_student, load_params(), "--with")
    if request.model is not None:
        if not request.model.is_dir():
            raise ModelError(f"--model: no folder {request.model}")
        return request.model
    return trained_model(headline_arm() if request.arm is None else request.arm)


def _open(request: Request, folder: Path) -> Classifier:
    recorded = outputs(read_lock(read_file, stages_of([folder.name]))) if request.model is None else {}
    if is_other_student(folder, recorded):
        note = f"{folder} is not what {LOCK} records, as after a `git switch`; `dvc checkout` restores that"
        print(f"predict: note: {note}", file=sys.stderr)
    if request.fallback is None:
        return load_student(folder, _setting())
    # Missing, it is an error before the first student takes seconds to open.
    fallback = folder_of(request.fallback, load_params(), "--fallback")
    if fallback == folder:
        raise ModelError(f"--fallback: {fallback} is the student itself; name another")
    budget, min_confidence = request.budget, request.min_confidence or math.inf
    if budget is None:
        budget = 1.0 if request.min_confidence else _BUDGET
    student = load_student(folder, _setting())
    return WithFallback(student, load_student(fallback, _setting()), budget, min_confidence)


def headline_arm() -> str:
    """Return the arm of the last run's headline; raise `ModelError` if nothing was scored."""
    path = paths.EVALUATION
    arm = (read_json(path) or {}).get("main_arm")
    if not isinstance(arm, str):
        raise ModelError(
            f"{path}: no run was scored here; run `dvc repro` in the project's folder, or name an arm: "
            "--arm NAME"
        )
    return arm


def trained_model(arm: str) -> Path:
    """Return the folder of an arm's student; raise `ModelError` naming those that there are."""
    if not arm:
        raise ModelError("--arm: the name is empty, as of a shell variable that isn't set; name an arm")
    folder = paths.model(arm)
    if folder.is_dir():
        if PARAMS_PATH.is_file() and arm not in load_params().arms:
            raise ModelError(
                f"params.yaml: arms: no arm {arm!r}: {folder} is of an earlier run; --model {folder} uses it"
            )
        return folder
    trained = sorted(file.parent.name for file in folder.parent.glob("*/student.json"))
    others = f", or name one of {', '.join(trained)}" if trained else ""
    raise ModelError(f"{folder}: no trained student; run `dvc repro` in the project's folder{others}")


def _setting() -> Setting | None:
    """Return the project's settings, which students with a language model need; None outside a project."""
    if not PARAMS_PATH.is_file():
        return None
    params = load_params()
    return Setting(params, load_card(params.task))


def _label(
    student: Classifier,
    parts: Iterator[list[Item]],
    stream: IO[bytes],
    output: Path | None,
    form: Format,
    min_confidence: float,
    excerpt: Excerpt | None,
) -> None:
    """Label the windows of a stream one after another."""
    size = _size_of(stream)
    with answers_file(output) as sink, _bar(output) as bar:
        answers = Answers(sink, form, student.label_names, min_confidence)
        for part in parts:
            texts = [item for item in part if not item.blank]
            inputs = [item.input(excerpt) for item in texts]
            probabilities = iter(student.predict_proba(inputs) if inputs else ())
            names = _answered_by(student, part)
            for item, name in zip(part, names, strict=True):
                answers.write(item, None if item.blank else next(probabilities), name)
            sink.flush()
            bar.update(len(part))
            if size:
                bar.total = max(bar.n, round(bar.n * size / max(1, stream.tell())))
        bar.total = bar.n  # until here an estimate
        bar.refresh()
    for note in _notes(answers):
        print(f"predict: {note}", file=sys.stderr)


def _answered_by(student: Classifier, part: Sequence[Item]) -> list[str | None]:
    """Return for each item of the last window which of two students answered; "" of blank items."""
    if not isinstance(student, WithFallback):
        return [None] * len(part)
    passed_on = iter(student.passed_on.tolist())
    return ["" if item.blank else "fallback" if next(passed_on) else "student" for item in part]


def _notes(answers: Answers) -> Iterator[str]:
    """Yield what is said at the end."""
    if answers.answered:
        texts = answers.answered["student"] + answers.answered["fallback"]
        yield f"the fallback answered {answers.answered['fallback']} of {texts} texts"
    if answers.blank:
        yield f"{answers.blank} empty {'text has' if answers.blank == 1 else 'texts have'} no label"
    if answers.min_confidence:
        below = f"none has a probability of {answers.min_confidence:g} or more"
        have = "text has" if answers.unsure == 1 else "texts have"
        yield f"{answers.unsure} {have} no label, because {below}"


@contextlib.contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open the input."""
    if name == "-":
        if sys.stdin.isatty():
            print("predict: one text per line; Ctrl-D ends", file=sys.stderr)
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below; errors of the body are not caught here
    except FileNotFoundError:
        raise DataError(f"--input: no file {name}") from None
    except IsADirectoryError:
        raise DataError(f"--input: {name} is a folder; name a file in it") from None
    with file:
        yield file


def _size_of(stream: IO[bytes]) -> int:
    """Return the bytes of a regular file, from which the rows to come are estimated; 0 of a pipe."""
    status = os.fstat(stream.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _bar(output: Path | None) -> tqdm[Any]:
    """Return a progress bar; a silent one where it would stand among the answers."""
    if output is None and sys.stdout.isatty():
        return tqdm(disable=True)
    return progress(0, "predict", "texts")
