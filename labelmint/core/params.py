"""params.yaml as frozen, validated objects; the file is the only place where defaults live."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from labelmint.core.config import Section, check, read_yaml
from labelmint.core.values import (
    Balance,
    Count,
    Name,
    Names,
    Positive,
    Rows,
    Seed,
    Seeds,
    Share,
    Shares,
    Url,
)

PARAMS_PATH = Path("params.yaml")
# Students that read each text with the language model, or with the encoder; the others need neither.
LLM_STUDENTS = ("llm", "llm_probe")
ENCODER_STUDENTS = ("linear_head", "fine_tune")
SEEDLESS_STUDENTS = ("majority",)  # linear heads and TF-IDF draw their folds by the seed
# A killed run loses a wave, and `generate.candidates` are rounded up to whole ones.
_MOST_WAVE_TEXTS = 10_000


class LlmServer(Section):
    """`llm.server`: an OpenAI-compatible server that writes and reads in the place of llama.cpp."""

    url: Url
    model: str
    kind: Literal["base", "chat"]
    concurrency: Annotated[int, Field(ge=1, le=1024)]
    retries: Count
    timeout_seconds: Annotated[float, Field(gt=0)]


class Llm(Section):
    """`llm`: the model that writes and reads, and how it runs."""

    backend: Literal["llama_cpp", "server"]
    model: str
    context_tokens: Annotated[int, Field(ge=256, lt=2**31)]
    slots: Annotated[int, Field(ge=1, le=255)]
    threads: Annotated[int, Field(ge=0, le=1024)]
    gpu_layers: Annotated[int, Field(ge=-1)]
    server: LlmServer


class Real(Section):
    """`real`: how many labelled rows there are to work with."""

    rows: Count


class Arm(Section):
    """One of `arms`: a training set and the student that learns from it."""

    # Rows of each source; "all": every training row, every kept synthetic row, every unlabelled text that got
    # a label. More real rows than there are come from those held back: points of the real learning curve.
    real: Rows = 0
    synthetic: Rows = 0
    unlabelled: Rows = 0
    # "equal": every row counts the same; "chosen": the weights of the sources, 0 included, are chosen by
    # cross-validation on the arm's real rows; "imp", "dimp": importance weights of the made rows
    # (students/importance.py), at most `max_weight` if it is given.
    weights: Literal["equal", "chosen", "imp", "dimp"] = "equal"
    max_weight: Annotated[float, Field(gt=0)] | None = None
    student: str | None = None  # in labelmint/students/registry.py; None: `train.student`
    # In data/models.yaml; None: `train.encoder`, which labels the texts in any case.
    encoder: str | None = None
    seeds: Positive | None = None  # how many of `train.seeds` it is trained with; None: all

    @model_validator(mode="after")
    def _some_rows(self) -> Arm:
        if not self.real and not self.synthetic and not self.unlabelled:
            raise ValueError("an arm needs rows; e.g. {real: all, synthetic: 300}")
        if self.weights != "equal" and not self.real:
            raise ValueError(f"weights: {self.weights} needs real rows to weigh by; say real: all")
        if self.weights in ("imp", "dimp") and not self.synthetic and not self.unlabelled:
            raise ValueError(
                f"weights: {self.weights} weighs made rows; say synthetic: all, or unlabelled: all"
            )
        if self.max_weight is not None and self.weights not in ("imp", "dimp"):
            raise ValueError("max_weight is for weights: imp and dimp; remove it")
        return self


class Prepare(Section):
    """`prepare`: the split, and how many texts without labels are taken."""

    seed: Seed
    test_rows: Count
    unlabelled_rows: Count


class FactSampling(Section):
    """`generate.facts`: which rows of the card's table prompts take, one each, and in which order."""

    # "uniform": by lot; "balanced": by lot, the values of the card's `facts.balance` in turn; "diversity":
    # each the one that is least like those before it.
    sampling: Literal["uniform", "balanced", "diversity"]
    rows: Count  # that each label uses; 0: all


class Generate(Section):
    """`generate`: how many texts, from which prompts, sampled how."""

    seed: Seed
    method: Shares
    candidates: Positive
    demonstrations: Count
    demonstration_labels: Literal["same", "all"]
    order: Literal["label_first", "text_first"]
    pairs: Literal["second", "both"]
    facts: FactSampling
    samples_per_prompt: Positive
    prompts_per_wave: Positive
    max_new_tokens: Count
    temperature: Annotated[float, Field(gt=0)]
    top_k: Count
    top_p: Annotated[float, Field(gt=0, le=1)]
    min_p: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _wave(self) -> Generate:
        texts = self.samples_per_prompt * self.prompts_per_wave
        if texts > _MOST_WAVE_TEXTS:
            raise ValueError(
                f"samples_per_prompt={self.samples_per_prompt} and prompts_per_wave={self.prompts_per_wave} "
                f"make waves of {texts:,} texts, and {_MOST_WAVE_TEXTS:,} are the most; lower one"
            )
        return self


