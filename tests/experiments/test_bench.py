"""The benchmark's own arithmetic and plumbing, with scripted models; the real ones run in `make bench`."""

import json
import os
import sys

import numpy as np
import pytest
import yaml

from experiments.bench import __main__ as command
from experiments.bench import generation, memory, report, rounds, verification
from experiments.bench.inputs import Inputs, load_inputs
from experiments.bench.rounds import Timed
from labelmint.core.params import load_params
from labelmint.core.records import read_rows, write_json, write_rows
from labelmint.llm.base import Completion
from tests.builders import card, labelled_rows, sampling
from tests.fake_model import FakeModel, read_words, write_sentence


@pytest.fixture
def inputs(params):
    rows = labelled_rows({"negative": 20, "positive": 20})
    return Inputs(params, card(), rows, rows * 2)


def test_rounds_take_turns():
    order = []

    def way(name):
        return lambda number: order.append(f"{name}{number}") or Timed(1.0, number)

    times = rounds.interleave({"a": way("a"), "b": way("b")}, 3)
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert [timed.rows for timed in times["b"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("over", "under", "each", "median"),
    [
        ([4.0, 90.0, 6.0], [2.0, 3.0, 2.0], [2.0, 30.0, 3.0], 3.0),  # one bad round is forgotten
        ([3.0, 4.0], [1.0, 1.0], [3.0, 4.0], 3.5),
        ([3.0], [0.0], [0.0], 0.0),  # nothing accepted
    ],
)
def test_ratios_are_taken_by_round_before_the_median(over, under, each, median):
    assert rounds.ratios(over, under) == each
    assert rounds.middle(rounds.ratios(over, under)) == median


def test_a_rate_survives_a_clock_that_stood_still():
    assert Timed(2.0, 10, 30).rows_per_s == 5
    assert Timed(2.0, 10, 30).tokens_per_s == 15
    assert Timed(0.0, 1, 1).tokens_per_s > 0


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (Completion("fine", 3, "stop"), True),
        (Completion("", 1, "stop"), False),
        (Completion("fine but", 64, "length"), False),
    ],
)
def test_a_text_counts_if_it_ended_and_says_something(text, counts):
    assert generation.accepted(text) is counts


def test_every_round_has_a_wave_of_its_own_and_new_demonstrations_for_fresh_texts(inputs):
    size = generation.Size(rounds=2, samples=3, fresh=5)
    waves, fresh = generation.plans(inputs, size, None)
    config = inputs.params.generate
    assert [len(wave) for wave in waves] == [config.prompts_per_wave] * 2
    assert {len(planned.seeds) for wave in waves for planned in wave} == {config.samples_per_prompt}
    assert [len(prompts) for prompts in fresh] == [5, 5]
    assert all(len(planned.seeds) == 1 for prompts in fresh for planned in prompts)
    assert len({planned.prompt["id"] for every in (*waves, *fresh) for planned in every}) == 18


def test_generation_reports_its_keys_and_writes_the_same_prompts_in_both_ways(inputs):
    size = generation.Size(rounds=2, samples=3, fresh=5)
    waves, fresh = generation.plans(inputs, size, None)
    asked = []

    def write(prompt, seed, how):
        asked.append((prompt, seed, how.max_new_tokens))
        return write_sentence(prompt, seed)

    result = generation.compare(FakeModel(), write, waves, fresh, sampling(), size)
    assert set(result) == {
        *("serial_tokens_per_s", "batched_tokens_per_s", "ratio", "ratio_fresh"),
        *("serial_texts_per_s", "fresh_texts_per_s", "batched_texts_per_s", "rounds"),
    }
    assert len(result["rounds"]["ratio"]) == len(result["rounds"]["texts_per_s"]["fresh"]) == 2
    first = waves[0][0]
    prompt = first.prompt["text"]
    assert asked[:4] == [(prompt, first.seeds[0], 1), *((prompt, seed, 16) for seed in first.seeds[:3])]
    assert len(asked) == 2 * (len(waves[0]) * (1 + 3) + 5)


def test_generation_counts_accepted_texts_but_all_tokens():
    wave = [Timed(10.0, 50, 1000), Timed(10.0, 40, 1200)]
    plain = [Timed(10.0, 20, 500), Timed(10.0, 10, 300)]
    fresh = [Timed(10.0, 5, 9999), Timed(10.0, 8, 9999)]
    result = generation.summary({"batched": wave, "serial": plain, "fresh": fresh})
    assert result["rounds"]["ratio"] == [2.0, 4.0]
    assert result["rounds"]["ratio_fresh"] == [10.0, 5.0]
    assert (result["ratio"], result["ratio_fresh"]) == (3.0, 7.5)
    assert result["batched_texts_per_s"] == 4.5


