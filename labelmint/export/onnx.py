"""Write the arm's classifier as ONNX models, and measure what the model card says of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelmint.core.records import Input
from labelmint.students.loading import load_student
from labelmint.students.onnx import export_onnx
from labelmint.students.onnx_classifier import MODEL, MODEL_INT8, OnnxClassifier

FOLDER = "onnx"  # in the classifier's folder


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX model's size, its speed here, and the share of texts that get the classifier's label."""

    file: str
    megabytes: float
    rows_per_s: float
    agreement: float


def write_onnx(model: Path, texts: Sequence[Input], *, int8: bool) -> list[OnnxModel]:
    """Add ONNX models to a classifier's folder; return what was measured on the texts."""
    folder = model / FOLDER
    export_onnx(model, folder, int8)
    labels = load_student(model).predict_proba(texts).argmax(axis=1)
    measured = []
    for file in (MODEL, MODEL_INT8) if int8 else (MODEL,):
        classifier = OnnxClassifier(folder, file)
        classifier.predict_proba(texts[:1])
        start = time.perf_counter()
        found = classifier.predict_proba(texts).argmax(axis=1)
        rate = len(texts) / (time.perf_counter() - start)
        size = (folder / file).stat().st_size / 1e6
        agreement = float((found == labels).mean())
        measured.append(OnnxModel(f"{FOLDER}/{file}", round(size, 1), round(rate, 1), round(agreement, 3)))
    return measured
