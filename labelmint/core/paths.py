"""Where the stages' files lie, relative to the current directory (`dvc exp run --temp` runs in a copy)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

RAW = Path("data/raw")
TASKS = Path("data/tasks")
CATALOG = Path("data/models.yaml")

REAL_TRAIN = Path("data/real/train.jsonl")
REAL_POOL = Path("data/real/pool.jsonl")
TEST_INPUTS = Path("data/real/test.jsonl")
TEST_LABELS = Path("data/real/test_labels.jsonl")
UNLABELLED = Path("data/real/unlabelled.jsonl")
FACTS = Path("data/real/facts.jsonl")

PROMPTS = Path("data/synthetic/prompts.jsonl")
IDEAS = Path("data/synthetic/ideas.jsonl")
CANDIDATES = Path("data/synthetic/candidates.jsonl")
TOP_UP_CANDIDATES = Path("data/synthetic/top_up_candidates.jsonl")
TOP_UP_PROMPTS = Path("data/synthetic/top_up_prompts.jsonl")
KEPT = Path("data/synthetic/kept.jsonl")
REJECTED = Path("data/synthetic/rejected.jsonl")

LABELLED = Path("data/labelled/kept.jsonl")
LABELLED_REJECTED = Path("data/labelled/rejected.jsonl")

ARMS = Path("data/arms")

HARDEST = Path("data/evaluation/hardest.jsonl")

METRICS = Path("metrics")
PREDICTIONS = Path("data/predictions")
TRAIN_METRICS = Path("metrics/train")
CURVES = Path("metrics/curves")
EVALUATION = Path("metrics/evaluate.json")
ANSWERS = Path("metrics/predictions.json")
PLOTS = Path("metrics/plots")


def package_folder(name: str) -> Path | None:
    """Return the folder of an installed Python package; None if there is none."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # the package around it is missing; no name at all
        return None
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def arm_rows(arm: str) -> Path:
    """Return the file of an arm's training rows."""
    return ARMS / f"{arm}.jsonl"


def unclear_rows(arm: str) -> Path:
    """Return the file of the rows that an arm trains on only while a fold of its real rows is held out."""
    return ARMS / "unclear" / f"{arm}.jsonl"


def curves(arm: str) -> Path:
    """Return the folder of an arm's training curves, one table each."""
    return CURVES / arm


def train_metrics(arm: str) -> Path:
    """Return the file of an arm's training metrics."""
    return TRAIN_METRICS / f"{arm}.json"


def predictions(arm: str) -> Path:
    """Return the file of an arm's predictions of the test inputs."""
    return PREDICTIONS / f"{arm}.jsonl"


def model(arm: str) -> Path:
    """Return the folder of an arm's trained classifier."""
    return Path(f"models/{arm}")
