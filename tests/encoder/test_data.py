from labelmint.core.records import Input
from labelmint.encoder.data import tokenize


def test_texts_are_cut_and_keep_their_order(tokenizer):
    texts = ["film story", "awful " * 50, ""]
    columns = tokenize([Input(id="", text=text) for text in texts], tokenizer, 8)
    assert {*columns} == {"input_ids", "attention_mask"}
    rows = columns["input_ids"]
    assert [len(row) for row in rows] == [4, 8, 2]
    assert tokenizer.decode(rows[0]) == "[CLS] film story [SEP]"
    assert tokenizer.decode(rows[1]).endswith("awful [SEP]")


def test_lone_surrogates_are_no_trouble(tokenizer):
    assert len(tokenize([Input(id="", text="film \ud800")], tokenizer, 8)["input_ids"]) == 1


def test_control_tokens_in_a_text_are_letters(tokenizer):
    [tokens] = tokenize([Input(id="", text="film [MASK] [SEP] story")], tokenizer, 20)["input_ids"]
    known = tokenizer.convert_ids_to_tokens(tokens)
    assert (known[0], known[1], known[-2], known[-1]) == ("[CLS]", "film", "story", "[SEP]")
    assert {"[MASK]", "[SEP]"}.isdisjoint(known[1:-1])
