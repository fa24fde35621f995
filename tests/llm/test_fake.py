import numpy as np
import pytest

from labelmint.llm.base import Completion, LanguageModel, PromptGroup
from tests.builders import sampling
from tests.fake_model import FakeModel, read_words, write_sentence

NEGATIVE, POSITIVE = "Negative film review:", "A negative one. Positive film review:"
GROUPS = [PromptGroup(NEGATIVE, tuple(range(40))), PromptGroup(POSITIVE, tuple(range(40, 60)))]


def test_it_has_what_the_stages_ask_of_a_language_model():
    asked = {name for name in vars(LanguageModel) if not name.startswith("_")}
    assert asked == {
        "kind",
        "identity",
        "can_score",
        "can_give_states",
        "check_wave",
        "write_wave",
        "score",
        "chat_prompt",
    }
    assert all(hasattr(FakeModel(), name) for name in asked)


def test_the_same_wave_gives_the_same_texts_in_any_company():
    whole = FakeModel().write_wave(GROUPS, sampling())
    assert [len(group) for group in whole] == [40, 20]
    assert FakeModel().write_wave(GROUPS, sampling()) == whole
    assert FakeModel().write_wave(GROUPS[1:], sampling()) == whole[1:]


def test_every_text_is_told_of_once():
    model, told = FakeModel(), []
    result = model.write_wave(GROUPS, sampling(), told.append)
    assert told == result[0] + result[1]
    assert model.waves_written == 1


def test_texts_are_mostly_as_the_prompts_last_label_says():
    negative, positive = FakeModel().write_wave(GROUPS, sampling())
    for texts, word in ((negative, "awful"), (positive, "great")):
        share = np.mean([word in text.text for text in texts])
        assert 0.7 < share < 1
    assert not any("awful" in text.text for text in positive)


def test_some_texts_are_cut_off_and_hardly_any_are_equal():
    texts = [write_sentence(NEGATIVE, seed) for seed in range(200)]
    assert {text.finish_reason for text in texts} == {"stop", "length"}
    assert len({text.text for text in texts}) > 190


@pytest.mark.parametrize(
    ("text", "choice", "score"),
    [
        ("an awful film", " negative", 0.0),
        ("an awful film", " positive", -2.0),
        ("a great film", " negative", -2.0),
        ("a great film", " positive", 0.0),
    ],
)
def test_reading_prefers_the_label_of_the_word(text, choice, score):
    assert read_words(text, choice) == score


@pytest.mark.parametrize("suffixes", [[], ["an awful film"], ["an awful film", "a great one", "x"]])
def test_scores_have_a_row_per_text_and_a_column_per_choice(suffixes):
    model = FakeModel()
    scores = model.score("prompt", suffixes, [" negative", " positive"]).log_probabilities
    assert scores.shape == (len(suffixes), 2)
    assert scores.dtype == np.float32
    assert model.texts_scored == len(suffixes)


def test_a_script_decides_what_is_written_and_read():
    model = FakeModel(
        writer=lambda prompt, seed: Completion(f"{prompt}{seed}", 1, "stop"),
        reader=lambda text, choice: float(len(text) * len(choice)),
    )
    assert model.write_wave([PromptGroup("p", (7,))], sampling()) == [[Completion("p7", 1, "stop")]]
    assert model.score("", ["ab", "abc"], ["x", "xy"]).log_probabilities.tolist() == [[2, 4], [3, 6]]


def test_a_chat_model_has_a_template_and_another_identity():
    model = FakeModel(kind="chat")
    assert model.chat_prompt("Write!", "Review:") == "<user>Write!</user><assistant>Review:"
    assert model.identity != FakeModel().identity
