from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from labelmint.core import paths
from labelmint.core.records import read_json, read_rows, write_rows
from labelmint.labelling.scores import LabelScores
from labelmint.rules.registry import RULES
from stages.filter import main
from stages.generate import main as generate
from tests.fake_model import FakeModel

# Disabled in these tests: the scripted model's sentences are edits of each other.
COPIES = ["near_duplicate", "demonstration_copy", "real_copy"]


@pytest.fixture
def model(open_with, prepared, set_params):
    """Write 100 candidates; return the model that main opens."""
    set_params(
        {
            "generate.candidates": 100,
            "generate.demonstrations": 3,
            "generate.samples_per_prompt": 10,
            "generate.prompts_per_wave": 2,
            "filter.rows_per_label": 0,
            "filter.min_words": 3,
            "filter.disabled_rules": COPIES,
            "labelling.action": "drop",
            "labelling.scorers": ["llm"],
            "labelling.demonstrations": 8,
            "labelling.min_margin": 0.0,
        }
    )
    fake = open_with(FakeModel(), "stages.generate", "stages.filter")
    generate()
    write_rows(paths.TOP_UP_CANDIDATES, [])
    return fake


def metrics():
    return read_json(paths.METRICS / "filter.json")


def test_kept_and_rejected_are_the_candidates(model):
    main()
    kept, rejected = read_rows(paths.KEPT), read_rows(paths.REJECTED)
    candidates = read_rows(paths.CANDIDATES)
    assert len(kept) > 50
    assert len(rejected) > 5
    assert sorted(row["id"] for row in [*kept, *rejected]) == [row["id"] for row in candidates]
    counts = Counter(row["judged_label"] for row in kept)
    assert counts["negative"] == counts["positive"] == len(kept) // 2
    # The fake scores "awful" as negative and everything else as positive.
    assert all(("awful" in row["text"]) == (row["judged_label"] == "negative") for row in kept)


def test_labels_without_a_fold_are_written_of_kept_candidates_and_of_unsure_ones(
    model, set_params, monkeypatch
):
    set_params({"labelling.action": "relabel", "labelling.min_margin": 0.85})
    clear, unsure = np.log([0.9, 0.1]), np.log([0.5, 0.5])

    def scored(_, candidates, __):
        """Have every other candidate unsure, and clear without the last fold; the others are the opposite."""
        ids = [row["id"] for row in candidates]
        whole = {row_id: [clear, unsure][at % 2] for at, row_id in enumerate(ids)}
        last = {row_id: [unsure, clear][at % 2] for at, row_id in enumerate(ids)}
        without = {row_id: np.array([whole[row_id]] * 4 + [last[row_id]]) for row_id in ids}
        return LabelScores(whole, without)

    monkeypatch.setattr("stages.filter.score_candidates", scored)
    main()
    kept, rejected = read_rows(paths.KEPT), read_rows(paths.REJECTED)
    unsure_rows = [row for row in rejected if row["rule"] == "unsure_label"]
    assert len(kept) > 10 < len(unsure_rows)
    assert all(row["fold_labels"] == ["negative"] * 4 + [""] for row in kept)
    assert all(row["fold_labels"] == [""] * 4 + ["negative"] for row in unsure_rows)
    assert not any("fold_labels" in row for row in rejected if row["rule"] != "unsure_label")


def test_the_metrics_are_the_funnel(model):
    main()
    kept, rejected, result = read_rows(paths.KEPT), read_rows(paths.REJECTED), metrics()
    rules = Counter(row["rule"] for row in rejected)
    assert list(result["rejected"]) == list(RULES)
    assert Counter(result["rejected"]) == rules
    assert result["candidates"] == 100 == result["kept"] + sum(result["rejected"].values())
    assert result["kept"] == len(kept)
    assert result["kept_share"] == round(len(kept) / 100, 4)
    half = len(kept) // 2
    assert result["labels"] == {name: {"candidates": 50, "kept": half} for name in ("negative", "positive")}
    assert result["relabelled"] == 0
    assert result["label_scoring"]["real_rows"] == 20 - 8
    assert result["label_scoring"]["weights"] == {"llm": 1.0}
    hidden = result["label_scoring"]["accuracy"]["llm"] * 12
    assert hidden == pytest.approx(round(hidden), abs=1e-2)


def test_without_label_scores_no_model_is_opened(prepared, model, set_params, monkeypatch):
    def open_model(llm):
        raise AssertionError("opened")

    monkeypatch.setattr("stages.filter.open_model", open_model)
    set_params({"labelling.action": "none"})
    main()
    assert metrics()["label_scoring"] == {"accuracy": {}, "weights": {}, "real_rows": 0}
    assert {row["label_scores"] for row in read_rows(paths.KEPT)} == {None}


