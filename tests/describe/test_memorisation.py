from labelmint.core.records import Labelled, texts_of
from labelmint.describe.memorisation import memorisation
from tests.builders import labelled, reviews


def measured(synthetic, real):
    return memorisation(synthetic, real, texts_of, 2)


def test_copied_rows_stand_out_beside_real_ones():
    real = reviews({"negative": 30, "positive": 30}, words=20)
    copied = [Labelled(id="s1", text=f"well , {real[5]['text']} !", label="negative")]
    own = reviews({"negative": 9}, first=500, words=20)
    result = measured([*own, *copied], real)
    assert result["synthetic"]["worst"][0] == {"id": "s1", "real_id": real[5]["id"], "run_words": 20}
    assert len(result["synthetic"]["worst"]) == 2
    assert result["synthetic"]["near_copies"] == 1
    assert result["synthetic"]["near_copy_share"] == 0.1
    assert result["synthetic"]["run_words"]["p100"] == 20 > result["real"]["run_words"]["p100"]
    assert result["real"]["near_copies"] == 0
    for part in result.values():
        assert sum(part["histogram"]) == 1 or abs(sum(part["histogram"]) - 1) < 1e-3


def test_a_single_real_row_has_nothing_in_common_with_others_and_no_rows_give_nothing():
    result = measured([labelled("negative", 1, "one two three")], [labelled("negative", 2, "one two four")])
    assert result["synthetic"]["mean_run_words"] == 2
    assert result["real"]["mean_run_words"] == 0
    assert measured([labelled("negative", 1)], []) == {}


def test_both_texts_of_a_row_are_never_compared():
    pairs = [Labelled(id="a", text="one two three", text_pair="one two three four", label="negative")]
    assert measured(pairs, pairs)["real"]["run_words"]["p100"] == 0
