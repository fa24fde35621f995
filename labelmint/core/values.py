"""Kinds of values in params.yaml, each with an error that says what is right."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1, le=1_000_000)]
# From 0, any two texts would be alike.
Share = Annotated[float, Field(gt=0, le=1)]
# llama.cpp reads seeds as 32-bit numbers, and NumPy refuses negative ones.
Seed = Annotated[int, Field(ge=0, lt=2**32 - 1)]

_NUMBER = re.compile(r"[0-9][0-9_]*(e-?[0-9_]+)?|0[xob][0-9a-f_]+", re.IGNORECASE)
# Of seven equal shares, written 0.14.
_ROUNDING = 0.03


def _distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError("the entries must differ")
    return values


def _name(name: Any) -> Any:
    """Check that files can be named so, and that DVC and commands take it for nothing else."""
    if isinstance(name, int | float) and not isinstance(name, bool):
        name = str(name)  # in quotes it would be no name either
    if not isinstance(name, str):
        return name
    # DVC takes dots for nested keys, 007 for 7 and 1e5 for 100000.0; a command takes -x for an option.
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", name) or _NUMBER.fullmatch(name):
        raise ValueError(
            "a name has up to 100 letters from a to z, digits, - and _; it doesn't begin with -, and is no "
            f"number; not {name[:110]!r}"
        )
    return name


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an open bracket
        known = False
    if not known or any(char.isspace() for char in url):
        raise ValueError(f"{url!r} is no address of a server; write it like http://127.0.0.1:8080/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password here; put the key into the environment: LABELMINT_API_KEY")
    if parts.query or parts.fragment:
        raise ValueError("it must end with its path; write it like http://127.0.0.1:8080/v1")
    return url


def _rows(value: Any) -> Any:
    if value != "all" and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"say all, or a number of rows, not {value!r}")
    return value


def _shares(value: Any) -> Any:
    """Check shares by name, which sum to 1 but for rounding; the names are checked by those who know them."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError(f"say a name, or shares by name, such as {{a: 0.7, b: 0.3}}, not {value!r}")
    for name, share in value.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(f"{name}: a share is a number from 0 to 1, such as 0.7 for 70 %, not {share!r}")
    total = sum(value.values())
    if not total:
        raise ValueError("no share is above 0; they must sum to 1")
    if abs(total - 1) > _ROUNDING:
        say = ", ".join(f"{name}: {share / total:.3g}" for name, share in value.items())
        raise ValueError(f"the shares sum to {total:.3g}, not to 1; say {{{say}}}")
    return value


def _balance(value: Any) -> Any:
    if not isinstance(value, dict) and value not in ("balanced", "real"):
        raise ValueError(f"say balanced, real, or shares by label name that sum to 1, not {value!r}")
    return value


Name = Annotated[str, BeforeValidator(_name)]
# Each arm is trained once per seed.
Seeds = Annotated[list[Seed], Field(min_length=1, max_length=100), AfterValidator(_distinct)]
Names = Annotated[list[str], Field(min_length=1), AfterValidator(_distinct)]
Rows = Annotated[Literal["all"] | int, BeforeValidator(_rows)]
Shares = Annotated[str | dict[str, float], BeforeValidator(_shares)]
# BeforeValidators run from the last to the first.
Balance = Annotated[str | dict[str, float], BeforeValidator(_shares), BeforeValidator(_balance)]
Url = Annotated[str, AfterValidator(_url)]
