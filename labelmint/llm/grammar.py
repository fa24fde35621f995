"""Grammars: read from a file, and followed by each text token by token.

llama.cpp keeps a grammar's state and says which tokens it allows. The stop text comes on top: a text may
stop where the grammar may end, and nowhere else, so that every finished text is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from labelmint.core import paths
from labelmint.core.errors import ModelError, ParamsError

Mask = npt.NDArray[np.bool_]
Tokens = npt.NDArray[np.int64]


class GrammarState(Protocol):
    """Where a text stands in a grammar; `Llama.grammar` begins one."""

    def allowed(self, tokens: Tokens) -> Mask:
        """Return for each token whether it may come next; for an end token whether the grammar may end."""

    def accept(self, token: int) -> None:
        """Go on by an allowed token."""

    def copy(self) -> GrammarState:
        """Return the same state, to go on by itself."""


@dataclass(frozen=True)
class Marks:
    """What the tokens of a vocabulary mean beside a grammar.

    Attributes
    ----------
    ends : int, shape (end tokens,)
        Tokens that end the answer.
    stops : bool, shape (vocabulary,)
        Tokens that begin with the stop text.
    barred : bool, shape (vocabulary,)
        Tokens that have the stop text in them, and control tokens: a grammar would read those as text.
    """

    ends: Tokens
    stops: Mask
    barred: Mask

    @classmethod
    def of(cls, pieces: list[bytes], ends: list[int], stop: bytes) -> Marks:
        """Mark a vocabulary of these pieces."""
        barred = np.array([not piece or (bool(stop) and stop in piece) for piece in pieces])
        barred[ends] = False
        stops = np.array([bool(stop) and piece.startswith(stop) for piece in pieces])
        return cls(np.array(ends, np.int64), stops, barred)


class GrammarConstraint:
    """What one text may go on with: a grammar's state and the stop text.

    A stop text of several tokens is not foreseen: it still ends the text, wherever the grammar stands.
    """

    def __init__(self, state: GrammarState, marks: Marks) -> None:
        self.state, self.marks = state, marks

    def allowed(self, tokens: Tokens) -> Mask:
        """Return for each token whether it may come next."""
        mask = self.state.allowed(tokens) & ~self.marks.barred[tokens]
        stops = self.marks.stops[tokens]
        return mask | stops if stops.any() and len(self.ends()) else mask

    def ends(self) -> Tokens:
        """Return the tokens that end the text here; none if the grammar may not end."""
        return self.marks.ends[self.state.allowed(self.marks.ends)]

    def accept(self, token: int) -> None:
        """Go on by a drawn token that ends nothing."""
        self.state.accept(token)

    def copy(self) -> GrammarConstraint:
        """Return the same constraint, to go on by itself."""
        return GrammarConstraint(self.state.copy(), self.marks)


def load_grammar(file: str, key: str) -> str:
    """Return the GBNF of a grammar file (.gbnf, or .json with a JSON schema); empty for no file.

    Raises `ParamsError`, naming params.yaml and `key`, if there is no such file or it can't be used.
    """
    if not file:
        return ""
    path = Path(file)
    if paths.GRAMMARS not in path.parents:  # DVC sees a change of the file there alone
        raise ParamsError(f"params.yaml: {key}: {file} must lie in {paths.GRAMMARS}, which dvc.yaml watches")
    if path.suffix not in (".gbnf", ".json"):
        raise ParamsError(f"params.yaml: {key}: {file} must be a .gbnf file or a JSON schema in a .json file")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParamsError(f"params.yaml: {key}: no file {file}; correct the path, or set it to ''") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"params.yaml: {key}: can't read {file}: {error}") from None
    if not text.strip():
        raise ParamsError(f"params.yaml: {key}: {file} is empty")
    if path.suffix == ".gbnf":
        return text
    try:
        return grammar_of_schema(text)
    except ModelError as error:
        raise ParamsError(f"params.yaml: {key}: {file}: {error}") from None


def grammar_of_schema(schema: str) -> str:
    """Return the GBNF of a JSON schema; raise `ModelError` if it is none."""
    from llama_cpp.llama_grammar import json_schema_to_gbnf  # takes a second: only when it is needed

    try:
        return str(json_schema_to_gbnf(schema))
    # The converter has no error of its own: a wrong schema fails wherever it is first used.
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError) as error:
        raise ModelError(f"not a JSON schema that llama.cpp knows: {error or type(error).__name__}") from None
