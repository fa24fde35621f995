import os
import resource
import signal
import stat

import numpy as np
import pytest
from safetensors.numpy import save_file

from labelmint.core.errors import one_line_errors
from labelmint.students.saving import whole_folder, write_note

WEIGHTS = {"weights": np.zeros(10_000, np.float32)}


@pytest.fixture
def full_disk():
    """Let no file grow beyond 5,000 bytes."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: save_file(WEIGHTS, folder / "model.safetensors"),
        lambda folder: np.savez(folder / "weights.npz", **WEIGHTS),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_the_earlier_folder(tmp_path, capsys, full_disk, write):
    folder = tmp_path / "models/mixed"
    write_note(folder, "earlier")
    with pytest.raises(SystemExit), one_line_errors("train mixed"), whole_folder(folder) as temporary:
        write(temporary)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train mixed: error: [Errno 27] File too large: ")
    assert "models/mixed" in line
    assert [each.name for each in folder.parent.iterdir()] == ["mixed"]
    assert (folder / "note.txt").read_text(encoding="utf-8") == "earlier\n"


def test_files_have_the_permissions_that_the_user_wants(tmp_path):
    before = os.umask(0o077)
    try:
        with whole_folder(tmp_path / "model") as temporary:
            save_file(WEIGHTS, temporary / "model.safetensors")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model/model.safetensors").stat().st_mode) == 0o600
