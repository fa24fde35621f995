import dataclasses

import pytest

from labelmint.core.cache import clear
from labelmint.core.errors import DataError, ModelError, ParamsError
from labelmint.core.records import Candidate
from labelmint.generation.session import Session, sampling_of
from labelmint.llm.base import Completion
from labelmint.prompts.methods import METHODS
from labelmint.prompts.render import STOP
from labelmint.prompts.spec import Method, PromptSpec
from labelmint.tasks.task import Task
from tests.builders import card, section, shipped
from tests.fake_model import FakeModel
from tests.generation.helpers import ROWS, config, flat

LISTED = {"topics": ["the plot", "the music"], "personas": ["a nurse", "a student"]}
WAVES = 5


def session(model=None, rows=ROWS, the_card=None, class_balance="balanced", **changes):
    settings = config(**{"candidates": 40, "max_new_tokens": 64, **changes})
    params = shipped().model_copy(update={"generate": settings, "class_balance": class_balance})
    return Session(Task(params, the_card or card(**LISTED), rows), model or FakeModel())


def write(model=None, waves=None, **changes):
    """Write with a session of its own, as a new process does."""
    made = session(model, **changes)
    return made.write(made.waves()[:waves], "generate")[0]


class Recorder(FakeModel):
    """A model that notes what it is asked, and fails at a wave."""

    def __init__(self, fail_at=None, too_long=None):
        super().__init__()
        self.fail_at, self.too_long = fail_at, too_long
        self.checked, self.written = [], []

    def check_wave(self, groups, sampling):
        assert not self.written
        self.checked.append(list(groups))
        if len(self.checked) - 1 == self.too_long:
            raise ModelError("the prompt does not fit")

    def write_wave(self, groups, sampling, on_text=None):
        if len(self.written) == self.fail_at:
            raise KeyboardInterrupt
        self.written.append(list(groups))
        return super().write_wave(groups, sampling, on_text)


def all_groups():
    return [[planned.group for planned in wave] for wave in session().waves()]


def test_candidates_say_where_they_come_from():
    model = FakeModel(writer=lambda prompt, seed: Completion(f"{len(prompt)}:{seed}", seed % 7, "length"))
    rows = write(model)
    assert [row["id"] for row in rows] == [f"s{number:06d}" for number in range(40)]
    planned = [(each.prompt, seed) for each in flat(session().waves()) for seed in each.seeds]
    for row, (prompt, seed) in zip(rows, planned, strict=True):
        assert set(row) == set(Candidate.__annotations__) - {"text_pair"}
        assert row["text"] == f"{len(prompt['text'])}:{seed}"
        assert (row["label"], row["prompt_id"]) == (prompt["label"], prompt["id"])
        assert row["demonstration_ids"] == prompt["demonstration_ids"]
        assert (row["method"], row["values"]) == ("few_shot", {})
        assert (row["seed"], row["tokens"], row["finish_reason"]) == (seed, seed % 7, "length")


def test_a_method_is_one_entry_of_the_registry(monkeypatch):
    def make_spec(label, draw, context):
        return PromptSpec(label, modifiers=(f"in {context.idea('form', label, draw)}",))

    method = Method("forms", "a form", make_spec, idea_kinds=lambda card: ["form"])
    monkeypatch.setitem(METHODS, "forms", method)
    made = session(method="forms", the_card=card(attributes={"form": ["verse"]}))
    assert made.sampling.never_empty
    assert all(each.prompt["text"].endswith("film review in verse:") for each in flat(made.waves()))


def test_all_waves_are_checked_before_anything_is_written():
    model = Recorder()
    write(model)
    assert model.checked == model.written == all_groups()


@pytest.mark.parametrize("wave", [0, WAVES - 1])
def test_a_prompt_that_does_not_fit_is_an_error_before_anything_is_written(wave):
    model = Recorder(too_long=wave)
    with pytest.raises(ModelError, match="does not fit"):
        write(model)
    assert model.written == []
    assert clear("generate") == 0


@pytest.mark.parametrize("wave", [0, 2, WAVES - 1])
def test_an_interrupted_run_resumes_at_the_wave_and_ends_the_same(wave, monkeypatch, tmp_path):
    first, second = Recorder(fail_at=wave), Recorder()
    with pytest.raises(KeyboardInterrupt):
        write(first)
    resumed = write(second)
    assert first.written == all_groups()[:wave]
    assert second.written == all_groups()[wave:]
    monkeypatch.setenv("LABELMINT_CACHE", str(tmp_path))
    assert resumed == write()


def test_a_second_run_writes_nothing_and_takes_the_time_of_the_first():
    first, again = session(), FakeModel()
    result = first.write(first.waves(), "generate")
    second = session(again)
    assert second.write(second.waves(), "generate") == result
    assert again.waves_written == 0


def test_more_candidates_write_only_the_new_waves():
    before, model = write(), FakeModel()
    assert write(model, candidates=60)[:40] == before
    assert model.waves_written == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"model": FakeModel(kind="chat")},
        {"temperature": 0.9},
        {"top_k": 3},
        {"top_p": 0.5},
        {"min_p": 0.5},
        {"max_new_tokens": 99},
        {"seed": 2},
        {"the_card": card(description="other sentences")},
        {"samples_per_prompt": 4},
    ],
)
def test_other_settings_are_other_work(changes):
    write()
    made = session(**changes)
    made.write(made.waves(), "generate")
    assert made.model.waves_written == len(made.waves())


def test_sampling_is_as_in_the_params():
    settings = {"temperature": 0.7, "top_k": 5, "top_p": 0.8, "min_p": 0.1, "max_new_tokens": 9}
    wanted = {**settings, "stop": STOP, "never_empty": False}
    sampling = dataclasses.asdict(sampling_of(section("generate", **settings)))
    assert {key: sampling[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("method", "kind", "never_empty"),
    [
        ("few_shot", "base", False),
        ({"few_shot": 0.5, "one_shot": 0.5}, "base", False),
        ("zero_shot", "base", True),
        ("persona", "base", True),
        ("few_shot", "chat", True),
    ],
)
def test_texts_may_not_be_empty_where_models_often_write_none(method, kind, never_empty):
    assert session(FakeModel(kind=kind), method=method).sampling.never_empty is never_empty


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"class_balance": {"negative": 0.5}}, ParamsError, "class_balance: 'positive' has no share"),
        ({"method": "template", "rows": []}, DataError, "no templates for 'negative'"),
        ({"method": "template", "the_card": card(templates=["a {"])}, ParamsError, "belongs to no slot"),
    ],
)
def test_what_does_not_go_together_is_an_error_before_the_model_is_asked(changes, error, message):
    model = FakeModel()
    with pytest.raises(error) as caught:
        session(model, **{"the_card": card(), **changes})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert model.waves_written == 0
