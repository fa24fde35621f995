"""Everything that the cards state, read from what the stages wrote; cards say what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import DataError, ParamsError
from labelmint.core.git import Commit, current_commit
from labelmint.core.lock import (
    LOCK,
    contradiction,
    is_other_student,
    md5,
    outputs,
    read_file,
    read_lock,
    stages_of,
)
from labelmint.core.params import Params, load_params
from labelmint.core.records import Kept, read_json, read_rows
from labelmint.export.licences import UNKNOWN, Licence, licence
from labelmint.llm.catalog import Entry, load_entry
from labelmint.tasks.cards import TaskCard, load_card


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
    generator: Model
    encoder: Model
    funnel: Mapping[str, Any] | None
    training: Mapping[str, Any] | None
    scores: Mapping[str, Any] | None
    commit: Commit | None
    recorded: bool

    @property
    def has_real(self) -> bool:
        """Whether the arm was trained on texts of people: real rows, or unlabelled texts."""
        arm = self.params.arms[self.arm]
        return bool(arm.real or arm.unlabelled)

    @property
    def has_made(self) -> bool:
        """Whether the arm was trained on synthetic rows, or on labels that the language model gave."""
        arm = self.params.arms[self.arm]
        return bool(arm.synthetic or arm.unlabelled)

    @property
    def dataset_arm(self) -> str | None:
        """The arm that tells what the data set is worth: beside all real rows, without unlabelled texts."""
        source = self.scores["sources"].get("synthetic") if self.scores else None
        return source["arm"] if source else None

    def gain(self, arm: str | None) -> Any:
        """Return the gain over the same student without made rows; None: not measured."""
        if arm is None or self.scores is None:
            return None
        arms, metric = self.scores["arms"], self.scores["metric"]
        for gain in self.scores["gain"].values():
            other = arms[gain["other"]]
            same = other["student"] == arms[arm]["student"] and other["kind"] == "real"
            if gain["one"] == arm and same:
                return {**gain, "points": gain[metric], "metric": metric.replace("_", "-")}
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
    scores = read_json(paths.EVALUATION)
    if scores and scores.get("task") != params.task:
        raise DataError(
            f"{paths.EVALUATION}: of task {scores.get('task')}, not {params.task}; run `dvc repro`"
        )
    return Facts(
        arm,
        params,
        load_card(params.task),
        read_rows(paths.KEPT, Kept),
        _generator(params),
        _model(params.encoder_of(arm), ("encoder",), "train.encoder", "the encoder"),
        read_json(paths.METRICS / "filter.json"),
        read_json(paths.train_metrics(arm)),
        scores if scores and scores.get("test_rows") and arm in scores["arms"] else None,
        current_commit(),
        check_recorded(arm),
    )


def check_recorded(arm: str) -> bool:
    """Return whether dvc.lock records the results; a card must not describe other settings than theirs.

    Raise `DataError` if params.yaml, or a result, has changed since the run.
    """
    if not Path(LOCK).is_file():
        return False
    recorded = read_lock(read_file, stages_of([arm]))
    # Of the arms only this one matters here.
    problem = contradiction(read_file, recorded, ignored={"arms"})
    if problem:
        raise DataError(f"{problem}; run `dvc repro`, or undo the change")
    metrics = [paths.METRICS / name for name in ("filter.json", f"train/{arm}.json")]
    results = {str(path): path for path in (paths.KEPT, *metrics, paths.EVALUATION) if path.is_file()}
    recorded_hashes = outputs(recorded)
    for name, path in results.items():
        if name in recorded_hashes and md5(path.read_bytes()) != recorded_hashes[name]:
            raise DataError(
                f"{name}: not what dvc.lock records; run `dvc repro`, or `dvc commit` if it is right"
            )
    if is_other_student(paths.model(arm), recorded_hashes):
        raise DataError(f"{paths.model(arm)}: not what dvc.lock records; run `dvc checkout`, or `dvc repro`")
    return all(name in recorded_hashes for name in results)


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
