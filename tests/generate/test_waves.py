import dataclasses

import pytest

from labelmint.core.cache import fingerprint
from labelmint.core.errors import ModelError, ParamsError
from labelmint.core.records import Candidate
from labelmint.generation.plan import Planned, Planner, drawn_labels
from labelmint.generation.waves import WaveStore, generate, sampling_of
from labelmint.llm.base import Completion, PromptGroup, Sampling
from labelmint.prompts.prompts import STOP
from tests.builders import card, labelled_rows, section
from tests.fake_model import FakeModel

CONFIG = section(
    "generate", seed=1, candidates=40, demonstrations=2, samples_per_prompt=2, prompts_per_wave=4
)
ROWS = labelled_rows({"negative": 6, "positive": 6})


def plan(config=CONFIG, the_card=None):
    """Plan by few_shot, the labels in turn."""
    own = the_card or card()
    labels = drawn_labels(config, dict.fromkeys(own.label_names, 1.0))
    return Planner(config, own, ROWS, None, {"few_shot": 1.0}, {}).plan(labels)


WAVES = plan()


class Recorder(FakeModel):
    """A model that notes what it is asked, and fails at a wave."""

    def __init__(self, fail_at=None, too_long=None, **arguments):
        super().__init__(**arguments)
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


def groups_of(waves):
    return [[planned.group for planned in wave] for wave in waves]


def run(model, waves=WAVES, sampling=None, on_text=None):
    """Write the waves with a store of their own, as a new process does."""
    store = WaveStore(model, sampling or sampling_of(CONFIG))
    return [row for rows, _ in generate(waves, model, store, CONFIG, card(), on_text) for row in rows]


def one_text(text):
    return run(FakeModel(writer=lambda *_: Completion(text, 5, "stop")), WAVES[:1])[0]["text"]


def test_sampling_is_as_in_the_params():
    config = section("generate", temperature=0.7, top_k=5, top_p=0.8, min_p=0.1, max_new_tokens=9)
    assert dataclasses.asdict(sampling_of(config)) == {
        "temperature": 0.7,
        "top_k": 5,
        "top_p": 0.8,
        "min_p": 0.1,
        "max_new_tokens": 9,
        "stop": STOP,
        "repetition_penalty": 1.0,
        "contrast": 0.0,
        "grammar": "",
        "never_empty": False,
    }


def test_candidates_say_where_they_come_from():
    model = FakeModel(writer=lambda prompt, seed: Completion(f"{len(prompt)}:{seed}", seed % 7, "length"))
    rows = run(model)
    assert [row["id"] for row in rows] == [f"s{number:06d}" for number in range(40)]
    planned = [(each.prompt, seed) for wave in WAVES for each in wave for seed in each.seeds]
    for row, (prompt, seed) in zip(rows, planned, strict=True):
        assert set(row) == set(Candidate.__annotations__) - {"text_pair"}
        assert row["text"] == f"{len(prompt['text'])}:{seed}"
        assert (row["label"], row["prompt_id"]) == (prompt["label"], prompt["id"])
        assert row["demonstration_ids"] == prompt["demonstration_ids"]
        assert (row["method"], row["values"]) == ("few_shot", {})
        assert (row["seed"], row["tokens"], row["finish_reason"]) == (seed, seed % 7, "length")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (" a text ", "a text"),
        ("", ""),
        (" \t ", ""),
        ("a\0b\0", "a b"),
        ("\0", ""),
        ("two\nlines", "two lines"),
        ("a\r\nb\u2028c\x85d", "a b c d"),
        ("non\u00a0breaking", "non breaking"),
        ("😀 café 日本", "😀 café 日本"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("half a \ufffd token", "half a \ufffd token"),
        ("lone \ud83d half", "lone \ud83d half"),
        ('"quoted" \\n', '"quoted" \\n'),
    ],
)
def test_texts_are_cleaned_to_one_line(written, text):
    assert one_text(written) == text
    assert one_text(written) == text  # from the journal


def test_all_waves_are_checked_before_anything_is_written():
    model = Recorder()
    run(model)
    assert model.checked == groups_of(WAVES)
    assert model.written == groups_of(WAVES)


@pytest.mark.parametrize("wave", [0, 4])
def test_a_prompt_that_does_not_fit_is_an_error_before_anything_is_written(wave):
    model = Recorder(too_long=wave)
    with pytest.raises(ModelError, match="does not fit"):
        run(model)
    assert model.written == []
    assert len(WaveStore(model, sampling_of(CONFIG)).journal) == 0


@pytest.mark.parametrize("wave", range(5))
def test_an_interrupted_run_goes_on_at_the_wave_and_ends_the_same(wave, monkeypatch, tmp_path):
    first, second = Recorder(fail_at=wave), Recorder()
    with pytest.raises(KeyboardInterrupt):
        run(first)
    resumed = run(second)
    assert first.written == groups_of(WAVES[:wave])
    assert second.written == groups_of(WAVES[wave:])
    monkeypatch.setenv("LABELMINT_CACHE", str(tmp_path))
    assert resumed == run(FakeModel())


