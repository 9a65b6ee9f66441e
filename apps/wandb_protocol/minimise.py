"""What the client tells about a machine and its user, cut down to what an experiment needs.

Kept: what ran on what (versions, processor, memory, GPU, the git commit, arguments).
Not kept: e-mail, user and host names, absolute paths, the git remote, and any entry that is
not known here: a list of what may stay is safe against what a next version adds (ADR 0022).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from apps.core import jsontext
from apps.core.errors import Invalid

Json = dict[str, Any]

_KEPT = frozenset({
    "args", "cpu", "cpu_count", "cpu_count_logical", "cuda", "cudaVersion", "disk", "gpu", "gpu_count", "gpucount",
    "gpu_amd", "gpu_nvidia", "apple", "memory", "os", "python", "startedAt", "tpu", "trainium", "writerId",
})  # fmt: skip
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


def base_name(path: str) -> str:
    """The last part of a path of any system; a home directory has none that may be told."""
    if _HOME.search(path):
        return "~"
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or "/"


def without_paths(text: str) -> str:
    """The text with each absolute path cut to its last part."""
    if (whole := _WHOLE.fullmatch(text)) is not None:
        # One path from here to the end, blanks in it included.
        return whole["before"] + base_name(whole["path"])
    return _ADDRESS_OR_PATH.sub(lambda found: found["address"] or base_name(found.group()), text)


def environment(record: Json) -> Json:
    """One machine's description with only what may stay."""
    kept = {key: _harmless(value) for key, value in record.items() if key in _KEPT}
    if isinstance(program := record.get("program"), str):
        kept["program"] = base_name(program)
    if isinstance(git := record.get("git"), dict) and isinstance(git.get("commit"), str):
        kept["git"] = {"commit": git["commit"]}
    return kept


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, list):
        return [_harmless(item) for item in value]
    if isinstance(value, dict):
        return {_mount(key): _harmless(item) for key, item in value.items() if key not in _DEVICE_MARKS}
    return value


def _mount(key: str) -> str:
    """Disks are listed by mount point: the root says nothing, others may name a person."""
    return key if key == "/" else without_paths(key)


def config_text(text: str, *, keeps_code: bool) -> str:
    """The config as sent, to the letter, unless its `_wandb` entry holds something that must go."""
    config = jsontext.loads(text)
    if not isinstance(config, dict):
        raise Invalid("The config must be a JSON object.")
    entry = config.get(_CONFIG_KEY)
    if not isinstance(entry, dict) or not isinstance(inner := entry.get("value"), dict):
        return text
    smaller = _client_part(inner, keeps_code=keeps_code)
    if smaller == inner:
        return text
    return jsontext.dumps({**config, _CONFIG_KEY: {**entry, "value": smaller}})


def _client_part(inner: Json, *, keeps_code: bool) -> Json:
    smaller = dict(inner)
    if not keeps_code:
        smaller.pop("code_path", None)
    machines = inner.get("e")
    if isinstance(machines, dict):
        smaller["e"] = {key: environment(one) for key, one in machines.items() if isinstance(one, dict)}
    elif "e" in inner:
        del smaller["e"]
    return smaller


# ── files that repeat the same facts ──


def metadata_file(data: bytes) -> bytes:
    """wandb-metadata.json with only what may stay; empty when it is not what it claims to be."""
    try:
        record = jsontext.loads(data)
    except Invalid:
        record = {}
    kept = environment(record) if isinstance(record, dict) else {}
    return json.dumps(kept, ensure_ascii=False, indent=2).encode("utf-8", "surrogatepass")


def config_file(data: bytes) -> bytes:
    """config.yaml without the client's own entry, whose facts are kept in the run's config.

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


def conda_file(data: bytes) -> bytes:
    """conda-environment.yaml without the folder it lives in."""
    return b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(b"prefix:"))


_FILES: dict[str, Callable[[bytes], bytes]] = {
    "wandb-metadata.json": metadata_file,
    "config.yaml": config_file,
    "conda-environment.yaml": conda_file,
}


def rule_for(file_name: str) -> Callable[[bytes], bytes] | None:
    """How a file of this name is cut down before it is stored, or None when it is kept as it is."""
    return _FILES.get(file_name)
