"""The one family of errors a user can meet, and the wrapper that turns them into one clear line."""

from __future__ import annotations

import argparse
import atexit
import errno
import io
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from labelmint.core.quoting import printable


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


class _Terminated(KeyboardInterrupt):
    """SIGTERM, by which DVC and batch systems stop a stage: leave by the same door as Ctrl-C."""


DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
_NO_MEMORY = ("can't allocate memory", "out of memory")  # PyTorch's, of the CPU's and of a GPU's
_RESUMES = "stopped; what was finished is kept, run it again to go on"


@contextmanager
def one_line_errors(name: str, *, debug: bool = False, stopped: str = _RESUMES) -> Iterator[None]:
    """Turn expected errors into one line and status 1, Ctrl-C into status 130, and SIGTERM into 143.

    A reader of the output that goes away, such as `head`, ends the command quietly.
    """
    debug = debug or bool(os.environ.get("LABELMINT_DEBUG"))
    _prepare_streams()
    try:
        with _raising_signals():
            yield
            sys.stdout.flush()
    except KeyboardInterrupt as stop:
        _say(f"\n{name}: {stopped}")
        raise SystemExit(
            _STATUS[signal.SIGTERM if isinstance(stop, _Terminated) else signal.SIGINT]
        ) from None
    except BrokenPipeError:
        raise SystemExit(_status_of_broken_pipe()) from None
    except (LabelmintError, OSError, MemoryError, RuntimeError) as error:
        message = _message(error)
        if message is None:
            raise
        if debug:
            traceback.print_exc()
        # A column's name or a file's name may hold a line break.
        _say(f"{name}: error: {' '.join(message.splitlines())}")
        raise SystemExit(1) from None


def of_the_machine(error: BaseException) -> bool:
    """Tell a full disk or memory, which `one_line_errors` explains, from errors of a damaged file."""
    return _disk_is_full(error) or _memory_is_full(error)


def _disk_is_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in DISK_FULL


def _memory_is_full(error: BaseException) -> bool:
    of_torch = isinstance(error, RuntimeError) and any(part in str(error) for part in _NO_MEMORY)
    return of_torch or isinstance(error, MemoryError)


def _message(error: Exception) -> str | None:
    """Return what to say of an error that the user can mend; None of others."""
    if _memory_is_full(error):
        return "not enough memory; close other programs, or choose smaller models in params.yaml"
    if _disk_is_full(error):
        return f"{error}; free some space and run it again"
    return str(error) if isinstance(error, LabelmintError | OSError) else None


def _status_of_broken_pipe() -> int:
    """Return 0 if the reader of standard output went away, 1 if it was that of the notes and errors."""
    poll = select.poll()
    poll.register(1, 0)
    gone = any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
    # Python flushes standard output once more as it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0 if gone else 1


def stop_at_once(name: str) -> None:
    """End with one line at Ctrl-C, SIGTERM or an `OSError` outside `one_line_errors`, as during imports."""

    def explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, OSError) and not os.environ.get("LABELMINT_DEBUG"):
            # Some libraries ask for a folder for temporary files, and write into it, as they are imported.
            _say(f"{name}: error: {error}; is the disk full, or a folder missing?")
        else:
            sys.__excepthook__(kind, error, trace)

    def stop(number: int, _: object) -> None:
        with suppress(OSError):
            os.write(2, f"\n{name}: stopped\n".encode())
        os._exit(_STATUS[signal.Signals(number)])

    sys.excepthook = explain
    for number in _STATUS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    # Python drops its handlers a while before the process ends; then all is done, and nothing to stop.
    atexit.register(_ignore_signals)


def _ignore_signals() -> None:
    for number in _STATUS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _raising_signals() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at Ctrl-C and at SIGTERM, unless they are ignored, as under `nohup … &`."""

    def terminate(*_: object) -> None:
        raise _Terminated

    handlers: dict[signal.Signals, Callable[..., object]]
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: terminate}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _prepare_streams() -> None:
    """Let a terminal that lacks a character show its number, and make up for closed streams."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - open until the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _say(line: str) -> None:
    with suppress(OSError):  # nobody may be listening
        print(printable(line), file=sys.stderr, flush=True)
