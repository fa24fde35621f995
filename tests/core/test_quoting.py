from labelmint.core.quoting import printable


def test_nothing_in_a_text_reaches_the_terminal_as_a_command():
    text = "\x1b[31mred\x1b[2J \x9b1m \x07 back\rover \u202eright\u2028line \ud83d"
    shown = r"\x1b[31mred\x1b[2J \x9b1m \x07 back\rover \u202eright\u2028line \ud83d"
    assert printable(text) == shown


def test_other_texts_stay_as_they_are():
    text = "lines\nand\ttabs, naïve 你好 สวัสดี مرحبا 👨\u200d👩\u200d👧 ❤\ufe0f a\u00a0b"
    assert printable(text) == text
