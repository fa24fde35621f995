"""params.yaml as frozen, validated objects; the file is the only place where defaults live."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from labelmint.core.config import Section, check, read_yaml

PARAMS_PATH = Path("params.yaml")

# The prompt methods of stages/generate/methods.
METHODS = ("zero_shot", "one_shot", "few_shot", "zero_shot_topic", "attributes", "persona", "template")

# What stages/filter/tags.py looks for.
Tag = Literal["email", "phone", "url", "handle", "ip_address", "card_number", "toxic"]
TAGS: tuple[Tag, ...] = get_args(Tag)

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
# llama.cpp reads seeds as 32-bit numbers, and NumPy refuses negative ones.
Seed = Annotated[int, Field(ge=0, lt=2**32 - 1)]


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) != len(seeds):
        raise ValueError("the seeds must differ")
    return seeds


Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(_distinct)]


class LlmServer(Section):
    """`llm.server`: an OpenAI-compatible server that writes and reads in the place of llama.cpp."""

    url: str
    model: str
    kind: Literal["base", "chat"]
    concurrency: Annotated[int, Field(ge=1, le=1024)]
    retries: Count
    timeout_seconds: Annotated[float, Field(gt=0)]

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
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


class Llm(Section):
    """`llm`: the model that writes and reads, and how it runs."""

    backend: Literal["llama_cpp", "server"]
    model: str
    context_tokens: Annotated[int, Field(ge=256)]
    slots: Annotated[int, Field(ge=1, le=255)]
    threads: Count
    gpu_layers: Annotated[int, Field(ge=-1)]
    server: LlmServer


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
    method: str | dict[str, Share]
    candidates: Positive
    demonstrations: Count
    demonstration_labels: Literal["same", "all"]
    order: Literal["label_first", "text_first"]
    pairs: Literal["second", "both"]
    ideas: Positive
    samples_per_prompt: Positive
    prompts_per_wave: Positive
    max_new_tokens: Count
    temperature: Annotated[float, Field(gt=0)]
    top_k: Count
    top_p: Annotated[float, Field(gt=0, le=1)]
    min_p: Annotated[float, Field(ge=0, lt=1)]
    repetition_penalty: Annotated[float, Field(ge=1)]
    contrast: Annotated[float, Field(ge=0)]
    grammar: str

    @field_validator("method")
    @classmethod
    def _known(cls, method: str | dict[str, float]) -> str | dict[str, float]:
        for name in [method] if isinstance(method, str) else method:
            if name not in METHODS and not (name == "auto" and isinstance(method, str)):
                raise ValueError(f"no method {name!r}; there are {', '.join(METHODS)}, and auto")
        if not isinstance(method, str) and sum(method.values()) <= 0:
            raise ValueError("a mixture needs a share above 0; e.g. {few_shot: 0.7, persona: 0.3}")
        return method

    @model_validator(mode="after")
    def _order(self) -> Generate:
        if self.order == "text_first" and self.method not in ("auto", "few_shot", "one_shot"):
            raise ValueError(
                "order: text_first shows labelled rows, so it goes with method few_shot or one_shot"
            )
        return self


class TopUp(Section):
    """`top_up`: the budget of the rounds that go on until `filter.rows_per_label` are accepted."""

    max_candidates: Positive
    max_rounds: Count


class Verify(Section):
    """`filter.verify`: the label check by the LLM."""

    action: Literal["drop", "relabel", "soft", "none"]
    judge: Literal["llm", "both"]
    demonstrations: Count
    draws: Positive
    min_margin: Annotated[float, Field(ge=0)]


class Rules(Section):
    """`filter.rules`: the switches, in the order in which the rules are applied."""

    no_label: bool
    empty: bool
    cut_off: bool
    garbled: bool
    prompt_echo: bool
    label_leak: bool
    answer_leak: bool
    markup: bool
    too_short: bool
    too_long: bool
    foreign_script: bool
    language: bool
    repetitive: bool
    exact_duplicate: bool
    near_duplicate: bool
    semantic_duplicate: bool
    demonstration_copy: bool
    real_copy: bool
    test_leak: bool
    tagged: bool
    label_issue: bool
    outlier: bool
    profile: bool


class Filter(Section):
    """`filter`: switches and thresholds of the rules; similarities are from 0 to 1."""

    seed: Seed
    rows_per_label: Count
    rules: Rules
    min_words: Positive
    max_words: Count
    language_probability: Annotated[float, Field(ge=0, lt=1)]
    near_duplicate_similarity: Share
    copy_similarity: Share
    leak_similarity: Share
    edited_duplicate_similarity: Share
    edited_copy_similarity: Share
    edited_leak_similarity: Share
    semantic_duplicate_similarity: Share
    semantic_leak_similarity: Share
    reject_tags: list[Tag]
    label_quality: Share
    outlier_quantile: Share
    profiles: Annotated[list[Literal["easy", "ambiguous", "hard"]], Field(min_length=1)]
    select: Literal["random", "diverse"]
    curve: Annotated[list[Positive], Field(min_length=2, max_length=2)]
    verify: Verify

    @model_validator(mode="after")
    def _labels(self) -> Filter:
        if not self.rules.no_label and self.verify.action in ("drop", "none"):
            raise ValueError(
                "rules.no_label: false lets rows without a label through, and only verify.action: relabel "
                f"gives them one, not {self.verify.action}"
            )
        return self

    @model_validator(mode="after")
    def _words(self) -> Filter:
        if self.max_words and self.min_words > self.max_words:
            raise ValueError("min_words is greater than max_words")
        return self

    @field_validator("curve")
    @classmethod
    def _ascending(cls, curve: list[int]) -> list[int]:
        if curve[0] >= curve[1]:
            raise ValueError("it must rise; e.g. [300, 1000]")
        return curve


def is_point(arm: str) -> bool:
    """Return whether an arm is a point of a learning curve, by real or by synthetic rows."""
    return re.fullmatch(r"(real|mixed|synthetic)_\d+", arm) is not None


class Train(Section):
    """`train`: the encoder and the two recipes."""

    encoder: str
    recipe: Literal["auto", "linear_head", "fine_tune"]
    seeds: Seeds
    curve_seeds: Positive
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

    def seeds_of(self, arm: str) -> list[int]:
        """Return the seeds of an arm: the first `curve_seeds` for a point of a curve, named <arm>_<n>."""
        return self.seeds[: self.curve_seeds] if is_point(arm) else self.seeds

    @model_validator(mode="after")
    def _steps(self) -> Train:
        if self.min_steps > self.max_steps:
            raise ValueError("min_steps is greater than max_steps")
        return self


class Baselines(Section):
    """`baselines`: what labels the test inputs without any synthetic row."""

    seed: Seed
    names: list[Literal["llm", "tfidf", "linear_head", "majority"]]
    draws: Positive
    draw_rows: Count


class Describe(Section):
    """`describe`: the samples on which real and synthetic texts are compared."""

    seed: Seed
    subsamples: Positive
    texts: Annotated[int, Field(ge=2)]
    words: Count


class Evaluate(Section):
    """`evaluate`: the intervals."""

    seed: Seed
    bootstrap_samples: Annotated[int, Field(ge=100)]


class Report(Section):
    """`report`: how much the page shows."""

    rows: Count
    hardest: Count


class Params(Section):
    """The whole of params.yaml."""

    task: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    label_shares: Literal["balanced", "real"] | dict[str, Share]
    real: Real
    prepare: Prepare
    arms: Annotated[list[str], Field(min_length=1)]
    llm: Llm
    generate: Generate
    top_up: TopUp
    filter: Filter
    train: Train
    baselines: Baselines
    describe: Describe
    evaluate: Evaluate
    report: Report

    @model_validator(mode="after")
    def _arms(self) -> Params:
        known = ["real", "synthetic", "mixed", *(f"real_{rows}" for rows in self.real.curve)]
        known += [f"{kind}_{rows}" for kind in ("mixed", "synthetic") for rows in self.filter.curve]
        for arm in self.arms:
            if arm not in known:
                raise ValueError(f"arms: unknown arm {arm!r}; known: {', '.join(known)}")
            if self.real.rows == 0 and (arm == "real" or arm.startswith("mixed")):
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
