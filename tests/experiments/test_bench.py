"""The benchmark's arithmetic and plumbing, with scripted models; the real ones run in `make bench`."""

import json
import os
import sys
from pkgutil import resolve_name

import numpy as np
import pytest

from experiments.bench import __main__ as command
from experiments.bench import llm, memory, timing
from labelmint.core import paths
from labelmint.core.errors import LabelmintError
from labelmint.core.params import load_params
from labelmint.core.records import read_rows
from labelmint.llm.base import Completion
from tests.builders import card, labelled_rows
from tests.fake_model import FakeModel, read_words, write_sentence

ROWS = labelled_rows({"negative": 20, "positive": 20})


class Plain:
    """Writes and scores as the fake model does, and keeps what it was asked."""

    def __init__(self, score=read_words):
        self.asked, self._score = [], score

    def write(self, prompt, seed, sampling):
        self.asked.append((prompt, seed))
        return write_sentence(prompt, seed)

    def score(self, text, choices):
        self.asked.append(text)
        return np.array([self._score(text, choice) for choice in choices])


def test_rounds_take_turns_and_rates_are_by_unit_way_and_round():
    order = []

    def way(name):
        return lambda number: order.append(f"{name}{number}") or {"rows": number}

    rates = timing.interleave("test", {"a": way("a"), "b": way("b")}, 3)
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert list(rates["rows"]) == ["a", "b"]
    assert [rate > 0 for rate in rates["rows"]["b"]] == [False, True, True]


@pytest.mark.parametrize(
    ("rates", "plain", "ratios", "median"),
    [
        ([4, 90, 6], [2, 3, 2], [2.0, 30.0, 3.0], 3.0),  # one bad round is ignored
        ([3, 4], [1, 1], [3.0, 4.0], 3.5),
        ([3], [0], [0.0], 0.0),  # nothing accepted
    ],
)
def test_ratios_are_taken_by_round_before_the_median(rates, plain, ratios, median):
    assert timing.ratios(rates, plain) == ratios
    assert timing.middle(ratios) == median


def test_writing_compares_the_same_prompts_and_new_ones(params, monkeypatch):
    monkeypatch.setattr(llm, "ROUNDS", 2)
    config, plain = params.generate, Plain()
    waves, fresh, sampling = llm.plan(params, ROWS, FakeModel())
    assert [len(wave) for wave in waves] == [config.prompts_per_wave] * 2
    assert [len(prompts) for prompts in fresh] == [config.samples_per_prompt] * 2
    result = llm.compare_writing(FakeModel(), plain, waves, fresh, sampling)
    assert set(result) == {
        *("serial_tokens_per_s", "batched_tokens_per_s", "ratio", "ratio_fresh"),
        *("serial_texts_per_s", "fresh_texts_per_s", "batched_texts_per_s", "rounds"),
    }
    first = waves[0][0]
    same = [(first.prompt["text"], seed) for seed in first.seeds]
    assert plain.asked[: len(same)] == same
    assert len({prompt for prompt, _ in plain.asked}) == 2 + 2 * config.samples_per_prompt


def test_texts_count_if_they_ended_but_tokens_always():
    texts = [Completion("fine", 3, "stop"), Completion("", 1, "stop"), Completion("fine but", 64, "length")]
    assert llm.count(texts) == {"tokens": 68, "texts": 1}


@pytest.mark.parametrize(
    ("plain_answer", "share"), [(read_words, 1.0), (lambda text, choice: "neg" in choice, 0.0)]
)
def test_scoring_decodes_the_same_texts_whole_and_compares_the_answers(monkeypatch, plain_answer, share):
    monkeypatch.setattr(llm, "ROUNDS", 2)
    monkeypatch.setattr(llm, "CHUNK_TEXTS", 10)
    monkeypatch.setattr(llm, "ONE_BY_ONE", 4)
    model, plain = FakeModel(), Plain(plain_answer)
    suffixes = [f" {row['text']}\n{card().question}:" for row in ROWS]
    result = llm.compare_scoring(model, plain, "Review:", suffixes, [" negative", " positive"])
    assert set(result) == {"serial_texts_per_s", "batched_texts_per_s", "ratio", "same_label_share", "rounds"}
    assert model.texts_scored == 20
    assert plain.asked == [f"Review:{suffixes[at]}" for at in (0, 1, 2, 3, 10, 11, 12, 13)]
    assert result["same_label_share"] == share


