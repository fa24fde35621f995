"""What each source adds, from end to end with a scripted model and a tiny encoder."""

import json

import pytest

from experiments import sources
from labelmint.core.params import Arm
from labelmint.llm.base import ChoiceScores
from tests.builders import OPINIONS
from tests.fake_model import FakeModel


def reader(text, choice):
    """Know the opinions in the reviews."""
    bad = any(word in text for word in OPINIONS["negative"])
    return 0.0 if bad == ("negative" in choice) else -2.0


@pytest.fixture
def small(prepared, set_params, tiny_encoder, open_with, constants, monkeypatch):
    """Compare on one tiny task; return the page's path."""
    set_params({"generate.samples_per_prompt": 10, "generate.prompts_per_wave": 2})
    set_params({"evaluate.bootstrap_samples": 100, "labelling.demonstrations": 4})
    values = {"TASKS": ["tiny"], "MINILM": "tiny", "CANDIDATES": 120, "TEXTS": 30, "REAL_ROWS": 40}
    values |= {"STUDENTS": {"tiny": ("tiny", "linear_head")}, "PAGE": prepared / "sources.md"}
    constants(sources)(**values)
    monkeypatch.setitem(sources.ARMS, "more_real", Arm(real=40))

    open_with(FakeModel(reader=reader), "experiments.sources", "labelmint.students.llm")
    return prepared / "sources.md"


def test_the_results_and_the_page(small, monkeypatch):
    sources.main()
    result = json.loads((sources.RESULTS / "tiny.json").read_text(encoding="utf-8"))
    of = result["students"]["tiny"]
    arms = ["real", "mixed", "labelled", "everything", "more_real", "true_labels", "llm", "llm_probe"]
    assert sorted(of["arms"]) == sorted(arms)
    assert of["label_accuracy"]["all"] == of["label_accuracy"]["kept"] == 1.0
    # The labels are all right, so their rows are those of the true labels.
    assert of["arms"]["labelled"] == of["arms"]["true_labels"]
    assert of["arms"]["labelled"]["train_rows"] == 20 + of["unlabelled"]
    assert of["arms"]["llm"]["accuracy"]["mean"] == 1.0
    text = small.read_text(encoding="utf-8")
    assert "adds to 20 labels" in text
    assert f"| tiny | 100.0 (100.0 of {of['unlabelled']}) |" in text
    assert "Gains with tiny: mixed " in text
    assert "Written and labelled by gemma-3-270m on a CPU, which by itself scores: `llm` 100.0" in text
    # A result that is there is not computed again; another student is added to it.
    monkeypatch.setattr(sources, "run", None)
    sources.main()
    assert small.read_text(encoding="utf-8") == text
    # It is on the page whatever its task.
    monkeypatch.setattr(sources, "TASKS", [])
    sources.main(page_only=True)
    assert small.read_text(encoding="utf-8") == text


def test_the_true_labels_are_those_that_people_gave(small, set_params, monkeypatch):
    """The scorer is always wrong: its labels teach less than the true ones."""
    set_params({"labelling.scorers": ["llm"]})
    answer = FakeModel.score

    def wrong(*arguments):
        right = answer(*arguments)
        return ChoiceScores(-right.log_probabilities, right.states)

    monkeypatch.setattr(FakeModel, "score", wrong)
    sources.main()
    result = json.loads((sources.RESULTS / "tiny.json").read_text(encoding="utf-8"))
    of = result["students"]["tiny"]
    assert of["label_accuracy"]["all"] == 0
    scores = {name: of["arms"][name]["accuracy"]["mean"] for name in ("labelled", "true_labels")}
    assert scores["true_labels"] > scores["labelled"] + 0.1
