import pytest

from labelmint.core.errors import ParamsError
from labelmint.core.params import load_params

ARMS = "arms: [real, synthetic, mixed, real_300, real_1000, real_3000, mixed_300, mixed_1000]"

SEEDS = "  seeds: [1, 2, 3, 4, 5]"


def test_the_shipped_file_loads(params):
    assert params.task == "rotten_tomatoes"
    assert params.real.curve == [300, 1000, 3000]
    assert params.train.learning_rate == 1e-4
    assert params.filter.verify.action == "relabel"


@pytest.mark.parametrize(
    ("arm", "seeds"),
    [
        ("real", [1, 2, 3]),
        ("mixed", [1, 2, 3]),
        ("synthetic", [1, 2, 3]),
        ("real_300", [1, 2]),
        ("mixed_1000", [1, 2]),
        ("synthetic_1", [1, 2]),
    ],
)
def test_points_of_curves_take_the_first_seeds(params, arm, seeds):
    train = params.train.model_copy(update={"seeds": [1, 2, 3], "curve_seeds": 2})
    assert train.seeds_of(arm) == seeds
    assert train.model_copy(update={"curve_seeds": 9}).seeds_of(arm) == [1, 2, 3]


def test_params_cannot_be_changed(params):
    with pytest.raises(ValueError, match="frozen"):
        params.real.rows = 5


def failure(file):
    with pytest.raises(ParamsError) as caught:
        load_params(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [("1e-5", 1e-5), ("1e-05", 1e-5), ("0.00001", 1e-5), ("1", 1.0), ("2E-4", 2e-4)],
)
def test_numbers_may_be_written_in_any_way_of_yaml_1_2(project, edit, written, value):
    edit("params.yaml", "learning_rate: 1e-4", f"learning_rate: {written}")
    assert load_params().train.learning_rate == value


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  rows: 100 ", "  rows: 100\n  row: 100 ", "unknown key real.row; remove it or check its spelling"),
        ("  test_rows: 1000 ", "  # ", "key prepare.test_rows is missing"),
        ("task: rotten_tomatoes", "", "key task is missing"),
        ("task: rotten_tomatoes", "task: ../etc/passwd", "task: string should match pattern"),
        (
            "learning_rate: 1e-4",
            'learning_rate: "1e-5"',
            "train.learning_rate must be a number, not the text '1e-5'; write it without quotes",
        ),
        (
            "  slots: 48 ",
            '  slots: "48" ',
            "llm.slots must be a number, not the text '48'; write it without quotes",
        ),
        ("  slots: 48 ", "  slots: 256 ", "llm.slots: input should be less than or equal to 255, not 256"),
        ("  slots: 48 ", "  slots: 4.5 ", "llm.slots: input should be a valid integer, not 4.5"),
        ("  slots: 48 ", "  slots: true ", "llm.slots: input should be a valid integer, not True"),
        ("  temperature: 1.0", "  temperature: 0", "generate.temperature: input should be greater than 0"),
        (
            "  repetition_penalty: 1.0",
            "  repetition_penalty: 0.9",
            "generate.repetition_penalty: input should be greater than or equal to 1",
        ),
        (
            "  contrast: 0.0",
            "  contrast: -1",
            "generate.contrast: input should be greater than or equal to 0",
        ),
        ("  top_p: 0.95 ", "  top_p: 1.5 ", "generate.top_p: input should be less than or equal to 1"),
        ("  freeze_embeddings: true", "  freeze_embeddings: no", "train.freeze_embeddings: input should be"),
        ("    action: relabel ", "    action: keep ", "filter.verify.action: input should be 'drop'"),
        ("  model: gemma-3-270m", "  model: 270", "llm.model must be a text, not 270; write it in quotes"),
        (SEEDS, "  seeds: [1, 2, 1]", "train.seeds: the seeds must differ"),
        (SEEDS, "  seeds: []", "train.seeds: list should have at least 1 item"),
        (SEEDS, "  seeds: [-1]", "train.seeds.0: input should be greater than or equal to 0"),
        (
            SEEDS,
            "  seeds: [4294967295]",
            "train.seeds.0: input should be less than 4294967295",
        ),
        ("    draws: 1 ", "    draws: 0 ", "filter.verify.draws: input should be greater than or equal to 1"),
        ("  select: random ", "  select: best ", "filter.select: input should be 'random' or 'diverse'"),
        ("  label_quality: 0.05 ", "  label_quality: 5 ", "filter.label_quality: input should be less than"),
        ("[easy, ambiguous, hard]", "[easy, odd]", "filter.profiles"),
        ("    outlier: false ", "    # ", "key filter.rules.outlier is missing"),
        ("[easy, ambiguous, hard]", "[]", "filter.profiles: list should have at least 1 item"),
        ("  max_words: 0 ", "  max_words: 2 ", "filter: min_words is greater than max_words"),
        ("  curve: [300, 1000] #", "  curve: [300, 300] #", "filter.curve: it must rise; e.g. [300, 1000]"),
        ("  curve: [300, 1000] #", "  curve: [300] #", "filter.curve: list should have at least 2 items"),
        (
            "  names: [llm, tfidf, ",
            "  names: [llm, bert, ",
            "baselines.names.1: input should be 'llm', 'tfidf'",
        ),
        ("  draws: 3 ", "  draws: 0 ", "baselines.draws: input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_value_is_an_error_with_file_and_key(project, edit, old, new, message):
    edit("params.yaml", old, new)
    assert failure(project / "params.yaml").startswith(f"{project}/params.yaml: {message}")


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


@pytest.mark.parametrize(
    ("url", "message"),
    [
        *((url, f"{url!r} is no address of a server; write it like http") for url in NO_ADDRESSES),
        ("http://me:secret@host/v1", "no user or password here; put the key into the environment"),
        ("https://host/v1?key=secret", "it must end with its path"),
        ("https://host/v1#secret", "it must end with its path"),
    ],
)
def test_a_wrong_address_of_the_server_is_an_error(project, set_params, url, message):
    set_params({"llm.server.url": url})
    said = failure(project / "params.yaml")
    assert said.startswith(f"{project}/params.yaml: llm.server.url: {message}")
    assert "secret" not in said


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("llm.backend", "vllm", "llm.backend: input should be 'llama_cpp' or 'server', not 'vllm'"),
        ("llm.server.kind", "encoder", "llm.server.kind: input should be 'base' or 'chat'"),
        ("llm.server.concurrency", 0, "llm.server.concurrency: input should be greater than or equal to 1"),
        ("llm.server.retries", -1, "llm.server.retries: input should be greater than or equal to 0"),
        ("llm.server.timeout_seconds", 0, "llm.server.timeout_seconds: input should be greater than 0"),
        ("llm.server.model", 7, "llm.server.model must be a text, not 7; write it in quotes"),
    ],
)
def test_a_wrong_value_of_the_server_is_an_error(project, set_params, key, value, message):
    set_params({key: value})
    assert failure(project / "params.yaml").startswith(f"{project}/params.yaml: {message}")


