"""Does a language model's cluster score tell diverse sets of texts? `python -m experiments.cluster_agent`.

After the LLM cluster-agent (Chen et al. 2024, arXiv 2410.15226), which shows a language model ten texts at a
time and asks for their clusters; the score is the number of clusters by the mean number of texts in one. Here
the attribute to cluster by is given, the topic, and no second pass verifies clusters. Two ways of asking: the
model *names* each text's topic, and equal names are a cluster; or it *counts* topics after three solved
examples, and the score is the count that it expects. Cheap measures of the same sets (sets.py) are those of
`labelmint.describe`. `--model` is a name of data/models.yaml, or a GGUF file of a chat model. Writes
metrics/cluster_agent.json, to which each model is added, and docs/explanation/cluster_agent.md (`--page`: the
page alone).
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from experiments import tables
from experiments.cluster_agent.sets import (
    KINDS,
    SETS,
    TEXTS,
    WORDS,
    Group,
    Sets,
    examples,
    listed,
    make_sets,
    real_texts,
    written_texts,
)
from experiments.sources import MINILM
from labelmint.core import paths
from labelmint.core.arrays import Floats
from labelmint.core.errors import DataError, run_command
from labelmint.core.params import load_params
from labelmint.core.records import Input, read_json, write_json
from labelmint.describe.diversity import diversity
from labelmint.describe.texts import Texts, words_of
from labelmint.encoder.vectors import embed_rows
from labelmint.llm import open_model
from labelmint.llm.base import LanguageModel, PromptGroup, Sampling
from labelmint.llm.catalog import Entry

CHEAP = {"self_bleu": -1, "distinct_2": 1, "compression_ratio": -1, "remote_clique": 1, "vendi_score": 1}
WAVE = 8  # prompts that are answered at once
SAMPLING = Sampling(1.0, 1, 1.0, 0.0, max_new_tokens=8 * TEXTS, stop="\n\n")  # top_k 1: the likeliest token
RESULTS, PAGE = paths.METRICS / "cluster_agent.json", Path("docs/explanation/cluster_agent.md")
HEAD = f"""\
# A language model's score of diversity, measured

Written by `python -m experiments.cluster_agent --page` from `metrics/cluster_agent.json`; `python -m
experiments.cluster_agent --model NAME_OR_PATH` adds a model. The LLM cluster-agent (Chen et al. 2024, arXiv
2410.15226) measures how diverse texts are by asking a language model for their clusters, {TEXTS} texts at a
time. Does it rank sets whose diversity is known, and better than the cheap measures of
[data_metrics.md](data_metrics.md)? It was asked about {SETS} less and {SETS} more diverse sets of each kind,
of {TEXTS} openings of {WORDS} words:
"""
TABLE = """\
The model either *names* each text's topic, and equal names are a cluster: the score is the number of clusters
by the mean number of texts in one; or it *counts* the topics after three solved examples: the score is the
count that it expects. The table has the share of all pairs of a less and a more diverse set of a kind that a
score ranks right, in per cent, ties half, with 95 % intervals (DeLong et al. 1988); chance is 50.

