"""What counts as code and what tells of the machine, and that each is kept only where its owner chose so.

Pure functions on names: runs, files and artifacts ask before anything is stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from apps.teams.types import SystemMetadata

# The names under which the client uploads code by itself; the patches include those of older clients.
_CODE_NAMES = ("code/*", "*.patch", "*.ipynb", "*_session_history.ipynb")
# What the client tells of the machine's packages, file by file.
_PACKAGES = ("requirements.txt", "conda-environment.yaml")
CODE_TYPE, JOB_TYPE = "code", "job"  # of artifacts
_SOURCE_ARTIFACT = re.compile(r"source-.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the owner of a project lets a client leave there beyond what a script logs."""

    code: bool = False
    metadata: SystemMetadata = SystemMetadata.MINIMAL
    secrets: bool = True  # as they came; else those that are surely some are masked before they are stored


def is_code(name: str) -> bool:
    """Is a run file of this name code: a saved script, a patch, a notebook or its session history?"""
    flat = name.replace("\\", "/").lower().lstrip("./")
    return any(
        fnmatchcase(flat, pattern) or fnmatchcase(flat.rsplit("/", 1)[-1], pattern) for pattern in _CODE_NAMES
    )


def keeps_file(name: str, *, saving_on: bool) -> bool:
    """May a run file of this name be stored?"""
    return saving_on or not is_code(name)


def is_packages(name: str) -> bool:
    """Is a run file of this name the client's list of what is installed?"""
    return name in _PACKAGES


def keeps_artifact(type_name: str, collection: str, *, saving_on: bool) -> bool:
    """May an artifact be stored? One that a script names is explicit and is kept; what the client makes by itself is not."""
    return saving_on or not is_code_artifact(type_name, collection)


def is_code_artifact(type_name: str, collection: str) -> bool:
    """Is it what the client makes of code by itself: a job, or the folder that `run.log_code()` sends?"""
    return type_name == JOB_TYPE or is_source_artifact(type_name, collection)


def is_source_artifact(type_name: str, collection: str) -> bool:
    """Is it the folder of code that `run.log_code()` sends, under the name that the client gives it?"""
    return type_name == CODE_TYPE and _SOURCE_ARTIFACT.fullmatch(collection) is not None
