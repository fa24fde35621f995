"""Find a model's file in the Hugging Face cache, or fetch it there at first use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from labelmint.core import paths
from labelmint.core.errors import ModelError, of_the_machine
from labelmint.core.quoting import first_line
from labelmint.llm.catalog import Hub

_HINT = "or fetch the file yourself and give `path:`"
# What transformers needs of an encoder's repository.
_ENCODER_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]


def find(name: str, where: Hub, file: str | None, *, fetch: bool) -> Path:
    """Return the file of a repository of the hub, or without one the folder of an encoder's.

    What is here is used without asking the hub. $HF_HOME moves the cache; $HF_HUB_OFFLINE, which the Makefile
    sets, forbids to fetch. What isn't here and may not, or can't, be fetched is a `ModelError`.
    """
    import huggingface_hub as hub  # half a second: only for models of the hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    repo, revision = where.repo, where.revision
    download: Callable[..., Any]
    if file is None:
        download = partial(hub.snapshot_download, repo, revision=revision, allow_patterns=_ENCODER_FILES)
    else:
        download = partial(hub.hf_hub_download, repo, file, revision=revision)
    prefix, what = f"{paths.CATALOG}: {name}", file or "the encoder"
    try:
        return Path(download(local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    except ValueError as error:  # no name or revision of the hub's
        raise ModelError(f"{prefix}: hub: {first_line(error)[:200]}") from None
    if not fetch or hub.is_offline_mode():
        raise ModelError(
            f"{prefix}: {what} of {repo} is not on this machine, and HF_HUB_OFFLINE=1 forbids to fetch it; "
            f"allow it once, `HF_HUB_OFFLINE=0 make repro`, {_HINT}"
        )
    print(f"{prefix}: fetching {what} from https://huggingface.co/{repo}", file=sys.stderr)
    return _download(prefix, repo, what, revision, download)


def _download(prefix: str, repo: str, what: str, revision: str | None, download: Callable[..., Any]) -> Path:
    from httpx2 import HTTPError
    from huggingface_hub import errors

    try:
        return Path(download())
    except errors.GatedRepoError:
        raise ModelError(
            f"{prefix}: {repo} asks for consent: accept its terms at https://huggingface.co/{repo}, "
            f"then `hf auth login`, {_HINT}"
        ) from None
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError):
        at = f" at revision {revision}" if revision else ""
        raise ModelError(f"{prefix}: hub: there is no {what} in {repo}{at}; correct the entry") from None
    except (HTTPError, OSError, errors.EntryNotFoundError) as error:
        if of_the_machine(error):
            raise
        raise ModelError(
            f"{prefix}: can't fetch {what} from https://huggingface.co/{repo} ({first_line(error)[:200]}); "
            f"run it again with a connection, {_HINT}"
        ) from None
