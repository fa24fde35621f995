import sqlite3
import subprocess
import sys
import time

import pytest

from labelmint.core import cache as module
from labelmint.core.cache import Cache, cache_dir, cache_file, fingerprint, fresh, summary
from labelmint.core.errors import LabelmintError

CONTENT = {"model": "m", "seed": 1}
RESULTS = {
    "a": [["one", 1, "stop"]],
    "b": {"texts": ["\ud83d \u2028 😀 \0"], "seconds": 0.1},
    "\0 é": [],
}


@pytest.fixture
def filled():
    """Return a cache with three results."""
    results = Cache("generate", CONTENT)
    for key, result in RESULTS.items():
        results.add(key, result)
    return results


def contents(results):
    return {key: result for key in RESULTS if (result := results.get(key)) is not None}


def test_results_are_there_at_once_and_after_reopening(filled):
    for each in (filled, Cache("generate", CONTENT)):
        assert contents(each) == RESULTS
        assert each.get("d") is None


def test_a_new_cache_is_empty():
    assert contents(Cache("generate", CONTENT)) == {}


def test_kinds_and_fingerprints_do_not_mix_and_the_last_result_of_a_key_counts(filled):
    for other in (Cache("generate", {**CONTENT, "seed": 2}), Cache("verify", CONTENT)):
        assert contents(other) == {}
        other.add("a", "other")
    assert contents(Cache("generate", CONTENT)) == RESULTS
    filled.add("a", 2)
    assert filled.get("a") == 2


@pytest.mark.slow
def test_several_processes_write_at_the_same_time(filled):
    script = "from labelmint.core.cache import Cache\nfor n in range(9): Cache('many', {}).add(f'%d-{n}', n)"
    workers = [subprocess.Popen([sys.executable, "-c", script % number]) for number in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    results = Cache("many", {})
    assert all(results.get(f"{number}-{n}") == n for number in range(3) for n in range(9))


def test_damage_that_shows_later_is_set_aside_too():
    cache = Cache("generate", CONTENT)
    for number in range(400):
        cache.add(str(number), {"text": "x" * 100})
    with cache_file().open("r+b") as file:
        file.seek(4096 * 3)
        file.write(bytes(4096 * 8))
    with pytest.raises(LabelmintError, match=r"malformed; it is now finished_work\.damaged: run it again"):
        [Cache("generate", CONTENT).get(str(number)) for number in range(400)]
    Cache("generate", CONTENT).add("0", {"text": "anew"})
    assert Cache("generate", CONTENT).get("0") == {"text": "anew"}


def test_a_damaged_file_is_set_aside_with_a_word(filled, capsys):
    cache_file().write_bytes(b"no database" * 1000)
    assert contents(filled) == {}
    filled.add("a", 1)
    assert filled.get("a") == 1
    assert capsys.readouterr().err.count("a new one begins") == 1
    assert cache_file().with_suffix(".damaged").exists()


@pytest.mark.parametrize("record", ['{"texts": ["cut o', "", "[1, NaN", b"\xff\xfe"])
def test_a_damaged_record_is_made_again(filled, record):
    with sqlite3.connect(cache_file()) as database:
        database.execute("UPDATE results SET result = ? WHERE key = 'a'", (record,))
    assert contents(filled) == {key: RESULTS[key] for key in RESULTS if key != "a"}
    filled.add("a", RESULTS["a"])
    assert contents(Cache("generate", CONTENT)) == RESULTS


@pytest.mark.parametrize("clock", [0.0, 4e9])
def test_a_clock_that_jumps_loses_nothing_that_was_just_written(monkeypatch, clock):
    monkeypatch.setenv("LABELMINT_FRESH", "1")
    results = Cache("generate", CONTENT)
    monkeypatch.setattr(time, "time", lambda: clock)
    with fresh():
        results.add("a", 1)
        assert results.get("a") == 1
    assert results.get("a") == 1
    monkeypatch.setattr(time, "time", lambda: 1e9)  # before what a clock ahead of its time wrote
    assert "-" not in summary()[1].split("last used")[1]


def test_a_fresh_run_ignores_earlier_results_but_sees_its_own(filled, monkeypatch):
    monkeypatch.setenv("LABELMINT_FRESH", "1")
    monkeypatch.setattr(module, "_added", [set()])  # as in another process
    assert contents(filled) == {}
    filled.add("a", "new")
    assert Cache("generate", CONTENT).get("a") == "new"


@pytest.mark.parametrize("variable", ["", "1"])
def test_timed_work_ignores_all_that_was_kept_before_it_and_nothing_later(filled, monkeypatch, variable):
    monkeypatch.setenv("LABELMINT_FRESH", variable)
    with fresh():
        assert contents(filled) == {}
        filled.add("a", "timed")
        assert contents(filled) == {"a": "timed"}
    assert contents(filled) == {**RESULTS, "a": "timed"}


def test_unused_results_go_after_a_month_and_used_ones_stay(filled, monkeypatch):
    Cache("verify", CONTENT).add("a", 1)
    with sqlite3.connect(cache_file()) as database:
        database.execute("UPDATE results SET used = used - ?", (module.KEEP_SECONDS - 60,))
    Cache("verify", CONTENT)  # a use
    with sqlite3.connect(cache_file()) as database:
        database.execute("UPDATE results SET used = used - 120")
    Cache("another", {})
    assert contents(Cache("generate", CONTENT)) == {}
    assert Cache("verify", CONTENT).get("a") == 1


def test_the_file_lies_in_the_users_cache(filled, monkeypatch, tmp_path):
    assert cache_file().parent == cache_dir()
    monkeypatch.setenv("LABELMINT_CACHE", str(tmp_path / "elsewhere"))
    assert cache_dir() == tmp_path / "elsewhere"
    assert contents(Cache("generate", CONTENT)) == {}


def test_a_folder_relative_to_where_a_command_runs_is_refused(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABELMINT_CACHE", "some/cache")
    with pytest.raises(LabelmintError, match=f"must be an absolute path, such as {tmp_path}/some/cache"):
        Cache("generate", CONTENT)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("folder", ["/proc/nonexistent/cache", "~nobody-of-this-name/cache"])
def test_a_folder_that_cannot_be_written_to_is_an_error_with_a_remedy(monkeypatch, folder):
    monkeypatch.setenv("LABELMINT_CACHE", folder)  # /proc takes nothing, not even from root
    with pytest.raises(LabelmintError, match="let LABELMINT_CACHE name a folder that can be written to"):
        Cache("generate", CONTENT)


def test_fingerprints_depend_on_the_content_but_not_on_the_order_of_keys():
    same = {"a": {"b": [1, None], "c": 0.5}, "é": "x"}, {"é": "x", "a": {"c": 0.5, "b": [1, None]}}
    others = {"a": {"b": [None, 1], "c": 0.5}, "é": "x"}, {"a": {"b": [1, None], "c": 0.5}, "é": "y"}, {}
    assert len({fingerprint(content) for content in same}) == 1
    assert len({fingerprint(content) for content in (*same, *others)}) == 4


def test_fingerprints_take_tuples_for_lists_and_refuse_nan():
    assert fingerprint({"a": (1, 2)}) == fingerprint({"a": [1, 2]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint({"a": float("nan")})
