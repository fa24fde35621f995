"""Find a model's file in the Hugging Face cache, or fetch it there at first use."""

from __future__ import annotations

import sys
from pathlib import Path

from labelmint.core import paths
from labelmint.core.errors import ModelError

_HINT = "or fetch the file yourself and give `path:`"


def find(name: str, repo: str, file: str, revision: str | None, *, fetch: bool) -> Path:
    """Return the file of a repository of the hub; a file that is here is used without asking the hub.

    $HF_HOME moves the cache; $HF_HUB_OFFLINE, which the Makefile sets, forbids to fetch.

    Raises
    ------
    ModelError
        If it isn't here and may not, or can't, be fetched.
    """
    import huggingface_hub as hub  # half a second: only for models of the hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    prefix = f"{paths.CATALOG}: {name}"
    try:
        return Path(hub.hf_hub_download(repo, file, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError) as error:  # ValueError: no name or revision of the hub's
        if not isinstance(error, LocalEntryNotFoundError):
            raise ModelError(f"{prefix}: hub: {_first_line(error)}") from None
    if not fetch or hub.is_offline_mode():
        raise ModelError(
            f"{prefix}: {file} of {repo} is not on this machine, and HF_HUB_OFFLINE=1 forbids to fetch it; "
            f"allow it once, `HF_HUB_OFFLINE=0 make repro`, {_HINT}"
        )
    return _download(prefix, repo, file, revision)


def _download(prefix: str, repo: str, file: str, revision: str | None) -> Path:
    import huggingface_hub as hub
    from httpx2 import HTTPError
    from huggingface_hub import errors

    print(f"{prefix}: fetching {file} from https://huggingface.co/{repo}", file=sys.stderr)
    try:
        return Path(hub.hf_hub_download(repo, file, revision=revision))
    except errors.GatedRepoError:
        raise ModelError(
            f"{prefix}: {repo} asks for consent: accept its terms at https://huggingface.co/{repo}, "
            f"then `hf auth login`, {_HINT}"
        ) from None
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError):
        at = f" at revision {revision}" if revision else ""
        raise ModelError(f"{prefix}: hub: there is no {file} in {repo}{at}; correct the entry") from None
    except (HTTPError, OSError, errors.EntryNotFoundError) as error:
        raise ModelError(
            f"{prefix}: can't fetch {file} from https://huggingface.co/{repo} ({_first_line(error)}); "
            f"run it again with a connection, {_HINT}"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
