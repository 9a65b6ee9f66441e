"""What a run ran on, as far as it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid, NotFound
from apps.files.queries import find_file, read_file
from apps.runs.types import OpenRun
from apps.web.values import client_facts

if TYPE_CHECKING:
    from apps.runs.models import Run

_METADATA = "wandb-metadata.json"
_MOST_BYTES = 256 * 1024
Fact = tuple[str, str]


def environment(opened: OpenRun) -> list[Fact]:
    """Versions and hardware, each with its name."""
    client, machine = client_facts(opened.config_text), _metadata(opened.run)
    commit = opened.head.commit or _inside(machine, "git", "commit")
    facts = [
        (_("Git"), commit[:12]),
        (_("Program"), opened.head.program or machine.get("program")),
        (_("Python"), client.get("python_version") or machine.get("python")),
        (_("System"), machine.get("os")),
        (_("CPU"), _counted(machine.get("cpu_count"), _("cores"))),
        (_("GPU"), _gpus(machine)),
        (_("CUDA"), machine.get("cudaVersion")),
        (_("Client"), _prefixed("wandb", client.get("cli_version"))),
    ]
    return [(name, str(value)[:200]) for name, value in facts if value]


def _metadata(run: Run) -> dict[str, Any]:
    try:
        file = find_file(run, _METADATA).file
        if file.size > _MOST_BYTES:
            return {}
        found = jsontext.loads(b"".join(read_file(file)))
    except (NotFound, Invalid):
        return {}
    return found if isinstance(found, dict) else {}


def _inside(values: dict[str, Any], key: str, below: str) -> str:
    entry = values.get(key)
    return str(entry.get(below) or "") if isinstance(entry, dict) else ""


def _counted(count: object, unit: str) -> str:
    return f"{count} {unit}" if isinstance(count, int) and count else ""


def _gpus(machine: dict[str, Any]) -> str:
    name, count = machine.get("gpu"), machine.get("gpu_count") or machine.get("gpucount")
    if not name:
        return ""
    return f"{count} × {name}" if isinstance(count, int) and count > 1 else str(name)


def _prefixed(word: str, version: object) -> str:
    return f"{word} {version}" if version else ""