def test_planted_test_inputs_are_not_kept(model):
    candidates, test = read_rows(paths.CANDIDATES), read_rows(paths.TEST_INPUTS)
    for row, leak in zip(candidates[::10], test, strict=False):
        row["text"] = leak["text"].upper()
        row["finish_reason"] = "stop"
    write_rows(paths.CANDIDATES, candidates)
    main()
    leaks = [row for row in read_rows(paths.REJECTED) if row["rule"] == "test_leak"]
    assert [row["evidence"]["test"] for row in leaks] == [row["id"] for row in test[:10]]
    texts = {row["text"].lower() for row in read_rows(paths.KEPT)}
    assert not texts & {row["text"] for row in test}


def test_too_few_accepted_rows_are_kept_all_and_the_missing_ones_counted(model, set_params, capsys):
    set_params({"filter.rows_per_label": 51})
    main()
    missing, kept = metrics()["missing"], Counter(row["judged_label"] for row in read_rows(paths.KEPT))
    assert missing == {name: 51 - kept[name] for name in ("negative", "positive")}
    errors = capsys.readouterr().err
    for name, rows in missing.items():
        assert f"filter: {rows} rows of {name!r} are missing; " in errors


def test_if_all_are_rejected_the_evidence_is_written_and_a_note_says_where(model, set_params, capsys):
    set_params({"labelling.min_margin": 1000.0})
    main()
    assert read_rows(paths.KEPT) == []
    rejected = read_rows(paths.REJECTED)
    assert len(rejected) == 100
    assert metrics()["kept"] == 0
    unsure = sum(row["rule"] == "unsure_label" for row in rejected)
    note = f"filter: note: no candidate is accepted (rejected: {unsure} unsure_label"
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("filter:")]
    assert said.startswith(note)
    assert "params.yaml" in said


def test_rows_of_top_up_follow_those_of_generate(model):
    candidates = read_rows(paths.CANDIDATES)
    main()
    whole = [path.read_bytes() for path in (paths.KEPT, paths.REJECTED)]
    write_rows(paths.CANDIDATES, candidates[:60])
    write_rows(paths.TOP_UP_CANDIDATES, candidates[60:])
    main()
    assert [path.read_bytes() for path in (paths.KEPT, paths.REJECTED)] == whole


def test_disabling_a_rule_scores_only_what_it_lets_through(model, set_params):
    main()
    unfinished = sum(row["finish_reason"] == "length" for row in read_rows(paths.CANDIDATES))
    scored = model.texts_scored
    set_params({"filter.disabled_rules": [*COPIES, "repetitive"]})
    main()
    assert model.texts_scored == scored
    set_params({"filter.disabled_rules": [*COPIES, "repetitive", "cut_off"]})
    before = {row["id"]: row["label_scores"] for row in [*read_rows(paths.KEPT), *read_rows(paths.REJECTED)]}
    main()
    assert model.texts_scored == scored + unfinished > scored
    assert metrics()["rejected"]["cut_off"] == 0
    after = {row["id"]: row["label_scores"] for row in [*read_rows(paths.KEPT), *read_rows(paths.REJECTED)]}
    assert all(after[row_id] == scores for row_id, scores in before.items() if scores)
    assert all(after.values())


@pytest.mark.slow
def test_candidates_are_embedded_once_for_the_rules_and_the_classifier(model, set_params, monkeypatch):
    seen = Counter()

    def embed(config, rows, on_rows=lambda _: None):
        seen.update(row["id"] for row in rows)
        on_rows(len(rows))
        vectors = np.stack([np.random.default_rng(int(row["id"][1:])).normal(size=16) for row in rows])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    monkeypatch.setattr("labelmint.encoder.loading.open_encoder", lambda _: SimpleNamespace(embed=embed))
    set_params(
        {
            "labelling.scorers": ["llm", "classifier"],
            "labelling.demonstrations": 0,
            "filter.semantic_similarity": 0.9,
        }
    )
    real = read_rows(paths.REAL_TRAIN)
    main()
    finished = [row["id"] for row in read_rows(paths.CANDIDATES) if row["finish_reason"] == "stop"]
    rows = [*real, *read_rows(paths.TEST_INPUTS)]
    assert set(seen) == {*finished, *(row["id"] for row in rows)}
    assert set(seen.values()) == {1}
    set_params({"filter.semantic_similarity": 0.8, "filter.disabled_rules": [*COPIES, "markup"]})
    main()
    assert set(seen.values()) == {1}
