"""The comparison of grounded with plain prompts, from end to end with a scripted model and a tiny encoder."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from experiments import grounding
from labelmint.core.errors import DataError
from labelmint.labelling import pool
from tests.builders import write_card
from tests.fake_model import FakeModel, write_sentence


def writer(prompt, seed):
    """Write a sentence that has the value in every second text."""
    answer, value = write_sentence(prompt, seed), prompt.rpartition(" with ")[2].strip(":")
    return replace(answer, text=f"{value} {answer.text}") if seed % 2 else answer


@pytest.fixture
def small(prepared, set_params, tiny_encoder, constants, monkeypatch):
    """Compare on one tiny task whose card has facts; return the page's path."""
    set_params({"evaluate.bootstrap_samples": 100, "labelling.min_margin": 0.0})
    table = {"path": "data/raw/cast.csv", "words": "with {subject}", "balance": "kind"}
    write_card(prepared, "tiny", facts={**table, "must_occur": "subject"})
    lines = ["subject,kind", *(f"value {number},a" for number in range(12))]
    (prepared / "data/raw/cast.csv").write_text("\n".join(lines), encoding="utf-8")
    names = ["plain", "uniform, 10 facts", "uniform, 10 facts, no missing_slot"]
    cells = {name: grounding.CELLS[name] for name in names}
    values = {"CELLS": cells, "ENCODER": "tiny", "SEEDS": [1], "CANDIDATES": 40, "SAMPLES": 10}
    values |= {"PROMPTS_PER_WAVE": 2, "PAGE": prepared / "grounding.md"}
    constants(grounding)(**values)
    monkeypatch.setattr(pool, "_FOLDS", 2)

    monkeypatch.setattr(grounding, "open_model", lambda _: nullcontext(FakeModel(writer)))
    return prepared / "grounding.md"


@pytest.mark.slow
def test_the_results_and_the_page(small, monkeypatch):
    grounding.main(task="tiny", real_rows=20)
    result = json.loads(grounding.RESULT.read_text(encoding="utf-8"))["tiny, 20 real rows"]
    strict, loose = (result["cells"][f"uniform, 10 facts{more}"] for more in ("", ", no missing_slot"))
    assert strict["with_value"] == loose["with_value"] == pytest.approx(0.5, abs=0.2)
    assert sum(strict["as written"]) < sum(loose["as written"]) <= 40
    assert set(result["scores"]["checked"]) == {"real", grounding.LABELLED, *grounding.CELLS}
    labelled = result["scores"]["checked"][grounding.LABELLED]
    assert labelled["train_rows"] == 20 + result["cells"][grounding.LABELLED]["checked"][0]
    assert "| as written | uniform, 10 facts, no missing_slot |" in small.read_text(encoding="utf-8")
    text = small.read_text(encoding="utf-8")
    assert "## tiny, 20 real rows" in text
    monkeypatch.setattr(grounding, "run", None)
    grounding.main(page_only=True)
    assert small.read_text(encoding="utf-8") == text


def test_a_task_must_be_named_before_there_are_results(small):
    with pytest.raises(DataError, match="name a task whose card has `facts`"):
        grounding.main()
