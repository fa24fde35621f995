"""Faults planted among real sentences of the shipped task: how many are found, and at what cost."""

import random
from collections import Counter

import pytest

from labelmint.core.params import load_params
from labelmint.core.records import Input
from labelmint.encoder.vectors import Vectors, embed_rows
from labelmint.rules import repeats
from labelmint.rules.apply import apply_rules
from labelmint.rules.filtering import Filtering
from labelmint.tasks.cards import load_card
from labelmint.tasks.source import read_source
from labelmint.tasks.split import split
from labelmint.tasks.task import Task
from tests.builders import REPOSITORY, candidate
from tests.rules.helpers import filtering_of, rules_broken, settings

TASK = "rotten_tomatoes"


@pytest.fixture(scope="module")
def task():
    """Return the task card, 100 real rows, 1,000 test inputs and 1,000 other sentences."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        the_card = load_card(TASK)
        parts = split(read_source(the_card, TASK).rows, 100, 1000, 1)
    test = [Input(id=row["id"], text=row["text"]) for row in parts.test]
    return the_card, parts.train, test, [row["text"] for row in parts.pool[:1000]]


def edited(text, draw):
    """Swap, drop or insert a word, cut both ends, add some around, or change case and punctuation."""
    words = text.split()
    kind, at = draw.choice(["swap", "drop", "insert", "ends", "around", "case"]), draw.randrange(len(words))
    if kind == "swap":
        words[at] = draw.choice(["quite", "film", "never", "bright", "story", "slow"])
    elif kind == "drop":
        del words[at]
    elif kind == "insert":
        words.insert(at, draw.choice(["quite", "really", "so", "often"]))
    elif kind == "ends":
        words = words[1:-1]
    elif kind == "around":
        words = ["honestly", ",", *words, "indeed"]
    else:
        words = [word.title() for word in words if word not in ".,;:!?"] + ["!"]
    return " ".join(words)


@pytest.mark.slow
def test_planted_faults_are_found_among_good_rows(task):
    the_card, train, test, good = task
    draw = random.Random(1)
    planted = {
        rule: [
            edited(text, draw) for text in draw.sample([text for text in texts if len(text.split()) >= 8], 40)
        ]
        for rule, texts in (
            ("test_leak", [row["text"] for row in test]),
            ("real_copy", [row["text"] for row in train]),
            ("near_duplicate", good),
        )
    }
    texts = [*good, *(text for group in planted.values() for text in group)]
    rows = [candidate(at, text) for at, text in enumerate(texts)]
    broken = rules_broken(
        apply_rules(Filtering(Task(settings(max_words=80), the_card, train, test), rows, {}))
    )
    rules = [broken.get(row["id"], "") for row in rows]
    for at, rule in enumerate(planted):
        matches = Counter(rules[len(good) + 40 * at :][:40])
        alike = matches[rule] + (matches["exact_duplicate"] if rule == "near_duplicate" else 0)
        assert alike >= 0.95 * 40, (rule, matches)
    # Unrelated sentences pass.
    assert sum(map(bool, rules[: len(good)])) <= 0.02 * len(good), Counter(rules[: len(good)])


@pytest.mark.slow
def test_the_real_encoder_finds_other_words_and_tells_unrelated_rows_apart(task, model_cache, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("LABELMINT_CACHE", str(model_cache))
    good = task[3]
    originals = ["a wonderful film for the whole family", "the film was far too long and quite dull"]
    again = ["a wonderful movie for all the family", "the movie was quite dull and much too long"]
    test = [Input(id=f"t{at}", text=text) for at, text in enumerate([*originals, *good[20:30]])]
    filtering = filtering_of(*again, *good[:20], test=test, leak_similarity=1.0, semantic_similarity=0.9)
    train = load_params(REPOSITORY / "params.yaml").train
    filtering.vectors = Vectors(lambda rows: embed_rows(train, rows), filtering.remaining, test)
    monkeypatch.setattr(repeats, "EDITED_LEAK", 1.0)
    repeats.leaks(filtering)
    evidence = {row_id: result.evidence for row_id, result in filtering.results.items()}
    assert {row_id: shown["test"] for row_id, shown in evidence.items()} == {"s000000": "t0", "s000001": "t1"}
    assert {shown["measure"] for shown in evidence.values()} == {"meaning"}
