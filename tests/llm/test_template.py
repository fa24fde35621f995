"""Chat templates that fail, that aren't what they should be, and that differ from day to day."""

import datetime
from pathlib import Path

import pytest

from labelmint.core.errors import ModelError
from labelmint.llm.template import ChatTemplate

CONTENT = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}"
GO = "{{- if .System }}{{ .System }}{{ end }}{{- range $i, $_ := .Messages }}{{ .Content }}{{ end }}"


def wrap(source, request="Write one."):
    return ChatTemplate(Path("model.gguf"), source, "<s>", "</s>").wrap(request)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (GO, "is one of Go, as Ollama has them, and not Jinja"),
        ("{% for m in messages %}{{ m.content }}", "can't be read: Unexpected end of template"),
        ("{{ messages | unknown }}", "can't be read: No filter named 'unknown'"),
        (
            "{{ raise_exception('a system\nmessage must come first') }}",
            "fails: a system message must come first",
        ),
        ("{{ messages[7].content.upper() }}", "fails: "),
        ("{{ messages[0].content + 1 }}", "fails: "),
        ("{{ messages.__class__.__mro__ }}", "fails: "),
        ("{{ now() }}" + CONTENT, "fails: 'now' is undefined"),
        ("chatml", "drops or changes the request"),
        ("{% for m in messages if m.role == 'system' %}{{ m.content }}{% endfor %}", "drops or changes"),
        (CONTENT.replace("trim", "upper"), "drops or changes the request"),
    ],
)
def test_a_template_that_does_not_work_is_told_in_a_line(source, message):
    with pytest.raises(ModelError) as caught:
        wrap(source)
    text = str(caught.value)
    assert text.startswith(f"model.gguf: its chat template {message}")
    assert text.endswith("give the model `kind: base` in data/models.yaml, or take another GGUF file of it")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("source", "prompt"),
    [
        (CONTENT, "<user>Write one."),
        ("{{ bos_token }}" + CONTENT + "{{ eos_token }}", "<s><user>Write one.</s>"),
        ("{{ strftime_now('%d %b %Y') }}" + CONTENT, "26 Jul 2024<user>Write one."),
        ("{{ [3, 1, 2] | random }}" + CONTENT, "3<user>Write one."),
        (CONTENT + "<assistant><think>\n", "<user>Write one.<assistant><think>\n\n</think>\n\n"),
        ("{% if enable_thinking %}x{% endif %}" + CONTENT, "<user>Write one."),
        (
            "{% for part in messages[0].content %}{{ part.text | trim }}{% endfor %}",
            "Write one.",
        ),  # wants parts
        (
            "{% if messages[0].role != 'user' %}{{ raise_exception('no') }}{% endif %}" + CONTENT,
            "<user>Write one.",
        ),
    ],
)
def test_a_prompt_has_the_same_bytes_on_any_day(monkeypatch, source, prompt):
    class Tomorrow(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2099, 1, 1)

    assert wrap(source, " Write one.\n") == prompt
    monkeypatch.setattr("llama_cpp.llama_chat_format.datetime", Tomorrow)
    assert wrap(source, " Write one.\n") == prompt
