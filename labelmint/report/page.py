"""Fill the templates: one self-contained page, and its short form for pull requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader, Undefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from labelmint.core.records import without_surrogates
from labelmint.report.formats import FILTERS


def page(content: dict[str, Any]) -> str:
    """Return the page; its style and script stand in it, and its policy lets no other script run."""
    environment = _environment(html=True)
    style, script = (_source(environment, name) for name in ("style.css", "script.js"))
    hashed = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
    filled = environment.get_template("report.html").render(
        **content, style=Markup(style), script=Markup(script), script_hash=hashed
    )
    return without_surrogates(filled)


def summary(content: dict[str, Any]) -> str:
    """Return the short form in Markdown, for a pull request."""
    filled = _environment(html=False).get_template("report.md").render(**content)
    return without_surrogates(re.sub(r"\n{3,}", "\n\n", filled).strip() + "\n")


@cache
def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("labelmint.report", "templates"),
        autoescape=html,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: _of_known(function) for name, function in FILTERS.items()}
    environment.filters |= {"embed": embed, "plain": plain}
    return environment


def _of_known(function: Callable[[Any], str]) -> Callable[[Any], str]:
    """Have a filter see None where an older run's metrics lack a key."""
    return lambda value: function(None if isinstance(value, Undefined) else value)


def _source(environment: Environment, name: str) -> str:
    assert environment.loader
    return environment.loader.get_source(environment, name)[0].strip()


def embed(content: Any) -> Markup:
    """Return a value as JSON that can't end the <script> that it stands in."""
    dumps = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = str(htmlsafe_json_dumps(content, dumps=dumps))
    # Line ends to a script, though not to JSON; and halves of characters have no UTF-8.
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Markup(re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text))


def plain(text: Any) -> str:
    """Return a text that stays in its cell of a Markdown table and makes no mark-up."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(str(text).split()))
