import io
import sys

from labelmint.core.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_whole_lines_and_few_of_them(capsys):
    with progress(5000, "generate", "texts") as bar:
        for _ in range(5000):
            bar.update()
    *_, last = lines = capsys.readouterr().err.splitlines()
    assert "5000/5000" in last
    assert len(lines) <= 3
    assert "\r" not in "".join(lines)


def test_a_terminal_gets_one_line_that_is_rewritten(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress(2, "generate", "texts") as bar:
        bar.update(2)
    assert terminal.getvalue().count("\n") == 1
    assert "\r" in terminal.getvalue()
