"""Make folders to pass on: the synthetic rows as a data set, and an arm's classifier, each with its card.

Reads params.yaml, the task card, data/models.yaml, data/synthetic/kept.jsonl, models/<arm>/ and metrics/;
writes exported/<task>/{dataset,model}/ at once.
Run: `labelmint export`, or `labelmint export --arm synthetic --out /data/films`.
"""

from __future__ import annotations

from pathlib import Path

from labelmint.core.errors import ModelError
from labelmint.core.records import atomic_file
from labelmint.export.cards import data_card, model_card
from labelmint.export.dataset import write_dataset
from labelmint.export.facts import Facts, load_facts
from labelmint.export.folder import copy_files, new_folder
from labelmint.predict.command import trained_model

_OUT = Path("exported")


def export(arm: str, out: Path | None) -> None:
    """Write the data set and the classifier; `out` is exported/<task> unless given."""
    facts, model = load_facts(arm), trained_model(arm)
    if not (model / "config.json").is_file():
        raise ModelError(
            f"{model}: no classifier that transformers opens; export an arm whose student is auto, "
            "linear_head or fine_tune"
        )
    folder = out or _OUT / facts.params.task
    with new_folder(folder) as new:
        fill(facts, model, new)
    print(f'{folder}/dataset: {len(facts.kept)} rows; datasets.load_dataset("{folder}/dataset")')
    print(f'{folder}/model: arm {arm}; transformers.pipeline("text-classification", "{folder}/model")')


def fill(facts: Facts, model: Path, folder: Path) -> None:
    """Fill an empty folder with the data set and the classifier, and their cards."""
    columns = write_dataset(folder / "dataset", facts.card.label_names, facts.kept)
    copy_files(model, folder / "model")
    for name, card in (("dataset", data_card(facts, columns)), ("model", model_card(facts))):
        with atomic_file(folder / name / "README.md") as file:
            file.write(card)
