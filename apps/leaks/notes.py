"""Findings as rows: noted once for each spot, and opened for who may see them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import QuerySet

from apps.core import jsontext
from apps.leaks.models import Finding
from apps.leaks.types import OpenFinding, Place, Spot, State
from apps.runs.models import Run
from apps.runs.queries import require_same_key, run_key
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, unseal

MOST_FINDINGS = 200  # of a run; more say nothing that these do not
SPOT_LABEL = "finding.spot"
PROGRESS_LABEL = "scan.progress"


def note(run: Run, spots: Iterable[Spot], *, masked: Iterable[Spot] = ()) -> None:
    """Note what was found, and what was masked on the way in. A spot that is known stays as it is, unless the secret is back
    where it was erased or masked, or is masked by now where it stood open.
    """
    seen = dict.fromkeys(spots)
    hidden = {spot: None for spot in masked if spot not in seen}
    if not seen and not hidden:
        return
    key = run_key(run)
    known = {bytes(index): State(state) for index, state in _of(run).values_list("spot_index", "state")}
    _note(run, key, seen, known, State.OPEN, instead_of=(State.ERASED, State.MASKED))
    # An earlier word on a line of the console is still there until it is compacted.
    _note(run, key, hidden, known, State.MASKED, instead_of=())
    gone = [spot for spot in hidden if spot.place is not Place.CONSOLE]
    _note(run, key, dict.fromkeys(gone), known, State.MASKED, instead_of=(State.OPEN,))


def _note(
    run: Run,
    key: OpenKey,
    spots: Iterable[Spot],
    known: dict[bytes, State],
    state: State,
    *,
    instead_of: tuple[State, ...],
) -> None:
    """Spots that are new get a row, of each state at most so many; others change from these states to this one."""
    indexes = {blind_index(key, SPOT_LABEL, spot.name): spot for spot in spots}
    back = [index for index in indexes if known.get(index) in instead_of]
    _of(run).filter(spot_index__in=back[:MOST_FINDINGS]).update(state=state.value)
    room = MOST_FINDINGS - sum((each is State.MASKED) is (state is State.MASKED) for each in known.values())
    new = [(index, spot) for index, spot in indexes.items() if index not in known][: max(0, room)]
    rows = [_row(run, key, index, spot, state) for index, spot in new]
    with transaction.atomic():
        Finding.objects.bulk_create(rows, ignore_conflicts=True)
        require_same_key(run)
    known.update(dict.fromkeys((index for index, _ in new), state))


def _row(run: Run, key: OpenKey, index: bytes, spot: Spot, state: State) -> Finding:
    row = Finding(uuid=uuid.uuid4(), run=run, spot_index=index, state=state.value)
    row.sealed_spot = seal(key, jsontext.dumps(spot.as_json()).encode(), label=SPOT_LABEL, row=row.uuid)
    return row


def spot_name(opened: Mapping[str, bytes]) -> str:
    """What the index of a finding is of, from its opened field."""
    return Spot.from_json(jsontext.loads(opened["sealed_spot"])).name


def open_finding(finding: Finding, key: OpenKey) -> OpenFinding:
    said = jsontext.loads(unseal(key, bytes(finding.sealed_spot), label=SPOT_LABEL, row=finding.uuid))
    return OpenFinding(
        public_id=finding.public_id,
        state=State(finding.state),
        found_at=finding.found_at,
        spot=Spot.from_json(said),
    )


def _of(run: Run) -> QuerySet[Finding]:
    return Finding.objects.filter(run=run)
