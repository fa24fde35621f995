"""Make folders to pass on: the synthetic rows as a data set, and an arm's classifier, each with its card.

Reads params.yaml, the task card, data/models.yaml, data/synthetic/kept.jsonl, models/<arm>/ and metrics/;
writes exported/<task>/{dataset,model}/ at once.
Run: `labelmint export`, or `labelmint export --arm synthetic --out /data/films`.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import DataError, ModelError
from labelmint.core.files import write_text
from labelmint.core.records import ArmRow, input_of, read_rows
from labelmint.export.cards import data_card, model_card
from labelmint.export.dataset import write_dataset
from labelmint.export.facts import Facts, load_facts
from labelmint.predict.command import headline_arm, trained_model
from labelmint.students.saving import HEAD, STUDENT, read_note, whole_folder

_OUT = Path("exported")
_MEASURED_ROWS = 200  # of which the model card says how fast ONNX models label them


def export(arm: str | None, out: Path | None, *, onnx: bool = False) -> None:
    """Write the data set and the classifier, by default of the headline's arm and into exported/<task>.

    `onnx` adds ONNX models of 32 and 8 bits. A classifier that transformers can't open by itself gets the
    first of them anyway.
    """
    arm = headline_arm() if arm is None else arm
    facts, model = load_facts(arm), trained_model(arm)
    if note := read_note(model):
        raise ModelError(f"{model}: {note}")
    if not (model / "config.json").is_file():
        raise ModelError(
            f"{model}: no classifier that transformers opens; export an arm whose student is auto, "
            "linear_head or fine_tune"
        )
    folder = out or _OUT / facts.params.task
    with new_folder(folder) as new:
        fill(facts, model, new, onnx=onnx)
    if facts.kept:
        print(f'{folder}/dataset: {len(facts.kept)} rows; datasets.load_dataset("{folder}/dataset")')
    else:
        print("no data set: no synthetic rows were kept")
    plain = not (model / HEAD).is_file()
    how = f'transformers.pipeline("text-classification", "{folder}/model")' if plain else "see its README.md"
    print(f"{folder}/model: arm {arm}; {how}")


def fill(facts: Facts, model: Path, folder: Path, *, onnx: bool) -> None:
    """Fill an empty folder with the data set, if any row was kept, and the classifier, and their cards."""
    cards = {}
    if facts.kept:
        columns = write_dataset(folder / "dataset", facts.card.label_names, facts.kept)
        cards["dataset"] = data_card(facts, columns)
    # DVC may keep files as links, and write-protected. Not copytree: its error of a full disk has no number.
    (folder / "model").mkdir()
    for file in model.iterdir():
        shutil.copyfile(file, folder / "model" / file.name)
    plain = not (model / HEAD).is_file()
    models = []
    if onnx or not plain:
        # Here: PyTorch takes seconds to load, and copying needs none.
        from labelmint.export.onnx import write_onnx

        print("converting to ONNX and measuring it: a minute or more", file=sys.stderr)
        rows = facts.kept or read_rows(paths.arm_rows(facts.arm), ArmRow)
        texts = [input_of(row) for row in rows[:_MEASURED_ROWS]]
        models = write_onnx(folder / "model", texts, int8=onnx)
    prefix = json.loads((model / STUDENT).read_text(encoding="utf-8")).get("prefix", "")
    cards["model"] = model_card(facts, models, plain=plain, prefix=prefix)
    for name, card in cards.items():
        write_text(folder / name / "README.md", card)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, which then gets its name; raise `DataError` if there is such a one."""
    folder = folder.resolve()
    _check_new(folder)
    with whole_folder(folder) as new:
        yield new
        _check_new(folder)  # another command may have made it meanwhile


def _check_new(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"--out: {folder} is there already; delete it, or name a new folder")
