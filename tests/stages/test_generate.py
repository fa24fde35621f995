from collections import Counter

import pytest

from labelmint.core import paths
from labelmint.core.errors import ModelError
from labelmint.core.records import read_json, read_rows, write_rows
from labelmint.llm.base import Completion
from stages.generate import main
from tests.builders import write_card
from tests.fake_model import FakeModel


@pytest.fixture
def model(open_with):
    """Return the model that main opens."""
    return open_with(FakeModel(), "stages.generate")


@pytest.fixture(autouse=True)
def _small(prepared, set_params):
    set_params(
        {
            "generate.candidates": 40,
            "generate.demonstrations": 3,
            "generate.samples_per_prompt": 5,
            "generate.prompts_per_wave": 2,
        }
    )


def metrics():
    return read_json(paths.METRICS / "generate.json")


def test_candidates_are_balanced_and_name_their_prompt_and_real_rows(model):
    main()
    candidates, prompts = read_rows(paths.CANDIDATES), read_rows(paths.PROMPTS)
    real = {row["id"]: row for row in read_rows(paths.REAL_TRAIN)}
    by_id = {prompt["id"]: prompt for prompt in prompts}
    assert len(by_id) == len(prompts)
    assert Counter(row["label"] for row in candidates) == {"negative": 20, "positive": 20}
    for row in candidates:
        prompt = by_id[row["prompt_id"]]
        assert (prompt["label"], prompt["demonstration_ids"]) == (row["label"], row["demonstration_ids"])
        assert {real[row_id]["label"] for row_id in row["demonstration_ids"]} == {row["label"]}
        assert all(real[row_id]["text"] in prompt["text"] for row_id in row["demonstration_ids"])


def test_grounded_candidates_record_the_fact_that_their_prompt_says(prepared, model):
    write_card(prepared, "tiny", facts={"path": "data/raw/cast.csv", "words": "with {actor}"})
    facts = [{"label": "", "values": {"actor": f"actor {number}"}} for number in range(4)]
    write_rows(paths.FACTS, facts)
    main()
    prompts = {prompt["id"]: prompt["text"] for prompt in read_rows(paths.PROMPTS)}
    for row in read_rows(paths.CANDIDATES):
        assert f" film review with {row['values']['actor']}:" in prompts[row["prompt_id"]]
    used = Counter(row["values"]["actor"] for row in read_rows(paths.CANDIDATES))
    assert used == {fact["values"]["actor"]: 10 for fact in facts}  # by each label's four prompts


def test_the_metrics_sum_up_the_candidates(model):
    main()
    candidates, found = read_rows(paths.CANDIDATES), metrics()
    reasons = Counter(row["finish_reason"] for row in candidates)
    assert 0 < reasons["length"] < 10  # the fake cuts off one in twenty
    seconds, rate = found.pop("seconds"), found.pop("tokens_per_s")
    assert seconds >= 0
    assert rate > 0
    assert found == {
        "schema_version": 1,
        "candidates": 40,
        "finished": reasons["stop"],
        "cut_off": reasons["length"],
        "prompts": len(read_rows(paths.PROMPTS)),
        "methods": {"few_shot": 40},
        "labels": {"negative": 20, "positive": 20},
        "tokens": sum(row["tokens"] for row in candidates),
    }


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (
            Completion("and so on and so on", 16, "length"),
            r"10 reached generate\.max_new_tokens=\d+ without an end",
        ),
        (Completion("", 1, "stop"), "10 are empty"),
    ],
)
def test_a_model_without_one_usable_text_is_refused_after_a_wave(open_with, answer, problem):
    model = open_with(FakeModel(lambda prompt, seed: answer), "stages.generate")
    with pytest.raises(ModelError, match=rf"none of the first 10 texts can be used: .*{problem}"):
        main()
    assert model.waves_written == 1
    assert not paths.CANDIDATES.parent.exists()
