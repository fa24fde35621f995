"""The cards: metadata that the hub's own code reads back, no number that isn't in the metrics."""

import json
import re
import shutil
from pathlib import Path

import pytest
from datasets import DatasetInfo
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, ModelCard
from transformers import pipeline

from labelmint.core import paths
from labelmint.core.errors import DataError, ModelError
from labelmint.core.records import read_rows, write_json, write_rows
from labelmint.export.cards import cell, fenced
from labelmint.export.licences import licence, metadata
from labelmint.students.saving import write_note
from tests.builders import REPOSITORY, write_card
from tests.export.conftest import FILTER, TRAINING
from tests.export.helpers import exported
from tests.report.helpers import evaluation


def cards(arm="mixed"):
    folder = exported(arm)
    return DatasetCard.load(folder / "dataset/README.md"), ModelCard.load(folder / "model/README.md")


def test_the_data_cards_metadata(finished):
    card, _ = cards()
    assert card.data.license == "gemma"
    assert card.data.task_categories == ["text-classification"]
    assert card.data.size_categories == ["n<1K"]
    assert "synthetic" in card.data.tags
    [config] = MetadataConfigs.from_dataset_card_data(card.data).values()
    files = config["data_files"]
    assert files == [{"split": "train", "path": "data/train.parquet"}]
    known = DatasetInfo._from_yaml_dict(card.data["dataset_info"]).features
    assert known["label"].names == ["negative", "positive"]


def test_the_model_opens_and_its_card_has_metadata(finished):
    _, card = cards()
    classify = pipeline("text-classification", "exported/tiny/model")
    assert classify("an awful story", truncation=True)[0]["label"] in ("negative", "positive")
    assert card.data.pipeline_tag == "text-classification"
    assert card.data.library_name == "transformers"
    assert {result.metric_type: result.metric_value for result in card.data.eval_results} == {
        "accuracy": 0.76,
        "f1": 0.75,
        "expected_calibration_error": 0.15,
    }
    assert card.data.model_name == "tiny-mixed"
    assert (card.data.license, card.data.license_name) == ("other", "several-see-card")


def test_what_the_cards_say_is_what_the_metrics_say(finished):
    data, model = (card.text for card in cards())
    assert "| mixed | 20 | 200 | 0 | auto | 76.0 % (73.0 to 79.0) |" in data
    assert "+6.0 points (+2.0 to +10.0)" in " ".join(model.split())
    assert "35 real labels (24 to 50; the interval reaches the curve's end, 50)" in data
    assert "35 real labels (24 to 50; the interval reaches the curve's end, 50)" in model
    assert "| positive | 0.71 | 0.72 | 0.73 |" in model
    assert "rejected: `cut_off` | 4" in data
    assert "`empty`" not in data
    assert "82.0 %" in data  # the label scores, on 50 real rows
    assert "1 of the kept texts have another label" in data
    assert "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818" in data
    assert "Gemma Terms of Use" in data
    assert "bind what you do with the model's output" in data
    assert (
        "off by 15.0 points on average (the calibration error above; up to 12.0 points of it may"
        in " ".join(model.split())
    )
    assert "the real rows: internal" in model
    assert "27: 20 real, 7 synthetic, 0 real texts" in model
    assert "`dvc.lock` doesn't record these results" in data
    assert "outside git" in data


def test_a_scorer_alone_is_named_with_its_accuracy(finished):
    scoring = {"accuracy": {"classifier": 0.74}, "weights": {"classifier": 1.0}, "real_rows": 50}
    write_json(paths.METRICS / "filter.json", {**FILTER, "label_scoring": scoring})
    data, _ = cards()
    assert "A scorer (classifier) that knows the real rows scored each text's labels" in data.text
    assert "74.0 %" in data.text


def test_the_table_of_arms_names_the_encoder_of_train_even_where_the_exported_arm_has_another(
    finished, set_params
):
    set_params({"arms": {"mixed": {"real": "all", "synthetic": "all", "encoder": "minilm-l6-v2"}}})
    data, model = cards()
    assert "The encoder of auto, linear_head and fine_tune is mpnet-base-v2." in data.text
    assert "minilm-l6-v2, trained by" in model.text


