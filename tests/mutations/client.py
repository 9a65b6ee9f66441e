"""What the client asks of artifacts by a key, as everybody: each field with what it takes, and of which projects."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.test import Client

from apps.access.policy import Permission
from apps.api.throttling import counts
from apps.core import jsontext
from apps.runs.models import Run
from apps.wandb_protocol.ids import to_client
from tests.factories.people import basic
from tests.mutations import artifacts

if TYPE_CHECKING:
    from tests.matrix.world import Asker, Place
    from tests.mutations.direct import Scene

P = Permission
PRIVATE, PUBLIC, OPEN = "private project", "public project", "open project"
STRANGERS = "open project, a stranger's run"
YES, FORBIDDEN, NOTHING = "yes", "forbidden", "not_found"


@dataclass(frozen=True)
class Field:
    """A field with its input, and what is asked before it answers: of which place, and is it about its run?"""

    name: str
    needs: tuple[tuple[Permission, str, bool], ...]
    sent: Callable[[Scene], dict[str, Any]]
    shown: str = "__typename"
    as_own: bool = False  # the run of the private project is the asker's


def _version(s: Scene, place: str = PRIVATE) -> str:
    return to_client("Artifact", artifacts.version(s, s.world.place(place)).public_id)


def _collection(s: Scene) -> str:
    held = artifacts.version(s, s.world.place(PRIVATE)).collection
    return to_client("ArtifactSequence", held.public_id)


def _run(s: Scene, place: str) -> dict[str, Any]:
    target = s.world.place(place).target
    return {"entityName": target.entity, "projectName": target.project, "runName": target.run}


def _new(s: Scene, place: str) -> dict[str, Any]:
    return _run(s, place) | {
        "artifactTypeName": "dataset",
        "artifactCollectionName": "theirs",
        "digest": "d",
    }


def _in_private(s: Scene) -> dict[str, Any]:
    target = s.world.place(PRIVATE).target
    return {"entityName": target.entity, "projectName": target.project, "artifactCollectionName": "data"}


_WRITE, _ERASE = ((P.FILE_WRITE, PRIVATE, True),), ((P.FILE_ERASE, PRIVATE, True),)
FIELDS = {
    "addAliases": Field("addAliases", _WRITE, lambda s: {"artifactID": _version(s), "aliases": [_in_private(s) | {"alias": "best"}]}),
    "updateArtifact": Field("updateArtifact", _WRITE, lambda s: {"artifactID": _version(s), "description": "x"}),
    "deleteArtifact": Field("deleteArtifact", _ERASE, lambda s: {"artifactID": _version(s), "deleteAliases": True}),
    "updateArtifactSequence": Field("updateArtifactSequence", _WRITE, lambda s: {"artifactSequenceID": _collection(s), "description": "x"}),
    "moveArtifactSequence": Field("moveArtifactSequence", _WRITE, lambda s: {"artifactSequenceID": _collection(s), "destinationArtifactTypeName": "other"}),
    "deleteArtifactSequence": Field("deleteArtifactSequence", _ERASE, lambda s: {"artifactSequenceID": _collection(s)}),
    "tag a collection": Field("createArtifactCollectionTagAssignments", _WRITE, lambda s: _in_private(s) | {"tags": [{"tagName": "t"}]}),
    # What one may not read is not used in one's own run, and what one may read in no run of others.
    "useArtifact of elsewhere": Field("useArtifact", ((P.FILE_READ, PRIVATE, False), (P.RUN_WRITE, STRANGERS, True)), lambda s: _run(s, STRANGERS) | {"artifactID": _version(s)}),
    "useArtifact in a run": Field("useArtifact", ((P.FILE_READ, PUBLIC, False), (P.RUN_WRITE, PRIVATE, True)), lambda s: _run(s, PRIVATE) | {"artifactID": _version(s, PUBLIC)}),
    # Whoever may only add runs brings no versions but by their runs.
    "createArtifact": Field("createArtifact", ((P.FILE_WRITE, OPEN, False),), lambda s: _new(s, OPEN) | {"runName": None}),
    "createArtifact by a run": Field("createArtifact", ((P.FILE_WRITE, OPEN, True),), lambda s: _new(s, OPEN)),
    # One's own run may have made a version that is somebody else's.
    "deleteRun with artifacts": Field("deleteRun", ((P.RUN_ERASE, PRIVATE, True), (P.FILE_ERASE, PRIVATE, False)), lambda s: {"id": to_client("Run", s.world.place(PRIVATE).target.run_id), "deleteArtifacts": True}, as_own=True),
    "artifact": Field("artifact", ((P.FILE_READ, PRIVATE, False),), lambda s: {"id": _version(s)}, shown="id"),
    "artifactCollection": Field("artifactCollection", ((P.FILE_READ, PRIVATE, False),), lambda s: {"id": _collection(s)}, shown="id"),
}  # fmt: skip


def expected(field: Field, s: Scene, _: Place, asker: Asker) -> str:
    """What the table says of each thing that is asked, in their order. The client shows no cookies, so no links."""
    asker = replace(asker, has_link=False)
    for permission, name, is_run in field.needs:
        place = s.world.place(name)
        if field.as_own and is_run:
            place = replace(place, added_by=asker.actor.user_id or 0)
        if not asker.may(permission, place, is_run=is_run):
            return FORBIDDEN if asker.may(P.PROJECT_READ, place) else NOTHING
    return YES


def heard(field: Field, s: Scene, _: Place, asker: Asker) -> str:
    if field.as_own:
        run = Run.objects.filter(public_id=s.world.place(PRIVATE).target.run_id)
        run.update(created_by_id=asker.actor.user_id)
    sent = field.sent(s)
    if field.shown == "id":
        query = f"query($i: ID!) {{ {field.name}(id: $i) {{ id }} }}"
        variables: dict[str, Any] = {"i": sent["id"]}
    else:
        kind = field.name[0].upper() + field.name[1:] + "Input"
        query = f"mutation($i: {kind}!) {{ {field.name}(input: $i) {{ {field.shown} }} }}"
        variables = {"i": sent}
    answer = jsontext.loads(_asked(asker, "/graphql", {"query": query, "variables": variables}).content)
    for error in answer.get("errors") or ():
        return f"{error['extensions']['code']}"
    return NOTHING if answer["data"][field.name] is None else YES


def downloaded(s: Scene, _: Place, asker: Asker) -> int:
    """A version of the private project, by the address of a collection that everybody may read."""
    target, digest = s.world.place(PUBLIC).target, hashlib.md5(b"words", usedforsecurity=False).hexdigest()
    path = f"/artifactsV2/default/{target.entity}/{target.project}/data/{_version(s)}/x/{digest}/a.txt"
    answer = _asked(asker, path)
    if answer.streaming:
        b"".join(answer.streaming_content)
    return int(answer.status_code)


def may_download(s: Scene, _: Place, asker: Asker) -> int:
    is_read = replace(asker, has_link=False).may(P.FILE_READ, s.world.place(PRIVATE))
    return 200 if is_read else 404


def _asked(asker: Asker, path: str, body: Any = None) -> Any:
    client = Client(raise_request_exception=False)
    headers = {"Authorization": basic(asker.key)} if asker.key else {}
    counts.forget()
    if body is None:
        return client.get(path, headers=headers)
    return client.post(path, jsontext.dumps(body), content_type="application/json", headers=headers)
