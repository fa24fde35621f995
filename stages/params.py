"""params.yaml as frozen, validated objects; the file is the only place where defaults live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from stages.config import Section, check, read_yaml

PARAMS_PATH = Path("params.yaml")

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
# llama.cpp reads seeds as 32-bit numbers, and NumPy refuses negative ones.
Seed = Annotated[int, Field(ge=0, lt=2**32 - 1)]


class Llm(Section):
    """`llm`: the model that writes and reads, and how it runs."""

    model: str
    context_tokens: Annotated[int, Field(ge=256)]
    slots: Annotated[int, Field(ge=1, le=255)]
    threads: Count
    gpu_layers: Annotated[int, Field(ge=-1)]


class Real(Section):
    """`real`: how many labelled rows there are, and the points of the real learning curve."""

    rows: Count
    curve: Annotated[list[Positive], Field(min_length=3, max_length=3)]

    @model_validator(mode="after")
    def _ascending(self) -> Real:
        if sorted({self.rows, *self.curve}) != [self.rows, *self.curve]:
            raise ValueError("curve must rise, from more rows than real.rows; e.g. [300, 1000, 3000]")
        return self


class Prepare(Section):
    """`prepare`: the split."""

    seed: Seed
    test_rows: Count


class Generate(Section):
    """`generate`: how many texts, from which prompts, sampled how."""

    seed: Seed
    candidates: Positive
    demonstrations: Positive
    samples_per_prompt: Positive
    prompts_per_wave: Positive
    max_new_tokens: Positive
    temperature: Annotated[float, Field(gt=0)]
    top_k: Count
    top_p: Annotated[float, Field(gt=0, le=1)]
    min_p: Annotated[float, Field(ge=0, lt=1)]


class Verify(Section):
    """`filter.verify`: the label check by the LLM."""

    action: Literal["drop", "relabel", "none"]
    demonstrations_per_label: Positive
    min_margin: Annotated[float, Field(ge=0)]


class Filter(Section):
    """`filter`: thresholds of the rules; similarities are Jaccard, from 0 to 1."""

    seed: Seed
    rows_per_label: Count
    min_words: Positive
    max_words: Positive
    near_duplicate_similarity: Share
    copy_similarity: Share
    leak_similarity: Share
    verify: Verify

    @model_validator(mode="after")
    def _words(self) -> Filter:
        if self.min_words > self.max_words:
            raise ValueError("min_words is greater than max_words")
        return self


class Train(Section):
    """`train`: the encoder and the two recipes."""

    encoder: str
    recipe: Literal["auto", "linear_head", "fine_tune"]
    seeds: Annotated[list[Seed], Field(min_length=1)]
    validation_share: Annotated[float, Field(gt=0, lt=1)]
    max_validation_rows: Positive
    epochs: Positive
    min_steps: Count
    max_steps: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    batch_rows: Positive
    max_tokens: Annotated[int, Field(ge=8)]
    freeze_embeddings: bool
    precision: Literal["auto", "fp32", "bf16"]

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("the seeds must differ")
        return seeds

    @model_validator(mode="after")
    def _steps(self) -> Train:
        if self.min_steps > self.max_steps:
            raise ValueError("min_steps is greater than max_steps")
        return self


class Evaluate(Section):
    """`evaluate`: the intervals."""

    seed: Seed
    bootstrap_samples: Annotated[int, Field(ge=100)]


class Params(Section):
    """The whole of params.yaml."""

    task: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    real: Real
    prepare: Prepare
    arms: Annotated[list[str], Field(min_length=1)]
    llm: Llm
    generate: Generate
    filter: Filter
    train: Train
    evaluate: Evaluate

    @model_validator(mode="after")
    def _arms(self) -> Params:
        known = ["real", "synthetic", "mixed", *(f"real_{rows}" for rows in self.real.curve)]
        for arm in self.arms:
            if arm not in known:
                raise ValueError(f"arms: unknown arm {arm!r}; known: {', '.join(known)}")
            if self.real.rows == 0 and arm in ("real", "mixed"):
                raise ValueError(
                    f"arms: {arm} needs real rows, and real.rows is 0; say "
                    "arms: [synthetic], or raise real.rows"
                )
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("arms: an arm is named twice")
        return self


def load_params(path: Path = PARAMS_PATH) -> Params:
    """Read and check params.yaml; raise `ParamsError` naming file, key and remedy."""
    return check(Params, read_yaml(path), path)
