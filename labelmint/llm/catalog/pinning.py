"""List the model catalogue, or record a model's SHA-256 in it: `labelmint models list`, `… pin NAME`."""

from __future__ import annotations

import io
import shutil

from ruamel.yaml import YAML

from labelmint.core import paths
from labelmint.core.config import check, parse_yaml
from labelmint.core.errors import ModelError, ParamsError
from labelmint.core.files import atomic_binary_file
from labelmint.core.hashes import sha256
from labelmint.core.quoting import aligned
from labelmint.llm.catalog import Entry, read_catalog
from labelmint.llm.catalog.files import checked_file, source_files, unpacked_folder

COLUMNS = ("name", "kind", "from", "licence", "pinned", "here")


def list_or_pin(action: str, name: str = "", *, replace: bool = False) -> None:
    """List the models of data/models.yaml, or pin one."""
    print(table() if action == "list" else pin(name, replace=replace))


def table() -> str:
    """Return one line per model: where it comes from, its licence, whether it is pinned and here."""
    rows: list[tuple[str, ...]] = [COLUMNS]
    for name, content in read_catalog().items():
        entry = check(Entry, content, paths.CATALOG, name)
        pinned = "yes" if entry.sha256 else "no"
        rows.append((name, entry.kind, _origin(entry), entry.licence, pinned, _here(name, entry)))
    return "\n".join(aligned(rows))


def _origin(entry: Entry) -> str:
    if entry.hub:
        return f"hub {entry.hub.repo}"
    return f"path {entry.path}" if entry.path else f"package {entry.package}"


def _here(name: str, entry: Entry) -> str:
    try:
        source_files(name, entry, fetch=False)
    except ModelError:
        return "no"
    return "yes"


def pin(name: str, *, replace: bool = False) -> str:
    """Record the SHA-256 of a model's file in the catalogue; return a line that says so.

    Raise `ModelError` if another hash is recorded, unless `replace`.
    """
    content = read_catalog()
    if name not in content:
        raise ParamsError(f"{paths.CATALOG}: no model {name!r}; it has {', '.join(map(str, content))}")
    entry = check(Entry, content[name], paths.CATALOG, name)
    files = source_files(name, entry)
    if entry.archive:  # what was unpacked before may be damaged, or of another version of the package
        shutil.rmtree(unpacked_folder(name), ignore_errors=True)
        files = [checked_file(name, entry.model_copy(update={"sha256": None}))]
    found = sha256(*files)
    if entry.sha256 == found:
        return f"{paths.CATALOG}: {name}: sha256 {found} is recorded already"
    if entry.sha256 and not replace:
        raise ModelError(
            f"{paths.CATALOG}: {name}: sha256 is {entry.sha256[:16]}…, but the file's is {found[:16]}…; "
            "the file is damaged or another one; --replace records it all the same"
        )
    _record(name, found)
    return f"{paths.CATALOG}: {name}: recorded sha256 {found}"


def _record(name: str, found: str) -> None:
    """Write the hash into the catalogue, whose comments and order stay."""
    old = paths.CATALOG.read_text(encoding="utf-8")
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 1 << 20  # long lines stay lines
    editor.indent(mapping=2, sequence=4, offset=2)
    content = editor.load(old)
    entry = content[name]
    if "sha256" in entry:
        entry["sha256"] = found
    else:  # not last: the blank line before the next model belongs to the last key
        before = list(entry).index("licence") if "licence" in entry else len(entry) - 1
        entry.insert(before, "sha256", found)
    buffer = io.StringIO()
    editor.dump(content, buffer)
    wanted = parse_yaml(old)
    wanted[name] = {**wanted[name], "sha256": found}
    if parse_yaml(buffer.getvalue()) != wanted:
        raise ModelError(f"{paths.CATALOG}: {name}: can't be edited safely; add `sha256: {found}` yourself")
    with atomic_binary_file(paths.CATALOG) as file:
        file.write(buffer.getvalue().encode())
