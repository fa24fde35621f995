"""Make folders to pass on: the synthetic rows as a data set, and an arm's classifier, each with its card.

Reads params.yaml, the task card, data/models.yaml, data/synthetic/, data/real/train.jsonl (to leave its
rows out of the card), models/<arm>/ and metrics/; writes exported/<task>/{dataset,model}/ at once. No test
row is read. Run: `make export`, or `python -m export --arm synthetic --out /data/passed-on`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from labelmint.core.errors import add_debug_flag, one_line_errors
from labelmint.core.records import atomic_file
from labelmint.export.cards import data_card, model_card
from labelmint.export.dataset import write_dataset
from labelmint.export.facts import Facts, load_facts
from labelmint.export.folder import copy_files, new_folder
from labelmint.predict.arms import trained_model

_OUT = Path("exported")


def main(arm: str, out: Path | None) -> None:
    """Write the data set and the classifier."""
    model, facts = trained_model(arm), load_facts(arm)
    folder = out or _OUT / facts.params.task
    with new_folder(folder, {"task": facts.params.task, "arm": arm}) as new:
        export(facts, model, new)
    print(f'{folder}/dataset: {len(facts.kept)} rows; datasets.load_dataset("{folder}/dataset")')
    print(f'{folder}/model: arm {arm}; transformers.pipeline("text-classification", "{folder}/model")')


def export(facts: Facts, model: Path, folder: Path) -> None:
    """Fill an empty folder with the data set and the classifier, and their cards."""
    columns = write_dataset(folder / "dataset", facts.card.label_names, facts.kept)
    copy_files(model, folder / "model")
    for name, card in (("dataset", data_card(facts, columns)), ("model", model_card(facts))):
        with atomic_file(folder / name / "README.md") as file:
            file.write(card)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m export", description=main.__doc__)
    parser.add_argument("--arm", default="mixed", help="whose classifier to export (mixed)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="a new folder; exported/<task> by default")
    add_debug_flag(parser)
    given = parser.parse_args()
    with one_line_errors("export", debug=given.debug):
        main(given.arm, given.out)