def test_finished_waves_are_yielded_while_later_ones_are_still_to_come():
    model = Recorder()
    results = generate(WAVES, model, WaveStore(model, sampling_of(CONFIG)), CONFIG, card())
    rows, _ = next(results)
    assert len(rows) == 8
    assert len(model.written) == 1


def test_a_second_run_writes_nothing_and_takes_the_time_of_the_first():
    def timed(model):
        return list(generate(WAVES, model, WaveStore(model, sampling_of(CONFIG)), CONFIG, card()))

    first = timed(FakeModel())
    again = FakeModel()
    assert timed(again) == first
    assert again.waves_written == 0


def test_the_store_knows_what_was_written():
    model = FakeModel()
    store = WaveStore(model, sampling_of(CONFIG))
    assert not any(map(store.has, WAVES))
    list(generate(WAVES[:2], model, store, CONFIG, card()))
    assert [store.has(wave) for wave in WAVES] == [True, True, False, False, False]


def test_only_new_texts_are_told_of():
    told = []
    run(FakeModel(), WAVES[:2])
    rows = run(FakeModel(), WAVES, on_text=told.append)
    assert [text.text for text in told] == [row["text"] for row in rows[16:]]


def test_more_candidates_write_only_the_new_waves():
    before = run(FakeModel())
    model = FakeModel()
    more = plan(CONFIG.model_copy(update={"candidates": 60}))
    assert run(model, more)[:40] == before
    assert model.waves_written == len(more) - len(WAVES) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.9},
        {"top_k": 3},
        {"top_p": 0.5},
        {"min_p": 0.5},
        {"max_new_tokens": 99},
        {"repetition_penalty": 1.1},
        {"contrast": 0.5},
        {"grammar": "root ::= [a-z]+"},
        {"never_empty": True},
        {"stop": "\n\n"},
    ],
)
def test_other_sampling_is_other_work(change):
    run(FakeModel())
    model = FakeModel()
    run(model, sampling=dataclasses.replace(sampling_of(CONFIG), **change))
    assert model.waves_written == len(WAVES)


DEFAULT = {"temperature": 0.8, "top_k": 7, "top_p": 0.9, "min_p": 0.1, "max_new_tokens": 9, "stop": STOP}


@pytest.mark.parametrize(
    "on",
    [
        {},
        {"repetition_penalty": 1.1},
        {"contrast": 0.5},
        {"grammar": "root ::= [a-z]+"},
        {"never_empty": True},
    ],
)
def test_settings_that_are_off_are_not_in_the_fingerprint(on):
    model = FakeModel()
    journal = WaveStore(model, Sampling(**DEFAULT, **on)).journal
    content = {"llm": model.identity, "sampling": {**DEFAULT, **on}}
    assert journal.path.name == f"generate-{fingerprint(content)}.jsonl"


def test_shipped_settings_are_the_six_that_were_always_there():
    assert list(sampling_of(section("generate")).content) == list(DEFAULT)


@pytest.mark.parametrize("on", [False, True])
def test_contrast_prompts_are_part_of_a_wave_where_they_are_used(monkeypatch, on):
    store = WaveStore(FakeModel(), dataclasses.replace(sampling_of(CONFIG), contrast=0.5 * on))
    plain = store.key(WAVES[0])
    content = {"groups": [[each.prompt["text"], each.seeds] for each in WAVES[0]]}
    assert (plain == fingerprint(content)) is not on
    monkeypatch.setattr(
        Planned, "group", property(lambda self: PromptGroup(self.prompt["text"], self.seeds, ("x",)))
    )
    assert (store.key(WAVES[0]) != plain) is on


def test_a_grammar_is_read_from_its_file(project):
    (project / "data/grammars/digits.gbnf").write_text("root ::= [0-9]+\n")
    assert (
        sampling_of(section("generate", grammar="data/grammars/digits.gbnf")).grammar == "root ::= [0-9]+\n"
    )
    with pytest.raises(
        ParamsError, match=r"params\.yaml: generate\.grammar: no file data/grammars/none\.gbnf"
    ):
        sampling_of(section("generate", grammar="data/grammars/none.gbnf"))


def test_another_model_is_other_work():
    run(FakeModel())
    model = FakeModel(kind="chat")
    run(model)
    assert model.waves_written == len(WAVES)


def test_other_seeds_or_prompts_are_other_waves():
    store = WaveStore(FakeModel(), sampling_of(CONFIG))
    keys = {store.key(wave) for wave in WAVES}
    assert len(keys) == len(WAVES)
    others = [
        plan(CONFIG.model_copy(update={"seed": 2})),
        plan(CONFIG.model_copy(update={"samples_per_prompt": 3})),
        plan(CONFIG, card(description="other sentences")),
    ]
    for other in others:
        assert not keys & {store.key(wave) for wave in other}
