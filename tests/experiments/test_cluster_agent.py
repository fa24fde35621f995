"""Does a cluster score rank sets by diversity? With a scripted model that names each text's last word."""

import json
import random
from contextlib import contextmanager

import numpy as np
import pytest

from experiments.cluster_agent import __main__ as agent
from experiments.cluster_agent import sets
from labelmint.core.errors import DataError
from labelmint.llm.base import Completion
from tests.builders import NEUTRAL
from tests.fake_model import FakeModel


def name_topics(prompt, seed):
    """Name the last word of each numbered line as its topic."""
    lines = [line for line in prompt.splitlines() if line[:1].isdigit()][:10]
    topics = [f"{number}. {line.split()[-1]}" for number, line in enumerate(lines, 1)]
    return Completion("\n".join(topics).removeprefix("1."), 10, "stop")


def count_topics(suffix, choice):
    """Prefer the number of different last words."""
    topics = {line.split()[-1] for line in suffix.splitlines()[:10]}
    return -abs(len(topics) - int(choice))


def texts(topic, number=12):
    draw = random.Random(topic)
    return [" ".join([*draw.sample(NEUTRAL, 6), topic]) for _ in range(number)]


@pytest.fixture
def small(project, tiny_encoder, monkeypatch):
    """Measure on texts whose last word is their label, or their prompt; return the page's path."""
    monkeypatch.setattr(sets, "SETS", 3)
    monkeypatch.setattr(agent, "MINILM", "tiny")
    monkeypatch.setattr(agent, "real_texts", lambda: {name: texts(name) for name in "abcde"})
    monkeypatch.setattr(agent, "written_texts", lambda: [texts(name) for name in "klmnopqrstu"])
    monkeypatch.setattr(agent, "PAGE", project / "agent.md")

    @contextmanager
    def opened(model):
        yield FakeModel(writer=name_topics, reader=count_topics, kind="chat")

    monkeypatch.setattr(agent, "opened", opened)
    return agent.PAGE


def test_scores_that_know_the_topics_rank_all_pairs_right(small):
    agent.main(model="some/model.gguf")
    result = json.loads(agent.RESULTS.read_text(encoding="utf-8"))
    measures = result["models"]["model"]["measures"]
    for kind in ("topics", "prompts"):
        assert measures["named"][kind] == pytest.approx({**measures["named"][kind], "right": 1, "sd": 0})
        assert measures["counted"][kind]["right"] == 1
        assert measures["unanswered"][kind]["more"] == 0
    assert measures["named"]["topics"]["less"] == pytest.approx(0.1)  # one cluster of ten texts
    assert measures["named"]["prompts"]["more"] == pytest.approx(10)  # ten clusters of one
    assert result["cheap"]["self_bleu"]["duplicates"]["right"] == 1
    assert "| model | names topics | 100 (100–100) |" in small.read_text(encoding="utf-8")


def test_sets_are_what_their_kind_says():
    labels, prompts = {name: texts(name) for name in "abcde"}, [texts(name) for name in "klmnopqrstu"]
    made = sets.make_sets(labels, prompts, np.random.default_rng(1))
    for less, more in made.values():
        assert {len(of) for of in (*less, *more)} == {sets.TEXTS}
    topics = [{text[-1] for text in of[0]} for of in made["topics"]]
    assert [len(of) for of in topics] == [1, 5]
    assert [len({text[-1] for text in of[0]}) for of in made["prompts"]] == [1, 10]


def test_an_answer_without_topics_is_no_score():
    assert agent.cluster_score(" sport\n2. Sport.\n3. war\n4. sport\n5. war\n6. tax") == pytest.approx(9 / 6)
    assert np.isnan(agent.cluster_score(" The texts are about sport."))


def test_a_score_that_says_nothing_is_at_chance():
    share = agent.right_share(np.ones(8), np.ones(8))
    assert (share["right"], share["sd"]) == (0.5, 0)


def test_a_model_must_be_named(small):
    with pytest.raises(DataError, match="--model is missing"):
        agent.main()


def test_a_model_file_that_is_not_there_is_an_error():
    with pytest.raises(DataError, match=r"no file nowhere\.gguf"), agent.opened("nowhere.gguf"):
        pass
