"""`labelmint tune` with a scripted model that writes like the real rows at one temperature alone."""

import numpy as np
import pytest

from labelmint import cli
from labelmint.core import paths
from labelmint.core.errors import ModelError
from labelmint.core.records import write_rows
from labelmint.llm.base import Completion
from labelmint.tune import score, settings
from labelmint.tune.race import plan_rounds
from labelmint.tune.score import discriminate, outcome_of
from tests.builders import OPINIONS, contents_of, review, reviews, write_card
from tests.fake_model import FakeModel

TWO_ROUNDS = ["--candidates", "240"]


class Writer(FakeModel):
    """Writes reviews of the label asked for; at other temperatures than 0.8 positive ones with a tail."""

    temperature = 1.0

    def write_wave(self, groups, sampling, on_text=None):
        self.temperature = sampling.temperature
        return super().write_wave(groups, sampling, on_text)

    def write(self, prompt, seed):
        label = max(OPINIONS, key=prompt.lower().rfind)
        if self.temperature == 0.8:
            return Completion(review(label, seed)["text"], 9, "stop")
        return Completion(f"{review('positive', seed)['text']} and and !", 12, "stop")


def reads_opinions(text, choice):
    return 0.0 if any(word in text for word in OPINIONS[choice.strip()]) else -3.0


@pytest.fixture
def model(prepared, tiny_encoder, set_params, open_with, monkeypatch):
    """Return the model that tune opens in a project of 20 real rows, with three settings to try."""
    model = open_with(Writer(reader=reads_opinions), "labelmint.tune.command")
    changes = [{"temperature": 1.2}, {"temperature": 0.8}, {"method": "few_shot"}]
    monkeypatch.setattr(settings, "CHANGES", changes)
    monkeypatch.setattr(score, "_SAMPLES", 100)
    set_params({"labelling.demonstrations": 2, "labelling.scorers": ["llm"]})
    return model


def tune(capsys, *arguments):
    """Run the command; return its output and errors."""
    cli.main(["tune", *arguments])
    return capsys.readouterr()


def test_the_settings_that_write_like_real_rows_win_and_the_project_stays_as_it_is(prepared, model, capsys):
    paths.TEST_INPUTS.unlink()
    paths.TEST_LABELS.unlink()
    before = contents_of(prepared)
    out, err = tune(capsys, *TWO_ROUNDS)
    assert contents_of(prepared) == before
    table = [line.split("  ")[0] for line in out.splitlines()]
    # method=few_shot writes the same texts as the settings of params.yaml, and isn't tried.
    assert table[3:6] == ["temperature=0.8", "as in params.yaml", "temperature=1.2"]
    assert "temperature=0.8 scores +" in out
    assert "better by more than noise; to use it:\n  dvc exp run -S generate.temperature=0.8\n" in out
    assert out.endswith("generate:\n  temperature: 0.8\n")
    assert "tune, round 1 of 2: 120 of 200 texts, about 0 minutes left" in err
    # Finished texts come from the cache.
    written = model.waves_written
    tune(capsys, *TWO_ROUNDS)
    assert model.waves_written == written


def test_settings_that_cannot_work_are_told_and_the_others_tried(model, monkeypatch, capsys):
    def check_wave(groups, sampling):
        if sampling.temperature == 1.2:
            raise ModelError("params.yaml: that doesn't fit")

    monkeypatch.setattr(model, "check_wave", check_wave)
    out, _ = tune(capsys, *TWO_ROUNDS)
    assert out.startswith("not tried: temperature=1.2: params.yaml: that doesn't fit\n")
    assert "temperature=0.8 scores +" in out


def test_a_change_for_the_worse_is_not_recommended(model, set_params, capsys):
    set_params({"generate.temperature": 0.8})
    out, _ = tune(capsys, "--candidates", "80")
    assert out.endswith("no gain: keep them.\n")
    assert "dvc exp run" not in out


