import json
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmint.core.cache import Journal, cache_dir, fingerprint

CONTENT = {"model": "m", "seed": 1}
RESULTS = {"a": [["one", 1, "stop"]], "b": {"texts": ["\ud83d \u2028 😀 \0"], "seconds": 0.1}, "c": None}


@pytest.fixture
def journal():
    """Return a journal with three results."""
    filled = Journal("generate", CONTENT)
    for key, result in RESULTS.items():
        filled.add(key, result)
    return filled


def contents(journal):
    return {key: journal[key] for key in RESULTS if key in journal}


def test_results_are_there_at_once_and_after_reopening(journal):
    for each in (journal, Journal("generate", CONTENT)):
        assert contents(each) == RESULTS
        assert len(each) == 3
        assert "d" not in each


def test_a_new_journal_is_empty():
    assert len(Journal("generate", CONTENT)) == 0
    with pytest.raises(KeyError):
        Journal("generate", CONTENT)["a"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), JSON)
def test_any_result_survives_reopening(tmp_path_factory, key, result):
    content = {"test": str(tmp_path_factory.mktemp("journal"))}  # a journal of its own
    Journal("any", content).add(key, result)
    assert Journal("any", content)[key] == result


@pytest.mark.parametrize("lost", [2, 3, 10, 40])
def test_a_half_written_last_line_is_passed_over_and_can_be_written_again(journal, lost):
    os.truncate(journal.path, journal.path.stat().st_size - lost)
    reopened = Journal("generate", CONTENT)
    assert list(contents(reopened)) == ["a", "b"]
    reopened.add("c", RESULTS["c"])
    assert contents(Journal("generate", CONTENT)) == RESULTS


def test_opening_a_journal_does_not_cut_what_another_run_is_writing(journal):
    os.truncate(journal.path, journal.path.stat().st_size - 5)
    before = journal.path.read_bytes()
    Journal("generate", CONTENT)
    assert journal.path.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seconds": 0.1', b'"seconds": 0.2'),  # another result than its digest says
        (b'"key": "b"', b'"kez": "b"'),
        (b'"digest"', b'"digesd"'),
        (b'{"key": "b"', b'["key": "b"'),
        (b'"seconds"', b'"sec\xffnds"'),
        (b'"seconds"', b'"sec\n\nds"'),
    ],
)
def test_a_damaged_record_is_ignored_and_the_others_are_not(journal, old, new):
    raw = journal.path.read_bytes()
    at = raw.index(b'{"key": "b"')
    assert old in raw[at:]
    journal.path.write_bytes(raw[:at] + raw[at:].replace(old, new, 1))
    reopened = Journal("generate", CONTENT)
    assert contents(reopened) == {"a": RESULTS["a"], "c": RESULTS["c"]}
    reopened.add("b", "again")
    assert Journal("generate", CONTENT)["b"] == "again"


@pytest.mark.parametrize("raw", [b"\n", b"null\n", b"[]\n", b"\0\0\0\0", b'{"key": "a"}\n'])
def test_a_file_that_is_no_journal_is_begun_anew(journal, raw):
    journal.path.write_bytes(raw)
    reopened = Journal("generate", CONTENT)
    assert len(reopened) == 0
    reopened.add("a", 1)
    assert Journal("generate", CONTENT)["a"] == 1


def test_two_fingerprints_and_two_kinds_of_work_do_not_mix(journal):
    others = [Journal("generate", {**CONTENT, "seed": 2}), Journal("verify", CONTENT)]
    for other in others:
        assert len(other) == 0
        other.add("a", "of the other")
    assert len({journal.path, *(other.path for other in others)}) == 3
    assert contents(Journal("generate", CONTENT)) == RESULTS


def test_two_writers_of_one_journal_lose_nothing(journal):
    second = Journal("generate", CONTENT)
    journal.add("first", 1)
    second.add("second", 2)
    journal.add("third", 3)
    reopened = Journal("generate", CONTENT)
    assert [reopened[key] for key in ("first", "second", "third")] == [1, 2, 3]


def test_a_result_is_on_disk_when_add_returns(monkeypatch, cache):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    journal = Journal("generate", CONTENT)
    journal.add("a", 1)
    assert synced == [journal.path.stat().st_size]


def test_journals_lie_in_the_users_cache(journal, cache):
    assert journal.path.parent == cache / "journal"
    assert journal.path.name == f"generate-{fingerprint(CONTENT)}.jsonl"


def test_the_cache_has_a_place_by_itself(monkeypatch, tmp_path):
    monkeypatch.delenv("LABELMINT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "labelmint"


def test_old_journals_are_forgotten_and_used_ones_are_not(journal):
    kept = Journal("verify", CONTENT)
    kept.add("a", 1)
    day = 24 * 3600
    os.utime(journal.path, (time.time() - 31 * day,) * 2)
    os.utime(kept.path, (time.time() - 29 * day,) * 2)
    Journal("verify", CONTENT)  # its use counts from now
    assert not journal.path.exists()
    assert time.time() - kept.path.stat().st_mtime < day


@given(st.dictionaries(st.text(), JSON, max_size=5), st.randoms())
def test_fingerprints_depend_on_the_content_but_not_on_the_order_of_keys(content, random):
    shuffled = list(content.items())
    random.shuffle(shuffled)
    assert fingerprint(dict(shuffled)) == fingerprint(content)
    assert fingerprint({**content, "one more": 1}) != fingerprint(content)


def test_fingerprints_take_tuples_for_lists_and_refuse_nan():
    assert fingerprint({"seeds": (1, 2)}) == fingerprint({"seeds": [1, 2]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint({"temperature": float("nan")})


def test_records_are_one_line_each(journal):
    lines = filter(None, journal.path.read_bytes().splitlines())
    assert [json.loads(line)["key"] for line in lines] == list(RESULTS)
