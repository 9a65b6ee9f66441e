"""What the client tells about a machine and its user, cut down to what the owner of the project lets stay.

All: what was sent. Minimal: what ran on what (versions, processor, memory, GPU, arguments), and not e-mail, user and
host names, absolute paths, or any entry that is not known here: a list of what may stay is safe against what a next
version adds (ADR 0022). None: the git commit. In each, the git remote stays only where code is kept, and what stands
before the @ of an address stays nowhere: it may be a password.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from apps.code_saving.policy import Kept
from apps.core import jsontext
from apps.core.errors import Invalid
from apps.teams.types import SystemMetadata

Json = dict[str, Any]

_KEPT = frozenset({
    "args", "cpu", "cpu_count", "cpu_count_logical", "cuda", "cudaVersion", "disk", "gpu", "gpu_count", "gpucount",
    "gpu_amd", "gpu_nvidia", "apple", "memory", "os", "python", "startedAt", "tpu", "trainium", "writerId",
})  # fmt: skip
_CODE_PATHS = frozenset({"codePath", "codePathLocal"})  # where the client would have put the main file
_DEVICE_MARKS = frozenset({"uuid", "uniqueId", "pciBusId"})
# Addresses are left alone; then Posix paths from the root or a home, Windows drives, network shares.
# A scheme is looked for from the start of its word only and never twice: a million letters take a million steps.
_ADDRESS_OR_PATH = re.compile(
    r"(?P<address>(?<![\w+.\-])[\w+.\-]++(?<!file)://[^\s\"']*)"
    r"|(?<![\w.\-/\\~])(?:file://)?(?:~[\w.\-]*(?=[/\\])|[A-Za-z]:(?=[/\\])|\\\\|/)[^\s:;,=\"']*"
)
_WHOLE = re.compile(
    r"(?P<before>(?:--?[\w.\-]+=)?)(?P<path>(?:file://)?(?:~[\w.\-]*[/\\]|[A-Za-z]:[/\\]|\\\\|/)[^:;,=]*(?::[^/\\].*)?)",
    re.DOTALL,
)
# The last part of these is somebody's name.
_HOME = re.compile(r"(?i)(?:^|[/\\])(?:home|users|documents and settings)[/\\][^/\\]+[/\\]*$")
_CONFIG_KEY = "_wandb"
# What the server needs of the client's own part of a config: metrics that were defined, and where a fork leaves.
_NO_MACHINE = frozenset({"m", "branch_point"})
# A scheme is looked for as above; the user's part ends at the last @ before the path.
_USER_IN_ADDRESS = re.compile(r"((?<![\w+.\-])[\w+.\-]++://)[^/\s\"'?#]*@")
# Of a git remote all before the @ of its host goes, whatever signs a password is written with; scp's way has no scheme.
_USER_IN_REMOTE = re.compile(r"^\s*((?:[\w+.\-]++:)?//)?[^/]*@")
_MOST_DROPPED, _LONGEST_DROPPED = 60, 60


def base_name(path: str) -> str:
    """The last part of a path of any system; a home directory has none that may be told."""
    if _HOME.search(path):
        return "~"
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or "/"


def without_users(text: str) -> str:
    """The text with nothing before the @ of its addresses."""
    return _USER_IN_ADDRESS.sub(r"\1", text)


def without_paths(text: str) -> str:
    """The text with each absolute path cut to its last part."""
    if (whole := _WHOLE.fullmatch(text)) is not None:
        # One path from here to the end, blanks in it included.
        return whole["before"] + base_name(whole["path"])
    return _ADDRESS_OR_PATH.sub(lambda found: found["address"] or base_name(found.group()), text)


def program(text: str, kept: Kept) -> str:
    """The path of the script, as far as it may be told."""
    if kept.metadata is SystemMetadata.NONE:
        return ""
    return text if kept.metadata is SystemMetadata.ALL else without_paths(text)


def environment(record: Json, kept: Kept) -> Json:
    """One machine's description with only what may stay."""
    git = _git(record.get("git"), kept)
    if kept.metadata is SystemMetadata.NONE:
        return {"git": git} if git else {}
    if kept.metadata is SystemMetadata.ALL:
        gone = {"git"} if kept.code else {"git", *_CODE_PATHS}
        smaller = {key: _without_users(value) for key, value in record.items() if key not in gone}
    else:
        smaller = {key: _harmless(value) for key, value in record.items() if key in _KEPT}
        if isinstance(program := record.get("program"), str):
            smaller["program"] = base_name(program)
    return smaller | ({"git": git} if git else {})


def _git(git: Any, kept: Kept) -> Json:
    """The commit; and where code is kept, and the machine may be told of, where it lies."""
    if not isinstance(git, dict):
        return {}
    smaller = {"commit": git["commit"]} if isinstance(git.get("commit"), str) else {}
    if kept.code and kept.metadata is not SystemMetadata.NONE and isinstance(git.get("remote"), str):
        smaller["remote"] = _USER_IN_REMOTE.sub(r"\1", without_users(git["remote"]))
    return smaller


