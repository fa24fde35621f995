import pytest

from labelmint.checks import check_resamples, read_checked_task
from labelmint.core.errors import ParamsError
from labelmint.core.params import load_params
from tests.builders import reviews, said_by_checks, write_card

ARMS = {"real": {"real": "all"}, "mixed": {"real": "all", "synthetic": "all"}}
SETTINGS = {"task": "mine", "real.rows": 20, "prepare.test_rows": 20, "arms": ARMS}
SYNTHETIC = {"synthetic": {"synthetic": "all"}}
RARE_BALANCE = {"class_balance": {"negative": 0.98, "positive": 0.02}}
METHOD, TEXT_FIRST = {"generate.method": "few_shot"}, {"generate.order": "text_first"}
MIXED = {"few_shot": 0.7, "persona": 0.3}
GOOD, BAD, RARE = ({"name": name, "phrase": name} for name in ("positive", "negative", "rare"))


@pytest.fixture
def attempt(project, set_params):
    """Return attempt(settings, card, counts): what is wrong with such a task of reviews; "": nothing."""
    (project / "data/raw").mkdir(parents=True)

    def result(settings, card=None, counts=(("negative", 60), ("positive", 60))):
        set_params({**SETTINGS, **settings})
        write_card(project, "mine", **(card or {}))
        rows = reviews(dict(counts))
        if "rare" in str(card) and rows[0]["label"] == "negative":
            rows[0]["label"] = "rare"
        return said_by_checks(rows)

    return result


@pytest.mark.parametrize(
    ("settings", "message", "remedy"),
    [
        ({"real.rows": 110}, "say real.rows: 100 and prepare.test_rows: 20", {"real.rows": 100}),
        ({"prepare.test_rows": 999}, "20 and prepare.test_rows: 100", {"prepare.test_rows": 100}),
        ({"real.rows": 1}, "say real.rows: 2 and prepare.test_rows: 20", {"real.rows": 2}),
        ({"real.rows": 0}, f"say arms: {SYNTHETIC}".replace("'", ""), {"arms": SYNTHETIC}),
        ({"class_balance": {"good": 0.5, "negative": 0.5}}, "there are negative, positive", {}),
        (RARE_BALANCE, "or generate.samples_per_prompt: 47", {"generate.samples_per_prompt": 47}),
        (RARE_BALANCE, "generate.candidates: 1344", {"generate.candidates": 1344}),
        ({"generate.demonstrations": 0}, "choose zero_shot", {"generate.method": "zero_shot"}),
        ({"generate.method": "fewshot"}, "there are zero_shot", {"generate.method": "few_shot"}),
        ({"generate.method": {"few_shot": 0.7, "clever": 0.3}}, "no method 'clever'", METHOD),
        ({"generate.method": {"auto": 1.0}}, "no method 'auto'", METHOD),
        ({**TEXT_FIRST, "generate.method": "persona"}, "text_first shows labelled real rows", METHOD),
        ({**TEXT_FIRST, "generate.method": MIXED}, "real rows, and persona is used", METHOD),
        ({"train.student": "magic"}, "train.student: no student 'magic'", {"train.student": "tfidf"}),
        ({"llm.model": "gemma"}, "it has gemma-3-270m", {"llm.model": "gemma-3-270m"}),
        ({"train.encoder": "minilm"}, "minilm-l6-v2", {"train.encoder": "minilm-l6-v2"}),
        (
            {"llm.backend": "server", "train.student": "llm_probe"},
            "or say llm.backend: llama_cpp",
            {"llm.backend": "llama_cpp"},
        ),
        ({"filter.min_words": 19}, "the 18 words that a text may have", {"filter.min_words": 3}),
        ({"arms": {"a": {"real": "all", "student": ""}}}, "arms.a.student: no student ''", {"arms": ARMS}),
        ({"filter.rows_per_label": 20000}, "to 80000 for example", {"top_up.max_candidates": 80000}),
        (
            {"arms": {"a": {"real": 5000}, "b": {"unlabelled": "all"}}, "prepare.unlabelled_rows": 0},
            "there are 100 real rows beside the test rows and 0 texts to label, too few for every arm",
            {"arms": {"a": {"real": 100}}},
        ),
    ],
)
def test_settings_that_cannot_work_are_told_with_a_remedy_that_works(attempt, settings, message, remedy):
    said = attempt(settings)
    assert message in said
    assert said.startswith("params.yaml: ")
    assert "\n" not in said
    if not remedy:  # it is a name to choose from
        remedy = {"class_balance": {"negative": 0.5, "positive": 0.5}}
    assert attempt({**settings, **remedy}) == ""