def test_errors_are_one_line_before_anything_is_written(prepared, model, set_params, capsys):
    def message(*arguments):
        with pytest.raises(SystemExit) as stopped:
            tune(capsys, *arguments)
        out, err = capsys.readouterr()
        assert (stopped.value.code, out, model.waves_written) == (1, "", 0)
        return err.splitlines()[-1].removeprefix("labelmint tune: error: ")

    assert message("--candidates", "100").startswith(
        "--candidates 100: too few for 3 settings in 2 rounds; say 240"
    )
    set_params({"generate.method": "few_shots"})
    assert message().startswith("params.yaml: generate.method: no method 'few_shots'")
    set_params({"generate.method": "auto"})
    write_rows(paths.REAL_TRAIN, reviews({"negative": 3, "positive": 3}))
    assert message().startswith("data/real/train.jsonl: 6 rows, and tune compares texts with at least 20")
    write_rows(paths.REAL_TRAIN, [])
    assert message().startswith("data/real/train.jsonl: 0 rows")
    write_rows(paths.REAL_TRAIN, [{**row, "label": "sports"} for row in reviews({"negative": 30})])
    assert message().startswith(
        "data/real/train.jsonl: no label 'sports' in data/tasks/tiny.yaml: another task"
    )
    paths.REAL_TRAIN.unlink()
    assert message() == "data/real/train.jsonl: no such file; run `dvc repro prepare`"


@pytest.fixture
def one_change(monkeypatch):
    """Have one change tried, which takes one round."""
    monkeypatch.setattr(settings, "CHANGES", [{"temperature": 0.8}])


def test_a_server_that_scores_no_labels_will_do_with_the_classifier(model, one_change, set_params, capsys):
    model.can_score = False
    set_params({"labelling.scorers": ["classifier"]})
    out, _ = tune(capsys, "--candidates", "80")
    assert model.texts_scored == 0
    assert "Against the settings of params.yaml" in out


def test_pairs_are_tuned_like_texts(prepared, model, one_change, set_params, capsys):
    write_card(prepared, "tiny", pair_name="reply", source=None)
    rows = reviews({"negative": 10, "positive": 10})
    write_rows(paths.REAL_TRAIN, [{**row, "text_pair": f"{row['text']} and"} for row in rows])
    set_params({"generate.demonstrations": 2})
    out, _ = tune(capsys, "--candidates", "80")
    assert "Against the settings of params.yaml, on 40 new texts of each" in out


def test_rounds_cost_the_same_and_end_with_two():
    assert plan_rounds(8, 960) == [(8, 1), (4, 2), (2, 4)]
    assert plan_rounds(8, 1920) == [(8, 2), (4, 4), (2, 8)]
    assert plan_rounds(2, 100) == [(2, 1)]


def vectors(count, shift, seed):
    draw = np.random.default_rng(seed).normal(size=(count, 8))
    draw[:, 0] += shift
    return draw / np.linalg.norm(draw, axis=1, keepdims=True)


@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 0.4, 0.6), (5.0, 0.95, 1.0)])
def test_texts_of_another_kind_are_told_from_real_ones(shift, low, high):
    above = discriminate(vectors(200, shift, 1), vectors(100, 0.0, 2), [*range(40)] * 5, seed=1)
    assert above.shape == (200, 100)
    assert low <= above.mean() <= high


def test_the_score_is_the_usable_share_as_far_as_texts_are_like_real_ones():
    def outcome(usable, above):
        good = np.arange(50) % 5 < usable * 5
        return outcome_of(good, good, np.ones(50, bool), np.full((50, 20), above), 1.0)

    assert outcome(0.8, 0.5).score == pytest.approx(0.8)
    assert outcome(0.8, 0.75).score == pytest.approx(0.4)
    assert outcome(0.8, 1.0).score == outcome(0.8, 1.0).auc - 1 == 0
    assert outcome(0.8, 0.5).gain_interval(outcome(0.4, 0.5)) == pytest.approx((0.4, 0.4))
