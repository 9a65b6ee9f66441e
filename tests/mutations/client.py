"""What the client asks of artifacts by a key, as everybody: each field with what it takes, and of which projects."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.test import Client

from apps.access.policy import Permission
from apps.api.throttling import counts
from apps.artifacts.models import StoredFile
from apps.core import jsontext
from apps.projects.types import PUBLISHED
from apps.runs.models import Run
from apps.wandb_protocol.ids import to_client
from tests.factories.artifacts import md5
from tests.factories.people import basic
from tests.matrix.measure import is_inside
from tests.mutations import artifacts

if TYPE_CHECKING:
    from tests.matrix.world import Asker, Place
    from tests.mutations.direct import Scene

P = Permission
PRIVATE, PUBLIC = "private project", "public project"
STRANGERS = "open project, a stranger's run"
HERE = "the project that is asked of"
YES, FORBIDDEN, NOTHING = "yes", "forbidden", "not_found"
# Of a team that the operators have closed its own people are told so.
_REFUSALS = {"suspended": FORBIDDEN, FORBIDDEN: FORBIDDEN, NOTHING: NOTHING}


@dataclass(frozen=True)
class Field:
    """A field with its input, and what is asked before it answers: of which place, and is it about its run?"""

    name: str
    needs: tuple[tuple[Permission, str, bool], ...]
    sent: Callable[[Scene, Place], dict[str, Any]]
    shown: str = "__typename"  # of what a mutation answers; else what is asked by an id
    as_own: bool = False  # the run of the private project is the asker's
    is_hidden: bool = False  # it is there for nobody but those who may: what is being uploaded
    fine: str = ""  # the code of a refusal from past the gate

    @property
    def is_each(self) -> bool:
        """Asked of each project; else of those two that it names."""
        return any(place == HERE for _permission, place, _is_run in self.needs)


def _version(s: Scene, p: Place) -> str:
    return to_client("Artifact", artifacts.version(s, p).public_id)


def _collection(s: Scene, p: Place) -> str:
    return to_client("ArtifactSequence", artifacts.version(s, p).collection.public_id)


def _begun(p: Place) -> str:
    """The version that whoever added the run is uploading."""
    file = StoredFile.objects.select_related("birth").get(public_id=p.target.begun_file_id)
    return to_client("Artifact", file.birth.public_id)


def _run(p: Place) -> dict[str, Any]:
    return {"entityName": p.target.entity, "projectName": p.target.project, "runName": p.target.run}


def _new(p: Place) -> dict[str, Any]:
    return _run(p) | {"artifactTypeName": "dataset", "artifactCollectionName": "theirs", "digest": "d"}


def _look(p: Place) -> dict[str, Any]:
    # As visible as its project, or it is refused to whoever may write there.
    said = {"displayName": "x", "type": "vega2", "spec": "{}"}
    said["access"] = "PUBLIC" if p.visibility in PUBLISHED else "PRIVATE"
    return said | {"entity": p.target.entity, "name": f"{p.target.project}/look"}


def _data(p: Place) -> dict[str, Any]:
    named = {"entityName": p.target.entity, "projectName": p.target.project}
    return named | {"artifactCollectionName": "data"}


def _whole(s: Scene) -> Place:
    return s.world.place(PRIVATE)


def _parts(p: Place) -> dict[str, Any]:
    named = {"artifactID": _begun(p), "uploadID": p.target.begun_file_id, "storagePath": "artifact/x"}
    return named | {"completeMultipartAction": "Abort", "completedParts": []}


_READ, _WRITE, _ERASE = (((each, HERE, False),) for each in (P.FILE_READ, P.FILE_WRITE, P.FILE_ERASE))
_BY_RUN = ((P.FILE_WRITE, HERE, True),)
_TAG = {"tags": [{"tagName": "t"}]}
FIELDS = {
    "addAliases": Field("addAliases", _WRITE, lambda s, p: {"artifactID": _version(s, p), "aliases": [_data(p) | {"alias": "best"}]}),
    "deleteAliases": Field("deleteAliases", _WRITE, lambda s, p: {"artifactID": _version(s, p), "aliases": [_data(p) | {"alias": "best"}]}),
    "updateArtifact": Field("updateArtifact", _WRITE, lambda s, p: {"artifactID": _version(s, p), "description": "x"}),
    "deleteArtifact": Field("deleteArtifact", _ERASE, lambda s, p: {"artifactID": _version(s, p), "deleteAliases": True}),
    "updateArtifactSequence": Field("updateArtifactSequence", _WRITE, lambda s, p: {"artifactSequenceID": _collection(s, p), "description": "x"}),
    "moveArtifactSequence": Field("moveArtifactSequence", _WRITE, lambda s, p: {"artifactSequenceID": _collection(s, p), "destinationArtifactTypeName": "other"}),
    "deleteArtifactSequence": Field("deleteArtifactSequence", _ERASE, lambda s, p: {"artifactSequenceID": _collection(s, p)}),
    "tag a collection": Field("createArtifactCollectionTagAssignments", _WRITE, lambda s, p: _data(p) | _TAG),
    "untag a collection": Field("deleteArtifactCollectionTagAssignments", _WRITE, lambda s, p: _data(p) | _TAG),
    # What one may not read is not used in one's own run, and what one may read in no run of others.
    "useArtifact of elsewhere": Field("useArtifact", ((P.FILE_READ, PRIVATE, False), (P.RUN_WRITE, STRANGERS, True)), lambda s, p: _run(s.world.place(STRANGERS)) | {"artifactID": _version(s, _whole(s))}),
    "useArtifact in a run": Field("useArtifact", ((P.FILE_READ, PUBLIC, False), (P.RUN_WRITE, PRIVATE, True)), lambda s, p: _run(_whole(s)) | {"artifactID": _version(s, s.world.place(PUBLIC))}),
    # Whoever may only add runs brings no versions but by their runs, and goes on with those alone.
    "createArtifact": Field("createArtifact", _WRITE, lambda s, p: _new(p) | {"runName": None}),
    "createArtifact by a run": Field("createArtifact", _BY_RUN, lambda s, p: _new(p)),
    "createCustomChart": Field("createCustomChart", _WRITE, lambda s, p: _look(p)),
    "createArtifactFiles": Field("createArtifactFiles", _BY_RUN, lambda s, p: {"artifactFiles": [{"artifactID": _begun(p), "name": "c.txt", "md5": md5(b"c")}]}, is_hidden=True),
    "createArtifactManifest": Field("createArtifactManifest", _BY_RUN, lambda s, p: {"artifactID": _begun(p), "name": "m", "digest": ""}, is_hidden=True),
    "updateArtifactManifest": Field("updateArtifactManifest", _BY_RUN, lambda s, p: {"artifactManifestID": to_client("ArtifactManifest", p.target.begun_manifest_id)}, is_hidden=True),
    "completeMultipartUploadArtifact": Field("completeMultipartUploadArtifact", _BY_RUN, lambda s, p: _parts(p), is_hidden=True),
    "commitArtifact": Field("commitArtifact", _BY_RUN, lambda s, p: {"artifactID": _begun(p)}, is_hidden=True, fine="invalid"),
    # One's own run may have made a version that is somebody else's.
    "deleteRun with artifacts": Field("deleteRun", ((P.RUN_ERASE, PRIVATE, True), (P.FILE_ERASE, PRIVATE, False)), lambda s, p: {"id": to_client("Run", _whole(s).target.run_id), "deleteArtifacts": True}, as_own=True),
    "artifact": Field("artifact", _READ, lambda s, p: {"id": _version(s, p)}, shown="id"),
    "artifactCollection": Field("artifactCollection", _READ, lambda s, p: {"id": _collection(s, p)}, shown="id"),
    "clientIDMapping": Field("clientIDMapping", _READ, lambda s, p: {"clientID": artifacts.client_id(p)}, shown="serverID", is_hidden=True),
}  # fmt: skip


def expected(field: Field, s: Scene, here: Place, asker: Asker) -> str:
    """What the table says of each thing that is asked, in their order. The client shows no cookies, so no links."""
    asker = replace(asker, has_link=False)
    for permission, name, is_run in field.needs:
        place = here if name == HERE else s.world.place(name)
        if field.as_own and is_run:
            place = replace(place, added_by=asker.actor.user_id or 0)
        if not asker.may(permission, place, is_run=is_run):
            is_told = is_inside(asker) if place.is_suspended else asker.may(P.PROJECT_READ, place)
            return FORBIDDEN if is_told and not field.is_hidden else NOTHING
    return YES


def heard(field: Field, s: Scene, here: Place, asker: Asker) -> str:
    if field.as_own:
        run = Run.objects.filter(public_id=s.world.place(PRIVATE).target.run_id)
        run.update(created_by_id=asker.actor.user_id)
    sent = field.sent(s, here)
    if field.shown == "__typename":
        kind = field.name[0].upper() + field.name[1:] + "Input"
        query = f"mutation($i: {kind}!) {{ {field.name}(input: $i) {{ {field.shown} }} }}"
        variables: dict[str, Any] = {"i": sent}
    else:
        ((argument, value),) = sent.items()
        query = f"query($i: ID!) {{ {field.name}({argument}: $i) {{ {field.shown} }} }}"
        variables = {"i": value}
    answer = jsontext.loads(_asked(asker, "/graphql", {"query": query, "variables": variables}).content)
    for error in answer.get("errors") or ():
        code = error["extensions"]["code"]
        return YES if code == field.fine else _REFUSALS.get(code, code)
    return NOTHING if answer["data"][field.name] is None else YES


def listed(s: Scene, _: Place, asker: Asker) -> set[str]:
    """The projects of the lab as the client lists them."""
    query = {"query": 'query { models(entityName: "lab") { edges { node { name } } } }'}
    found = jsontext.loads(_asked(asker, "/graphql", query).content)["data"]["models"]["edges"]
    return {each["node"]["name"] for each in found}


def downloaded(s: Scene, _: Place, asker: Asker) -> int:
    """A version of the private project, by the address of a collection that everybody may read."""
    target, digest = s.world.place(PUBLIC).target, hashlib.md5(b"words", usedforsecurity=False).hexdigest()
    version = _version(s, _whole(s))
    path = f"/artifactsV2/default/{target.entity}/{target.project}/data/{version}/x/{digest}/a.txt"
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
