import json

import pytest

from labelmint.core.errors import ModelError, ParamsError
from labelmint.llm.base import PromptGroup
from labelmint.llm.grammar import Marks, grammar_of_schema, load_grammar
from tests.builders import sampling

GROUPS = [PromptGroup("1 2 3 4 5 6", (1, 2, 3)), PromptGroup("A film review:", (4, 5))]


def test_no_file_is_no_grammar():
    assert load_grammar("", "generate.grammar") == ""


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gbnf", None, "no file data/grammars/a.gbnf; correct the path, or set it to ''"),
        ("a.txt", "root ::= x", "data/grammars/a.txt must be a .gbnf file or a JSON schema in a .json file"),
        ("a.gbnf", " \n", "data/grammars/a.gbnf is empty"),
        ("a.gbnf", b"\xff", "can't read data/grammars/a.gbnf: 'utf-8' codec can't decode byte 0xff"),
        (
            "a.json",
            "{",
            "data/grammars/a.json: not a JSON schema that llama.cpp knows: Expecting property name",
        ),
        ("a.json", "[]", "data/grammars/a.json: not a JSON schema that llama.cpp knows"),
        ("a.json", '{"type": "flower"}', "data/grammars/a.json: not a JSON schema that llama.cpp knows"),
        ("a.json", '{"$ref": "#/$defs/x"}', "data/grammars/a.json: not a JSON schema that llama.cpp knows"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_with_the_key(project, name, content, message):
    if content is not None:
        (project / "data/grammars" / name).write_bytes(
            content.encode() if isinstance(content, str) else content
        )
    with pytest.raises(ParamsError) as caught:
        load_grammar(f"data/grammars/{name}", "generate.grammar")
    assert str(caught.value).startswith(f"params.yaml: generate.grammar: {message}")


@pytest.mark.parametrize("file", ["a.gbnf", "/data/grammars/a.gbnf", "data/tasks/a.gbnf", "data/grammars"])
def test_a_file_that_dvc_does_not_watch_is_an_error(project, file):
    with pytest.raises(ParamsError, match=f"generate.grammar: {file} must lie in data/grammars, which dvc"):
        load_grammar(file, "generate.grammar")


def test_a_schema_becomes_a_grammar(project):
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    (project / "data/grammars/a.json").write_text(json.dumps(schema))
    grammar = load_grammar("data/grammars/a.json", "generate.grammar")
    assert "root ::=" in grammar
    assert grammar == grammar_of_schema(json.dumps(schema))


def test_marks_tell_ends_and_stops_and_what_a_grammar_must_not_see():
    pieces = [b"a", b"\n", b"\na", b"a\n", b"", b"", b"</s>"]
    marks = Marks.of(pieces, [5, 6], b"\n")
    assert marks.ends.tolist() == [5, 6]
    assert marks.stops.tolist() == [False, True, True, False, False, False, False]
    assert marks.barred.tolist() == [False, True, True, True, True, False, False]
    assert not Marks.of(pieces, [], b"").stops.any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gemma", "smollm"])
def test_a_grammar_of_digits_gives_digits(request, name):
    engine = request.getfixturevalue(name)
    how = sampling(top_k=40, grammar="root ::= [0-9] [0-9]? [0-9]?", max_new_tokens=8)
    result = engine.write_wave(GROUPS, how)
    for text in (text for group in result for text in group):
        assert text.text.isdigit()
        assert len(text.text) <= 3
        assert text.finish_reason == "stop"
    assert engine.write_wave(GROUPS, how) == result


@pytest.mark.slow
def test_a_schema_gives_json_on_one_line(gemma):
    schema = {"type": "object", "properties": {"good": {"type": "boolean"}}, "required": ["good"]}
    how = sampling(top_k=40, grammar=grammar_of_schema(json.dumps(schema)), max_new_tokens=30)
    finished = [
        text.text for group in gemma.write_wave(GROUPS, how) for text in group if text.finish_reason == "stop"
    ]
    assert finished
    for text in finished:
        assert json.loads(text)["good"] in (True, False)


@pytest.mark.slow
def test_the_bundled_grammar_gives_sentences(gemma, project):
    grammar = load_grammar("data/grammars/one_sentence.gbnf", "generate.grammar")
    group = PromptGroup("Film review: a slow and empty film .\n\nFilm review:", tuple(range(8)))
    how = sampling(top_k=40, grammar=grammar, max_new_tokens=48)
    finished = [text.text for text in gemma.write_wave([group], how)[0] if text.finish_reason == "stop"]
    assert finished
    for text in finished:
        assert text[-1] in ".!?"
        assert len(text.split()) >= 3


@pytest.mark.slow
def test_many_bytes_of_one_character_follow_a_grammar(gemma):
    how = sampling(top_k=1, grammar="root ::= [🜁-🜄] [🜁-🜄]", max_new_tokens=12)
    ((text,),) = gemma.write_wave([PromptGroup("🜁🜂 🜁🜂 🜁🜂", (1,))], how)
    assert len(text.text) == 2
    assert text.finish_reason == "stop"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("grammar", "reason"),
    [
        ('root ::= "a', "unexpected end of input"),
        ("root ::= other", "Undefined rule identifier 'other'"),
        ('start ::= "a"', "it has no rule `root`, or a rule that begins with itself"),
        ('root ::= root "a" | "b"', "it has no rule `root`, or a rule that begins with itself"),
    ],
)
def test_a_wrong_grammar_is_an_error_before_any_work(smollm, capfd, grammar, reason):
    with pytest.raises(ModelError) as caught:
        smollm.check_wave(GROUPS, sampling(grammar=grammar))
    said = f"params.yaml: generate.grammar: llama.cpp can't read the grammar: {reason}"
    assert str(caught.value) == said
    assert capfd.readouterr().err == ""
