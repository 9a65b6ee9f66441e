"""Who else has what a version has: versions that hold the same files, runs that read it, portfolios that show it.

For those who are about to erase it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db.models import Q

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Link, RunVersion, StoredFile, Version
from apps.artifacts.queries.links import WORDS, links_there
from apps.artifacts.queries.versions import committed, require_version
from apps.artifacts.types import RunRole, VersionState
from apps.projects.gate import may, readable
from apps.projects.models import Project
from apps.vault.tree import owners_of
from apps.vault.types import NodeId


def heirs_of(
    files: Sequence[StoredFile], *, but: Collection[int] = (), also: Q | None = None
) -> dict[int, int]:
    """By the row of each of these files that another version holds as well, such a version: none of those that are being
    erased unless `also` is true of it, and none of `but`. The files come with their blobs."""
    held = owners_of([NodeId(each.blob.vault_node) for each in files])
    is_there = Q(erased_at=None, collection__erased_at=None) & ~Q(state=VersionState.DELETED)
    rows = Version.everything.filter(
        is_there | also if also is not None else is_there,
        vault_node__in={node for nodes in held.values() for node in nodes},
    )
    staying = {NodeId(node): pk for node, pk in rows.values_list("vault_node", "pk") if pk not in but}
    found: dict[int, int] = {}
    for each in files:
        owners = held.get(NodeId(each.blob.vault_node), ())
        heir = next((staying[node] for node in owners if node in staying), None)
        if heir is not None:
            found[each.pk] = heir
    return found


def read_by_runs(actor: Actor, versions: Iterable[Version]) -> dict[int, int]:
    """By the row of each of these versions that runs read, how many of them the actor may see. Of others nothing is told."""
    rows = RunVersion.objects.filter(
        version__in=[each.pk for each in versions],
        role=RunRole.INPUT.value,
        run__erased_at=None,
        run__project__erased_at=None,
    )
    pairs = list(rows.order_by("id").values_list("version_id", "run__project_id"))
    places = Project.objects.select_related("entity").filter(pk__in={place for _version, place in pairs})
    seen = {each.pk for each in readable(actor, places)}
    found: dict[int, int] = {}
    for version, place in pairs:
        if place in seen:
            found[version] = found.get(version, 0) + 1
    return found


def links_of(versions: Iterable[Version]) -> list[Link]:
    """The links of these versions, wherever they are. That there are any is on the record of who made the versions."""
    # Anybody links what is public, and each row would bring all that is written of its version once more.
    return list(links_there().filter(version__in=[each.pk for each in versions]).defer(*WORDS))


def in_projects_seen(actor: Actor, links: Iterable[Link], *, most: int) -> list[Project]:
    """Projects and registries with these links that the actor may see, each once. Whose they are, sees them do it: of those
    beyond `most`, which nobody is shown, nothing is asked."""
    left = list({each.collection.project_id: each.collection.project for each in links}.values())
    found: list[Project] = []
    while left and len(found) < most:
        some, left = left[: most - len(found)], left[most - len(found) :]
        found += readable(actor, some)
    return found


def may_erase(actor: Actor, version: Version) -> bool:
    """May the actor erase this version? For pages that offer it."""
    is_own = actor.user_id is not None and version.created_by_id == actor.user_id
    return may(actor, Permission.FILE_ERASE, version.collection.project, is_own=is_own)


def may_erase_all(actor: Actor, project: Project) -> bool:
    """May the actor erase any artifact of this project, whoever brought it? For pages that offer it."""
    return may(actor, Permission.FILE_ERASE, project)


def all_versions(collection_id: int) -> list[Version]:
    """The committed versions of a collection that is held already, the newest first, without their words."""
    rows = committed().filter(collection=collection_id).defer("sealed_words", "collection__sealed_words")
    return list(rows.order_by("-number"))


def versions_to_erase(actor: Actor, collection_id: int) -> list[Version]:
    """The committed versions of a collection that is held with FILE_ERASE, the newest first, for erasing: all of them, or
    Forbidden where one is not the actor's to erase. One question, and one for each person who brought any."""
    versions = all_versions(collection_id)
    for version in {each.created_by_id: each for each in versions}.values():
        require_version(actor, Permission.FILE_ERASE, version)
    return versions
