"""Everything that the cards state, read from what the stages wrote; cards say what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import DataError, ParamsError
from labelmint.core.params import Params, load_params
from labelmint.core.records import Kept, Prompt, read_rows, texts_of
from labelmint.export.language import language_of
from labelmint.export.licences import UNKNOWN, Licence, licence
from labelmint.export.provenance import Provenance, provenance
from labelmint.llm.catalog import Entry, load_entry
from labelmint.tasks.cards import TaskCard, load_card

REAL_ROW = "⟨a real row⟩"


@dataclass(frozen=True)
class Model:
    """A model that took part, as data/models.yaml states it."""

    name: str
    kind: str
    origin: str
    sha256: str
    licence: Licence


@dataclass(frozen=True)
class Facts:
    """What is known of the run; metrics that weren't written are None."""

    arm: str
    params: Params
    card: TaskCard
    kept: Sequence[Kept]
    prompt: str | None
    generator: Model
    encoder: Model
    funnel: Mapping[str, Any] | None
    training: Mapping[str, Any] | None
    scores: Mapping[str, Any] | None
    language: str | None
    provenance: Provenance

    @property
    def has_real(self) -> bool:
        """Whether the arm was trained on real rows."""
        return bool(self.params.arms[self.arm].real)

    @property
    def has_synthetic(self) -> bool:
        """Whether the arm was trained on synthetic rows."""
        return bool(self.params.arms[self.arm].synthetic)

    @property
    def main_arm(self) -> str | None:
        """The arm that tells what the data set is worth: all its rows, with all real ones if there is one."""
        params, arms = self.params, self.params.arms
        whole = [name for name, arm in arms.items() if arm.synthetic == "all"]
        whole = [name for name in whole if params.student_of(name) == params.train.student]
        return max(whole, key=lambda name: arms[name].real == "all", default=None)

    def gain(self, arm: str | None) -> Any:
        """Return the gain over the same student without the synthetic rows; None: not measured."""
        if arm is None or self.scores is None:
            return None
        arms, student_of = self.params.arms, self.params.student_of
        for name, other in arms.items():
            if (other.real, other.synthetic, student_of(name)) == (arms[arm].real, 0, student_of(arm)):
                return self.scores["gain"].get(f"{arm}_vs_{name}")
        return None

    def worth(self, arm: str | None) -> Any:
        """Return how many real labels the arm scores like; None: not measured."""
        return self.scores["label_equivalence"].get(arm) if self.scores else None

    @property
    def shows_real(self) -> bool:
        """Whether the data set holds real texts: first texts of pairs, to which second ones were written."""
        card, params = self.card, self.params
        return card.pairs and params.generate.pairs == "second" and params.real.rows > 0

    @property
    def real_licence(self) -> Licence:
        """The licence of the real rows."""
        return licence("the real rows", self.card.licence)


def load_facts(arm: str) -> Facts:
    """Read everything; raise `DataError` where parts are of different runs."""
    params = load_params()
    if arm not in params.arms:
        raise ParamsError(f"params.yaml: arms: no arm {arm!r}; it has {', '.join(params.arms)}")
    card, kept = load_card(params.task), read_rows(paths.KEPT)
    scores = _metrics(paths.METRICS / "evaluate.json")
    if scores and scores.get("task") != params.task:
        raise DataError(
            f"{paths.METRICS}/evaluate.json: of task {scores.get('task')}, not {params.task}; run `dvc repro`"
        )
    return Facts(
        arm,
        params,
        card,
        kept,
        _prompt(kept),
        _generator(params),
        _model(params.train.encoder, ("encoder",), "train.encoder", "the encoder"),
        _metrics(paths.METRICS / "filter.json"),
        _metrics(paths.METRICS / "train" / f"{arm}.json"),
        scores if scores and scores.get("test_rows") and arm in scores["arms"] else None,
        language_of([text for row in kept for text in texts_of(row)]),
        provenance(arm),
    )


def _metrics(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON: {error}; run `dvc repro`") from None


def _generator(params: Params) -> Model:
    if params.llm.backend == "llama_cpp":
        return _model(params.llm.model, ("base", "chat"), "llm.model", "the language model")
    # A server gives no more than a name; its address is omitted for privacy.
    server = params.llm.server
    name = server.model or "the only model of the server"
    return Model(name, server.kind, "a server", "", licence("the language model", UNKNOWN))


def _model(name: str, kinds: tuple[str, ...], key: str, of: str) -> Model:
    entry = load_entry(name, kinds, key)
    return Model(name, entry.kind, _origin(entry), entry.sha256 or "", licence(of, entry.licence))


def _origin(entry: Entry) -> str:
    if entry.hub:
        return f"https://huggingface.co/{entry.hub.repo}"
    return f"the Python package {entry.package}" if entry.package else "a local file"


def _prompt(kept: Sequence[Kept]) -> str | None:
    """Return the first kept row's prompt without the real rows in it; None: they can't be recognized."""
    if not kept:
        return None
    prompts: list[Prompt] = [*read_rows(paths.PROMPTS), *_rows(paths.TOP_UP_PROMPTS)]
    prompt = next((row for row in prompts if row["id"] == kept[0]["prompt_id"]), None)
    if prompt is None:
        return None
    shown, real = prompt["text"], _rows(paths.REAL_TRAIN)
    by_id = {row["id"]: row for row in real}
    for row_id in prompt["demonstration_ids"]:
        if row_id not in by_id or any(text not in shown for text in texts_of(by_id[row_id])):
            return None
    # All rows, since a pair's first text may be any row's; longer texts first, since one may hold another.
    for text in sorted({text for row in real for text in texts_of(row)}, key=len, reverse=True):
        shown = shown.replace(text, REAL_ROW)
    return shown


def _rows(path: Path) -> list[Any]:
    return read_rows(path) if path.is_file() else []