def _without_users(value: Any) -> Any:
    if isinstance(value, str):
        return without_users(value)
    if isinstance(value, list):
        return [_without_users(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_users(item) for key, item in value.items()}
    return value


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return without_paths(without_users(value))
    if isinstance(value, list):
        return [_harmless(item) for item in value]
    if isinstance(value, dict):
        return {_mount(key): _harmless(item) for key, item in value.items() if key not in _DEVICE_MARKS}
    return value


def _mount(key: str) -> str:
    """Disks are listed by mount point: the root says nothing, others may name a person."""
    return key if key == "/" else without_paths(key)


def tells_of_machine(text: str) -> bool:
    """May this config hold a part of the client's own? Seen without reading it; a name can be spelled with escapes."""
    return _CONFIG_KEY in text or "\\" in text


def config_text(text: str, kept: Kept) -> str:
    """The config as sent, to the letter, unless its `_wandb` entry holds something that must go."""
    config = jsontext.loads(text)
    if not isinstance(config, dict):
        raise Invalid("The config must be a JSON object.")
    entry = config.get(_CONFIG_KEY)
    if not isinstance(entry, dict) or not isinstance(inner := entry.get("value"), dict):
        return text
    smaller = _client_part(inner, kept)
    if smaller == inner:
        return text
    return jsontext.dumps({**config, _CONFIG_KEY: {**entry, "value": smaller}})


def _client_part(inner: Json, kept: Kept) -> Json:
    smaller = dict(inner)
    if kept.metadata is SystemMetadata.NONE:
        smaller = {key: value for key, value in inner.items() if key in _NO_MACHINE}
    elif not kept.code:
        for name in ("code_path", "session_history"):
            smaller.pop(name, None)
    machines = inner.get("e")
    if isinstance(machines, dict):
        smaller["e"] = {key: environment(one, kept) for key, one in machines.items() if isinstance(one, dict)}
    else:
        smaller.pop("e", None)
    return smaller


def has_machine(stored: str) -> bool:
    """Does a stored config say anything about a machine? The commit alone, which stays whatever is chosen, does not."""
    return tells_of_machine(stored) and bool(_entries(stored) - {"git.commit"})


def dropped_names(sent: str, stored: str) -> list[str] | None:
    """The names of the entries that were sent about a machine and not stored; None when none was told of.

    Names only, some of them, each cut short: they are for a page that says what became of them.
    """
    before, after = _entries(sent), _entries(stored)
    if not before:
        return None
    return sorted(name[:_LONGEST_DROPPED] for name in before - after)[:_MOST_DROPPED]


def kept_names(stored: str) -> list[str]:
    """The names of the entries that a stored config has about machines."""
    return sorted(name[:_LONGEST_DROPPED] for name in _entries(stored))[:_MOST_DROPPED]


def _entries(text: str) -> set[str]:
    """What is told of machines: the names of entries, with those inside `git` by themselves."""
    config = jsontext.loads(text)
    entry = config.get(_CONFIG_KEY) if isinstance(config, dict) else None
    inner = entry.get("value") if isinstance(entry, dict) else None
    machines = inner.get("e") if isinstance(inner, dict) else None
    names: set[str] = set()
    for one in machines.values() if isinstance(machines, dict) else ():
        if isinstance(one, dict):
            names |= one.keys() - {"git"}
            git = one.get("git")
            names |= {f"git.{key}" for key in git} if isinstance(git, dict) else set()
    return names


# ── files that repeat the same facts ──


def metadata_file(data: bytes, kept: Kept) -> bytes:
    """wandb-metadata.json with only what may stay; empty when it is not what it claims to be."""
    try:
        record = jsontext.loads(data)
    except Invalid:
        record = {}
    smaller = environment(record, kept) if isinstance(record, dict) else {}
    return json.dumps(smaller, ensure_ascii=False, indent=2).encode("utf-8", "surrogatepass")


def config_file(data: bytes, _: Kept) -> bytes:
    """config.yaml without the client's own entry: what of it may stay is kept in the run's config.

    The entry is a block at the left margin: what belongs to it is indented, so no YAML needs to be read.
    """
    kept: list[bytes] = []
    inside = False
    for line in data.splitlines(keepends=True):
        if line[:1] not in {b" ", b"\t", b"#", b"\r", b"\n"}:
            inside = re.match(rb"[\"']?_wandb[\"']?\s*:", line) is not None
        if not inside:
            kept.append(line)
    return b"".join(kept)


def conda_file(data: bytes, kept: Kept) -> bytes:
    """conda-environment.yaml without the folder it lives in."""
    if kept.metadata is SystemMetadata.ALL:
        return data
    return b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(b"prefix:"))


Rule = Callable[[bytes, Kept], bytes]
_FILES: dict[str, Rule] = {
    "wandb-metadata.json": metadata_file,
    "config.yaml": config_file,
    "conda-environment.yaml": conda_file,
}


def rule_for(file_name: str) -> Rule | None:
    """How a file of this name is cut down before it is stored, or None when it is kept as it is."""
    return _FILES.get(file_name)