def test_no_score_is_made_up(finished):
    for path in [paths.METRICS / name for name in ("filter.json", "evaluate.json", "train/mixed.json")]:
        path.unlink()
    data, model = cards()
    assert not model.data.eval_results
    assert not model.data.metrics
    for card in (data, model):
        assert "Not measured" in card.text
        assert not re.search(r"accuracy.*\d %|points|95 %", card.text)
    assert "is not recorded" in data.text
    assert "is not recorded" in model.text


def test_a_task_without_test_rows_has_no_scores(finished):
    unscored = evaluation(test_rows=0, arms={"mixed": {"train_rows": 27}}, gain={}, sources={})
    write_json(paths.METRICS / "evaluate.json", unscored)
    data, model = cards()
    assert "Not measured" in data.text
    assert not model.data.eval_results


def test_an_arm_of_real_rows_says_nothing_of_the_language_model(finished, save_arm):
    save_arm("real")
    _, model = cards("real")
    assert "Gemma" not in model.content
    assert "synthetic" not in model.data.tags
    assert model.data.license_name == "several-see-card"  # the encoder's and the rows'


def test_a_server_is_not_named_by_its_address(finished, set_params):
    set_params({"llm.backend": "server", "llm.server.url": "http://secret.example:8080/v1"})
    data, model = cards()
    assert data.data.license == "unknown"
    assert "the only model of the server" in data.text
    assert "secret.example" not in data.content + model.content


def test_a_model_without_a_licence_is_said_to_have_none(finished, edit):
    edit("data/models.yaml", "e44c087a6818\n  licence: Gemma Terms of Use\n", "e44c087a6818\n")
    data, model = cards()
    assert data.data.license == model.data.license == "unknown"
    assert "the language model: unknown. No licence is stated" in data.text


def test_pairs_begin_with_real_texts(finished):
    source = {"path": "data/raw/rows.csv", "text_column": "a", "pair_column": "b", "label_column": "label"}
    write_card(finished, "tiny", licence="internal", pair_name="reply", source=source)
    write_rows(paths.KEPT, [{**row, "text_pair": "yes"} for row in read_rows(paths.KEPT)])
    data, model = cards()
    assert "the real rows: internal" in data.text
    assert "which are real rows' and repeat" in data.text
    assert "text_pair" in model.text


def test_texts_of_the_model_cannot_leave_their_block(finished):
    rows = read_rows(paths.KEPT)
    write_rows(paths.KEPT, [rows[3], *rows])  # the one with fences and a YAML block
    data, _ = cards()
    line = next(line for line in data.text.splitlines() if line.startswith('{"text"'))
    assert json.loads(line)["text"] == rows[3]["text"]
    assert f"`````json\n{line}\n`````" in data.text


def test_results_that_do_not_belong_together(finished, set_params, lock):
    lock()
    data, _ = cards()
    assert "`dvc.lock` records these results" in data.text
    set_params({"generate.temperature": 0.5})
    with pytest.raises(DataError, match=r"generate[.a-z_]* is not what generate ran with; run `dvc repro`"):
        exported()
    set_params({"generate.temperature": 1.0})
    student = paths.model("mixed") / "student.json"
    student.write_text(f"{student.read_text()} ")  # as that of another branch
    with pytest.raises(DataError, match=r"models/mixed: not what dvc\.lock records; run `dvc checkout`"):
        exported()
    write_json(paths.METRICS / "filter.json", {"candidates": 1})
    with pytest.raises(DataError, match=r"filter\.json: not what dvc\.lock records"):
        exported()
    write_json(paths.METRICS / "evaluate.json", evaluation(task="other"))
    with pytest.raises(DataError, match=r"evaluate\.json: of task other, not tiny"):
        exported()


