"""Small arms to train with the tiny encoder."""

import pytest

from labelmint.core import paths
from labelmint.core.records import write_rows
from stages.arms import main as write_arms
from tests.builders import OPINIONS
from tests.fake_model import FakeModel


@pytest.fixture
def small(prepared, tiny_encoder, set_params, open_with):
    """Train with the tiny encoder, validate by two splits, and ask a model that knows the opinions."""

    def reader(text, choice):
        bad = any(word in text for word in OPINIONS["negative"])
        return 0.0 if bad == ("negative" in choice) else -2.0

    open_with(FakeModel(reader=reader), "labelmint.students.llm")
    arms = {
        "real": {"real": "all"},
        "real_30": {"real": 30},
        "real_90": {"real": 90},
        "few": {"real": 8, "seeds": 1},
    }
    arms["more"] = {"real": "all", "synthetic": "all", "unlabelled": "all", "weights": "chosen"}
    arms |= {name: {"real": "all", "student": name} for name in ("llm", "tfidf", "majority")}
    set_params({"arms": arms})
    for path in (paths.KEPT, paths.REJECTED, paths.LABELLED, paths.LABELLED_REJECTED):
        write_rows(path, [])
    write_arms()
