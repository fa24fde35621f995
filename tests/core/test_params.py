import pytest

from labelmint.core.params import load_params
from tests.builders import failure


def refused(project):
    return failure(load_params, project / "params.yaml")


def test_the_shipped_file_loads(params):
    assert params.task == "rotten_tomatoes"
    assert params.train.learning_rate == 1e-4
    assert params.labelling.action == "relabel"


def test_an_arm_has_its_own_student_and_seeds_or_the_usual_ones(params):
    assert (params.student_of("mixed"), params.seeds_of("mixed")) == ("linear_head", [1, 2, 3])
    assert (params.student_of("tfidf"), params.seeds_of("tfidf")) == ("tfidf", [1])
    assert params.seeds_of("real_300") == [1, 2, 3]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  rows: 100 ", "  rows: 100\n  row: 100 ", "unknown key real.row; did you mean rows?"),
        ("  test_rows: 1000 ", "  # ", "key prepare.test_rows is missing"),
        ("task: rotten_tomatoes", "", "key task is missing"),
        ("learning_rate: 1e-4", "learning_rate: 1e999", "train.learning_rate: input should be a fin"),
    ],
)
def test_a_wrong_line_is_an_error_with_file_and_key(project, edit, old, new, message):
    edit("params.yaml", old, new)
    assert refused(project).startswith(f"{project}/params.yaml: {message}")


NO_ADDRESSES = [
    "",
    "127.0.0.1:8080",
    "localhost:8080/v1",
    "ftp://127.0.0.1/v1",
    "file:///etc/passwd",
    "http://",
    "http:///v1",
    "http://127.0.0.1:port/v1",
    "http://127.0.0.1:99999/v1",
    "http://[::1/v1",
    "http://127.0.0.1 /v1",
]
NO_NAMES = ["a/b", "a b", "a.b", "..", "-a", "é", "", "a\n", "007", "1_000", "0x1F", "a" * 101, 2024]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("task", "../etc/passwd", "task: a name has up to 100 letters from a to z"),
        ("llm.slots", 256, "llm.slots: input should be less than or equal to 255, not 256"),
        ("llm.slots", ".inf", "llm.slots must be a number, not the text '.inf'; write digits, such as 20"),
        ("llm.slots", "9" * 5000, "llm.slots must be a number, not the text '9999"),
        ("generate.temperature", 0, "generate.temperature: input should be greater than 0"),
        ("train.seeds", [1, 2, 1], "train.seeds: the entries must differ"),
        ("train.seeds", "[1]", "train.seeds must be a list, such as [1, 2] or [a, b], not '[1]'"),
        ("train.seeds", list(range(101)), "train.seeds may have at most 100, and has 101"),
        ("generate.samples_per_prompt", 10**6, "generate: samples_per_prompt=1000000 and prompts_per_wave="),
        ("generate.prompts_per_wave", 10**6, "generate: samples_per_prompt="),
        ("train.seeds", [-1], "train.seeds.0: input should be greater than or equal to 0"),
        ("train.seeds", [2**32 - 1], "train.seeds.0: input should be less than 4294967295"),
        ("filter.copy_similarity", 0, "filter.copy_similarity: input should be greater than 0"),
        ("filter.max_words", 2, "filter: min_words=3 is greater than max_words=2; swap them, or say max_"),
        ("llm.backend", "vllm", "llm.backend: input should be 'llama_cpp' or 'server', not 'vllm'"),
        *(
            ("llm.server.url", url, f"llm.server.url: {url!r} is no address of a server; write it like http")
            for url in NO_ADDRESSES
        ),
        ("llm.server.url", "http://me:secret@host/v1", "llm.server.url: no user or password here; put"),
        ("llm.server.url", "https://host/v1?key=secret", "llm.server.url: it must end with its path"),
        ("llm.server.url", "https://host/v1#secret", "llm.server.url: it must end with its path"),
        ("class_balance", "equal", "class_balance: say balanced, real, or shares by label"),
        ("arms", {}, "arms needs at least 1"),
        ("arms", {"real": {}}, "arms.real: an arm needs rows; e.g. {real: all, synthetic: 300}"),
        ("arms", {"real": {"real": 0}}, "arms.real: an arm needs rows"),
        ("arms", {"real": {"real": "some"}}, "arms.real.real: say all, or a number of rows, not 'some'"),
        ("arms", {"real": {"real": -1}}, "arms.real.real: say all, or a number of rows, not -1"),
        ("arms", {"real": {"real": True}}, "arms.real.real: say all, or a number of rows, not True"),
        ("arms", {"Real": {"real": 1}, "real": {"real": 1}}, "arms: Real and real differ by case alone"),
        ("arms", {"real": {"real": 1, "seeds": 4}}, "arms.real.seeds is 4, and train.seeds has 3; lower it"),
        *(("arms", {name: {"real": "all"}}, "arms: a name has up to 100 ") for name in NO_NAMES),
        ("task", None, "task is empty; give it a text"),
    ],
)
def test_a_wrong_value_is_an_error_with_file_and_key(project, set_params, key, value, message):
    set_params({key: value})
    said = refused(project)
    assert said.startswith(f"{project}/params.yaml: {message}")
    assert "secret" not in said


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/v1",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/v1/",
        "https://llm.example.com/some/where/v1",
    ],
)
def test_a_server_may_be_anywhere(project, set_params, url):
    set_params({"llm.backend": "server", "llm.server.url": url})
    assert load_params().llm.server.url == url


