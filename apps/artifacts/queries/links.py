"""Versions as members of portfolios, and every version by its name or id: read where it was made, or by a link.

A link in a project shows nothing to whoever may not read the version where it was made. A link in a registry does: to
those who may read the registry, as long as the version is of a team of the same organisation, and nothing else of there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Length

from apps.access.policy import Permission, Role
from apps.accounts.actors import Actor
from apps.artifacts.models import Alias, Collection, Link, Promotion
from apps.artifacts.queries import versions
from apps.artifacts.queries.versions import (
    ALIAS_LABEL,
    NO_ARTIFACT,
    NUMBERED,
    collection_key,
    find_collection,
    find_version,
    open_collection,
    open_versions,
    passed,
)
from apps.artifacts.types import LATEST, CollectionKind, Member, OpenPromotion, OpenVersion, VersionState
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.projects.gate import readable, require, where_may
from apps.projects.queries import find_project
from apps.projects.readings import note_reading_by_registry
from apps.teams.gate import role_in, roles_in
from apps.teams.queries import author_names, entity_by_name
from apps.teams.types import EntityKind
from apps.vault.seal import blind_index, unseal_text
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

if TYPE_CHECKING:
    from apps.artifacts.models import Version
    from apps.artifacts.types import OpenCollection
    from apps.projects.models import Project

PROMOTION_LABEL = "artifact_promotion.alias"
_ALONG = ("collection__project__entity__of_organisation", "version__collection__project__entity")
_OF_COLLECTIONS = ("version__collection__sealed_words", "collection__sealed_words")
WORDS = ("version__sealed_words", *_OF_COLLECTIONS)
_MOST_LINKS = 500


def links_there() -> QuerySet[Link]:
    """Links whose version is there, in the order in which they came."""
    rows = Link.objects.filter(
        version__state=VersionState.COMMITTED,
        version__collection__project__erased_at=None,
        collection__project__erased_at=None,
    )
    return rows.select_related(*_ALONG).order_by("number")


def links_in(portfolio: Collection) -> QuerySet[Link]:
    """Those of a portfolio that is held already. What a team took with it out of the organisation is in its registries no more."""
    rows = links_there().filter(collection=portfolio)
    return _of_its_teams(rows) if portfolio.project.is_registry else rows


def links_in_any(portfolios: Iterable[Collection]) -> list[Link]:
    """Those of all of these, without the words of what they lead to: a list says how many there are, and which is newest."""
    return [link for ids, rows in _by_rule(portfolios) for link in rows.filter(collection__in=ids)]


def newest_in_any(portfolios: Iterable[Collection]) -> list[Link]:
    """The newest of each of all of these: one row of each, however many links anybody has made there."""
    found: list[Link] = []
    for ids, rows in _by_rule(portfolios):
        newest = rows.filter(collection=OuterRef("pk")).order_by("-number").values("pk")[:1]
        places = Collection.objects.filter(pk__in=ids).annotate(newest=Subquery(newest))
        found += rows.filter(pk__in=places.values("newest"))
    return found


def _by_rule(portfolios: Iterable[Collection]) -> list[tuple[list[int], QuerySet[Link]]]:
    """Portfolios of projects and of registries apart, each with the links that count there, without the words of what they lead to."""
    of_registry: dict[bool, list[int]] = {False: [], True: []}
    for each in portfolios:
        of_registry[each.project.is_registry].append(each.pk)
    rows = links_there().defer(*WORDS)
    both = [(of_registry[False], rows), (of_registry[True], _of_its_teams(rows))]
    return [(ids, rows) for ids, rows in both if ids]


def in_full(links: Sequence[Link]) -> list[Link]:
    """The same in the same order, with the words of what they lead to; those that went meanwhile are left out."""
    rows = {each.pk: each for each in _these(links)}
    # Those of a collection may be long, and many links lead from one and to one: they are in memory once.
    words = dict(_collections_of(rows.values()).values_list("pk", "sealed_words"))
    found = [rows[each.pk] for each in links if each.pk in rows]
    found = [each for each in found if {each.collection_id, each.version.collection_id} <= words.keys()]
    for each in found:
        for place in (each.collection, each.version.collection):
            place.sealed_words = words[place.pk]
    return found


def sealed_size_behind(links: Sequence[Link]) -> int:
    """How many bytes of sealed words `in_full` reads of these, without reading them."""
    own: Iterable[int] = _these(links).values_list(Length("version__sealed_words"), flat=True)
    places: Iterable[int] = _collections_of(links).values_list(Length("sealed_words"), flat=True)
    return sum(own) + sum(places)


def _these(links: Sequence[Link]) -> QuerySet[Link]:
    """Read again, without the words of the collections."""
    return links_there().filter(pk__in=[each.pk for each in links]).defer(*_OF_COLLECTIONS)


def _collections_of(links: Iterable[Link]) -> QuerySet[Collection]:
    """Those from which these links lead, and to which, each once."""
    ids = {pk for each in links for pk in (each.collection_id, each.version.collection_id)}
    return Collection.objects.filter(pk__in=ids)


def _of_its_teams(rows: QuerySet[Link]) -> QuerySet[Link]:
    return rows.filter(
        version__collection__project__entity__organisation=F("collection__project__entity__of_organisation"),
        version__collection__project__entity__suspended_at=None,
        version__collection__project__entity__erased_at=None,
    )


def find_link(portfolio: Collection, alias: str) -> Link | None:
    """Unchecked: the link to which an alias leads, `latest` and `v3` among them."""
    rows = links_in(portfolio)
    if numbered := NUMBERED.fullmatch(alias):
        return rows.filter(number=int(numbered[1])).first()
    index = blind_index(collection_key(portfolio), ALIAS_LABEL, alias)
    led = Alias.objects.filter(collection=portfolio, alias_index=index).values("version")
    found = rows.filter(version__in=led).first()
    return rows.last() if found is None and alias == LATEST else found


def find_link_to(portfolio: Collection, version: Version) -> Link | None:
    return links_in(portfolio).filter(version=version).first()


def links_to(version: Version) -> list[Link]:
    """The links of a version, wherever they are: for those who then ask the gate of each."""
    links = list(links_there().filter(version=version).order_by("id")[:_MOST_LINKS])
    in_registries = [each.pk for each in links if each.collection.project.is_registry]
    in_force = (
        _of_its_teams(Link.objects.filter(pk__in=in_registries)) if in_registries else Link.objects.none()
    )
    held = set(in_force.values_list("pk", flat=True))
    return [each for each in links if not each.collection.project.is_registry or each.pk in held]


def shown(actor: Actor, links: Iterable[Link]) -> list[Link]:
    """Those of these links, in portfolios that the actor may read, behind which they may look; whose that is, sees them do it."""
    links = list(links)
    behind = {each.version.collection.project for each in links if not each.collection.project.is_registry}
    seen = {each.pk for each in readable(actor, behind)}
    return [
        each
        for each in links
        if each.collection.project.is_registry or each.version.collection.project_id in seen
    ]


def get_link(actor: Actor, *, portfolio: Collection, alias: str) -> Link:
    """The link to which an alias leads, for reading what lies behind it."""
    require(actor, Permission.FILE_READ, portfolio.project, what="artifact")
    found = find_link(portfolio, alias)
    if found is None:
        raise NotFound(NO_ARTIFACT)
    if not portfolio.project.is_registry:
        passed(actor, Permission.FILE_READ, found.version)
    else:
        _note(actor, found)
    return found


def _note(actor: Actor, link: Link) -> None:
    """Whoever reads a team's version without being of the team is seen by it, also by a key that is good elsewhere only."""
    source = link.version.collection.project
    if role_in(actor, source.entity) in {Role.NOBODY, Role.STRANGER}:
        note_reading_by_registry(actor, source)


