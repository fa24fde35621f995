from pathlib import Path

import pytest

from labelmint.core.config import Section, check, read_yaml
from labelmint.core.errors import ParamsError


class Inner(Section):
    rate: float
    count: int
    on: bool = False
    name: str = ""


class Outer(Section):
    inner: Inner


def inner(**changes):
    return {"inner": {"rate": 1.0, "count": 1, **changes}}


def loaded(folder: Path, text: str):
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path)


TEXTS = "no on Yes y 010 007 0x1F 1_000 1_0.5 .inf 12:30:45 2024-01-31 2024-13-45 1e . 1.2.3 é"


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("1e-5", 1e-5),
        ("1e-05", 1e-5),
        ("1E+3", 1000.0),
        ("-2.5e-3", -0.0025),
        (".5", 0.5),
        ("5.", 5.0),
        ("0.00001", 1e-5),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ('"1e-5"', "1e-5"),
        *((text, text) for text in TEXTS.split()),
    ],
)
def test_scalars_follow_yaml_1_2(tmp_path, scalar, value):
    result = loaded(tmp_path, f"key: {scalar}\n")["key"]
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: [1, 2\n", r"file\.yaml:3: not valid YAML: "),
        (b"a: 1\n\tb: 2\n", r"file\.yaml:2: not valid YAML: .*; write spaces instead"),
        (b"a: !!bool maybe\n", r"file\.yaml: not valid YAML: KeyError: 'maybe'"),
        (b"a: b: c\n", r"file\.yaml:1: not valid YAML: mapping values are not allowed"),
        (b"a: !!python/object:os.system x\n", r"file\.yaml:1: not valid YAML: could not determine"),
        (b"a: \x00\n", r"file\.yaml: not valid YAML: "),
        (b"a: caf\xe9\n", r"file\.yaml: not UTF-8 \(invalid continuation byte at byte 6\); save it as UTF-8"),
        (b"a: 1\nb: 2\na: 3\n", r'file\.yaml:3: not valid YAML: found duplicate key "a" with value "3"'),
        (b"o:\n  a: 1\n  'a': 2\n", r'file\.yaml:3: not valid YAML: found duplicate key "a"'),
        (b"{a: 1, a: 2}\n", r'file\.yaml:1: not valid YAML: found duplicate key "a"'),
        (b"{b: 1}: 2\n", r"file\.yaml:1: not valid YAML: found unhashable key"),
    ],
)
def test_a_broken_file_is_an_error_with_file_and_line(tmp_path, content, message):
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    with pytest.raises(ParamsError, match=message) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_an_error_with_its_name(tmp_path):
    with pytest.raises(ParamsError, match=r"nowhere\.yaml: no such file"):
        read_yaml(tmp_path / "nowhere.yaml")


def test_right_content_becomes_a_frozen_object():
    outer = check(Outer, {"inner": {"rate": 1, "count": 2}}, Path("p.yaml"))
    assert outer == Outer(inner=Inner(rate=1.0, count=2, on=False))
    with pytest.raises(ValueError, match="frozen"):
        outer.inner.count = 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the file must be a mapping of keys to values"),
        ([1], "the file must be a mapping of keys to values"),
        ({}, "key inner is missing"),
        ({"inner": {"rate": 1.0}}, "key inner.count is missing"),
        (inner(cuont=2), "unknown key inner.cuont; did you mean count?"),
        (inner(surplus=2), "unknown key inner.surplus; remove it or check its spelling"),
        (inner(count=None), "inner.count: input should be a valid integer, not null"),
        (inner(name=None), "inner.name is empty; give it a text"),
        (inner(name=True), "inner.name must be a text, not true; write"),
        (inner(name=3), "inner.name must be a text, not 3; write it in quotes"),
        (inner(rate="1e-5"), "inner.rate must be a number, not the text '1e-5'; write it without quotes"),
        (inner(count="3"), "inner.count must be a number, not the text '3'; write it without quotes"),
        (inner(count=2.5), "inner.count: input should be a valid integer"),
        (inner(count=True), "inner.count: input should be a valid integer"),
        (inner(on="no"), "inner.on must be true or false, without quotes, not 'no'"),
        ({"inner": [1]}, "inner must be a mapping of keys to values, not [1]"),
        ({"inner": "x" * 300}, f"inner must be a mapping of keys to values, not '{'x' * 79} …"),
        (
            inner(rate="", name=3),
            "inner.rate must be a number, not the text ''; write digits, such as 20; p.",
        ),
    ],
)
def test_wrong_content_is_an_error_with_file_key_and_remedy(content, message):
    with pytest.raises(ParamsError) as caught:
        check(Outer, content, Path("p.yaml"))
    assert str(caught.value).startswith(f"p.yaml: {message}")
    assert "\n" not in str(caught.value)


def test_keys_that_only_look_alike_and_merged_ones_are_no_doubles(tmp_path):
    text = "x: &x {a: 1, 1: 2, '1': 3}\ny: {<<: *x, a: 5}\n"
    assert loaded(tmp_path, text)["y"] == {"a": 5, 1: 2, "1": 3}
