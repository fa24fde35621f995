"""The one family of errors a user can meet, and the wrapper that turns them into one clear line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class LabelmintError(Exception):
    """Something the user can mend; the message names the file, the key and the remedy."""


class ParamsError(LabelmintError):
    """params.yaml, a task card or the model catalogue is wrong."""


class DataError(LabelmintError):
    """The rows are not what the task card says, or too few."""


class ModelError(LabelmintError):
    """A model file is missing, altered, or can't do what is asked of it."""


def run_stage(name: str, main: Callable[[], None]) -> None:
    """Run a stage's main; see `run_command`."""
    parser = argparse.ArgumentParser(prog=f"python -m stages.{name}", description=main.__doc__)
    run_command(parser, name, main)


def run_command(parser: argparse.ArgumentParser, name: str, main: Callable[..., None]) -> None:
    """Call `main` with the command line's options; an error is one line on standard error and status 1.

    `--debug`, or LABELMINT_DEBUG=1, shows the traceback too.
    """
    add_debug_flag(parser)
    options = vars(parser.parse_args())
    with one_line_errors(name, debug=options.pop("debug")):
        main(**options)


def add_debug_flag(parser: argparse.ArgumentParser) -> None:
    """Add `--debug`, which every command of the project knows."""
    parser.add_argument("--debug", action="store_true", help="show tracebacks")


@contextmanager
def one_line_errors(name: str, *, debug: bool = False) -> Iterator[None]:
    """Turn expected errors into one line and exit status 1, and Ctrl-C into status 130."""
    debug = debug or bool(os.environ.get("LABELMINT_DEBUG"))
    # DVC stops a stage with SIGTERM; leave by the same door as Ctrl-C so that temporary files go.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        yield
    except KeyboardInterrupt:
        print(f"\n{name}: stopped; what was finished is kept, run it again to go on", file=sys.stderr)
        raise SystemExit(130) from None
    except (LabelmintError, OSError) as error:
        if debug:
            traceback.print_exc()
        # A column's name or a file's name may hold a line break.
        print(f"{name}: error: {' '.join(str(error).splitlines())}", file=sys.stderr)
        raise SystemExit(1) from None
