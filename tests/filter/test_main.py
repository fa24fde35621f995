import json
import zlib
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
import yaml

from labelmint.core import paths
from labelmint.core.params import TAGS, load_params
from labelmint.core.records import read_rows, write_rows
from labelmint.rules.sieve import RULES
from stages.filter import main
from stages.generate import main as generate
from tests.fake_model import FakeModel, read_words
from tests.filter.vectors import unit

OUTPUTS = [
    "data/synthetic/kept.jsonl",
    "data/synthetic/rejected.jsonl",
    "data/arms/synthetic.jsonl",
    "data/arms/mixed.jsonl",
    "data/arms/mixed_30.jsonl",
    "data/arms/mixed_1000.jsonl",
    "data/arms/synthetic_30.jsonl",
    "data/arms/synthetic_1000.jsonl",
    "metrics/filter.json",
]


@pytest.fixture
def model(monkeypatch, prepared, set_params):
    """Write 200 candidates; return the model that main opens."""
    set_params(
        {
            "generate.candidates": 200,
            "generate.demonstrations": 3,
            "generate.samples_per_prompt": 10,
            "generate.prompts_per_wave": 2,
            "filter.rows_per_label": 0,
            "filter.min_words": 3,
            "filter.curve": [30, 1000],
            "filter.verify.action": "drop",
            "filter.verify.judge": "llm",
            "filter.verify.demonstrations": 8,
            "filter.verify.min_margin": 0.0,
        }
    )
    fake = FakeModel()

    @contextmanager
    def open_model(llm):
        assert llm == load_params().llm
        yield fake

    monkeypatch.setattr("stages.generate.open_model", open_model)
    monkeypatch.setattr("stages.filter.open_model", open_model)
    generate()
    write_rows(paths.MORE, [])
    return fake


def written(project):
    return {name: (project / name).read_bytes() for name in OUTPUTS if (project / name).exists()}


def metrics():
    return json.loads((paths.METRICS / "filter.json").read_text(encoding="utf-8"))


