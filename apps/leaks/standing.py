"""Which findings still stand. What stood in a version, a file or a value of the config that is gone went with it, whoever took it away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from apps.artifacts.queries.code import those_there
from apps.code_saving.credentials_in_json import held_at
from apps.core import jsontext
from apps.files.models import RunFile
from apps.files.queries import NAME_LABEL
from apps.leaks.models import Finding
from apps.leaks.notes import open_finding
from apps.leaks.types import OpenFinding, Place, State
from apps.runs.queries import opened_configs
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index

_NAMES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Told:
    """A finding that was opened, its run by the row's number, and the run's key."""

    run: int
    key: OpenKey
    finding: OpenFinding

    @property
    def is_open(self) -> bool:
        return self.finding.state is State.OPEN


def told(rows: Iterable[Finding], keys: dict[int, OpenKey]) -> Iterator[Told]:
    """These findings opened, those of runs without a key left out."""
    for row in rows:
        if (key := keys.get(row.run_id)) is None:
            continue
        try:
            yield Told(row.run_id, key, open_finding(row, key))
        except Tampered as error:
            leave_out(error)


def as_they_stand(found: Sequence[Told]) -> list[Told]:
    """The same, but those erased of which the place is gone: as many questions for many runs as for one."""
    gone = _without_version(found) | _without_file(found) | _without_value(found)
    return [
        replace(each, finding=replace(each.finding, state=State.ERASED))
        if each.finding.public_id in gone
        else each
        for each in found
    ]


def _without_version(found: Sequence[Told]) -> set[str]:
    wanted = {each.finding.spot.version for each in found if each.finding.spot.version}
    missing = wanted - those_there(wanted) if wanted else wanted
    return {each.finding.public_id for each in found if each.finding.spot.version in missing}


def _without_file(found: Sequence[Told]) -> set[str]:
    in_files = [
        (each, blind_index(each.key, NAME_LABEL, each.finding.spot.file))
        for each in found
        if each.is_open and each.finding.spot.place in {Place.CODE, Place.FILE}
    ]
    there: set[tuple[int, bytes]] = set()
    for start in range(0, len(in_files), _NAMES_AT_ONCE):
        some = in_files[start : start + _NAMES_AT_ONCE]
        runs, indexes = {each.run for each, _ in some}, {index for _, index in some}
        stored = RunFile.objects.filter(run__in=runs, name_index__in=indexes, blob__isnull=False)
        there |= {(run, bytes(index)) for run, index in stored.values_list("run_id", "name_index")}
    return {each.finding.public_id for each, index in in_files if (each.run, index) not in there}


def _without_value(found: Sequence[Told]) -> set[str]:
    of_run: dict[int, list[OpenFinding]] = {}
    for each in found:
        if each.is_open and each.finding.spot.place is Place.CONFIG:
            of_run.setdefault(each.run, []).append(each.finding)
    gone: set[str] = set()
    for run, config in opened_configs(of_run.keys()):
        asked = {each.public_id: (each.spot.path, each.spot.detector) for each in of_run[run]}
        held = held_at(jsontext.loads(config), asked.values())
        there = {(each.path, one.detector) for each in held for one in each.found}
        gone |= {public_id for public_id, spot in asked.items() if spot not in there}
    return gone
