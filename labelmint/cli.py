"""The command line, `labelmint COMMAND`: each command calls a function of the library with its options.

It is imported when the command runs: PyTorch and llama.cpp take seconds, and `--help` needs neither.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import get_args

from labelmint.core.errors import add_debug_flag, one_line_errors
from labelmint.predict.answers import Format
from labelmint.tasks.tables import Kind

FUNCTIONS = {
    "preview": "labelmint.generation.preview:preview",
    "check": "labelmint.advise.check:check",
    "tune": "labelmint.tune.command:tune",
    "next": "labelmint.advise.next:write_next",
    "predict": "labelmint.predict.command:predict_with",
    "export": "labelmint.export.command:export",
    "verdict": "labelmint.report.verdict:print_verdict",
    "compare": "labelmint.compare.command:print_comparison",
    "cache": "labelmint.core.cache:show_or_clear",
    "models": "labelmint.llm.catalog.pinning:list_or_pin",
}
_WITH_PARAMS = ("preview", "check", "tune", "next")  # they take params.yaml first


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error the user can mend is one line and exit status 1."""
    options = vars(parser().parse_args(arguments))
    command, debug = options.pop("command"), options.pop("debug")
    # Unlike a stage, most of these commands keep nothing to resume from.
    stopped = {"stopped": "stopped"} if command != "tune" else {}
    with one_line_errors(f"labelmint {command}", debug=debug, **stopped):
        run = resolve_name(FUNCTIONS[command])
        if command in _WITH_PARAMS:
            from labelmint.core.params import load_params

            options["params"] = load_params()
        run(**options)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="labelmint",
        description="Train text classifiers on synthetic data, and measure what the data is worth. "
        "`dvc repro` runs the pipeline; these commands show and use its results, in the project's folder.",
    )
    add_debug_flag(whole)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add(commands, "preview", "show a prompt and five texts per label; takes about a minute")
    _add(commands, "check", "look at the data and forecast what a run will bring and take")
    _add_tune(commands)
    _add_next(commands)
    _add_predict(commands)
    _add_export(commands)
    _add(commands, "verdict", "print the scores and what the synthetic rows are worth")
    _add_compare(commands)
    _add_cache(commands)
    _add_models(commands)
    return whole


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str
) -> argparse.ArgumentParser:
    """Add a command; `--debug` may stand before or after its name."""
    command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    command.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
    return command


def _add_tune(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(commands, "tune", "try prompt settings in small batches, and say which is best")
    help_text = "how many texts to write in all (960, about twelve minutes on two cores)"
    command.add_argument("--candidates", type=_positive, default=960, metavar="N", help=help_text)


def _add_next(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    add = _add(commands, "next", "choose unlabelled texts that are worth a label").add_argument
    add("--rows", type=_positive, default=50, metavar="N", help="how many (50)")
    default = Path("data/raw/next.csv")
    add("--out", type=Path, default=default, metavar="FILE", help=f"a new CSV file ({default})")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(commands, "predict", "label texts with a trained student, in their order")
    add, which = command.add_argument, command.add_mutually_exclusive_group().add_argument
    llm = ("llm", "llm_probe")
    which("--arm", help="whose student: one of params.yaml's `arms`; by default the main arm")
    which("--model", type=Path, metavar="FOLDER", help="a student's folder, such as an exported one")
    which("--with", dest="with_student", choices=llm, help="the language model alone answers")
    add("--input", default="-", metavar="FILE", help="- is standard input (the default)")
    add("--output", default="-", metavar="FILE", help="- is standard output (the default)")
    add(
        "--input-format",
        dest="kind",
        choices=get_args(Kind),
        help="by the name of the file, otherwise text lines",
    )
    add("--format", dest="form", choices=get_args(Format), help="of the output: by its name, otherwise jsonl")
    add("--column", default="text", metavar="NAME", help="column or field of the text (text)")
    add("--pair-column", metavar="NAME", help="of a pair's second text (text_pair)")
    add("--min-confidence", type=_share, default=0.0, metavar="P", help="no label for less probable answers")
    add("--fallback", choices=llm, help="it answers the texts that the student is least sure of")
    budget = "largest share of each window (up to 1,024 texts) for it (0.2; with --min-confidence 1)"
    add("--budget", type=_share, metavar="SHARE", help=budget)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "write the synthetic rows and a classifier, each with its card, to a folder"
    add = _add(commands, "export", summary).add_argument
    add("--arm", help="whose classifier to export; by default that of the main arm")
    add("--out", type=Path, metavar="FOLDER", help="a new folder; exported/<task> by default")
    add("--onnx", action="store_true", help="add ONNX models of 32 and 8 bits, which need no PyTorch")


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "put two commits, experiments or the workspace side by side"
    add = _add(commands, "compare", summary).add_argument
    add("base", metavar="BASE", help="a commit, branch, tag or experiment")
    add(
        "head",
        metavar="HEAD",
        nargs="?",
        default="workspace",
        help="another; by default the files as they are",
    )
    add("--format", dest="form", choices=("text", "markdown"), default="text", help="text, or markdown")


def _add_cache(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(commands, "cache", "show what the cache holds, or clear it")
    clear = command.add_subparsers(dest="action", metavar="clear").add_parser("clear", help="delete entries")
    clear.add_argument("kind", nargs="?", metavar="KIND", help="only of this kind; all kinds by default")


def _add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(commands, "models", "list the models of data/models.yaml, or record a hash there")
    actions = command.add_subparsers(dest="action", required=True, metavar="list|pin")
    actions.add_parser("list", help="print a table of the models")
    pin = actions.add_parser("pin", help="record the SHA-256 of a model's file, fetched if need be")
    pin.add_argument("name", help="a name in data/models.yaml")
    pin.add_argument("--replace", action="store_true", help="replace another recorded hash")


if __name__ == "__main__":
    main()