def test_no_stays_a_text(project, edit):
    edit("params.yaml", "model: gemma-3-270m", "model: no")
    assert load_params().llm.model == "no"


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (
            "[real, sinthetic]",
            "arms: unknown arm 'sinthetic'; known: real, synthetic, mixed, real_300, real_1000, "
            "real_3000, mixed_300, mixed_1000, synthetic_300, synthetic_1000",
        ),
        ("[real, real_500]", "arms: unknown arm 'real_500'; known: "),
        ("[real, mixed, real]", "arms: an arm is named twice"),
        ("[]", "arms: list should have at least 1 item"),
        ("real", "arms: input should be a valid list, not 'real'"),
        ("[1]", "arms.0 must be a text, not 1; write it in quotes"),
    ],
)
def test_wrong_arms_are_an_error(project, edit, arms, message):
    edit(
        "params.yaml",
        ARMS,
        f"arms: {arms}",
    )
    assert failure(project / "params.yaml").startswith(f"{project}/params.yaml: {message}")


def test_some_of_the_arms_are_enough(project, edit):
    edit(
        "params.yaml",
        ARMS,
        "arms: [mixed]",
    )
    assert load_params().arms == ["mixed"]


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        ("[300, 1000]", "real.curve: list should have at least 3 items"),
        ("[300, 1000, 3000, 4000]", "real.curve: list should have at most 3 items"),
        ("[1000, 300, 3000]", "real: curve must rise, from more rows than real.rows"),
        ("[300, 300, 3000]", "real: curve must rise, from more rows than real.rows"),
        ("[100, 300, 1000]", "real: curve must rise, from more rows than real.rows"),
        ("[50, 300, 1000]", "real: curve must rise, from more rows than real.rows"),
        ("[0, 300, 1000]", "real.curve.0: input should be greater than or equal to 1"),
        ('["300", 1000, 3000]', "real.curve.0 must be a number, not the text '300'"),
    ],
)
def test_a_wrong_curve_is_an_error(project, edit, curve, message):
    edit("params.yaml", "curve: [300, 1000, 3000]", f"curve: {curve}")
    assert failure(project / "params.yaml").startswith(f"{project}/params.yaml: {message}")


@pytest.mark.parametrize("number", [".inf", ".nan", "1e999", "-1e999"])
def test_infinite_numbers_and_nan_are_errors(project, edit, number):
    edit("params.yaml", "learning_rate: 1e-4", f"learning_rate: {number}")
    assert "train.learning_rate" in failure(project / "params.yaml")


@pytest.mark.parametrize(
    "arms", ["[real]", "[synthetic, mixed]", "[real_300, real]", "[synthetic, mixed_300]"]
)
def test_arms_of_real_rows_need_real_rows(project, edit, arms):
    edit("params.yaml", "  rows: 100 ", "  rows: 0 ")
    edit(
        "params.yaml",
        ARMS,
        f"arms: {arms}",
    )
    said = failure(project / "params.yaml")
    assert "needs real rows, and real.rows is 0; say arms: [synthetic], or raise real.rows" in said


def test_without_real_rows_the_curve_may_stay(project, edit):
    edit("params.yaml", "  rows: 100 ", "  rows: 0 ")
    edit("params.yaml", ARMS, "arms: [synthetic, synthetic_300, real_300, real_1000, real_3000]")
    edit("params.yaml", "  test_rows: 1000 ", "  test_rows: 0 ")
    loaded = load_params()
    assert (loaded.real.rows, loaded.prepare.test_rows) == (0, 0)
