"""Findings as rows: noted once for each spot, and opened for who may see them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from apps.core import jsontext
from apps.leaks.models import Finding
from apps.leaks.types import OpenFinding, Spot, State
from apps.runs.models import Run
from apps.runs.queries import run_key
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, unseal

MOST_FINDINGS = 200  # of a run; more say nothing that these do not
SPOT_LABEL = "finding.spot"


def note(run: Run, spots: Iterable[Spot]) -> None:
    """Note what was found. A spot that is known stays as it is, unless the secret is back where it was erased."""
    seen = dict.fromkeys(spots)
    if not seen:
        return
    key = run_key(run)
    indexes = {blind_index(key, SPOT_LABEL, spot.name): spot for spot in seen}
    known = {bytes(index): state for index, state in _of(run).values_list("spot_index", "state")}
    back = [index for index in indexes if known.get(index) == State.ERASED]
    _of(run).filter(spot_index__in=back[:MOST_FINDINGS]).update(state=State.OPEN.value)
    new = [(index, spot) for index, spot in indexes.items() if index not in known]
    rows = [_row(run, key, index, spot) for index, spot in new[: max(0, MOST_FINDINGS - len(known))]]
    Finding.objects.bulk_create(rows, ignore_conflicts=True)


def _row(run: Run, key: OpenKey, index: bytes, spot: Spot) -> Finding:
    row = Finding(uuid=uuid.uuid4(), run=run, spot_index=index)
    row.sealed_spot = seal(key, jsontext.dumps(spot.as_json()).encode(), label=SPOT_LABEL, row=row.uuid)
    return row


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