def test_what_is_written_is_what_dvc_yaml_declares(prepared, model):
    before = {path for path in prepared.rglob("*") if path.is_file()}
    main()
    made = {path for path in prepared.rglob("*") if path.is_file()} - before
    stage = yaml.safe_load((prepared / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["filter"]
    points = {"${filter.curve[0]}": "30", "${filter.curve[1]}": "1000"}
    declared = [*stage["outs"], *(name for metric in stage["metrics"] for name in metric)]
    for template, size in points.items():
        declared = [name.replace(template, size) for name in declared]
    assert {str(path.relative_to(prepared)) for path in made} == set(declared) == set(OUTPUTS)


def test_kept_and_rejected_are_the_candidates(model):
    main()
    kept, rejected = read_rows(paths.KEPT), read_rows(paths.REJECTED)
    candidates = read_rows(paths.CANDIDATES)
    assert len(kept) > 100
    assert len(rejected) > 10
    assert sorted(row["id"] for row in [*kept, *rejected]) == [row["id"] for row in candidates]
    counts = Counter(row["label"] for row in kept)
    assert counts["negative"] == counts["positive"] == len(kept) // 2
    # The fake reads "awful" as negative and everything else as positive.
    assert all(("awful" in row["text"]) == (row["label"] == "negative") for row in kept)


def test_the_arms_are_made_of_the_kept_rows_and_the_real_ones(model):
    main()
    keys = ("id", "text", "label")
    kept = [{**{key: row[key] for key in keys}, "source": "synthetic"} for row in read_rows(paths.KEPT)]
    real = [{**row, "source": "real"} for row in read_rows(paths.REAL_TRAIN)]
    assert read_rows(paths.arm_rows("synthetic")) == kept
    assert read_rows(paths.arm_rows("mixed")) == real + kept


def test_the_smaller_arms_are_drawn_from_the_kept_rows_in_the_labels_shares(model):
    main()
    small, whole = read_rows(paths.arm_rows("synthetic_30")), read_rows(paths.arm_rows("synthetic"))
    assert Counter(row["label"] for row in small) == {"negative": 15, "positive": 15}
    assert all(row in whole for row in small)
    real = [{**row, "source": "real"} for row in read_rows(paths.REAL_TRAIN)]
    assert read_rows(paths.arm_rows("mixed_30")) == real + small
    assert read_rows(paths.arm_rows("mixed_1000")) == read_rows(paths.arm_rows("synthetic_1000")) == []


def test_the_metrics_are_the_funnel(model):
    main()
    kept, rejected, found = read_rows(paths.KEPT), read_rows(paths.REJECTED), metrics()
    rules = Counter(row["rule"] for row in rejected)
    assert list(found["rejected"]) == RULES
    assert Counter(found["rejected"]) == rules
    assert found["candidates"] == 200 == found["kept"] + sum(found["rejected"].values())
    assert found["kept"] == len(kept)
    assert found["kept_share"] == round(len(kept) / 200, 4)
    half = len(kept) // 2
    assert found["labels"] == {name: {"candidates": 100, "kept": half} for name in ("negative", "positive")}
    assert found["relabelled"] == 0
    assert found["reader"]["real_rows"] == 20 - 8
    assert found["reader"]["weights"] == {}
    hidden = found["reader"]["accuracy"]["llm"] * 12
    assert hidden == pytest.approx(round(hidden), abs=1e-2)


def test_relabelled_rows_are_counted(model, set_params):
    set_params({"filter.verify.action": "relabel"})
    main()
    kept = read_rows(paths.KEPT)
    moved = [row for row in kept if row["label"] != row["written_label"]]
    assert metrics()["relabelled"] == len(moved) > 0
    assert all(("awful" in row["text"]) == (row["label"] == "negative") for row in kept)
    assert metrics()["rejected"]["wrong_label"] == 0


def test_without_verification_no_model_is_opened(prepared, model, set_params, monkeypatch):
    def open_model(llm):
        raise AssertionError("opened")

    monkeypatch.setattr("stages.filter.open_model", open_model)
    set_params({"filter.verify.action": "none"})
    main()
    assert metrics()["reader"] == {"accuracy": {}, "weights": {}, "real_rows": 0}
    assert {row["label_scores"] for row in read_rows(paths.KEPT)} == {None}


def test_planted_test_inputs_do_not_reach_an_arm(model):
    candidates, test = read_rows(paths.CANDIDATES), read_rows(paths.TEST_INPUTS)
    for row, leak in zip(candidates[::20], test, strict=False):
        row["text"] = leak["text"].upper()
        row["finish_reason"] = "stop"
    write_rows(paths.CANDIDATES, candidates)
    main()
    leaks = [row for row in read_rows(paths.REJECTED) if row["rule"] == "test_leak"]
    assert [row["evidence"]["test"] for row in leaks] == [row["id"] for row in test[:10]]
    texts = {row["text"].lower() for row in read_rows(paths.arm_rows("mixed"))}
    assert not texts & {row["text"] for row in test}


def test_running_again_writes_the_same_bytes_and_reads_nothing(prepared, model):
    main()
    first, scored = written(prepared), model.texts_scored
    main()
    assert written(prepared) == first
    assert model.texts_scored == scored


def test_an_exact_number_per_label(model, set_params):
    set_params({"filter.rows_per_label": 25})
    main()
    assert Counter(row["label"] for row in read_rows(paths.KEPT)) == {"negative": 25, "positive": 25}


def test_too_few_accepted_rows_are_kept_all_and_the_missing_ones_counted(model, set_params, capsys):
    set_params({"filter.rows_per_label": 101})
    main()
    short, kept = metrics()["short"], Counter(row["label"] for row in read_rows(paths.KEPT))
    assert short == {name: 101 - kept[name] for name in ("negative", "positive")}
    said = capsys.readouterr().err
    for name, missing in short.items():
        assert f"filter: {missing} rows of {name!r} are missing; " in said


def test_rows_of_top_up_follow_those_of_generate(model):
    candidates = read_rows(paths.CANDIDATES)
    main()
    whole = [path.read_bytes() for path in (paths.KEPT, paths.REJECTED)]
    write_rows(paths.CANDIDATES, candidates[:120])
    write_rows(paths.MORE, candidates[120:])
    main()
    assert [path.read_bytes() for path in (paths.KEPT, paths.REJECTED)] == whole


def test_a_failing_reader_leaves_the_files_of_the_last_run_whole(prepared, model, set_params):
    main()
    first = written(prepared)
    set_params({"filter.verify.demonstrations": 10})
    model.reader = lambda text, choice: 1 / 0
    with pytest.raises(ZeroDivisionError):
        main()
    assert written(prepared) == first


def test_rows_are_kept_in_the_labels_shares(model, set_params):
    set_params({"filter.rows_per_label": 20, "label_shares": {"negative": 0.25, "positive": 0.75}})
    main()
    assert Counter(row["label"] for row in read_rows(paths.KEPT)) == {"negative": 10, "positive": 30}
    assert metrics()["short"] == {}


def test_without_real_rows_the_llm_reads_without_demonstrations(prepared, model, set_params):
    set_params({"filter.verify.judge": "both", "real.rows": 0, "arms": ["synthetic"]})
    write_rows(paths.REAL_TRAIN, [])
    main()
    kept = read_rows(paths.KEPT)
    assert len(kept) > 50
    assert all(("awful" in row["text"]) == (row["label"] == "negative") for row in kept)
    assert metrics()["reader"] == {"accuracy": {}, "weights": {}, "real_rows": 0}
    assert {row["source"] for row in read_rows(paths.arm_rows("mixed"))} == {"synthetic"}


def test_the_judges_are_weighed_by_their_success_on_real_rows(prepared, model, set_params, monkeypatch):
    """The LLM is always wrong; a classifier of vectors that tell the label outvotes it."""
    model.reader = lambda text, choice: -read_words(text, choice)
    # The fake's own real rows say "awful" or not, so that they tell what its candidates do.
    moods = {"negative": "awful", "positive": "great"}
    real = [
        {"id": f"r{at}", "text": f"real row {at} is {moods[label]}", "label": label}
        for at, label in enumerate(["negative", "positive"] * 20)
    ]
    write_rows(paths.REAL_TRAIN, real)

    def embed_rows(config, rows, on_rows):
        on_rows(len(rows))
        return np.array([[1.0, 0.0] if "awful" in row["text"] else [0.0, 1.0] for row in rows], np.float32)

    monkeypatch.setattr("labelmint.labelling.judge.embed_rows", embed_rows)
    set_params({"filter.verify.judge": "both"})
    main()
    reader = metrics()["reader"]
    assert reader["real_rows"] == 40 - 8
    assert reader["accuracy"] == {"llm": 0.0, "classifier": 1.0, "pooled": 1.0}
    assert reader["weights"]["llm"] < 1 < reader["weights"]["classifier"]
    kept = read_rows(paths.KEPT)
    assert len(kept) > 100
    assert all(("awful" in row["text"]) == (row["label"] == "negative") for row in kept)


def test_soft_rows_keep_their_label_and_say_how_probable_each_is(model, set_params):
    set_params({"filter.verify.action": "relabel"})
    main()
    relabelled = read_rows(paths.KEPT)
    set_params({"filter.verify.action": "soft"})
    main()
    assert read_rows(paths.KEPT) == relabelled
    scores = {row["id"]: row["label_scores"] for row in relabelled}
    mixed = read_rows(paths.arm_rows("mixed"))
    assert {"label_shares" in row for row in mixed if row["source"] == "real"} == {False}
    for row in read_rows(paths.arm_rows("synthetic")):
        shares = row["label_shares"]
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert max(shares, key=shares.get) == row["label"]
        assert shares == pytest.approx({name: np.exp(p) for name, p in scores[row["id"]].items()}, abs=1e-3)


def test_profiles_are_counted(model, set_params, monkeypatch):
    main()
    assert metrics()["profiles"] == {}
    assert not any("profile" in row for row in read_rows(paths.KEPT))
    monkeypatch.setattr("stages.filter.embed_rows", by_words)
    set_params({"filter.rules.profile": True, "filter.profiles": ["easy", "ambiguous"]})
    main()
    rows = [*read_rows(paths.KEPT), *read_rows(paths.REJECTED)]
    counted = Counter(row["profile"] for row in rows if "profile" in row)
    assert Counter(metrics()["profiles"]) == counted
    assert sum(counted.values()) > 100
    assert metrics()["rejected"]["profile"] == counted["hard"]


def by_words(config, rows):
    """Return vectors of whether a text says "awful", and of some noise of its own."""
    draws = [np.random.default_rng(zlib.crc32(row["text"].encode())) for row in rows]
    own = [[1.0, 0.0] if "awful" in row["text"] else [0.0, 1.0] for row in rows]
    noise = [draw.normal(0, 0.2, 4) for draw in draws]
    return unit(np.concatenate([own, noise], axis=1))


def test_tags_are_counted_and_reject_where_asked_for(model, set_params):
    candidates = read_rows(paths.CANDIDATES)
    for row in candidates[:4]:
        row["text"] += f" write to {row['id']}@example.org"
        row["finish_reason"] = "stop"
    write_rows(paths.CANDIDATES, candidates)
    main()
    tags = metrics()["tags"]
    assert list(tags) == list(TAGS)
    assert tags["email"]["candidates"] == 4
    assert tags["email"]["kept"] == sum("@" in row["text"] for row in read_rows(paths.KEPT))
    assert metrics()["rejected"]["tagged"] == 0
    set_params({"filter.reject_tags": ["email"]})
    main()
    assert metrics()["tags"]["email"]["kept"] == 0
    rejected = [row for row in read_rows(paths.REJECTED) if row["rule"] == "tagged"]
    assert all(row["evidence"]["match"] == f"{row['id']}@example.org" for row in rejected)


def test_a_switch_reads_again_only_what_it_lets_through(model, set_params):
    main()
    unfinished = sum(row["finish_reason"] == "length" for row in read_rows(paths.CANDIDATES))
    scored = model.texts_scored
    set_params({"filter.rules.repetitive": False, "filter.rules.near_duplicate": False})
    main()
    assert model.texts_scored == scored
    set_params({"filter.rules.cut_off": False})
    before = {row["id"]: row["label_scores"] for row in [*read_rows(paths.KEPT), *read_rows(paths.REJECTED)]}
    main()
    assert model.texts_scored == scored + unfinished > scored
    assert metrics()["rejected"]["cut_off"] == 0
    after = {row["id"]: row["label_scores"] for row in [*read_rows(paths.KEPT), *read_rows(paths.REJECTED)]}
    assert all(after[row_id] == scores for row_id, scores in before.items() if scores)
    assert all(after.values())


def test_candidates_are_embedded_once_for_the_rules_and_the_judge(model, set_params, monkeypatch):
    seen = Counter()

    def embed_rows(config, rows, on_rows=lambda _: None):
        seen.update(row["id"] for row in rows)
        on_rows(len(rows))
        vectors = np.stack([np.random.default_rng(int(row["id"][1:])).normal(size=64) for row in rows])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    monkeypatch.setattr("labelmint.encoder.embedding.embed_rows", embed_rows)
    set_params(
        {
            "filter.verify.judge": "both",
            "filter.verify.demonstrations": 0,
            "filter.semantic_duplicate_similarity": 0.9,
            "filter.semantic_leak_similarity": 0.9,
        }
    )
    real = read_rows(paths.REAL_TRAIN)
    main()
    finished = [row["id"] for row in read_rows(paths.CANDIDATES) if row["finish_reason"] == "stop"]
    rows = [*real, *read_rows(paths.TEST_INPUTS)]
    assert set(seen) == {*finished, *(row["id"] for row in rows)}
    assert set(seen.values()) == {1}
    set_params({"filter.semantic_duplicate_similarity": 0.8, "filter.rules.markup": False})
    main()
    assert set(seen.values()) == {1}
