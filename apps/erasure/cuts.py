"""What is to be taken out of a run, as it was noted, and the files that go with it."""

from __future__ import annotations

from collections.abc import Iterable

from apps.core import jsontext
from apps.core.errors import NotFound
from apps.erasure.models import PartErasure
from apps.files.models import RunFile
from apps.files.queries import NAME_LABEL, find_file
from apps.runs.history.appending import read_keys
from apps.runs.models import Run
from apps.runs.parts import Cut, PartKind, Removed, files_in, media_names
from apps.runs.queries import SUMMARY_LABEL, run_key
from apps.runs.types import OpenRun
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, unseal

PARTS_LABEL = "part_erasure.parts"
SUMMARY_FILE, CONFIG_FILE = "wandb-summary.json", "config.yaml"
_IN_SUMMARY = {PartKind.METRIC, PartKind.SUMMARY, PartKind.MEDIA}
_NAMES_AT_ONCE = 500


def seal_cut(part: PartErasure, key: OpenKey, cut: Cut) -> None:
    """Note what was asked for under the key that the run has now: it goes with that key."""
    part.sealed_parts = seal(key, cut.to_bytes(), label=PARTS_LABEL, row=part.uuid)


def open_cut(part: PartErasure, key: OpenKey) -> Cut:
    return Cut.from_bytes(unseal(key, part.sealed_parts, label=PARTS_LABEL, row=part.uuid))


def copies_in(opened: OpenRun, cut: Cut) -> tuple[str, ...]:
    """The files in which the client wrote down what is asked for once more, and that are there. They go whole."""
    wanted = []
    if any(part.kind in _IN_SUMMARY for part in cut.parts):
        wanted.append(SUMMARY_FILE)
    config = opened.config_text.encode("utf-8", "surrogatepass")
    if cut.names(PartKind.CONFIG) or cut.config(config) != config:
        wanted.append(CONFIG_FILE)
    return tuple(name for name in wanted if _is_there(opened.run, name))


def names_of_media(run: Run) -> frozenset[str] | None:
    """Under which names a run's history may show files. None, under any: its list of keys has no room for all, or is damaged."""
    try:
        return media_names(read_keys(run, run_key(run)))
    except Tampered:
        return None


def files_of_summary(run: Run, cut: Cut) -> tuple[set[str], set[str]]:
    """The files that a run's summary shows: by what goes from it, and by what stays."""
    if run.sealed_summary is None:
        return set(), set()
    try:
        text = unseal(run_key(run), bytes(run.sealed_summary), label=SUMMARY_LABEL, row=run.uuid)
    except Tampered:
        return set(), set()
    removed = Removed()
    left = cut.summary(text, removed)
    return removed.files, set(files_in(jsontext.loads(left)))


def _is_there(run: Run, name: str) -> bool:
    try:
        find_file(run, name)
    except NotFound:
        return False
    return True


def files_named(run: Run, names: Iterable[str]) -> list[int]:
    """The files of a run with these names, stored or only announced."""
    key = run_key(run)
    indexes = [blind_index(key, NAME_LABEL, name) for name in names]
    found: list[int] = []
    for start in range(0, len(indexes), _NAMES_AT_ONCE):
        rows = RunFile.objects.filter(run=run, name_index__in=indexes[start : start + _NAMES_AT_ONCE])
        found += rows.values_list("pk", flat=True)
    return found
