"""Small builders of rows, task cards and settings, for all tests."""

import random
import subprocess
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.reliability import server
from experiments.reliability.project import CARD
from labelmint.checks import read_checked_task
from labelmint.core.errors import LabelmintError
from labelmint.core.folds import folds_in_turn
from labelmint.core.params import Llm, LlmServer, Params, load_params
from labelmint.core.records import Candidate, Labelled
from labelmint.llm.base import Sampling
from labelmint.tasks.cards import TaskCard

REPOSITORY = Path(__file__).parent.parent
GEMMA, SMOLLM = "gemma-3-270m", "smollm2-135m-instruct"  # in data/models.yaml
# Python's audit events of a connection or a look-up.
SOCKET_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname")

NEUTRAL = [
    *("film", "story", "script", "cast", "scene", "ending", "music", "plot", "camera", "drama"),
    *("actor", "comedy", "sequel", "stage", "voice", "city", "night", "road", "house", "river"),
    *("summer", "winter", "garden", "letter", "window", "mother", "soldier", "teacher", "doctor", "painter"),
]
OPINIONS = {**server.OPINIONS, "neutral": ["plain", "usual", "average", "common"]}


def environment_in(home: Path) -> dict[str, str]:
    """Return variables that have caches and settings in a folder, and a name for commits."""
    return {
        "LABELMINT_CACHE": str(home / "cache"),
        "DVC_TEST": "1",
        "DVC_SITE_CACHE_DIR": str(home / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "dvc-system"),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_NAME": "Labelmint Tests" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "tests@labelmint.invalid" for role in ("AUTHOR", "COMMITTER")},
        "HF_HUB_OFFLINE": "1",
    }


def git(*arguments: str) -> str:
    """Run git here; return its output."""
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def failure(call: Callable[..., object], *arguments: Any, **options: Any) -> str:
    """Return the message, of one line, of the error that the call raises."""
    with pytest.raises(LabelmintError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def contents_of(folder: Path) -> dict[Path, bytes]:
    """Return what each file in a folder holds."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def labelled(label: str, number: int, text: str | None = None) -> Labelled:
    """Return a row; its text says its number unless given."""
    return Labelled(id=f"r{number:06d}", text=text or f"text number {number}", label=label)


def labelled_rows(counts: dict[str, int]) -> list[Labelled]:
    """Return that many rows of each label."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [labelled(label, number) for number, label in enumerate(labels)]


def review(label: str, number: int, words: int = 9) -> Labelled:
    """Return a row of random words, one of which is an opinion that tells its label."""
    draw = random.Random(f"{label}:{number}")
    said = [*draw.sample(NEUTRAL, words - 1), draw.choice(OPINIONS[label])]
    draw.shuffle(said)
    return Labelled(id=f"{label}{number:06d}", text=" ".join(said), label=label)


def reviews(counts: dict[str, int], first: int = 0, words: int = 9) -> list[Labelled]:
    """Return that many reviews of each label, the labels in turn as far as they go."""
    rounds = range(first, first + max(counts.values()))
    return [
        review(label, number, words)
        for number in rounds
        for label, count in counts.items()
        if number < first + count
    ]


def with_folds(rows: Sequence[Any]) -> list[Any]:
    """Return an arm's rows, the real ones with their folds."""
    folds = iter(folds_in_turn(row["label"] for row in rows if row["source"] == "real"))
    return [{**row, "fold": next(folds)} if row["source"] == "real" else row for row in rows]


def candidate(number: int, text: str, label: str = "negative", **changes: Any) -> Candidate:
    """Return a finished candidate."""
    row: dict[str, Any] = {
        "id": f"s{number:06d}",
        "text": text,
        "label": label,
        "prompt_id": "p0",
        "demonstration_ids": [],
        "method": "few_shot",
        "values": {},
        "seed": number,
        "tokens": 9,
        "finish_reason": "stop",
        **changes,
    }
    return Candidate(**row)


@cache
def shipped() -> Params:
    """Return the repository's params.yaml, read once."""
    return load_params(REPOSITORY / "params.yaml")


def section(name: str, **changes: Any) -> Any:
    """Return a section of the shipped params.yaml with changes, checked; a mapping changes a part of one."""
    part = getattr(shipped(), name)
    content = part.model_dump()
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(content[key], dict)
        content[key] = {**content[key], **value} if both else value
    return type(part).model_validate(content)


def card_content(**changes: Any) -> dict[str, Any]:
    """Return the content of a task card over data/raw/rows.csv with the labels neg and pos."""
    return {**deepcopy(CARD), **changes}


def card(**changes: Any) -> TaskCard:
    """Return a task card; `changes` replace parts of `card_content`."""
    return TaskCard.model_validate(card_content(**changes))


def card_of_file(path: Path, **source: Any) -> TaskCard:
    """Return a task card over a file."""
    return card(source={"path": str(path), "text_column": "text", "label_column": "label", **source})


def write_card(folder: Path, task: str, **changes: Any) -> Path:
    """Write a task card into a project."""
    path = folder / "data/tasks" / f"{task}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(card_content(**changes), sort_keys=False), encoding="utf-8")
    return path


def sampling(**changes: Any) -> Sampling:
    """Return settings that truncate nothing; texts end with a line break or 16 tokens."""
    settings: dict[str, Any] = {
        "temperature": 1.0,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "max_new_tokens": 16,
        "stop": "\n",
        **changes,
    }
    return Sampling(**settings)


def llm(**changes: Any) -> Llm:
    """Return an `llm` section for a small, quick context."""
    settings: dict[str, Any] = {
        "backend": "llama_cpp",
        "model": GEMMA,
        "context_tokens": 1024,
        "slots": 8,
        "threads": 1,  # more of them wait for each other in busy loops: 100 times slower on a busy machine
        "gpu_layers": 0,
        "server": llm_server(),
        **changes,
    }
    return Llm(**settings)


def llm_server(**changes: Any) -> LlmServer:
    """Return the shipped `llm.server` section with changes, checked."""
    return LlmServer.model_validate({**shipped().llm.server.model_dump(), **changes})


def said_by_checks(rows: Sequence[Labelled]) -> str:
    """Write the rows as data/raw/rows.csv, and check the project here; return the error."""
    values = {entry["name"]: value for value, entry in CARD["labels"].items()}
    lines = [f"{row['text']},{values.get(row['label'], row['label'])}\n" for row in rows]
    Path("data/raw/rows.csv").write_text("text,label\n" + "".join(lines), encoding="utf-8")
    try:
        read_checked_task(load_params())
    except LabelmintError as error:
        return str(error)
    return ""
