"""The ablation's settings, from ablate/params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from stages.config import Section, check, read_yaml
from stages.params import Positive, Seed, Share

PARAMS = Path("ablate/params.yaml")


class Ablate(Section):
    """`ablate`: how many training sets are drawn, what is scored on, and which rules are judged."""

    seeds: Annotated[list[Seed], Field(min_length=1)]
    draws: Annotated[int, Field(ge=2)]  # one draw has no spread
    scored_rows: Positive
    min_scored_rows: Positive
    min_rows: Positive
    min_share: Share

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("the seeds must differ")
        return seeds


def load_settings() -> Ablate:
    """Read the settings; raise `ParamsError` naming file and key."""
    content = read_yaml(PARAMS)
    return check(Ablate, content.get("ablate") if isinstance(content, dict) else None, PARAMS, "ablate")
