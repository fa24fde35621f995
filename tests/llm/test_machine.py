import os

import pytest

from stages.llm.machine import usable_threads


@pytest.fixture(autouse=True)
def _eight_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)


@pytest.mark.parametrize(
    ("quota", "threads"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("100001 100000\n", 2),
        ("100000 100000\n", 1),
        ("50000 100000\n", 1),
        ("1000 100000\n", 1),
        ("20000 10000\n", 2),
        ("800000 100000\n", 8),
        ("6400000 100000\n", 8),
        ("", 8),
        ("200000", 8),
        ("1 2 3", 8),
    ],
)
def test_threads_follow_the_cgroup_quota(tmp_path, quota, threads):
    (tmp_path / "cpu.max").write_text(quota, encoding="utf-8")
    assert usable_threads(tmp_path) == threads


def test_without_a_cgroup_the_affinity_mask_counts(tmp_path):
    assert usable_threads(tmp_path) == 8


def test_without_an_affinity_mask_the_cpus_count(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_threads(tmp_path) == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_threads(tmp_path) == 1
