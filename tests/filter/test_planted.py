"""Faults planted among real sentences of the shipped task: how many are found, and at what cost."""

import random
from collections import Counter

import numpy as np
import pytest

from labelmint.core.params import load_params
from labelmint.core.records import Input
from labelmint.encoder.vectors import Vectors, embed_rows
from labelmint.rules.sieve import Sieve, apply_copies, apply_duplicates, apply_form
from labelmint.tasks.cards import load_card
from labelmint.tasks.source import read_source
from labelmint.tasks.split import split
from tests.builders import REPOSITORY, candidate
from tests.filter.helpers import config

TASK = "rotten_tomatoes"
SETTINGS = config(min_words=3, max_words=80)
# Random sets of 50 plants each.
SETS = 20


@pytest.fixture(scope="module")
def task():
    """Return the task card, 100 real rows, 1,000 test inputs and 2,000 other sentences."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        the_card = load_card(TASK)
        parts = split(read_source(the_card, TASK).rows, 100, [2100], 1000, 1)
    test = [Input(id=row["id"], text=row["text"]) for row in parts.test]
    return the_card, parts.train, test, [row["text"] for row in parts.pool[:2000]]


def _swap(words, draw):
    words[draw.randrange(len(words))] = draw.choice(["quite", "film", "never", "bright", "story", "slow"])


def _drop(words, draw):
    del words[draw.randrange(len(words))]


def _insert(words, draw):
    words.insert(draw.randrange(len(words) + 1), draw.choice(["quite", "really", "so", "often"]))


def _typo(words, draw):
    at = max(range(len(words)), key=lambda at: len(words[at]))
    words[at] = words[at][:1] + words[at][2:]


def _trim(words, draw):
    del words[0], words[-1]


def _capitals(words, draw):
    words[:] = [word.title() for word in words]


def _punctuation(words, draw):
    words[:] = [word for word in words if word not in ".,;:!?"] + ["!"]


def _around(words, draw):
    words[:] = ["honestly", ",", *words, "indeed"]


EDITS = [_swap, _drop, _insert, _typo, _trim, _capitals, _punctuation, _around]


def edited(text, edit, draw):
    words = text.split()
    edit(words, draw)
    return " ".join(words)


def sieved(task, texts):
    the_card, train, test, _ = task
    sieve = Sieve([candidate(number, text) for number, text in enumerate(texts)])
    apply_form(sieve, SETTINGS, the_card, train)
    apply_duplicates(sieve, SETTINGS, train)
    apply_copies(sieve, SETTINGS, train, test)
    return sieve.verdicts


def test_at_most_two_in_a_hundred_unrelated_rows_are_rejected(task):
    verdicts = sieved(task, task[3])
    assert len(verdicts) <= 0.02 * len(task[3]), Counter(rule for rule, _ in verdicts.values())


@pytest.mark.parametrize("seed", range(3))
def test_lightly_edited_test_inputs_are_found_among_good_rows(task, seed):
    draw = random.Random(seed)
    test, good = task[2], task[3]
    sources = draw.sample([row for row in test if len(row["text"].split()) >= 5], 50)
    planted = [edited(row["text"], EDITS[at % len(EDITS)], draw) for at, row in enumerate(sources)]
    places = sorted(draw.sample(range(1000), 50))
    texts = good[:950]
    for place, text in zip(places, planted, strict=True):
        texts.insert(place, text)
    verdicts = sieved(task, texts)
    found = [verdicts.get(f"s{place:06d}", ("none", {})) for place in places]
    leaks = [rule == "test_leak" for rule, _ in found]
    assert sum(leaks) >= 0.95 * 50, [text for text, leak in zip(planted, leaks, strict=True) if not leak]
    # The evidence is the row that was edited, but for a test set that says nearly the same twice.
    named = [evidence.get("test") == row["id"] for (_, evidence), row in zip(found, sources, strict=True)]
    assert sum(named) >= sum(leaks) - 1
    others = len(verdicts) - sum(f"s{place:06d}" in verdicts for place in places)
    assert others <= 0.02 * 950


def lightly_edited(text, draw, words):
    """Change one word or two of a text (swap, exchange, drop, insert), or its case and punctuation."""
    own = text.split()
    kind = draw.choice(["swap", "exchange", "drop", "insert", "any", "case"])
    if kind == "case":
        said = [draw.choice([str.upper, str.title, str])(word) for word in own if word not in ".,;:!?"]
        return " ".join(said) + draw.choice(["!", " .", "...", ""])
    for _ in range(draw.choice([1, 2])):
        now = draw.choice(["swap", "exchange", "drop", "insert"]) if kind == "any" else kind
        at = draw.randrange(len(own))
        if now == "swap":
            own[at] = draw.choice(words)
        elif now == "exchange" and len(own) > 1:
            at = draw.randrange(len(own) - 1)
            own[at], own[at + 1] = own[at + 1], own[at]
        elif now == "drop" and len(own) > 2:
            del own[at]
        else:
            own.insert(at, draw.choice(words))
    return " ".join(own)


def planted_sets(texts, good, sets, seed):
    """Return `sets` times 50 places of texts, and the texts there lightly edited."""
    draw = random.Random(seed)
    words = [word for text in good for word in text.split() if word.isalpha()]
    places = [at for _ in range(sets) for at in draw.sample(range(len(texts)), 50)]
    return places, [lightly_edited(texts[at], draw, words) for at in places]


def test_in_random_sets_of_planted_test_inputs_nearly_all_are_found(task):
    texts = [row["text"] for row in task[2]]
    places, planted = planted_sets(texts, task[3], SETS, 11)
    sieve = Sieve([candidate(number, text) for number, text in enumerate(planted)])
    apply_copies(sieve, SETTINGS, [], task[2])
    found = [sieve.verdicts.get(f"s{number:06d}", ("", {})) for number in range(len(planted))]
    shares = np.array([rule == "test_leak" for rule, _ in found]).reshape(SETS, 50).mean(axis=1)
    assert shares.mean() >= 0.985
    assert shares.min() >= 0.94
    named = [
        evidence["test"] == task[2][at]["id"]
        for (rule, evidence), at in zip(found, places, strict=True)
        if rule
    ]
    assert np.mean(named) >= 0.99


def test_in_random_sets_of_planted_near_duplicates_nearly_all_are_found(task):
    good = [text for text in task[3][:1000] if len(text.split()) >= 3]
    _, planted = planted_sets(good, good, 5, 12)
    shares = []
    # A set at a time: two edits of one text are each other's near-duplicates too.
    for start in range(0, len(planted), 50):
        texts = [*good, *planted[start : start + 50]]
        sieve = Sieve([candidate(number, text) for number, text in enumerate(texts)])
        apply_duplicates(sieve, SETTINGS, [])
        ids = {f"s{len(good) + number:06d}" for number in range(50)}
        shares.append(len(ids & set(sieve.verdicts)) / 50)
        assert len(set(sieve.verdicts) - ids) <= 0.01 * len(good)
    assert np.mean(shares) >= 0.98
    assert min(shares) >= 0.94


@pytest.mark.parametrize("edit", EDITS)
def test_each_kind_of_edit_is_mostly_found(task, edit):
    draw = random.Random(1)
    texts = [edited(row["text"], edit, draw) for row in task[2][:300]]
    verdicts = sieved(task, texts)
    leaks = sum(rule == "test_leak" for rule, _ in verdicts.values())
    assert leaks >= 0.9 * len(texts)


@pytest.mark.parametrize("edit", [_capitals, _punctuation, _around])
def test_near_duplicates_of_candidates_are_found(task, edit):
    draw = random.Random(2)
    # A word more at either end leaves 0.7 of the shingles from twelve words on.
    good = [text for text in task[3] if sum(word.isalnum() for word in text.split()) >= 12][:300]
    verdicts = sieved(task, [*good, *[edited(text, edit, draw) for text in good]])
    twins = {
        row_id: evidence["twin"]
        for row_id, (rule, evidence) in verdicts.items()
        if rule.endswith("_duplicate")
    }
    standing = [at for at in range(300) if f"s{at:06d}" not in verdicts]
    found = [twins.get(f"s{300 + at:06d}") == f"s{at:06d}" for at in standing]
    assert len(standing) >= 290
    assert sum(found) >= 0.95 * len(standing)


def test_copies_of_the_real_rows_are_found(task):
    draw = random.Random(3)
    train = [row for row in task[1] if len(row["text"].split()) >= 5]
    copies = [edited(row["text"], EDITS[at % len(EDITS)], draw) for at, row in enumerate(train)]
    verdicts = sieved(task, [*task[3][:200], *copies])
    found = [verdicts.get(f"s{200 + at:06d}", ("none", {}))[0] for at in range(len(copies))]
    assert sum(rule == "real_copy" for rule in found) >= 0.9 * len(copies)


@pytest.mark.slow
def test_the_real_encoder_finds_other_words_and_tells_unrelated_rows_apart(task, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    said = ["a wonderful film for the whole family", "the film was far too long and quite dull"]
    again = ["a wonderful movie for all the family", "the movie was quite dull and much too long"]
    test = [Input(id=f"t{number}", text=text) for number, text in enumerate([*said, *task[3][60:90]])]
    sieve = Sieve([candidate(number, text) for number, text in enumerate([*again, *task[3][:60]])])
    train = load_params(REPOSITORY / "params.yaml").train
    vectors = Vectors(lambda rows: embed_rows(train, rows), sieve.standing, test)
    off = {"leak_similarity": 1.0, "edited_leak_similarity": 1.0}
    apply_copies(sieve, config(**off, semantic_leak_similarity=0.9), [], test, vectors)
    assert {row_id: evidence["test"] for row_id, (_, evidence) in sieve.verdicts.items()} == {
        "s000000": "t0",
        "s000001": "t1",
    }
    assert {evidence["measure"] for _, evidence in sieve.verdicts.values()} == {"meaning"}