class TopUp(Section):
    """`top_up`: the budget of the rounds that go on until `filter.rows_per_label` are accepted."""

    max_candidates: Positive
    max_rounds: Count


class Labelling(Section):
    """`labelling`: how texts get label scores, and what the filter does with them."""

    seed: Seed
    action: Literal["drop", "relabel", "none"]
    scorers: Annotated[list[Literal["llm", "probe", "classifier"]], Field(min_length=1)]
    demonstrations: Count
    min_margin: Annotated[float, Field(ge=0)]


class Filter(Section):
    """`filter`: rules that are switched off, and thresholds; similarities are from 0 to 1."""

    seed: Seed
    rows_per_label: Count
    disabled_rules: list[str]
    min_words: Positive
    max_words: Count
    near_duplicate_similarity: Share
    copy_similarity: Share
    leak_similarity: Share
    semantic_similarity: Share
    profile: bool

    @model_validator(mode="after")
    def _words(self) -> Filter:
        if self.max_words and self.min_words > self.max_words:
            raise ValueError(
                f"min_words={self.min_words} is greater than max_words={self.max_words}; swap "
                "them, or say max_words: 0"
            )
        return self


class Train(Section):
    """`train`: the encoder, the default student, and how it is trained."""

    encoder: str
    student: str
    students: Names
    seeds: Seeds
    epochs: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    batch_rows: Annotated[int, Field(ge=1, le=4096)]
    max_tokens: Annotated[int, Field(ge=8)]
    precision: Literal["auto", "fp32", "bf16"]


class Evaluate(Section):
    """`evaluate`: the score of the headline, and the intervals."""

    metric: Literal["auto", "accuracy", "macro_f1"]
    seed: Seed
    bootstrap_samples: Annotated[int, Field(ge=100, le=100_000)]


class Params(Section):
    """The whole of params.yaml."""

    task: Name
    class_balance: Balance
    real: Real
    prepare: Prepare
    arms: Annotated[dict[Name, Arm], Field(min_length=1)]
    llm: Llm
    generate: Generate
    top_up: TopUp
    labelling: Labelling
    filter: Filter
    train: Train
    evaluate: Evaluate

    @model_validator(mode="after")
    def _arms(self) -> Params:
        by_file: dict[str, str] = {}
        for name, arm in self.arms.items():
            other = by_file.setdefault(name.casefold(), name)
            if other != name:
                raise ValueError(
                    f"arms: {other} and {name} differ by case alone, which some file systems "
                    "ignore; rename one"
                )
            if arm.seeds and arm.seeds > len(self.train.seeds):
                raise ValueError(
                    f"arms.{name}.seeds is {arm.seeds}, and train.seeds has {len(self.train.seeds)}; lower "
                    "it, or add seeds there"
                )
            if arm.encoder and self.student_of(name) not in ("auto", *ENCODER_STUDENTS):
                raise ValueError(
                    f"arms.{name}.encoder: the student {self.student_of(name)} uses no encoder; remove it"
                )
            if arm.real == "all" and not self.real.rows:
                raise ValueError(
                    f"arms.{name} needs real rows, and real.rows is 0; say "
                    "arms: {synthetic: {synthetic: all}}, or raise real.rows"
                )
        return self

    @model_validator(mode="after")
    def _labels(self) -> Params:
        if "no_label" in self.filter.disabled_rules and self.labelling.action != "relabel":
            raise ValueError(
                "filter.disabled_rules: without no_label rows without a label pass, and only "
                f"labelling.action: relabel gives them one, not {self.labelling.action}"
            )
        return self

    def student_of(self, arm: str) -> str:
        """Return the name of the arm's student."""
        return self.arms[arm].student or self.train.student

    def trained_as(self, arm: str) -> Params:
        """Return the settings that the arm's student is trained with: `train.encoder` is the arm's."""
        return self.changed({"train.encoder": self.encoder_of(arm)})

    def encoder_of(self, arm: str) -> str:
        """Return the name of the encoder of the arm's student."""
        return self.arms[arm].encoder or self.train.encoder

    def encoders(self) -> dict[str, str]:
        """Return the key that names each encoder, by the encoder's name."""
        keys = {self.train.encoder: "train.encoder"}
        for name, arm in self.arms.items():
            if arm.encoder:
                keys.setdefault(arm.encoder, f"arms.{name}.encoder")
        return keys

    def seeds_of(self, arm: str) -> list[int]:
        """Return the seeds that the arm is trained with."""
        return self.train.seeds[: self.arms[arm].seeds]

    def changed(self, changes: Mapping[str, Any]) -> Params:
        """Return the settings with other values, by dotted keys such as `train.seeds`."""
        content = self.model_dump()
        for key, value in changes.items():
            *sections, last = key.split(".")
            part = content
            for section in sections:
                part = part[section]
            part[last] = value
        return Params.model_validate(content)


def load_params(path: Path = PARAMS_PATH) -> Params:
    """Read and check params.yaml; raise `ParamsError` naming file, key and remedy.

    Names that a registry knows (students, prompt methods, rules) are checked by `labelmint.checks`.
    """
    return check(Params, read_yaml(path), path)