def test_training_learns_in_both_ways_and_holds_out_other_rows(prepared, tiny_encoder, monkeypatch):
    from experiments.bench import training  # PyTorch takes seconds to load

    for name, value in {"ROUNDS": 1, "ROWS": 32, "HELD_OUT": 20, "EPOCHS": 1}.items():
        monkeypatch.setattr(training, name, value)
    seen = []
    real_accuracy = training.accuracy
    monkeypatch.setattr(
        training, "accuracy", lambda model, rows: seen.append(rows) or real_accuracy(model, rows)
    )
    result = training.measure(load_params())
    rows = [*read_rows(paths.REAL_TRAIN), *read_rows(paths.REAL_POOL)]
    assert seen == [rows[32:52]] * 2
    assert (result["train_rows"], result["held_out_rows"], result["epochs"]) == (32, len(seen[0]), 1)
    assert result["ratio"] > 0
    assert 0 <= result["plain_accuracy"] <= 1


def test_a_failed_stage_is_an_error_with_its_last_line(tmp_path):
    with pytest.raises(LabelmintError, match="broken beyond repair"):
        memory.peak_mb(
            [sys.executable, "-c", "raise SystemExit('broken beyond repair')"], tmp_path, os.environ
        )


def test_the_peak_is_that_of_the_command_alone(tmp_path):
    held = b"x" * 200_000_000  # what this process holds is not counted
    small, large = (
        memory.peak_mb([sys.executable, "-S", "-c", f"b'x' * {size}"], tmp_path, os.environ)
        for size in (1, 100_000_000)
    )
    assert len(held) == 200_000_000
    assert 1 < small < 60
    assert 95 < large - small < 130


def test_the_copy_has_one_wave_one_arm_one_seed_and_one_epoch(project, params, tmp_path_factory, cache):
    folder = tmp_path_factory.mktemp("copy")
    memory.copy_project(folder, params, 700)
    short = load_params(folder / "params.yaml")
    assert short.generate.candidates == params.generate.samples_per_prompt * params.generate.prompts_per_wave
    assert [arm.real for arm in short.arms.values()] == [700]
    assert (short.train.seeds, short.train.epochs) == (params.train.seeds[:1], 1)
    assert (short.llm, short.filter) == (params.llm, params.filter)
    assert (folder / "data/tasks/rotten_tomatoes.yaml").is_file()
    assert (folder / "cache/models").resolve() == (cache / "models").resolve()


def test_the_stages_run_one_after_another_in_the_copy(
    prepared, tiny_encoder, open_with, tmp_path_factory, monkeypatch
):
    folder = tmp_path_factory.mktemp("copy")
    memory.copy_project(folder, load_params(), 40)
    monkeypatch.chdir(folder)
    asking = ("generate", "top_up", "filter", "label")
    open_with(FakeModel(), *(f"stages.{stage}" for stage in asking))
    for stage in memory._STAGES:
        resolve_name(f"stages.{stage}:main")(*(["real"] if stage == "train" else []))
    assert json.loads(paths.EVALUATION.read_text(encoding="utf-8"))["arms"].keys() == {"real"}


@pytest.fixture
def scripted(project, monkeypatch):
    """Replace all measurements; a section named in `failing` raises."""
    failing = set()

    def measure(path):
        def scripted_section(params):
            if path in failing:
                raise RuntimeError
            return {}

        return scripted_section

    monkeypatch.setattr(command, "table", lambda result: "")
    monkeypatch.setattr(command, "resolve_name", measure)

    def run(only=None, fail=()):
        failing.update(fail)
        command.main(only)

    return run


def sections():
    return list(json.loads(command.BENCH.read_text()))


def test_one_section_keeps_the_others_only_if_the_machine_is_the_same(scripted, set_params):
    scripted("verify")
    assert sections() == ["machine", "verify"]
    scripted("train")
    assert sections() == ["machine", "verify", "train"]
    set_params({"llm.threads": 3})
    scripted("memory")
    assert sections() == ["machine", "memory"]
    command.BENCH.write_text("{")
    scripted()
    assert sections() == ["machine", *command.SECTIONS]


def test_a_failed_section_leaves_those_before_it(scripted):
    with pytest.raises(RuntimeError):
        scripted(fail=[command.SECTIONS["verify"]])
    assert sections() == ["machine", "memory", "generate"]


def test_the_table_has_what_was_measured():
    result = {
        "verify": {"serial_texts_per_s": 1.5, "batched_texts_per_s": 15.0, "ratio": 10.0},
        "memory": {"prepare_peak_mb": 250.4, "train_peak_mb": 1390.2, "seconds": 60.0},
    }
    lines = command.table(result).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["verify", "texts/s", "1.5", "15.0", "10.00"]
    assert lines[2].endswith("prepare 250, train 1390")
