"""What a run ran on, as far as it is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid, NotFound
from apps.files.queries import find_file, read_file
from apps.runs.types import OpenRun
from apps.web.beginnings import starts_of
from apps.web.figures import size
from apps.web.values import client_facts

if TYPE_CHECKING:
    from apps.runs.models import Run

_METADATA = "wandb-metadata.json"
_MOST_BYTES = 256 * 1024
_PACKAGES = "requirements.txt"
_MOST_PACKAGES = 20_000
# A line of `pip freeze`: a name, a version or an address after it.
_PACKAGE = re.compile(r"(?P<name>[^\s=@<>!~;\[]+)(?P<extra>\[[^\]]*\])?\s*(?:===?|@)\s*(?P<version>.+)")
Fact = tuple[str, str]


def environment(opened: OpenRun) -> list[Fact]:
    """Versions and hardware, each with its name."""
    client, machine = client_facts(opened.config_text), _known(opened)
    facts = [
        (_("Program"), opened.head.program or machine.get("program")),
        (_("Python"), client.get("python_version") or machine.get("python")),
        (_("System"), machine.get("os")),
        (_("CPU"), _cpu(machine)),
        (_("Memory"), _memory(machine)),
        (_("GPU"), _gpus(machine)),
        (_("CUDA"), machine.get("cudaVersion")),
        (_("Client"), _prefixed("wandb", client.get("cli_version"))),
    ]
    return [(name, str(value)[:200]) for name, value in facts if value]


def commit_of(opened: OpenRun) -> str:
    """The git commit that the script ran from, as far as anybody said."""
    return opened.head.commit or _inside(_known(opened), "git", "commit")


def remote_of(opened: OpenRun) -> str:
    """Where the repository lies, which is kept only where code is; who signs in there was never stored."""
    return _inside(_known(opened), "git", "remote")


def main_file_of(opened: OpenRun) -> str:
    """The name under which the client stored the script that ran; empty where it told none."""
    path = client_facts(opened.config_text).get("code_path")
    return path if isinstance(path, str) else ""


def _known(opened: OpenRun) -> dict[str, Any]:
    """The facts of the last start as they stand in the config, for which no file need be opened; else the file's."""
    starts = starts_of(opened.config_text)
    return starts[-1] if starts else machine_facts(opened)


def machine_facts(opened: OpenRun) -> dict[str, Any]:
    """All that is kept of what the client told about the machine: its file, else what stands in the config."""
    try:
        found = jsontext.loads(_text_of(opened.run, _METADATA))
    except Invalid:
        found = {}
    if isinstance(found, dict) and found:
        return found
    return next((each for each in starts_of(opened.config_text) if each), {})


def packages(opened: OpenRun) -> dict[str, Any]:
    """The Python packages that were installed, each with its version."""
    lines = _text_of(opened.run, _PACKAGES).decode("utf-8", "replace").splitlines()
    found = {}
    for line in lines[:_MOST_PACKAGES]:
        if text := line.strip():
            package = _PACKAGE.fullmatch(text)
            found[package["name"] if package else text] = package["version"] if package else ""
    return dict(sorted(found.items(), key=lambda item: item[0].casefold()))


def _text_of(run: Run, name: str) -> bytes:
    """A file's bytes; nothing when it is not there or larger than such files are."""
    try:
        file = find_file(run, name).file
    except NotFound:
        return b""
    return b"" if file.size > _MOST_BYTES else b"".join(read_file(file))


def _inside(values: dict[str, Any], key: str, below: str) -> str:
    entry = values.get(key)
    return str(entry.get(below) or "") if isinstance(entry, dict) else ""


def _cpu(machine: dict[str, Any]) -> str:
    model, count = _inside(machine, "cpu", "model"), machine.get("cpu_count")
    cores = f"{count} {_('cores')}" if isinstance(count, int) and count else ""
    return ", ".join(each for each in (model, cores) if each)


def _memory(machine: dict[str, Any]) -> str:
    total = _inside(machine, "memory", "total")
    return size(int(total)) if total.isascii() and total.isdigit() and len(total) < 18 else ""


def _gpus(machine: dict[str, Any]) -> str:
    name, count = machine.get("gpu"), machine.get("gpu_count") or machine.get("gpucount")
    if not name:
        return ""
    return f"{count} × {name}" if isinstance(count, int) and count > 1 else str(name)


def _prefixed(word: str, version: object) -> str:
    return f"{word} {version}" if version else ""
