"""What counts as code, and that it is kept only where its owner switched saving on.

Pure functions on names: runs, files and artifacts ask before anything is stored.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

# The names under which the client uploads code by itself; the patches include those of older clients.
_CODE_NAMES = ("code/*", "*.patch", "*.ipynb", "*_session_history.ipynb")
_SOURCE_ARTIFACT = re.compile(r"source-.*", re.DOTALL)


def is_code(name: str) -> bool:
    """Is a run file of this name code: a saved script, a patch, a notebook or its session history?"""
    flat = name.replace("\\", "/").lower().lstrip("./")
    return any(
        fnmatchcase(flat, pattern) or fnmatchcase(flat.rsplit("/", 1)[-1], pattern) for pattern in _CODE_NAMES
    )


def keeps_file(name: str, *, saving_on: bool) -> bool:
    """May a run file of this name be stored?"""
    return saving_on or not is_code(name)


def keeps_artifact(type_name: str, collection: str, *, saving_on: bool) -> bool:
    """May an artifact be stored? One that a script names is explicit and is kept; what the client makes by itself is not."""
    if saving_on:
        return True
    return type_name != "job" and not (
        type_name == "code" and _SOURCE_ARTIFACT.fullmatch(collection) is not None
    )
