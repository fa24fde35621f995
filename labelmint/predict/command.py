"""Label texts with a trained classifier: a file or standard input, whatever its size, in order.

Reads models/<arm>/ or the folder of --model; writes one answer per text. Run:
`python -m predict --input tickets.csv --column body --output labelled.jsonl`, or in a pipe:
`zcat reviews.gz | python -m predict --format text | sort | uniq -c`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, get_args

from tqdm import tqdm

from labelmint.core.errors import DataError, add_debug_flag, one_line_errors
from labelmint.core.progress import progress
from labelmint.predict.answers import FORMATS, Answers, Format, answers_file
from labelmint.predict.arms import trained_model
from labelmint.predict.items import KINDS, Item, Kind, Lines, read_items, windows

# A window of 64 batches: sorting more texts by length saves no more padding.
_WINDOW_BATCHES = 64


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m predict", description="Label texts with a trained classifier, in their order."
    )
    add = parser.add_argument
    add("--arm", default="mixed", help="whose classifier: a training set of params.yaml's `arms` (mixed)")
    add("--model", type=Path, metavar="FOLDER", help="a classifier's folder, such as an exported one")
    add("--input", default="-", metavar="FILE", help="- is standard input (the default)")
    add("--output", default="-", metavar="FILE", help="- is standard output (the default)")
    add("--input-format", choices=get_args(Kind), help="by the name of the file, otherwise text lines")
    add("--format", choices=get_args(Format), help="of the output: by the name of the file, otherwise jsonl")
    add("--column", default="text", metavar="NAME", help="column or field of the text (text)")
    add("--pair-column", default="text_pair", metavar="NAME", help="of a pair's second text (text_pair)")
    add("--batch-rows", type=int, default=64, metavar="N", help="texts in a batch (64)")
    add_debug_flag(parser)
    arguments = parser.parse_args()
    if arguments.batch_rows < 1:
        parser.error("--batch-rows must be at least 1")
    return arguments


def main(arguments: argparse.Namespace) -> None:
    """Label the input's texts."""
    folder = arguments.model or trained_model(arguments.arm)
    output = None if arguments.output == "-" else Path(arguments.output)
    with opened(arguments.input) as stream:
        if output and output.is_file() and os.path.samestat(output.stat(), os.fstat(stream.fileno())):
            raise DataError(f"--output: {output} is the input; name another file")
        lines = Lines(stream, "standard input" if arguments.input == "-" else arguments.input)
        kind = arguments.input_format or KINDS.get(Path(arguments.input).suffix.lower(), "text")
        items = read_items(lines, kind, arguments.column, arguments.pair_column)
        rows = arguments.batch_rows
        first = 1 if stream.isatty() else rows
        parts = windows(items, first, 1 if stream.isatty() else rows * _WINDOW_BATCHES)
        # A wrong column is said before the classifier is opened.
        parts = chain([next(parts, [])], parts)
        form = arguments.format or FORMATS.get(output.suffix.lower() if output else "", "jsonl")
        label(folder, rows, parts, lines, size_of(stream), output, form)


def label(
    folder: Path,
    batch_rows: int,
    parts: Iterator[list[Item]],
    lines: Lines,
    size: int,
    output: Path | None,
    form: Format,
) -> None:
    """Label the windows one after another; `size` is the input's in bytes, 0 if unknown."""
    from labelmint.predict.labeller import (
        Labeller,  # torch takes seconds, which `--help` and a wrong file needn't
    )

    labeller = Labeller(folder, batch_rows)
    blanks = 0
    with answers_file(output) as sink, bar(output) as shown:
        answers = Answers(sink, form, labeller.names)
        for part in parts:
            told = [item for item in part if not item.blank]
            found = iter(labeller.probabilities(told) if told else ())
            for item in part:
                answers.write(item, None if item.blank else next(found))
            sink.flush()
            blanks += len(part) - len(told)
            shown.update(len(part))
            if size and lines.bytes:
                shown.total = max(shown.n, round(shown.n * size / lines.bytes))
    if blanks:
        print(f"predict: {blanks} empty texts have no label", file=sys.stderr)


@contextlib.contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open the input."""
    if name == "-":
        if sys.stdin.isatty():
            print("predict: one text per line; Ctrl-D ends", file=sys.stderr)
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below, and errors of the body aren't ours
    except FileNotFoundError:
        raise DataError(f"--input: no file {name}") from None
    except IsADirectoryError:
        raise DataError(f"--input: {name} is a folder; name a file in it") from None
    with file:
        yield file


def size_of(stream: IO[bytes]) -> int:
    """Return the bytes of a regular file, from which the rows to come are estimated; 0 of a pipe."""
    status = os.fstat(stream.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def bar(output: Path | None) -> Any:
    """Return a progress bar; a silent one where it would stand among the answers."""
    if output is None and sys.stdout.isatty():
        return tqdm(disable=True)
    return progress(0, "predict", "texts")


if __name__ == "__main__":
    given = parse()
    with one_line_errors("predict", debug=given.debug):
        try:
            main(given)
        except KeyboardInterrupt:
            # Unlike a stage, it keeps nothing to go on from.
            print("\npredict: stopped", file=sys.stderr)
            raise SystemExit(130) from None
