import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from labelmint.llm.sampling import BLOCK, block_maxima, distribution
from tests.builders import sampling

SIZES = st.sampled_from([1, 2, 100, BLOCK - 1, BLOCK, BLOCK + 1, 1000, 50 * BLOCK, 50 * BLOCK + 1, 9999])
SEEDS = st.integers(0, 2**32 - 1)


def distribution_of(logits, settings):
    row = np.asarray(logits, np.float32)
    return distribution(row, block_maxima(row[None])[0], settings)


def probabilities(result):
    return np.diff(result.cumulative, prepend=0.0)


def reference(logits, settings):
    """Return tokens and probabilities by the plain definition: top-k, top-p, min-p, temperature."""
    order = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
    order = order[: settings.top_k or len(order)]
    values = np.array([logits[token] for token in order], np.float64)
    shares = np.exp(values - values[0]) / np.exp(values - values[0]).sum()
    keep = len(order)
    if settings.top_p < 1:
        keep = next(n for n in range(1, len(order) + 1) if shares[:n].sum() >= settings.top_p)
    likely = [token for token in range(keep) if shares[token] >= settings.min_p * shares[0]]
    tempered = shares[likely] ** (1 / settings.temperature)
    return [order[at] for at in likely], tempered / tempered.sum()


@st.composite
def cases(draw):
    """Draw logits, some with many ties, and settings."""
    random = np.random.default_rng(draw(SEEDS))
    size = draw(SIZES)
    logits = random.normal(0, draw(st.sampled_from([0.1, 3.0, 10.0])), size).astype(np.float32)
    if draw(st.booleans()):
        logits = np.round(logits).astype(np.float32)
    settings = sampling(
        temperature=draw(st.sampled_from([0.3, 0.8, 1.0, 1.7])),
        top_k=draw(st.sampled_from([0, 1, 2, 5, 40, BLOCK, size - 1, size, size + 7])),
        # Random numbers: on a boundary itself (0.5 of four equal tokens) rounding may decide.
        top_p=draw(st.sampled_from([1.0, random.uniform(0.001, 0.999)])),
        min_p=draw(st.sampled_from([0.0, random.uniform(0.001, 0.999)])),
    )
    return logits, settings


@given(cases())
def test_the_distribution_is_that_of_the_plain_definition(case):
    logits, settings = case
    result = distribution_of(logits, settings)
    tokens, expected = reference(logits, settings)
    assert result.tokens.tolist() == tokens
    np.testing.assert_allclose(probabilities(result), expected, rtol=1e-6, atol=1e-12)


QUARTERS = np.log([0.5, 0.25, 0.125, 0.125])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.5, 0.25, 0.125, 0.125]),
        ({"top_k": 2}, [2 / 3, 1 / 3]),
        ({"top_p": 0.49}, [1.0]),
        ({"top_p": 0.51}, [2 / 3, 1 / 3]),
        ({"top_p": 0.76}, [4 / 7, 2 / 7, 1 / 7]),
        ({"top_p": 1e-9}, [1.0]),
        ({"min_p": 0.26}, [2 / 3, 1 / 3]),
        ({"min_p": 0.24}, [0.5, 0.25, 0.125, 0.125]),
        ({"min_p": 0.999}, [1.0]),
        ({"top_k": 3, "top_p": 0.85}, [2 / 3, 1 / 3]),  # top-p of what top-k left: 6/7 suffices
        ({"temperature": 0.5}, [16 / 22, 4 / 22, 1 / 22, 1 / 22]),
        ({"top_p": 0.51, "temperature": 0.5}, [0.8, 0.2]),  # truncated first, tempered afterwards
        ({"temperature": 1e-6}, [1.0, 0.0, 0.0, 0.0]),
        ({"temperature": 1e6}, [0.25, 0.25, 0.25, 0.25]),
    ],
)
def test_settings_act_in_the_order_of_llama_cpp(settings, expected):
    result = distribution_of(QUARTERS, sampling(**settings))
    assert result.tokens.tolist() == list(range(len(expected)))
    np.testing.assert_allclose(probabilities(result), expected, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"top_k": 20, "top_p": 0.9}, {"temperature": 1.5, "min_p": 0.05}])
def test_draws_follow_the_distribution(settings):
    logits = np.random.default_rng(5).normal(0, 1.5, 3 * BLOCK + 9)
    result = distribution_of(logits, sampling(**settings))
    random = np.random.default_rng(6)
    count = 20_000
    drawn = np.bincount([result.draw(random) for _ in range(count)], minlength=len(logits))
    expected = np.zeros(len(logits))
    expected[result.tokens] = probabilities(result) * count
    assert drawn[expected == 0].sum() == 0
    often = expected >= 5  # chi-square needs about five of each; the others are taken together
    observed = [*drawn[often], drawn[~often].sum()]
    awaited = [*expected[often], expected[~often].sum()]
    if awaited[-1] == 0:
        observed, awaited = observed[:-1], awaited[:-1]
    assert chisquare(observed, awaited).pvalue > 1e-3


class Constant:
    def __init__(self, value):
        self.value = value

    def random(self):
        return self.value


@pytest.mark.parametrize(
    ("value", "token"),
    [(0.0, 0), (0.499, 0), (0.501, 1), (0.751, 2), (0.876, 3), (np.nextafter(1, 0), 3), (1.0, 3)],
)
def test_a_draw_finds_its_place(value, token):
    assert distribution_of(QUARTERS, sampling()).draw(Constant(value)) == token


def test_impossible_tokens_are_never_drawn():
    result = distribution_of([-np.inf, 0.0, -np.inf, 0.0], sampling())
    random = np.random.default_rng(1)
    assert {result.draw(random) for _ in range(200)} == {1, 3}
    assert result.draw(Constant(np.nextafter(1, 0))) == 3


def test_a_large_vocabulary_keeps_its_tail():
    # As many tokens as Gemma 3 has; in single precision, 1 + 1e-8 is 1.
    logits = np.full(262_144, np.log(1e-8))
    logits[0] = 0.0
    result = distribution_of(logits, sampling())
    expected = np.full(262_144, 1e-8)
    expected[0] = 1.0
    np.testing.assert_allclose(probabilities(result), expected / expected.sum(), rtol=1e-4)
    assert result.draw(Constant(np.nextafter(1, 0))) == 262_143
