"""The stages that use a language model, run against a server."""

import pytest

from labelmint.core import paths
from labelmint.core.records import read_json, read_rows, write_rows
from stages.filter import main as run_filter
from stages.generate import main as run_generate
from tests.fake_model import read_words, write_sentence
from tests.llm.scripted import read_as_list, scripted_server, written

SMALL = {
    "generate.candidates": 40,
    "generate.demonstrations": 3,
    "generate.samples_per_prompt": 5,
    "generate.prompts_per_wave": 2,
    "filter.rows_per_label": 0,
    "labelling.action": "drop",
    "labelling.demonstrations": 8,
    "llm.backend": "server",
}


def answer(seen):
    """Write as the fake model does, and read as it does."""
    if "logprobs" not in seen.body:
        text = write_sentence(seen.body["prompt"], seen.body["seed"])
        return written(text.text, text.tokens, text.finish_reason)
    last = seen.body["prompt"].rsplit("Film review:", 1)[1]
    shares = {"negative": 0.8, "positive": 0.1}
    if read_words(last, " negative") < read_words(last, " positive"):
        shares = {"negative": 0.1, "positive": 0.8}
    return read_as_list({f" {label}": share for label, share in shares.items()})


@pytest.fixture
def served(prepared, set_params):
    with scripted_server() as server:
        server.routes["/v1/completions"] = answer
        set_params({**SMALL, "llm.server.url": server.url})
        yield server


def test_generate_and_filter_run_on_a_server_and_ask_nothing_twice(served):
    run_generate()
    write_rows(paths.TOP_UP_CANDIDATES, [])
    run_filter()
    assert len(read_rows(paths.CANDIDATES)) == 40
    kept = read_rows(paths.KEPT)
    assert {row["label"] for row in kept} == {"negative", "positive"}
    assert read_json(paths.METRICS / "filter.json")["kept"] == len(kept)
    before = {path: path.read_bytes() for path in (paths.CANDIDATES, paths.KEPT, paths.REJECTED)}
    asked = len(served.bodies())
    run_generate()
    run_filter()
    assert {path: path.read_bytes() for path in before} == before
    assert len(served.bodies()) == asked