def test_resampling_takes_no_more_memory_than_machines_have(params):
    check_resamples(params, 100_000)
    with pytest.raises(ParamsError, match=r"=100000 of 100000 test rows \(prepare.test_rows\) need 160 GB"):
        check_resamples(params.changed({"evaluate.bootstrap_samples": 100_000}), 100_000)


def test_a_label_with_one_row_can_be_left_out_or_not_tested(attempt):
    three = {"labels": {"neg": BAD, "pos": GOOD, "rare": RARE}}
    for settings in ({}, {"real.rows": 60}, {"prepare.test_rows": 60}):
        assert "'rare' has only 1 of 120: label more rows with it" in attempt(settings, three)
    unscored = {"prepare.test_rows": 0, "real.rows": 100, "class_balance": "balanced"}
    assert attempt(unscored, three) == ""
    source = {"path": "data/raw/rows.csv", "text_column": "text", "label_column": "label"}
    two = {"labels": {"neg": BAD, "pos": GOOD}, "source": {**source, "where": {"label": ["neg", "pos"]}}}
    # The word in a comment keeps the row.
    assert attempt({}, {**two, "description": "rare reviews"}) == ""
    assert "'rare'" in attempt({}, {"description": "rare reviews"})


def test_an_encoder_that_reads_less_than_max_tokens_is_an_error(attempt, tiny_encoder):
    said = attempt({"train.encoder": "tiny", "train.max_tokens": 1000})
    assert said.endswith("more than the 64 that tiny can read; say train.max_tokens: 64")
    assert attempt({"train.encoder": "tiny", "train.max_tokens": 64}) == ""


def test_an_encoder_of_an_arm_is_checked_like_the_default_one(attempt):
    arm = {"real": "all", "encoder": "nonesuch"}
    assert attempt({"arms": {"real": arm}}).startswith(
        "params.yaml: arms.real.encoder: no model 'nonesuch' in data/models.yaml; it has "
    )
    assert "arms.real.encoder: the student tfidf uses no encoder" in attempt(
        {"arms": {"real": {**arm, "student": "tfidf"}}}
    )


def test_an_encoder_that_is_not_here_is_missed_before_anything_is_written(attempt):
    arms = {"real": {"real": "all"}, "small": {"real": "all", "encoder": "e5-small-v2"}}
    said = attempt({"arms": arms})
    assert said.startswith("data/models.yaml: e5-small-v2: ")
    assert "the encoder" in said
    assert said.endswith("or fetch the file yourself and give `path:`")


def test_many_labels_need_many_prompts(project, set_params, monkeypatch):
    monkeypatch.setattr("labelmint.checks.ContextCheck.run", lambda self: None)  # it opens the model
    names = [f"intent {number}" for number in range(77)]
    write_card(project, "mine", labels={name: {"name": name, "phrase": f"about {name}"} for name in names})
    (project / "data/raw").mkdir(parents=True)
    rows = [f"request {name} in words {number},{name}\n" for number in range(5) for name in names]
    (project / "data/raw/rows.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    set_params({**SETTINGS, "real.rows": 100, "prepare.test_rows": 100})
    with pytest.raises(ParamsError, match=r"and 45 more labels; say generate\.candidates: 3840, or"):
        read_checked_task(load_params())
    set_params({"generate.samples_per_prompt": 15})
    card, data = read_checked_task(load_params())
    assert {row["label"] for row in data.split.train} == set(card.label_names)
