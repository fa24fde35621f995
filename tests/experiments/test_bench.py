"""The benchmark's arithmetic and plumbing, with scripted models; the real ones run in `make bench`."""

import json
import os
import sys

import numpy as np
import pytest

from experiments.bench import __main__ as command
from experiments.bench import generation, memory, report, scoring, timing
from experiments.bench.timing import Timed
from labelmint.core.params import load_params
from labelmint.llm.base import Completion
from tests.builders import card, labelled_rows
from tests.fake_model import FakeModel, read_words, write_sentence

ROWS = labelled_rows({"negative": 20, "positive": 20})


def test_rounds_take_turns():
    order = []

    def way(name):
        return lambda number: order.append(f"{name}{number}") or Timed(1.0, number)

    times = timing.interleave({"a": way("a"), "b": way("b")}, 3)
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert [timed.rows for timed in times["b"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("rows", "plain", "ratios", "median"),
    [
        ([4, 90, 6], [2, 3, 2], [2.0, 30.0, 3.0], 3.0),  # one bad round is ignored
        ([3, 4], [1, 1], [3.0, 4.0], 3.5),
        ([3], [0], [0.0], 0.0),  # nothing accepted
    ],
)
def test_ratios_are_taken_by_round_before_the_median(rows, plain, ratios, median):
    result = timing.ratios([Timed(1.0, count) for count in rows], [Timed(1.0, count) for count in plain])
    assert result == ratios
    assert timing.middle(result) == median


def test_a_rate_survives_a_clock_that_stood_still():
    assert (Timed(2.0, 10, 30).rows_per_s, Timed(2.0, 10, 30).tokens_per_s) == (5, 15)
    assert Timed(0.0, 1, 1).tokens_per_s > 0


def test_generation_writes_the_same_prompts_in_both_ways_and_new_ones_for_fresh_texts(params):
    size = generation.Size(rounds=2, samples=3, fresh=5)
    config = params.generate
    waves, fresh, sampling = generation.plan(params, card(), ROWS, FakeModel(), size)
    assert [len(wave) for wave in waves] == [config.prompts_per_wave] * 2
    assert {len(planned.seeds) for wave in waves for planned in wave} == {config.samples_per_prompt}
    assert [[len(planned.seeds) for planned in prompts] for prompts in fresh] == [[1] * 5] * 2
    assert len({planned.prompt["id"] for wave in (*waves, *fresh) for planned in wave}) == 18
    asked = []

    def write(prompt, seed, how):
        asked.append((prompt, seed, how.max_new_tokens))
        return write_sentence(prompt, seed)

    result = generation.compare(FakeModel(), write, waves, fresh, sampling, size)
    assert set(result) == {
        *("serial_tokens_per_s", "batched_tokens_per_s", "ratio", "ratio_fresh"),
        *("serial_texts_per_s", "fresh_texts_per_s", "batched_texts_per_s", "rounds"),
    }
    assert len(result["rounds"]["ratio"]) == len(result["rounds"]["texts_per_s"]["fresh"]) == 2
    first = waves[0][0]
    prompt, most = first.prompt["text"], sampling.max_new_tokens
    assert asked[:4] == [(prompt, first.seeds[0], 1), *((prompt, seed, most) for seed in first.seeds[:3])]
    assert len(asked) == 2 * (len(waves[0]) * (1 + 3) + 5)


def test_generation_counts_texts_that_ended_but_all_tokens(params):
    size = generation.Size(rounds=1, samples=1, fresh=3)
    _, fresh, sampling = generation.plan(params, card(), ROWS, FakeModel(), size)
    texts = iter(
        [Completion("fine", 3, "stop"), Completion("", 1, "stop"), Completion("fine but", 64, "length")]
    )
    timed = generation._fresh(lambda *_: next(texts), fresh[0], sampling, lambda _: None)
    assert (timed.rows, timed.tokens) == (1, 68)


@pytest.mark.parametrize(
    ("plain_answer", "share"), [(read_words, 1.0), (lambda text, choice: "neg" in choice, 0.0)]
)
def test_scoring_decodes_the_same_texts_whole_and_compares_the_answers(params, plain_answer, share):
    size = scoring.Size(rounds=2, batched=10, serial=4)
    asked = scoring.questions(params, card(), ROWS, ROWS, size)
    model, whole = FakeModel(), []

    def score(text):
        whole.append(text)
        return np.array([plain_answer(text, choice) for choice in asked.choices], np.float32)

    result = scoring.compare(model, score, asked, size)
    assert set(result) == {"serial_texts_per_s", "batched_texts_per_s", "ratio", "same_label_share", "rounds"}
    assert model.texts_scored == 20
    places = [place for start in (0, 10) for place in (start, start + 2, start + 4, start + 6)]
    assert whole == [asked.prefix + asked.suffixes[place] for place in places]
    assert result["same_label_share"] == share


def test_training_learns_in_both_ways_and_holds_out_other_rows(prepared, tiny_encoder, monkeypatch):
    from experiments.bench import training  # PyTorch takes seconds to load

    monkeypatch.setattr(training, "QUICK", training.Size(rows=32, held_out=20, epochs=(1,)))
    result = training.measure(load_params(), quick=True)
    assert (result["train_rows"], result["held_out_rows"], result["epochs"]) == (32, 20, 1)
    assert result["ratio"] > 0
    assert 0 <= result["plain_accuracy"] <= 1
    rows = labelled_rows({"negative": 60})
    assert training.rows_of(rows, training.Size(rows=25, held_out=20)) == (rows[:25], rows[25:45])


def test_a_failed_stage_is_an_error_with_its_last_line(tmp_path):
    with pytest.raises(memory.StageError, match="broken beyond repair"):
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


def test_the_machine_is_named(params, tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: A Quick One\nmodel name\t: B\n")
    assert report.cpu_model(info) == "A Quick One"
    assert report.cpu_model(tmp_path / "none")
    assert report.machine(params)["threads"] >= 1


def test_the_table_has_what_was_measured():
    result = {
        "verify": {"serial_texts_per_s": 1.5, "batched_texts_per_s": 15.0, "ratio": 10.0},
        "memory": {"prepare_peak_mb": 250.4, "train_peak_mb": 1390.2, "seconds": 60.0},
    }
    lines = report.table(result).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["verify", "texts/s", "1.5", "15.0", "10.00"]
    assert lines[2].endswith("prepare 250, train 1390")


@pytest.fixture
def scripted(project, monkeypatch):
    """Replace all measurements."""
    monkeypatch.setattr(command, "table", lambda result: "")
    monkeypatch.setattr(
        command, "resolve_name", lambda path: lambda _, quick: {"path": path, "was_quick": quick}
    )

    def run(only, quick):
        command.main(only, quick=quick)
        return json.loads(command.BENCH.read_text())

    return run


def test_all_sections_are_written_with_the_machine(scripted):
    assert set(scripted(None, False)) == {"machine", "quick", "memory", "generate", "verify", "train"}


def test_one_section_keeps_the_others_only_if_the_conditions_are_the_same(scripted):
    assert list(scripted("verify", False))[2:] == ["verify"]
    assert set(scripted("train", False)) == {"machine", "quick", "verify", "train"}
    assert set(scripted("memory", True)) == {"machine", "quick", "memory"}
    assert scripted("memory", True)["memory"]["was_quick"]
    command.BENCH.write_text("{")
    assert set(scripted("verify", False)) == {"machine", "quick", "verify"}


def test_a_failed_section_leaves_those_before_it(scripted, monkeypatch):
    def measure(_, *, quick):
        if path.endswith("scoring:measure"):
            raise RuntimeError
        return {}

    path = ""

    def resolve(name):
        nonlocal path
        path = name
        return measure

    monkeypatch.setattr(command, "resolve_name", resolve)
    with pytest.raises(RuntimeError):
        command.main(None, quick=False)
    assert {"memory", "generate"} < set(json.loads(command.BENCH.read_text()))
