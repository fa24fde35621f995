from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core import paths
from labelmint.core.arms import nested_order, training_sets, unclear_sets
from labelmint.core.params import Arm
from labelmint.core.records import read_json, read_rows, write_rows
from stages.arms import main
from tests.builders import candidate, labelled_rows

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 30), min_size=1)
ARMS = {
    "real": Arm(real="all"),
    "real_25": Arm(real=25),
    "synthetic": Arm(synthetic="all"),
    "mixed": Arm(real="all", synthetic="all"),
    "mixed_4": Arm(real="all", synthetic=4),
    "any_name": Arm(real=2, synthetic=10),
}


def kept(counts):
    """Return kept rows, written for another label than they were found to have."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [
        candidate(at, f"text {at}", "written", judged_label=label, label_scores=None)
        for at, label in enumerate(labels)
    ]


def unlabelled(count):
    """Return texts that were given the labels a and b in turn."""
    return [
        {"id": f"u{at}", "text": f"text {at}", "judged_label": "ab"[at % 2], "label_scores": {}}
        for at in range(count)
    ]


def sets(synthetic, arms=ARMS, seed=1, texts=()):
    train, pool = labelled_rows({"a": 10, "b": 10}), labelled_rows({"a": 10})
    return training_sets(arms, train, pool, synthetic, texts, seed)[0]


@given(COUNTS, st.integers(0, 5))
def test_every_prefix_has_the_labels_in_the_shares_of_the_whole(counts, seed):
    rows = labelled_rows(counts)
    order = nested_order(rows, seed)
    assert sorted(order) == list(range(len(rows)))
    total = sum(counts.values())
    taken = Counter()
    for length, place in enumerate(order, 1):
        taken[rows[place]["label"]] += 1
        for label, count in counts.items():
            # Half a row of its own, and half a row of each other label whose turn is at the same time.
            assert abs(taken[label] - length * count / total) <= 0.5 + len(counts) / 2


@given(COUNTS, st.integers(0, 5))
def test_smaller_sets_are_nested_and_in_the_order_of_the_kept_rows(counts, seed):
    rows = kept(counts)
    arms = {name: Arm(synthetic=size) for name, size in (("small", 4), ("large", 10))}
    made = sets(rows, arms, seed)
    assert [len(made[name]) for name in arms] == [size if size <= len(rows) else 0 for size in (4, 10)]
    ids = [row["id"] for row in made["small"]]
    assert ids == sorted(ids)
    assert not made["large"] or all(row in made["large"] for row in made["small"])


def test_arms_have_the_rows_that_are_declared_and_the_judged_labels():
    made = sets(kept({"a": 10, "b": 10}))
    sources = {name: Counter(row["source"] for row in rows) for name, rows in made.items()}
    assert sources == {
        "real": {"real": 20},
        "real_25": {"real": 25},
        "synthetic": {"synthetic": 20},
        "mixed": {"real": 20, "synthetic": 20},
        "mixed_4": {"real": 20, "synthetic": 4},
        "any_name": {"real": 2, "synthetic": 10},
    }
    assert made["mixed"] == made["real"] + made["synthetic"]
    assert made["real_25"][:20] == made["real"]
    assert Counter(row["label"] for row in made["mixed_4"][20:]) == {"a": 2, "b": 2}
    keys = ("id", "text", "label", "source")
    assert {tuple(row) for row in made["mixed"]} == {(*keys, "fold"), keys}


def test_arms_with_texts_that_were_labelled_have_their_judged_labels():
    arms = {"labelled": Arm(real="all", unlabelled="all"), "all": Arm(real=5, synthetic=4, unlabelled=6)}
    made = sets(kept({"a": 5, "b": 5}), arms, texts=unlabelled(10))
    assert Counter(row["source"] for row in made["labelled"]) == {"real": 20, "unlabelled": 10}
    assert [row["source"] for row in made["all"]] == ["real"] * 5 + ["synthetic"] * 4 + ["unlabelled"] * 6
    labels = {row["id"]: row["judged_label"] for row in unlabelled(10)}
    for row in made["labelled"][20:]:
        assert row["label"] == labels[row["id"]]


def test_all_of_a_source_that_has_no_rows_is_another_arm_under_its_name_and_left_out():
    train = labelled_rows({"a": 10, "b": 10})
    arms = {"labelled": Arm(real="all", unlabelled="all")}
    assert training_sets(arms, train, [], [], [], 1)[1] == {
        "labelled": "no unlabelled rows were kept (metrics/label.json says why)"
    }


def test_an_arm_has_as_large_a_share_of_the_unclear_rows_as_of_those_kept():
    """Those that are clear without no fold are none, and arms that hold out no real row need none."""
    folds = ["a", "", "", "", "b"]
    unsure = [{"id": f"r{at}", "text": f"text {at}", "rule": "unsure_label"} for at in range(12)]
    rejected = {
        "synthetic": [
            *({**row, "label": "written", "fold_labels": folds} for row in unsure[:8]),
            *unsure[8:],
            *({"id": f"x{at}", "text": "more", "rule": "surplus"} for at in range(16)),
        ],
        "unlabelled": [{**row, "id": f"v{at}", "fold_labels": folds} for at, row in enumerate(unsure[:6])],
    }
    arms = ARMS | {"labelled": Arm(real="all", unlabelled="all")}
    rows = sets(kept({"a": 8, "b": 8}), arms, texts=unlabelled(10))
    unclear = unclear_sets(rows, {"synthetic": 16, "unlabelled": 10}, rejected, 1)
    assert {name: len(unclear[name]) for name in arms} == {
        "real": 0,
        "real_25": 0,
        "synthetic": 0,
        "mixed": 4,  # for 16 of 32 accepted rows
        "mixed_4": 1,
        "any_name": 2,
        "labelled": 6,
    }
    one = {"id": "r0", "text": "text 0", "label": "", "source": "synthetic", "fold_labels": folds}
    assert [row for row in unclear["mixed"] if row["id"] == "r0"] in ([one], [])
    assert all(row in unclear["mixed"] for row in unclear["any_name"])


def test_a_text_that_an_arm_has_as_a_real_row_is_not_there_a_second_time():
    """Held-back rows play the texts to label, and are the further real rows of a larger arm."""
    train, pool = labelled_rows({"a": 10, "b": 10}), labelled_rows({"a": 30})[20:]
    arms = {"all": Arm(real="all", unlabelled="all"), "more": Arm(real=25, unlabelled="all")}
    texts = [{**row, "judged_label": "b", "label_scores": {}} for row in pool[:8]]
    unsure = [{**row, "rule": "unsure_label", "fold_labels": ["b", *[""] * 4]} for row in pool[2:]]
    rows = training_sets(arms, train, pool, [], texts, 1)[0]
    unclear = unclear_sets(rows, {"unlabelled": 8}, {"unlabelled": unsure}, 1)
    for name, own in rows.items():
        ids = [row["id"] for row in [*own, *unclear[name]]]
        assert len(ids) == len(set(ids))
    assert [len(rows[name]) for name in arms] == [28, 28]


def test_the_seed_decides_which_synthetic_rows():
    rows = kept({"a": 20, "b": 20})
    assert sets(rows) == sets(rows)
    assert sets(rows)["mixed_4"] != sets(rows, seed=2)["mixed_4"]


@pytest.fixture
def project(prepared, set_params):
    """Make a project of 20 training rows, a pool of 60 and 20 kept rows."""
    arms = {"real": {"real": "all"}, "real_90": {"real": 90}, "mixed_30": {"real": "all", "synthetic": 30}}
    set_params({"arms": {**arms, "both": {"real": 30, "synthetic": 12, "student": "tfidf"}}})
    write_rows(paths.KEPT, kept({"negative": 10, "positive": 10}))
    write_rows(paths.LABELLED, unlabelled(20))
    unclear = {"rule": "unsure_label", "evidence": {}, "fold_labels": ["negative", "", "", "", ""]}
    rejected = [candidate(100 + at, "unclear", label_scores=None, **unclear) for at in range(10)]
    write_rows(paths.REJECTED, rejected)
    write_rows(paths.LABELLED_REJECTED, [])
    return prepared


def test_the_folder_holds_exactly_the_arms(project):
    for path in (paths.arm_rows("older"), paths.unclear_rows("older")):
        write_rows(path, [])
    main()
    lines = {path.stem: len(read_rows(path)) for path in paths.ARMS.glob("*.jsonl")}
    assert lines == {"real": 20, "real_90": 0, "mixed_30": 0, "both": 42}
    unclear = {path.stem: len(read_rows(path)) for path in paths.ARMS.glob("unclear/*")}
    assert unclear == {"real": 0, "real_90": 0, "mixed_30": 0, "both": 6}  # 12 of 20 synthetic rows
    assert read_rows(paths.arm_rows("real"))[0]["id"] == read_rows(paths.REAL_TRAIN)[0]["id"]


def test_arms_that_the_data_cannot_fill_are_left_out_with_a_note(project, capsys):
    main()
    metrics = read_json(paths.METRICS / "arms.json")
    assert metrics["arms"]["both"] == {"real": 30, "synthetic": 12, "unlabelled": 0, "student": "tfidf"}
    assert metrics["arms"]["real_90"] == {
        "real": 0,
        "synthetic": 0,
        "unlabelled": 0,
        "student": "linear_head",
    }
    assert metrics["left_out"] == {
        "real_90": "it needs 90 real rows, and there are 80",
        "mixed_30": "it needs 30 synthetic rows, and there are 20",
    }
    assert "arms.real_90 is left out: it needs 90 real rows, and there are 80" in capsys.readouterr().err


def test_an_arm_whose_rows_have_one_label_is_left_out(project, set_params):
    set_params({"arms": {"one": {"real": 1}, "two": {"real": 2}}})
    main()
    metrics = read_json(paths.METRICS / "arms.json")
    assert metrics["left_out"].keys() == {"one"}
    assert metrics["left_out"]["one"].startswith("its 1 rows all have the label ")
    assert [len(read_rows(paths.arm_rows(name))) for name in ("one", "two")] == [0, 2]
