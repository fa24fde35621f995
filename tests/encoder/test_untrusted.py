"""Models are weights: nothing that lies in their folders is run."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest

from labelmint.core.errors import ModelError, ParamsError
from labelmint.encoder.classifier import load_encoder
from labelmint.llm.catalog import load_entry
from labelmint.students.loading import load_student


class Evil:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


def test_pickled_weights_are_refused_and_never_opened(project, encoder_folder, monkeypatch):
    folder = project / "bought"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((encoder_folder / name).read_bytes())
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    for opened in (load_encoder, load_student):
        with pytest.raises(ModelError, match="pickle"):
            opened(folder)
    # With only the name hidden, transformers is told the same.
    (folder / "pytorch_model.bin").rename(folder / "model.bin")
    with pytest.raises(ModelError):
        load_encoder(folder)
    assert not Path("pwned").exists()
    catalogue = project / "data/models.yaml"
    catalogue.write_text("evil: {kind: encoder, path: bought, file: pytorch_model.bin}\n", encoding="utf-8")
    with pytest.raises(ParamsError, match="safetensors"):
        load_entry("evil", ("encoder",), "train.encoder")


def test_a_models_own_code_is_not_run(project, encoder_folder):
    folder = project / "bought"
    shutil.copytree(encoder_folder, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "own.py").write_text("open('pwned', 'w')\n", encoding="utf-8")
    for opened in (load_encoder, load_student):
        with pytest.raises(ModelError):
            opened(folder)
    assert not Path("pwned").exists()