def note_listed(actor: Actor, found: Iterable[Version]) -> None:
    """The same for a list of what is linked in registries, with one question for what they are in all these teams."""
    sources = {each.collection.project for each in found}
    roles = roles_in(actor, {each.entity for each in sources})
    read = [each for each in sources if roles[each.entity_id] in {Role.NOBODY, Role.STRANGER}]
    if read:
        note_reading_by_registry(actor, *sorted(read, key=lambda each: each.pk))


# ── one version, by its id or its name ──


def read_version(actor: Actor, *, public_id: str) -> tuple[Version, Link | None]:
    """The committed version with this id, for reading; with the link by which alone the actor may, if so."""
    try:
        return versions.get_version(actor, Permission.FILE_READ, public_id=public_id), None
    except NotFound:
        link = _by_registry(actor, public_id)
        if link is None:
            raise
        return link.version, link


def get_version(actor: Actor, permission: Permission, *, public_id: str) -> Version:
    """The committed version with this opaque id, for this purpose. One that is being uploaded is not there."""
    if permission is Permission.FILE_READ:
        return read_version(actor, public_id=public_id)[0]
    return versions.get_version(actor, permission, public_id=public_id)


def _by_registry(actor: Actor, public_id: str) -> Link | None:
    """A link to this version in a registry that the actor may read: in as many questions of many links as of one."""
    if actor.user_id is None or not is_public_id(public_id):
        return None
    rows = _of_its_teams(links_there().defer(*WORDS)).filter(
        version__public_id=public_id, collection__project__entity__kind=EntityKind.ORGANISATION
    )
    found = list(rows.order_by("id")[:_MOST_LINKS])
    seen = where_may(actor, Permission.FILE_READ, {each.collection.project for each in found})
    first = [each for each in found if each.collection.project_id in seen][:1]
    for link in in_full(first):
        _note(actor, link)
        return link
    return None