def test_verification_reads_the_same_texts_whole(inputs):
    size = verification.Size(rounds=2, batched=10, serial=4)
    asked = verification.questions(inputs, size)
    model, whole = FakeModel(), []

    def score(text):
        whole.append(text)
        return np.array([read_words(text, choice) for choice in asked.choices], np.float32)

    result = verification.compare(model, score, asked, size)
    assert set(result) == {"serial_texts_per_s", "batched_texts_per_s", "ratio", "same_label_share", "rounds"}
    assert model.texts_scored == 20
    expected = [n for start in (0, 10) for n in (start, start + 2, start + 4, start + 6)]
    assert whole == [asked.prefix + asked.suffixes[n] for n in expected]
    assert result["same_label_share"] == 1.0


def test_another_answer_of_the_plain_way_is_seen(inputs):
    size = verification.Size(rounds=1, batched=8, serial=4)
    asked = verification.questions(inputs, size)
    # The fake prefers "positive" for texts like these.
    result = verification.compare(FakeModel(), lambda _: np.array([1, 0], np.float32), asked, size)
    assert result["same_label_share"] == 0.0


def test_training_holds_out_rows_that_no_arm_of_that_size_has(inputs):
    from experiments.bench import training  # torch: only where it is needed

    rows = labelled_rows({"negative": 30, "positive": 30})
    parts = Inputs(inputs.params, inputs.card, rows[:10], rows[10:])
    own, held_out = training.rows_of(parts, training.Size(rows=25, held_out=20))
    assert own == rows[:25]
    assert held_out == rows[25:45]


def test_training_reports_its_keys():
    from experiments.bench import training  # torch: only where it is needed

    times = {
        "plain": [Timed(40, 1000), Timed(20, 500), Timed(50, 1000)],
        "ours": [Timed(10, 1000)] + [Timed(10, 500)] * 2,
    }
    result = training.summary(times, {"plain": 0.75, "ours": 0.78125})
    assert result["rounds"]["ratio"] == [4.0, 2.0, 2.5]
    assert {key: result[key] for key in result if key != "rounds"} == {
        "plain_rows_per_s": 25.0,
        "rows_per_s": 50.0,
        "ratio": 2.5,
        "plain_accuracy": 0.75,
        "accuracy": 0.7812,
    }


ALLOCATE = "data = bytearray({size}); data[::4096] = b'x' * len(data[::4096])"


def test_the_peak_is_the_commands_own_and_not_that_of_who_started_it(tmp_path):
    here = bytearray(200_000_000)
    here[::4096] = b"x" * len(here[::4096])
    small = memory.peak_mb([sys.executable, "-S", "-c", "pass"], tmp_path, os.environ)
    large = memory.peak_mb(
        [sys.executable, "-S", "-c", ALLOCATE.format(size=100_000_000)], tmp_path, os.environ
    )
    assert 1 < small < 60
    assert 95 < large - small < 130


def test_a_failed_stage_is_an_error_with_its_last_line(tmp_path):
    with pytest.raises(memory.StageError, match="broken beyond repair"):
        memory.peak_mb(
            [sys.executable, "-c", "raise SystemExit('broken beyond repair')"], tmp_path, os.environ
        )


def test_the_copy_has_one_wave_one_seed_and_one_epoch(project, tmp_path_factory, cache):
    arm = memory.measured_arm(load_params())
    assert arm == "real_1000"
    folder = tmp_path_factory.mktemp("copy")
    memory.copy_project(folder, arm)
    short, full = load_params(folder / "params.yaml"), load_params()
    assert short.generate.candidates == full.generate.samples_per_prompt * full.generate.prompts_per_wave
    assert (short.train.seeds, short.train.epochs, short.train.min_steps) == (full.train.seeds[:1], 1, 0)
    assert short.baselines.draws == 1
    assert short.llm == full.llm
    assert short.filter == full.filter
    assert (folder / "data/tasks/rotten_tomatoes.yaml").is_file()
    assert (folder / "cache/models").resolve() == (cache / "models").resolve()


@pytest.mark.parametrize(
    ("curve", "arm"), [([200, 400, 3000], "real_400"), ([2000, 3000, 4000], "real_2000")]
)
def test_the_measured_arm_is_on_the_curve(params, curve, arm):
    real = params.real.model_copy(update={"curve": curve})
    assert memory.measured_arm(params.model_copy(update={"real": real})) == arm


