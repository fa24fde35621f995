"""ONNX models in the export: what the model card shows works without PyTorch, and is measured."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from labelmint.core import paths
from labelmint.core.records import Input
from labelmint.export.command import export
from labelmint.students.encoder_classifier import HEAD, EncoderClassifier
from labelmint.students.loading import load_student

pytestmark = pytest.mark.slow  # each model takes ten seconds
BLOCKED = "import sys\nfor name in ('torch', 'transformers', 'labelmint'): sys.modules[name] = None\n"


def run_card(model, text):
    """Run the model card's code in a process without PyTorch; return the labels that it prints."""
    card = (model / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(import json.*?)```", card, flags=re.S)
    code = code.replace("path/to/this/folder", str(model.resolve())).replace("the text to label", text)
    command = [sys.executable, "-c", BLOCKED + code]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.replace("'", '"'))


def label_of(folder, text):
    student = load_student(folder)
    return student.label_names[student.predict_proba([Input(id="", text=text)])[0].argmax()]


def test_both_models_are_made_on_request_and_measured(finished, capsys):
    export("mixed", None, onnx=True)
    model = Path("exported/tiny/model")
    assert {path.name for path in (model / "onnx").iterdir()} == {
        "model.onnx",
        "model.int8.onnx",
        "tokenizer.json",
        "labels.json",
    }
    card = (model / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| `onnx/(model\S+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) % \|", card)
    assert [row[0] for row in rows] == ["model.onnx", "model.int8.onnx"]
    assert all(float(value) > 0 for row in rows for value in row[1:3])
    assert float(rows[0][3]) == 100
    assert "transformers.pipeline" in capsys.readouterr().out
    for text in ("an awful story", "a great film"):
        assert run_card(model, text) == [label_of(paths.model("mixed"), text)]


def test_a_classifier_that_is_not_plain_gets_one_without_asking(finished, classifier, tokenizer, capsys):
    folder = paths.model("mixed")
    model = load_student(folder).model
    model.pooling = "last"
    EncoderClassifier(model, tokenizer, ["negative", "positive"], 32, "film ").save(folder, "linear_head")
    assert (folder / HEAD).is_file()
    export("mixed", None)
    exported = Path("exported/tiny/model")
    assert not (exported / "onnx/model.int8.onnx").exists()
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert "import pipeline" not in card
    # Where a card says "transformers", the hub offers a pipeline, which would answer by a random head.
    assert "library_name: onnx\n" in card
    assert "Not with transformers' `pipeline`" in card
    assert "see its README.md" in capsys.readouterr().out
    assert run_card(exported, "an awful story") == [label_of(folder, "an awful story")]
