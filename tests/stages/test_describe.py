import json
import random

import pytest

from labelmint.core import paths
from labelmint.core.records import read_rows, write_rows
from labelmint.describe import fidelity
from labelmint.describe.subsamples import Sampling
from labelmint.describe.summary import describe
from stages import describe as stage
from tests.builders import candidate
from tests.describe.helpers import bag_of_words, real_rows

NAMES = ["negative", "positive"]


@pytest.fixture(autouse=True)
def quick_classifiers(monkeypatch):
    monkeypatch.setattr(fidelity, "FOLDS", 2)


def sampling(**changes):
    return Sampling(**{"subsamples": 1, "texts": 40, **changes})


def described(train, pool, kept, embed=bag_of_words, names=NAMES, **changes):
    return describe(sampling(**changes), names, train, pool, kept, embed)


def copies(count):
    return [candidate(at, "the plot is thin and the cast is very dull", "negative") for at in range(count)]


def test_sets_stand_side_by_side():
    result = described(real_rows(10), real_rows(40, 100), real_rows(30, 300), subsamples=2)
    real, synthetic = result["sets"]["real"], result["sets"]["synthetic"]
    assert result["sample"] == {"texts": 40, "words": 9, "subsamples": 2, "column": "text"}
    assert (real["rows"], real["train_rows"], real["pool_rows"]) == (100, 20, 80)
    assert synthetic["rows"] == 60
    assert real["diversity"].keys() == synthetic["diversity"].keys() >= {"self_bleu", "topic_entropy"}
    for measure, values in result["fidelity"].items():
        if ("distance" in measure and "label" not in measure) or "accuracy" in measure:
            assert values.keys() == {"real", "synthetic"}
            assert values["real"].keys() == {"mean", "sd"}
    # All of these rows are of one kind.
    for name in ("words", "characters", "encoder"):
        assert 0.3 < result["fidelity"][f"classifier_accuracy_{name}"]["synthetic"]["mean"] < 0.7
    assert result["fidelity"]["label_js_distance"] == 0
    assert "40 texts per sample are few" in result["notes"][0]


def test_the_order_of_rows_changes_nothing():
    train, pool, kept = real_rows(10), real_rows(20, 100), real_rows(20, 300)
    before = described(train, pool, kept)
    for rows in (train, pool, kept):
        random.Random(1).shuffle(rows)
    assert described(train, pool, kept) == before


def test_without_real_rows_the_synthetic_ones_are_described_alone():
    result = described([], [], real_rows(20))
    assert result["sets"]["real"] == {"rows": 0, "train_rows": 0, "pool_rows": 0, "equal_texts": 0}
    assert result["fidelity"] == {}
    assert result["sets"]["synthetic"]["diversity"]["self_bleu"]["mean"] > 0
    assert "topic_coverage" not in result["sets"]["synthetic"]["diversity"]
    assert result["notes"] == ["no real rows: the synthetic texts are described alone"]


@pytest.mark.parametrize(("real", "synthetic"), [(1, 1), (1, 20), (9, 20), (20, 1)])
def test_too_few_rows_are_not_compared(real, synthetic):
    result = described(real_rows(real), [], real_rows(synthetic, 100))
    assert result["fidelity"] == {}
    assert "too few texts to compare" in result["notes"][0]
    assert "diversity" not in result["sets"]["real"]
    assert result["sets"]["real"]["labels"] == {"negative": 0.5, "positive": 0.5}
    assert result["sets"]["synthetic"]["diversity"]["distinct_1"]["mean"] > 0


def test_as_few_as_can_be_compared():
    result = described(real_rows(10), [], real_rows(5, 100))
    assert result["sample"]["texts"] == 10
    assert set(result["fidelity"]) > {"frechet_distance", "classifier_accuracy_words"}


def test_a_single_text_has_no_diversity():
    result = described([], [], real_rows(20)[:1])
    assert "diversity" not in result["sets"]["synthetic"]


@pytest.mark.parametrize("given", [True, False])
def test_pairs(given):
    def pairs(rows, first):
        return [{**row, "text": first(row), "text_pair": row["text"]} for row in rows]

    train = pairs(real_rows(20), lambda row: f"premise {row['id']}")
    kept = pairs(real_rows(20, 100), lambda row: train[0]["text"] if given else f"claim {row['id']}")
    result = described(train, [], kept)
    assert result["sample"]["column"] == ("text_pair" if given else "text, text_pair")
    assert result["sets"]["synthetic"]["equal_texts"] == (40 if given else 80)
    assert result["sample"]["words"] == (9 if given else 2)


@pytest.mark.parametrize(
    "texts", [["很好的电影很好看", "不好看的电影太长"], ["यह बहुत अच्छी है", "कहानी खराब है"], ["… !", "???"]]
)
def test_texts_of_any_script(texts):
    rows = [candidate(at, f"{texts[at % 2]} {'ab'[at % 3 % 2]}", NAMES[at % 2]) for at in range(30)]
    result = described(rows, [], rows)
    assert result["fidelity"]["vocabulary_coverage"]["synthetic"]["mean"] > 0.9
    assert json.dumps(result, allow_nan=False)


def test_texts_without_a_word_are_not_compared():
    rows = [candidate(at, "?!", NAMES[at % 2]) for at in range(30)]
    result = described(rows, [], rows)
    assert result["fidelity"] == {}
    assert result["sets"]["synthetic"]["equal_texts"] == 0


def test_many_labels_some_without_rows_and_one_of_copies():
    result = described(real_rows(10), [], copies(20), names=["neutral", *NAMES])
    real, synthetic = result["sets"]["real"], result["sets"]["synthetic"]
    assert synthetic["labels"] == {"neutral": 0, "negative": 1, "positive": 0}
    # The rows with the label are copies.
    assert result["fidelity"]["label_js_distance"] > 0.5
    assert result["fidelity"]["vocabulary_coverage"]["synthetic"]["mean"] < 0.5
    assert synthetic["diversity"]["distinct_2"]["mean"] < real["diversity"]["distinct_2"]["mean"] / 2
    assert synthetic["most_repeated"][0]["share"] == 1


def test_without_synthetic_rows_there_is_a_note():
    assert described(real_rows(10), [], []) == {
        "notes": ["no synthetic rows were kept: there is nothing to describe"]
    }


@pytest.fixture
def kept(prepared, tiny_encoder, monkeypatch):
    monkeypatch.setattr(stage, "Sampling", sampling)
    # What counts is the label that a row was found to have.
    rows = [
        candidate(at, row["text"], judged_label=row["label"], label_scores=None)
        for at, row in enumerate(real_rows(20, 500))
    ]
    write_rows(paths.KEPT, rows)
    return prepared


def test_the_same_rows_always_give_the_same_bytes(kept):
    stage.main()
    path = paths.METRICS / "data.json"
    first = path.read_bytes()
    path.unlink()
    stage.main()
    assert path.read_bytes() == first
    assert len(first) < 30_000
    result = json.loads(first)
    assert result["task"] == "tiny"
    assert result["sets"]["real"]["train_rows"] == len(read_rows(paths.REAL_TRAIN)) == 20
    assert result["sets"]["real"]["pool_rows"] == 60
    assert result["sets"]["synthetic"]["labels"] == {"negative": 0.5, "positive": 0.5}
