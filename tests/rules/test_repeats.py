import pytest

from labelmint.core.records import Input
from labelmint.rules import repeats
from labelmint.rules.filtering import RuleResult
from tests.builders import candidate, labelled
from tests.rules.helpers import filtering_of, rules_broken, words


def duplicates(*texts):
    """Apply the duplicate rules; return the results."""
    filtering = filtering_of(*texts)
    repeats.exact_duplicates(filtering)
    repeats.near_duplicates(filtering)
    return filtering.results


def copies(*texts, train=(), test=(), shown=(), **settings):
    """Apply the copy and leak rules; return the results."""
    real = [labelled("negative", number, text) for number, text in enumerate(train)]
    inputs = [Input(id=f"t{number}", text=text) for number, text in enumerate(test)]
    ids = [real[number]["id"] for number in shown]
    rows = [candidate(at, text, demonstration_ids=ids) for at, text in enumerate(texts)]
    filtering = filtering_of(*rows, train=real, test=inputs, **settings)
    repeats.copies(filtering)
    repeats.leaks(filtering)
    return filtering.results


def test_what_is_rejected_remains_no_more():
    filtering = filtering_of("a", "b", "c", "d")
    filtering.reject(dict.fromkeys(("s000000", "s000002"), RuleResult("empty", {})))
    assert [row["text"] for row in filtering.remaining] == ["b", "d"]
    filtering.reject({"s000003": RuleResult("too_short", {"words": 1})})
    assert rules_broken(filtering) == {"s000000": "empty", "s000002": "empty", "s000003": "too_short"}
    assert filtering.results["s000003"].evidence == {"words": 1}


def evidence_of(kind, row_id, text, measure, similarity):
    return {kind: row_id, f"{kind}_text": text, "measure": measure, "similarity": similarity}


def test_exact_duplicates_name_the_first():
    results = duplicates("A fine film!", "a dull film", "a fine film", "a fine film .", "fine old film")
    same = RuleResult("exact_duplicate", evidence_of("duplicate_of", "s000000", "A fine film!", "text", 1.0))
    assert results == {"s000002": same, "s000003": same}


def test_near_duplicates_name_the_earlier_row_and_the_similarity():
    results = duplicates(words(50, 60), words(1, 20), "x y z", words(1, 21), words(1, 20))
    assert {row_id: result.rule for row_id, result in results.items()} == {
        "s000004": "exact_duplicate",
        "s000003": "near_duplicate",
    }
    expected = evidence_of("duplicate_of", "s000001", words(1, 20), "shingles", 0.947)
    assert results["s000003"].evidence == expected


def test_the_order_of_the_same_words_matters():
    assert duplicates("a b c d e f", "f e d c b a", "b a", "a b") == {}


@pytest.mark.parametrize(
    ("shown", "rule"), [([1], "demonstration_copy"), ([0], "real_copy"), ([], "real_copy")]
)
def test_copies_of_real_rows_tell_demonstrations_from_others(shown, rule):
    results = copies(words(1, 11), train=[words(40, 50), words(2, 12)], shown=shown)
    evidence = evidence_of("real", "r000001", words(2, 12), "shingles", 0.889)
    assert results == {"s000000": RuleResult(rule, evidence)}


def test_leaks_show_the_test_row():
    results = copies("other words here", words(1, 11), test=[words(40, 50), "x y z", words(2, 12)])
    evidence = evidence_of("test", "t2", words(2, 12), "shingles", 0.889)
    assert results == {"s000001": RuleResult("test_leak", evidence)}


def test_a_copy_of_a_real_row_is_called_one_even_if_it_is_near_a_test_row_too():
    assert copies(words(1, 9), train=[words(1, 9)], test=[words(1, 9)])["s000000"].rule == "real_copy"


@pytest.mark.parametrize(
    ("settings", "constant", "rules"),
    [
        ({}, "EDITED_DUPLICATE", ["real_copy", "test_leak"]),
        ({"copy_similarity": 0.9}, "EDITED_COPY", ["test_leak"]),
        ({"leak_similarity": 0.9}, "EDITED_LEAK", ["real_copy"]),
    ],
)
def test_copies_and_leaks_have_a_threshold_each(settings, constant, rules, monkeypatch):
    monkeypatch.setattr(repeats, constant, 1.0)
    results = copies(words(1, 11), words(101, 111), train=[words(2, 12)], test=[words(102, 112)], **settings)
    assert [result.rule for result in results.values()] == rules


def test_a_text_that_holds_a_test_input_whole_is_a_leak():
    text = f"{words(100, 130)} {words(1, 8)} {words(200, 230)}"
    assert copies(text, test=[words(1, 8)])["s000000"].evidence["similarity"] == 1.0


def test_no_test_rows_and_no_real_rows_mean_no_copies():
    assert copies(words(1, 9)) == {}


def test_texts_without_spaces_are_compared_by_their_characters():
    near, far = "这把铲子用起来非常顺手，挖土也很省力。", "软管两头都漏水，第二天就退货了。"
    results = duplicates("这把铲子用起来非常顺手，挖土很省力！", near, far)
    assert {row_id: result.rule for row_id, result in results.items()} == {"s000001": "near_duplicate"}
    assert copies(near, far, test=["这把铲子用起来真顺手，挖土很省力。"]).keys() == {"s000000"}