@pytest.mark.parametrize("name", ["a", "_", "20newsgroups", "3_shots", "e5", "A-b_9", "a" * 100])
def test_other_names_of_arms_and_tasks_pass(project, set_params, name):
    set_params({"task": name, "arms": {name: {"real": "all"}}})
    assert list(load_params().arms) == [name]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"a": 0.5, "b": 0.2}, "the shares sum to 0.7, not to 1; say {a: 0.714, b: 0.286}"),
        ({"a": 70, "b": 30}, "a: a share is a number from 0 to 1, such as 0.7 for 70 %, not 70"),
        ({"a": -0.5, "b": 1.5}, "a: a share is a number from 0 to 1"),
        ({"a": "0.5", "b": 0.5}, "a: a share is a number from 0 to 1"),
        ({"a": 0}, "no share is above 0"),
        ({}, "say "),
        (["a"], "say "),
        (0.5, "say "),
    ],
)
@pytest.mark.parametrize("key", ["class_balance", "generate.method"])
def test_wrong_shares_are_an_error(project, set_params, key, shares, message):
    set_params({key: shares})
    assert refused(project).startswith(f"{project}/params.yaml: {key}: {message}")


def test_shares_may_be_rounded(project, set_params):
    set_params({"class_balance": {f"label {number}": 0.14 for number in range(7)}})
    assert len(load_params().class_balance) == 7


def test_arms_of_all_real_rows_need_real_rows(project, set_params):
    set_params({"real.rows": 0, "arms": {"synthetic": {"synthetic": "all"}, "mixed": {"real": "all"}}})
    said = refused(project)
    assert "arms.mixed needs real rows, and real.rows is 0; say arms: {synthetic: {synthetic: all}}" in said


def test_without_real_rows_the_curve_may_stay(project, set_params):
    arms = {"synthetic": {"synthetic": "all"}, "real_300": {"real": 300}}
    set_params({"real.rows": 0, "prepare.test_rows": 0, "arms": arms})
    assert list(load_params().arms) == ["synthetic", "real_300"]


def test_rows_without_a_label_need_relabelling(project, set_params):
    set_params({"filter.disabled_rules": ["no_label"], "labelling.action": "drop"})
    assert "only labelling.action: relabel gives them one, not drop" in refused(project)
