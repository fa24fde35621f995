"""The ablation's settings, from ablate/params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from labelmint.core.config import Section, check, read_yaml
from labelmint.core.params import Positive, Seeds, Share

PARAMS = Path("ablate/params.yaml")


class Ablate(Section):
    """`ablate`: how many training sets are drawn, what is scored on, and which rules are judged."""

    seeds: Seeds
    draws: Annotated[int, Field(ge=2)]  # one draw has no spread
    scored_rows: Positive
    min_scored_rows: Positive
    min_rows: Positive
    min_share: Share


def load_settings() -> Ablate:
    """Read the settings; raise `ParamsError` naming file and key."""
    content = read_yaml(PARAMS)
    return check(Ablate, content.get("ablate") if isinstance(content, dict) else None, PARAMS, "ablate")
