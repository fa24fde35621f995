"""Licences as data/models.yaml and task cards state them, and the hub's names of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Licence:
    """A licence of something that went into a data set or a model."""

    of: str  # what is under it
    name: str  # as the catalogue or the task card states it
    hub: str  # the hub's identifier; "other": it has none
    link: str  # where to read it; "" if not known here
    note: str  # what it asks of those who pass results on; "" if not known here


# By the catalogue's names; others are stated as they stand there.
_KNOWN = {
    "Apache-2.0": ("apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0", ""),
    "MIT": ("mit", "", ""),
    "Gemma Terms of Use": (
        "gemma",
        "https://ai.google.dev/gemma/terms",
        "The terms, and the prohibited use policy that they refer to, also bind what you do with the model's "
        "output; read them before you use or pass on what is here.",
    ),
    "Llama 3.2 Community License": (
        "llama3.2",
        "https://www.llama.com/llama3_2/license/",
        "The name of a model that was trained on the model's output, and is passed on, begins with “Llama”.",
    ),
    UNKNOWN: (UNKNOWN, "", "No licence is stated; find out before you pass on what is here."),
}


def licence(of: str, name: str) -> Licence:
    """Return the licence of this name."""
    return Licence(of, name, *_KNOWN.get(name, ("other", "", "")))


def metadata(licences: Sequence[Licence]) -> dict[str, Any]:
    """Return a card's `license` fields: the one licence of all parts, or `other` with a name."""
    hubs = {item.hub for item in licences}
    if UNKNOWN in hubs:
        return {"license": UNKNOWN}
    names = {item.name for item in licences}
    if len(names) > 1:
        return {"license": "other", "license_name": "several-see-card"}
    (only,) = {item.hub: item for item in licences}.values()
    if only.hub != "other":
        return {"license": only.hub}
    slug = re.sub(r"[^a-z0-9.]+", "-", only.name.lower()).strip("-.")
    return {"license": "other", "license_name": slug if 0 < len(slug) <= 40 else "see-card"}
