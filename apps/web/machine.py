"""What the client measures of the machine by itself: which part it is about, what it is called, in which unit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.web.panels import MOST_PANELS, Section
from apps.web.trees import by_name

_PREFIX = "system."
# Of an accelerator or one of its processes: gpu.0.temp, gpu.process.1.memoryAllocated, tpu.0.dutyCycle.
_DEVICE = re.compile(
    r"(?P<kind>gpu|tpu|trn|ipu)\.(?P<process>process\.)?(?P<number>[0-9]{1,4})\.(?P<what>.+)"
)
_CORE = re.compile(r"cpu\.(?P<number>[0-9]{1,4})\.(?P<what>.+)")
_DISK = re.compile(r"disk\.(?:(?P<name>.+)\.)?(?P<what>in|out|usagePercent|usageGB)")
_BY_ENDING = (
    ("percent", "%"),
    ("watts", "W"),
    ("temp", "°C"),
    ("bytes", "B"),
    ("mb", "MB"),
    ("gb", "GB"),
    ("clock", "MHz"),
    ("utilization", "%"),
    ("dutycycle", "%"),
)
_UNITS = {
    "gpu": "%",
    "memory": "%",
    "memoryAllocated": "%",
    "memoryUsed": "%",
    "fanSpeed": "%",
    "cpu": "%",
    "in": "MB",
    "out": "MB",
    "network.sent": "B",
    "network.recv": "B",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One system metric as people read it; a unit of bytes is turned into the one that fits the value."""

    part: str
    title: str
    unit: str


def measure(key: str) -> Measure:
    """What a key of the client's is about; of one that is not known here the key itself says it."""
    name = key.removeprefix(_PREFIX)
    if found := _DEVICE.fullmatch(name):
        what = found["what"]
        title = _of_device(what)
        if found["process"]:
            title = _("%(what)s, this process") % {"what": title}
        return Measure(f"{found['kind'].upper()} {found['number']}", title, _unit(what))
    if found := _CORE.fullmatch(name):
        title = _("Core %(n)s") % {"n": found["number"]}
        return Measure(_("CPU"), title if found["what"] == "cpu_percent" else name, _unit(found["what"]))
    if found := _DISK.fullmatch(name):
        return Measure(_("Disk"), _of_disk(found["what"], found["name"]), _unit(found["what"]))
    part, title = _of_the_rest(name)
    return Measure(part, title, _UNITS.get(name) or _unit(name))


def system_sections(names: Iterable[str]) -> list[Section]:
    """System metrics by the part of the machine, accelerators first."""
    found: dict[str, list[str]] = {}
    for name in sorted(list(names)[:MOST_PANELS], key=by_name):
        found.setdefault(measure(name).part, []).append(name)
    usual = [_("CPU"), _("Memory"), _("Disk"), _("Network")]

    def place(part: str) -> tuple[int, object]:
        device = re.fullmatch(r"[GTI]PU [0-9]+|TRN [0-9]+", part)
        return (
            (0, by_name(part)) if device else (usual.index(part) + 1 if part in usual else 9, by_name(part))
        )

    return [Section(part, found[part]) for part in sorted(found, key=place)]


def _of_device(what: str) -> str:
    words = {
        "gpu": _("In use"),
        "memory": _("Memory traffic"),
        "memoryAllocated": _("Memory in use"),
        "memoryAllocatedBytes": _("Memory in use"),
        "memoryUsed": _("Memory in use"),
        "memoryUsedBytes": _("Memory in use"),
        "temp": _("Temperature"),
        "powerWatts": _("Power"),
        "powerPercent": _("Power, of its limit"),
        "enforcedPowerLimitWatts": _("Power limit"),
        "smClock": _("Clock of the processors"),
        "memoryClock": _("Clock of the memory"),
        "graphicsClock": _("Clock of graphics"),
        "fanSpeed": _("Fan"),
        "correctedMemoryErrors": _("Memory errors, corrected"),
        "uncorrectedMemoryErrors": _("Memory errors, not corrected"),
        "encoderUtilization": _("Encoder in use"),
        "dutyCycle": _("In use"),
    }
    return words.get(what, what)


def _of_disk(what: str, name: str | None) -> str:
    words = {
        "in": _("Read"),
        "out": _("Written"),
        "usagePercent": _("Used"),
        "usageGB": _("Used"),
    }
    return f"{words[what]}, {name}" if name else words[what]


def _of_the_rest(name: str) -> tuple[str, str]:
    known = {
        "cpu": (_("CPU"), _("In use")),
        "proc.cpu.threads": (_("CPU"), _("Threads of this process")),
        "memory_percent": (_("Memory"), _("In use")),
        "memory": (_("Memory"), _("In use")),
        "proc.memory.rssMB": (_("Memory"), _("This process")),
        "proc.memory.percent": (_("Memory"), _("This process, of all")),
        "proc.memory.availableMB": (_("Memory"), _("Free to use")),
        "network.sent": (_("Network"), _("Sent")),
        "network.recv": (_("Network"), _("Received")),
        "network.tcpRetransmits": (_("Network"), _("Sent again (TCP)")),
    }
    return known.get(name, (_("Other"), name))


def _unit(what: str) -> str:
    if what in _UNITS:
        return _UNITS[what]
    lowered = what.lower()
    return next((unit for ending, unit in _BY_ENDING if lowered.endswith(ending)), "")