| scored by | score | topics | duplicates | prompts | all |
|---|---|---|---|---|---|
"""


def main(*, model: str | None = None, page_only: bool = False) -> None:
    """Score the sets with the model and with cheap measures, and write the page."""
    if not page_only:
        result = read_json(RESULTS) or {"models": {}}
        if model is None:
            raise DataError("cluster_agent: --model is missing: a name of data/models.yaml, or a GGUF file")
        by_label = real_texts()
        sets = make_sets(by_label, written_texts(), np.random.default_rng(1))
        result["cheap"] = ranked(sets, cheap_scores)
        with opened(model) as language_model:
            start, ask = time.perf_counter(), partial(llm_scores, language_model, examples(by_label))
            measures = ranked(sets, ask)
            seconds = round(time.perf_counter() - start)
        result["models"][Path(model).stem] = {"seconds": seconds, "measures": measures}
        write_json(RESULTS, result)
    tables.write_page(PAGE, page, RESULTS, "python -m experiments.cluster_agent --model …")


@contextmanager
def opened(model: str) -> Iterator[LanguageModel]:
    """Open a model by its name in the catalogue, or a GGUF file of a chat model."""
    llm = load_params().llm
    if not model.endswith(".gguf"):
        with open_model(llm.model_copy(update={"backend": "llama_cpp", "model": model})) as known:
            yield known
    elif not Path(model).is_file():
        raise DataError(f"cluster_agent: --model: no file {model}")
    else:
        from labelmint.llm.engine import Engine  # llama.cpp takes a second to load

        with closing(Engine(Path(model), Entry(kind="chat", path=model), llm)) as engine:
            yield engine


def llm_scores(model: LanguageModel, solved: str, groups: Sequence[Group]) -> dict[str, Floats]:
    """Return the two cluster scores of each set, and as `unanswered` where no topics were named, 1 or 0."""
    asked = [topics_prompt(model, texts) for texts in groups]
    answers: list[str] = []
    for start in range(0, len(asked), WAVE):
        wave = [PromptGroup(prompt, (1,)) for prompt in asked[start : start + WAVE]]
        answers += [written[0].text for written in model.write_wave(wave, SAMPLING)]
    suffixes = [f"{listed(texts)}\nNumber of topics:" for texts in groups]
    counts = np.arange(1, TEXTS)  # of one digit each
    read = model.score(solved, suffixes, [f" {count}" for count in counts]).log_probabilities
    named = np.array([cluster_score(answer) for answer in answers])
    return {
        "named": np.nan_to_num(named),
        "counted": softmax(read.astype(np.float64), axis=1) @ counts,
        "unanswered": np.isnan(named).astype(np.float64),
    }


def topics_prompt(model: LanguageModel, texts: Group) -> str:
    """Return the request for the topic of each text."""
    request = (
        f"Here are {len(texts)} texts:\n\n{listed(texts)}\n\nName the topic of each text in one or two "
        "words, one line for each text. Write the same words for texts of the same topic."
    )
    return model.chat_prompt(request, "1.") if model.kind == "chat" else f"{request}\n\n1."


def cluster_score(answer: str) -> float:
    """Return clusters / mean texts of one, of the topics named for texts 1, 2 …; NaN if half are missing."""
    named: dict[int, str] = {}
    for number, topic in re.findall(r"^\s*(\d+)\s*[.:)]\s*(.*\w.*)$", f"1.{answer}", re.MULTILINE):
        named.setdefault(int(number), topic.strip(" .*").casefold())
    topics = [topic for number, topic in named.items() if 1 <= number <= TEXTS]
    return len(set(topics)) ** 2 / len(topics) if len(topics) > TEXTS / 2 else float("nan")


def cheap_scores(groups: Sequence[Group]) -> dict[str, Floats]:
    """Return the measures of `CHEAP` of each set, all of them higher for more diverse sets."""
    train = load_params().train.model_copy(update={"encoder": MINILM})
    vectors = embed_rows(train, [Input(id="", text=text) for texts in groups for text in texts])
    sets = zip(groups, vectors.reshape(len(groups), TEXTS, -1), strict=True)
    scores = [diversity(Texts(texts, [*map(words_of, texts)], of)) for texts, of in sets]
    return {name: sign * np.array([score[name] for score in scores]) for name, sign in CHEAP.items()}


def ranked(
    sets: Sets, measure: Callable[[Sequence[Group]], Mapping[str, Floats]]
) -> dict[str, dict[str, Any]]:
    """Return for each measure, by kind, which share of pairs it ranks right; under `all` their mean."""
    results: dict[str, dict[str, Any]] = defaultdict(dict)
    for kind, (less, more) in sets.items():
        for name, scores in measure([*less, *more]).items():
            results[name][kind] = right_share(scores[: len(less)], scores[len(less) :])
    for by_kind in results.values():
        shares = [*by_kind.values()]
        deviation = float(np.sqrt(sum(share["sd"] ** 2 for share in shares))) / len(shares)
        by_kind["all"] = {"right": np.mean([share["right"] for share in shares]).item(), "sd": deviation}
    return dict(results)


def right_share(less: Floats, more: Floats) -> dict[str, float]:
    """Return the share of all pairs in which the more diverse set has the higher score, ties half (AUC).

    With its standard error (DeLong et al. 1988), and both means.
    """
    wins = (np.sign(more[:, None] - less[None]) + 1) / 2
    variance = sum(wins.mean(axis=axis).var(ddof=1) / wins.shape[1 - axis] for axis in (0, 1))
    return {
        "right": float(wins.mean()),
        "sd": float(np.sqrt(variance)),
        "less": float(less.mean()),
        "more": float(more.mean()),
    }


def page(result: Mapping[str, Any]) -> str:
    """Return docs/explanation/cluster_agent.md."""
    kinds = "\n".join(f"- *{kind}*: {what}" for kind, what in KINDS.items())
    rows = [("cheap", name, of) for name, of in result["cheap"].items()]
    for model, entry in result["models"].items():
        names = {"named": "names topics", "counted": "counts topics"}
        rows += [(model, title, entry["measures"][name]) for name, title in names.items()]
    cells = [f"| {who} | {what} | {' | '.join(map(cell, of.values()))} |" for who, what, of in rows]
    return "\n".join([HEAD, kinds, "", TABLE + "\n".join(cells), ""])


def cell(share: Mapping[str, float]) -> str:
    """Return a share in per cent with its 95 % interval: 71 (63–79)."""
    low, high = (np.clip(share["right"] + side * share["sd"], 0, 1) for side in (-1.96, 1.96))
    return f"{100 * share['right']:.0f} ({100 * low:.0f}–{100 * high:.0f})"


if __name__ == "__main__":
    parser = tables.parser("cluster_agent", main)
    parser.add_argument("--model", metavar="NAME_OR_PATH", help="of data/models.yaml, or a chat model's GGUF")
    run_command(parser, "cluster_agent", main)