def test_arms_are_told_apart_by_what_they_are(finished, save_arm, set_params):
    arms = {
        "people": {"real": "all"},
        "machine": {"synthetic": "all"},
        "all": {"real": "all", "synthetic": "all"},
    }
    set_params({"arms": arms})
    scores = evaluation()
    changes = {
        "gain": {"all_vs_people": {**scores["gain"]["mixed_vs_real"], "one": "all", "other": "people"}},
        "label_equivalence": {"all": scores["label_equivalence"]["mixed"]},
        "arms": {"people": scores["arms"]["real"], "all": scores["arms"]["mixed"]},
        "sources": {"synthetic": {"arm": "all"}},
    }
    write_json(paths.METRICS / "evaluate.json", {**scores, **changes})
    for arm in ("people", "all"):
        save_arm(arm)
        data, model = cards(arm)
        assert "to the real rows changed accuracy by +6.0 points" in " ".join(data.text.split())
        assert "The arm `all` scores like 35 real labels" in data.text
        assert ("+6.0 points" in model.text) == (arm == "all")
        assert ("synthetic" in model.data.tags) == (arm == "all")


@pytest.mark.parametrize("excerpt", [None, {"words": 20, "from": "end"}])
def test_cards_have_their_line_breaks(finished, excerpt):
    write_card(finished, "tiny", excerpt=excerpt)
    for card in cards():
        assert not re.search(r"\.- \*\*|[a-z]\.[A-Z][a-z]", card.text)
        assert not re.search(r"[^\n]\n## ", card.text)
    assert ("cut to 20 words of their end" in card.text) == bool(excerpt)


def test_without_test_rows_no_check_against_them_is_claimed(finished, set_params):
    assert "repeated, copied from the real rows or near a test row" in " ".join(cards()[0].text.split())
    shutil.rmtree("exported")
    set_params({"prepare.test_rows": 0})
    data = " ".join(cards()[0].text.split())
    assert "Rules rejected what is malformed, repeated or copied from the real rows." in data


def test_texts_that_a_machine_labelled_are_named(finished, save_arm, set_params):
    set_params({"arms": {"texts": {"real": "all", "unlabelled": "all"}}})
    weights = {"real": 1.0, "unlabelled": 0.3}
    training = {**TRAINING, "synthetic": 0, "unlabelled": 90, "weights": weights}
    write_json(paths.METRICS / "train/texts.json", training)
    save_arm("texts")
    _, model = cards("texts")
    text = " ".join(model.text.split())
    assert "on real rows and real texts that a machine labelled." in text
    assert "0 synthetic, 90 real texts that a machine labelled. Weights of the sources: {'real': 1.0" in text
    assert "Gemma Terms of Use" in text


def test_a_student_that_transformers_does_not_open_is_an_error(finished):
    paths.model("tfidf").mkdir(parents=True)
    with pytest.raises(
        ModelError, match="models/tfidf: no classifier that transformers opens; export an arm"
    ):
        exported("tfidf")
    assert not Path("exported").exists()


def test_an_arm_whose_student_was_not_kept_says_so(finished):
    write_note(paths.model("real_300"), "trained on more real rows; not kept")
    with pytest.raises(ModelError, match="models/real_300: trained on more real rows; not kept"):
        exported("real_300")


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        (["Apache-2.0"], {"license": "apache-2.0"}),
        (["Gemma Terms of Use", "Gemma Terms of Use"], {"license": "gemma"}),
        (["Llama 3.2 Community License"], {"license": "llama3.2"}),
        (["internal"], {"license": "other", "license_name": "internal"}),
        (
            ["tweets under Twitter's terms, and so on, at length"],
            {"license": "other", "license_name": "see-card"},
        ),
        (["MIT", "Apache-2.0"], {"license": "other", "license_name": "several-see-card"}),
        (["MIT", "unknown"], {"license": "unknown"}),
    ],
)
def test_licences(names, fields):
    assert metadata([licence("it", name) for name in names]) == fields


@pytest.mark.parametrize(("text", "fence"), [("a", "```"), ("a ``` b", "````"), ("`````", "``````")])
def test_fences_are_longer_than_what_they_hold(text, fence):
    assert fenced(text, "x") == f"{fence}x\n{text}\n{fence}"


def test_cells():
    assert cell("a|b\n<c> *d*") == "a\\|b \\<c> \\*d\\*"


def test_neither_command_reads_a_test_row():
    folders = (REPOSITORY / "labelmint/export", REPOSITORY / "labelmint/predict")
    files = [file for folder in folders for file in folder.rglob("*.py")]
    assert len(files) > 6
    for file in files:
        assert not re.search(r"TEST_|test_labels|real/test", file.read_text(encoding="utf-8"))
