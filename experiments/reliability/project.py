"""A copy of the project that runs in seconds: few rows, a stub for a language model, a tiny encoder."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from experiments.reliability.server import WORDS, sentence
from labelmint.core.config import read_yaml

REPOSITORY = Path(__file__).parents[2]
STAGES = [
    "prepare",
    "generate",
    "top_up",
    "filter",
    "label",
    "arms",
    "train real",
    "train mixed",
    "train llm",
    "describe",
    "evaluate",
    "report",
]
_FILES = ["params.yaml", "dvc.yaml", "data/models.yaml", ".dvcignore", ".gitignore", ".dvc/config"]
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CARD: dict[str, Any] = {
    "description": "sentences from film reviews",
    "text_name": "film review",
    "question": "Sentiment",
    "labels": {
        "neg": {"name": "negative", "phrase": "negative"},
        "pos": {"name": "positive", "phrase": "positive"},
    },
    "source": {"path": "data/raw/rows.csv", "text_column": "text", "label_column": "label"},
    "licence": "none",
}
_SETTINGS: dict[str, Any] = {
    "task": "small",
    "real.rows": 20,
    "prepare.test_rows": 20,
    "prepare.unlabelled_rows": 20,
    "arms": {
        "real": {"real": "all"},
        "mixed": {"real": "all", "synthetic": "all", "student": "tfidf"},
        "llm": {"real": "all", "student": "llm", "seeds": 1},
    },
    "llm.backend": "server",
    "generate.candidates": 48,
    "generate.demonstrations": 2,
    "generate.samples_per_prompt": 4,
    "generate.prompts_per_wave": 2,
    "top_up.max_candidates": 120,
    "filter.rows_per_label": 25,
    # The stub's sentences are of a few words, and so edits of each other.
    "filter.disabled_rules": ["near_duplicate", "demonstration_copy", "real_copy", "test_leak"],
    "filter.semantic_similarity": 1.0,
    "labelling.scorers": ["llm", "classifier"],
    "labelling.demonstrations": 4,
    "train.encoder": "tiny",
    "train.max_tokens": 64,
    "train.seeds": [1, 2],
    "train.precision": "fp32",
    "evaluate.bootstrap_samples": 100,
}


class Project:
    """A project's folder, with a cache of its own beside it, and the commands that run in it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        beside = folder.parent
        self.environment = {
            **os.environ,
            # `python` in dvc.yaml must be the one that runs this.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LABELMINT_CACHE": str(beside / "cache"),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(beside / "dvc-site"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }

    def make(self) -> None:
        """Copy the code, write the small task, and make a repository of it."""
        for name in ("labelmint", "stages", "data/tasks"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / name, self.folder / name, ignore=ignored)
        for name in _FILES:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, self.folder / name)
        draw = random.Random(1)
        labels = {"neg": "negative", "pos": "positive"}
        rows = [f"{sentence(labels[label], draw)},{label}\n" for _ in range(60) for label in labels]
        self.write("data/raw/rows.csv", "text,label\n" + "".join(rows))
        self.write("data/tasks/small.yaml", yaml.safe_dump(CARD, sort_keys=False))
        self.set_params({**_SETTINGS, "llm.server.url": self.url})
        encoder = self.folder.parent / "encoder"
        if not encoder.exists():
            save_encoder(encoder, WORDS)
        digest = hashlib.sha256((encoder / "model.safetensors").read_bytes()).hexdigest()
        entry = {"kind": "encoder", "path": str(encoder), "sha256": digest, "licence": "none"}
        with (self.folder / "data/models.yaml").open("a", encoding="utf-8") as file:
            file.write(yaml.safe_dump({"tiny": entry}))
        self.run("git", "init", "-q")

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def set_params(self, changes: dict[str, Any]) -> None:
        """Change params.yaml; keys are dotted."""
        set_params(self.folder / "params.yaml", changes)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> str:
        """Run a command that must succeed; return its output."""
        process = self.start(*command)
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{output}")
        return output


def set_params(path: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """Change settings of a params.yaml that are there, by dotted keys; return all of them."""
    content: dict[str, Any] = read_yaml(path)
    for key, value in changes.items():
        *sections, last = key.split(".")
        part = content
        for section in sections:
            part = part[section]
        if last not in part:
            raise KeyError(f"{path} has no {key}")
        part[last] = value
    # The dumper in C, where PyYAML has it, is four times as fast.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    path.write_text(yaml.dump(content, Dumper=dumper, sort_keys=False), encoding="utf-8")
    return content


def stage_command(stage: str) -> list[str]:
    """Return the command of a stage of `STAGES`."""
    return [sys.executable, "-m", *f"stages.{stage}".split()]


def save_encoder(folder: Path, known: Sequence[str]) -> None:
    """Save an encoder of two layers with random weights, always the same, that knows these words."""
    # Here: PyTorch takes seconds to load.
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast  # type: ignore[attr-defined]

    words = [*_SPECIAL, *known]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    BertTokenizerFast(vocab={word: at for at, word in enumerate(words)}).save_pretrained(folder)
