"""The data card and the model card, in the hub's format: YAML for its search, Markdown for people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jinja2
import yaml
from datasets import DatasetInfo, Features
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData, EvalResult, ModelCard, ModelCardData
from statsmodels.stats.proportion import proportion_confint

from labelmint.core.cache import fingerprint
from labelmint.core.records import dump
from labelmint.export.dataset import JSONL, PARQUET, exported_row
from labelmint.export.facts import Facts
from labelmint.export.licences import Licence, metadata
from labelmint.report.funnel import deciding_scorer

if TYPE_CHECKING:
    from labelmint.export.onnx import OnnxModel

# The hub's size classes: rows below each.
_SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]
_COMMON_SETTINGS = ("task", "real", "prepare")
_DATA_SETTINGS = (*_COMMON_SETTINGS, "class_balance", "llm", "generate", "top_up", "labelling", "filter")
_MODEL_SETTINGS = (*_COMMON_SETTINGS, "train")

_SOURCES = {
    "real": "real rows",
    "synthetic": "texts that a language model wrote",
    "unlabelled": "real texts that a machine labelled",
}


def data_card(facts: Facts, columns: Features) -> str:
    """Return the README.md of the data set."""
    licences = [facts.generator.licence, *([facts.real_licence] if facts.shows_real else [])]
    data = DatasetCardData(
        pretty_name=f"{facts.params.task}, synthetic",
        **metadata(licences),
        task_categories=["text-classification"],
        size_categories=[_size(len(facts.kept))],
        annotations_creators=["machine-generated"],
        language_creators=["machine-generated"],
        tags=["synthetic", "labelmint"],
    )
    # By its rows: from a folder of the same name and with the same configuration, `datasets` loads old rows.
    config = f"rows_{fingerprint({'kept': facts.kept})[:8]}"
    files = [{"split": "train", "path": str(PARQUET)}]
    MetadataConfigs({config: {"data_files": files}}).to_dataset_card_data(data)
    DatasetInfosDict({config: DatasetInfo(features=columns)}).to_dataset_card_data(data)
    text = _render(
        "dataset.md.j2",
        facts,
        licences=licences,
        columns=columns,
        parquet=PARQUET,
        jsonl=JSONL,
        example=dump({name: exported_row(facts.kept[0]).get(name) for name in columns}),
        label_accuracy=_label_accuracy(facts.funnel),
        settings=_settings(facts, _DATA_SETTINGS),
        gain=facts.gain(facts.dataset_arm),
        worth=facts.worth(facts.dataset_arm),
    )
    return str(DatasetCard(f"---\n{data.to_yaml()}\n---\n\n{text}"))


def model_card(facts: Facts, onnx: Sequence[OnnxModel] = (), *, plain: bool = True, prefix: str = "") -> str:
    """Return the README.md of the arm's classifier, with which the `onnx` models lie.

    `plain`: transformers opens it by itself. `prefix` is what the encoder needs before each text.
    """
    arm, licences = facts.params.arms[facts.arm], [facts.encoder.licence]
    licences += [facts.generator.licence] if facts.has_made else []
    licences += [facts.real_licence] if facts.has_real else []
    data = ModelCardData(
        **metadata(licences),
        library_name="transformers" if plain else "onnx",
        pipeline_tag="text-classification",
        tags=["labelmint", *(["synthetic"] if facts.has_made else [])],
        metrics=["accuracy", "f1"] if facts.scores else None,
        model_name=f"{facts.params.task}-{facts.arm}",
        eval_results=_results(facts) or None,
    )
    text = _render(
        "model.md.j2",
        facts,
        onnx=onnx,
        plain=plain,
        prefix=prefix,
        licences=licences,
        settings=_settings(facts, _MODEL_SETTINGS),
        seeds=facts.params.seeds_of(facts.arm),
        sources=[text for source, text in _SOURCES.items() if getattr(arm, source)],
        gain=facts.gain(facts.arm),
        worth=facts.worth(facts.arm),
    )
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}"))


def _results(facts: Facts) -> list[EvalResult]:
    if not facts.scores:
        return []
    scores, task = facts.scores["arms"][facts.arm], facts.params.task
    results = [
        ("accuracy", scores["accuracy"]["mean"], "Accuracy"),
        ("f1", scores["macro_f1"]["mean"], "Macro F1"),
        ("expected_calibration_error", scores["calibration_error"], "Expected calibration error"),
    ]
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type=task,
            dataset_name=f"{task}, {facts.scores['test_rows']} held-out real rows",
            dataset_split="test",
            metric_type=kind,
            metric_value=value,
            metric_name=f"{name}, mean of {len(facts.params.seeds_of(facts.arm))} training seeds",
        )
        for kind, value, name in results
    ]


def _render(template: str, facts: Facts, **more: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("labelmint.export"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # it is Markdown; texts of models stand in code blocks
    )
    filters: dict[str, Any] = {
        "percent": lambda share: f"{100 * share:.1f} %",
        "points": lambda share: f"{100 * share:+.1f}",
        "span": _span,
        "fenced": fenced,
        "cell": cell,
        "licence": licence_line,
    }
    environment.filters.update(filters)
    text = environment.get_template(template).render(
        facts=facts,
        params=facts.params,
        card=facts.card,
        scores=facts.scores,
        names=facts.card.label_names,
        labels=Counter(row["judged_label"] for row in facts.kept),
        methods=Counter(row["method"] for row in facts.kept),
        relabelled=sum(row["label"] != row["judged_label"] for row in facts.kept),
        **more,
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _span(score: Mapping[str, float]) -> str:
    mean, low, high = (100 * score[key] for key in ("mean", "ci_low", "ci_high"))
    return f"{mean:.1f} % ({low:.1f} to {high:.1f})"


def _settings(facts: Facts, sections: Sequence[str]) -> str:
    """Return sections of the settings as YAML, without the address of a server."""
    content = facts.params.model_dump()
    content["llm"]["server"].pop("url")
    if facts.params.llm.backend == "llama_cpp":
        content["llm"].pop("server")
    chosen = {key: content[key] for key in sections}
    if "train" in chosen:
        chosen["arms"] = {facts.arm: content["arms"][facts.arm]}
    return yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True, default_flow_style=None).rstrip()


def _label_accuracy(funnel: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return how often the label scores were right on real rows, with a Wilson interval; None: not known."""
    scoring = (funnel or {}).get("label_scoring") or {}
    accuracy, rows = scoring.get("accuracy") or {}, scoring.get("real_rows")
    scorer = deciding_scorer(accuracy)
    if scorer is None or not rows:
        return None
    right = accuracy[scorer]
    low, high = proportion_confint(round(right * rows), rows, method="wilson")
    return {"scorer": scorer, "accuracy": right, "rows": rows, "low": low, "high": high}


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "n>1M")


def fenced(text: str, language: str = "") -> str:
    """Return a text as a code block that nothing in it can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def cell(value: object) -> str:
    """Return a value as it can stand in a Markdown table."""
    text = " ".join(str(value).split())
    return re.sub(r"([\\|`*_<\[])", r"\\\1", text)


def licence_line(licence: Licence) -> str:
    """Return a licence as a line of Markdown."""
    name = f"[{licence.name}]({licence.link})" if licence.link else licence.name
    return " ".join(part for part in (f"{licence.of}: {name}.", licence.note) if part)
