"""Fill the templates: one self-contained page, and its short form for pull requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from stages.report.formats import FILTERS

_TEMPLATES = "templates"


def page(content: dict[str, Any]) -> str:
    """Return the page; its style and script stand in it, and its policy lets no other script run."""
    loader = PackageLoader("stages.report", _TEMPLATES)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {**FILTERS, "embed": embed}
    style, script = (loader.get_source(environment, name)[0].strip() for name in ("style.css", "script.js"))
    hashed = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode()
    filled = environment.get_template("report.html").render(
        **content, style=Markup(style), script=Markup(script), script_hash=hashed
    )
    return writable(filled)


def summary(content: dict[str, Any]) -> str:
    """Return the short form in Markdown, for a pull request."""
    environment = Environment(
        loader=PackageLoader("stages.report", _TEMPLATES),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {**FILTERS, "plain": plain}
    filled = environment.get_template("report.md").render(**content)
    return writable(re.sub(r"\n{3,}", "\n\n", filled).strip() + "\n")


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


def writable(text: str) -> str:
    """Replace halves of characters, which have no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