def test_stand_ins_have_every_arm_and_seed(project, params):
    rows = [{"seed": 1, "id": "r1", "probabilities": {"negative": 1.0, "positive": 0.0}}]
    write_rows(project / "data/predictions/real_1000.jsonl", rows)
    write_json(project / "metrics/train/real_1000.json", {"train_rows": 7, "device": "cpu"})
    for number, arm in enumerate(params.arms, 2):
        write_rows(project / f"data/arms/{arm}.jsonl", rows * number)
    memory.stand_in(project, params, "real_1000")
    for number, arm in enumerate(params.arms, 2):
        made = [row["seed"] for row in read_rows(project / f"data/predictions/{arm}.jsonl")]
        assert made == params.train.seeds_of(arm)
        training = json.loads((project / f"metrics/train/{arm}.json").read_text())
        assert training == {"train_rows": number, "device": "cpu"}


def test_rows_are_split_here_if_prepare_has_not_run(project):
    table = "".join(f"text {number},{'neg' if number % 2 else 'pos'}\n" for number in range(60))
    (project / "data/raw").mkdir(parents=True)
    (project / "data/raw/rows.csv").write_text("text,label\n" + table)
    (project / "data/tasks/own.yaml").write_text(yaml.safe_dump(card().model_dump(exclude_none=True)))
    content = yaml.safe_load((project / "params.yaml").read_text())
    content["task"] = "own"
    content["real"] = {"rows": 10, "curve": [20, 30, 40]}
    content["arms"] = ["real"]
    content["prepare"]["test_rows"] = 20
    content["train"]["learning_rate"] = 0.0002
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    split = load_inputs()
    assert (len(split.train), len(split.pool)) == (10, 30)
    write_rows(project / "data/real/train.jsonl", labelled_rows({"negative": 3}))
    write_rows(project / "data/real/pool.jsonl", labelled_rows({"negative": 4}))
    written = load_inputs()
    assert (len(written.train), len(written.pool)) == (3, 4)


def test_the_machine_is_named(params, tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: A Quick One\nmodel name\t: B\n")
    assert report.cpu_model(info) == "A Quick One"
    assert report.cpu_model(tmp_path / "none")
    machine = report.machine(params)
    assert machine["threads"] >= 1
    assert machine["libraries"]["torch"]


RESULT = {
    "verify": {"serial_texts_per_s": 1.5, "batched_texts_per_s": 15.0, "ratio": 10.0},
    "memory": {"prepare_peak_mb": 250.4, "train_peak_mb": 1390.2, "seconds": 60.0},
}


def test_the_table_has_what_was_measured():
    lines = report.table(RESULT).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["verify", "texts/s", "1.5", "15.0", "10.00"]
    assert lines[2].endswith("prepare 250, train 1390")


@pytest.fixture
def scripted(project, monkeypatch):
    """Replace all measurements."""
    parts = Inputs(load_params(), card(), [], [])
    monkeypatch.setattr(command, "load_inputs", lambda: parts)
    monkeypatch.setattr(command, "show", lambda result: None)
    script = {
        name: lambda _, quick, name=name: {"value": name, "was_quick": quick} for name in command.SECTIONS
    }
    monkeypatch.setattr(command, "SECTIONS", script)

    def run(only, quick):
        command.main(only, quick)
        return json.loads(command.BENCH.read_text())

    return run


def test_all_sections_are_written_with_the_machine(scripted):
    result = scripted(None, False)
    assert set(result) == {"machine", "quick", "memory", "generate", "verify", "train"}
    assert result["train"]["value"] == "train"


def test_one_section_keeps_the_others_only_if_the_conditions_are_the_same(scripted):
    assert list(scripted("verify", False))[2:] == ["verify"]
    assert set(scripted("train", False)) == {"machine", "quick", "verify", "train"}
    assert set(scripted("memory", True)) == {"machine", "quick", "memory"}
    assert scripted("memory", True)["memory"]["was_quick"]


def test_a_damaged_file_is_begun_anew(scripted):
    command.BENCH.parent.mkdir(parents=True, exist_ok=True)
    command.BENCH.write_text("{")
    assert set(scripted("verify", False)) == {"machine", "quick", "verify"}


def test_a_failed_section_leaves_those_before_it(scripted, monkeypatch):
    def fail(inputs, quick):
        raise RuntimeError

    monkeypatch.setitem(command.SECTIONS, "verify", fail)
    with pytest.raises(RuntimeError):
        scripted(None, False)
    assert {"memory", "generate"} < set(json.loads(command.BENCH.read_text()))