def get_version_in(actor: Actor, permission: Permission, *, project: Project, name: str) -> Version:
    """The version that `collection:alias` means in a project that is held already; without an alias the latest.

    Also by a link, for who may do this where the version was made: what is read by a registry alone, `get_link` gives.
    """
    collection_name, _colon, alias = name.partition(":")
    collection = find_collection(project, collection_name)
    if collection is not None and collection.kind == CollectionKind.PORTFOLIO:
        link = get_link(actor, portfolio=collection, alias=alias or LATEST)
        return passed(actor, permission, link.version)
    found = find_version(collection, alias or LATEST) if collection is not None else None
    return passed(actor, permission, found)


def get_link_in(actor: Actor, *, project: Project, name: str) -> Link | None:
    """The link that `portfolio:alias` means in a project that is held already; None when the name is no portfolio's."""
    collection_name, _colon, alias = name.partition(":")
    collection = find_collection(project, collection_name)
    if collection is None or collection.kind != CollectionKind.PORTFOLIO:
        return None
    return get_link(actor, portfolio=collection, alias=alias or LATEST)


def get_version_named(
    actor: Actor, permission: Permission, *, entity: str, project: str, name: str
) -> Version:
    """The version of a full name. What does not exist and what is not shared look the same."""
    return get_version_in(actor, permission, project=_project_named(entity, project), name=name)


def read_version_named(actor: Actor, *, entity: str, project: str, name: str) -> tuple[Version, Link | None]:
    """The version of a full name, for reading; with the link, when the name is one in a portfolio."""
    held = _project_named(entity, project)
    link = get_link_in(actor, project=held, name=name)
    if link is not None:
        return link.version, link
    return get_version_in(actor, Permission.FILE_READ, project=held, name=name), None


def _project_named(entity: str, project: str) -> Project:
    """Unchecked: the gate is asked of what lies in it."""
    try:
        held = find_project(entity_by_name(entity), project)
    except NotFound:
        held = None
    if held is None:
        raise NotFound(NO_ARTIFACT)
    return held


# ── opened ──


def open_members(links: Sequence[Link], *, note: Callable[[int], object] | None = None) -> list[Member]:
    """Unseal what these links lead to. Those whose key is erased are left out. `note` as `open_versions` has it."""
    sources = {each.version.pk: each for each in open_versions({link.version for link in links}, note=note)}
    open_keys(NodeId(link.collection.vault_node) for link in links)  # with one question; each is at hand then
    portfolios = {
        each.pk: open_collection(each)
        for each in {link.collection_id: link.collection for link in links}.values()
    }
    names = _aliases_of(links)
    return [
        Member(each, portfolios[each.collection_id], sources[each.version_id], tuple(names[each.pk]))
        for each in links
        if each.version_id in sources
    ]


def as_linked(member: Member) -> OpenVersion:
    """A linked version as pages show it: under the name, the number and the aliases that it has in the portfolio."""
    row = copy(member.source.version)
    row.number = member.link.number
    return OpenVersion(row, member.portfolio, member.source.words, member.aliases)


def open_member(link: Link) -> Member:
    opened = open_members([link])
    if not opened:
        raise NotFound(NO_ARTIFACT)
    return opened[0]


def _aliases_of(links: Sequence[Link]) -> dict[int, list[str]]:
    places = {(each.collection_id, each.version_id): each for each in links}
    rows = Alias.objects.filter(
        collection__in={each.collection_id for each in links}, version__in={each.version_id for each in links}
    )
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows.order_by("id"):
        if (link := places.get((row.collection_id, row.version_id))) is not None:
            key = collection_key(link.collection)
            found[link.pk].append(unseal_text(key, bytes(row.sealed_alias), label=ALIAS_LABEL, row=row.uuid))
    return found


def promotions_of(
    actor: Actor, portfolios: Sequence[OpenCollection], *, start: int = 0, count: int = 50
) -> list[OpenPromotion]:
    """What was done in these portfolios, which are held already, the newest first."""
    places = {each.collection.pk: each for each in portfolios}
    rows = Promotion.objects.filter(collection__in=places).order_by("-id")[start : start + count]
    found = list(rows)
    people = author_names(actor, {row.by_id for row in found})
    return [
        OpenPromotion(
            row,
            place := places[row.collection_id],
            unseal_text(
                collection_key(place.collection), bytes(row.sealed_alias), label=PROMOTION_LABEL, row=row.uuid
            )
            if row.sealed_alias is not None
            else "",
            people.get(row.by_id or 0, ""),
        )
        for row in found
    ]
