"""Versions become members of portfolios, and cease to be. A link copies nothing: what is erased at its source is gone here too."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.artifacts.models import Alias, Collection, Link, Promotion, Version
from apps.artifacts.names import clean_aliases, own_words
from apps.artifacts.queries.links import (
    PROMOTION_LABEL,
    WORDS,
    find_link_to,
    links_there,
    newest_in_any,
    open_member,
)
from apps.artifacts.queries.registries import registry_words
from apps.artifacts.queries.versions import (
    ALIAS_LABEL,
    NO_ARTIFACT,
    aliases_of,
    collection_key,
    open_collection,
)
from apps.artifacts.services.collections import drop_aliases, move_aliases, portfolio_to_link_to
from apps.artifacts.types import LATEST, Move, VersionState
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.projects.gate import require
from apps.projects.models import Project
from apps.vault.damage import leaving_out_damaged
from apps.vault.seal import blind_index, seal_text
from apps.vault.tree import open_keys
from apps.vault.types import NodeId
from apps.webhooks.outbox import note
from apps.webhooks.types import Happening

_BATCH = 500


def link_version(version: Version, project: Project, *, name: str, aliases: Sequence[str], by: Actor) -> Link:
    """Make a version, which was fetched to be read, a member of the portfolio of this name in a project held with FILE_WRITE.

    Linked before, it keeps its number, and the aliases lead to it.
    """
    words = own_words(clean_aliases(aliases))
    if project.is_registry:
        _require_may_show(version, project, by)
    type_name = open_collection(version.collection).type_name
    _require_type(project, type_name)
    require_unprotected(project, words, by)
    portfolio = portfolio_to_link_to(project, name=name, type_name=type_name, by=by)
    with transaction.atomic():
        _require_there(version)
        held = _locked(portfolio)
        if held is None:
            raise NotFound(NO_ARTIFACT)
        link = find_link_to(portfolio, version)
        if link is None:
            link = Link.objects.create(
                collection=portfolio, version=version, number=held.versions_made, created_by_id=by.user_id
            )
            Collection.objects.filter(pk=portfolio.pk).update(
                versions_made=F("versions_made") + 1, updated_at=clock.now()
            )
            _note_move(link, Move.LINKED, by=by)
            move_aliases(portfolio, version, [LATEST])
            _record(EventKind.ARTIFACT_LINKED, link, by)
            _tell_of(link)
        _lead(link, words, by)
    return link


def _require_there(version: Version) -> None:
    """Looked at again under its lock: whoever deletes it cuts all its links, and this one would be none of them."""
    rows = Version.objects.select_for_update(of=("self",), no_key=True).defer("sealed_words")
    there = rows.filter(pk=version.pk, state=VersionState.COMMITTED, collection__project__erased_at=None)
    if there.first() is None:
        raise NotFound(NO_ARTIFACT)


def _require_may_show(version: Version, registry: Project, by: Actor) -> None:
    """What is linked into a registry is shown to all who read it: that is for those who write where it was made.

    Where only people who are named see it, for those who say who is named.
    """
    source = version.collection.project
    if source.entity.organisation_id is None or (
        source.entity.organisation_id != registry.entity.of_organisation.pk
    ):
        raise Invalid(_("A registry holds versions of its organisation’s teams only."))
    is_own = by.user_id is not None and version.created_by_id == by.user_id
    is_restricted = source.visibility == Visibility.RESTRICTED
    needed = Permission.PROJECT_SHARE if is_restricted else Permission.FILE_WRITE
    require(by, needed, source, what="artifact", is_own=is_own and not is_restricted)


def _require_type(project: Project, type_name: str) -> None:
    words = registry_words(project) if project.is_registry else None
    if words is not None and not words.takes_all_types and type_name not in words.types:
        raise Invalid(
            _("This registry does not take artifacts of the type “%(type)s”.") % {"type": type_name}
        )


def require_unprotected(project: Project, aliases: Iterable[str], by: Actor) -> None:
    """Forbidden for aliases that only the registry's admins move, unless one of them asks."""
    words = list(aliases)
    # What is protected is asked for once, however many aliases a portfolio has.
    if words and project.is_registry and not set(words).isdisjoint(registry_words(project).protected):
        try:
            require(by, Permission.PROJECT_ADMIN, project, what="registry")
        except Forbidden:
            raise Forbidden(_("Only admins of the registry move this alias: it is protected.")) from None


def may_unlink(actor: Actor, portfolio: Collection, aliases: Iterable[str]) -> bool:
    """May the actor take out of this portfolio what bears these aliases there? For pages that offer it."""
    try:
        require(actor, Permission.FILE_WRITE, portfolio.project, what="artifact")
        require_unprotected(portfolio.project, own_words(aliases), actor)
    except (Forbidden, NotFound):
        return False
    return True


@transaction.atomic
def add_link_aliases(link: Link, aliases: Sequence[str], *, by: Actor) -> None:
    """Let these words lead to a link of a portfolio held with FILE_WRITE."""
    _require_held(link)
    words = own_words(clean_aliases(aliases))
    require_unprotected(link.collection.project, words, by)
    _lead(link, words, by)


@transaction.atomic
def remove_link_aliases(link: Link, aliases: Sequence[str], *, by: Actor) -> None:
    """Let these words lead to it no more. `latest` is the server's: it stays."""
    _require_held(link)
    words = own_words(aliases)
    require_unprotected(link.collection.project, words, by)
    _drop(link, words, by)


@transaction.atomic
def unlink_version(link: Link, *, by: Actor) -> None:
    """Take a link out of a portfolio held with FILE_WRITE. The version stays where it was made."""
    _require_held(link)
    words = own_words(_aliases_at(link))
    require_unprotected(link.collection.project, words, by)
    _drop(link, words, by)
    _end([link], Move.UNLINKED, by)
    _record(EventKind.ARTIFACT_UNLINKED, link, by)


def cut_links(versions: Iterable[Version], *, by: Actor) -> None:
    """End every link to versions that are erased where they were made; called inside the transaction that erases them.
    The histories of the portfolios say so."""
    there = Link.objects.filter(
        version__in=[each.pk for each in versions],
        collection__erased_at=None,
        collection__project__erased_at=None,
    )
    # In one order, so that no two who delete versions wait for each other's portfolios. There may be thousands, made by
    # anybody, while whoever else writes waits: many take as many questions as one.
    held = Collection.objects.select_for_update().filter(pk__in=there.values("collection"))
    list(held.order_by("pk").values_list("pk"))
    rows = there.select_related("collection__project__entity", "version__collection__project__entity")
    links = list(rows.defer(*WORDS).order_by("collection_id", "id"))
    for start in range(0, len(links), _BATCH):
        batch = links[start : start + _BATCH]
        _end(batch, Move.CUT, by)
        for link in batch:
            _record(EventKind.ARTIFACT_UNLINKED, link, by)


def end_links(portfolio: Collection, *, by: Actor) -> None:
    """End all links of a portfolio whose row is held for erasing; Forbidden while protected aliases lead to some of them.

    Their rows go at once: those of a portfolio without its key would stand in the way of whoever erases a version. That key
    may be gone by now, where the instance erases once more what an old database knows; then no alias can be read.
    """
    require_may_end_links(portfolio, by=by)
    for link in links_there().filter(collection=portfolio):
        _record(EventKind.ARTIFACT_UNLINKED, link, by)
    Link.objects.filter(collection=portfolio).delete()


def require_may_end_links(portfolio: Collection, *, by: Actor) -> None:
    """Forbidden while protected aliases lead to some of a portfolio's links."""
    if portfolio.project.is_registry and not by.is_at_the_machine:
        require_unprotected(portfolio.project, (alias for alias, _id in aliases_of(portfolio)), by)


def _locked(portfolio: Collection) -> Collection | None:
    """Its row, taken so that whoever links, unlinks or moves aliases there takes turns; None when it is gone."""
    return Collection.objects.select_for_update().filter(pk=portfolio.pk).first()


def _is_held(link: Link) -> bool:
    """Take the row of its portfolio; whether the link is there still."""
    return _locked(link.collection) is not None and Link.objects.filter(pk=link.pk).exists()


def _require_held(link: Link) -> None:
    if not _is_held(link):
        raise NotFound(NO_ARTIFACT)


def _end(links: Sequence[Link], move: Move, by: Actor) -> None:
    """Of portfolios whose rows are held."""
    Promotion.objects.bulk_create([_moved(each, move, by=by) for each in links])
    places = {each.collection_id: each.collection for each in links}
    Alias.objects.filter(collection__in=places, version__in={each.version_id for each in links}).delete()
    Link.objects.filter(pk__in=[each.pk for each in links]).delete()
    _lead_to_newest(places.values())
    Collection.objects.filter(pk__in=places).update(updated_at=clock.now())


def _lead_to_newest(portfolios: Iterable[Collection]) -> None:
    """`latest` of each to the newest that is left there, in as many questions of many as of one."""
    newest = {each.collection_id: each for each in newest_in_any(portfolios)}
    # A portfolio whose key is gone, or damaged, keeps nobody from erasing a version.
    with leaving_out_damaged():
        opened = open_keys(NodeId(each.collection.vault_node) for each in newest.values())
    nodes = {pk: NodeId(each.collection.vault_node) for pk, each in newest.items()}
    keys = {pk: opened[node] for pk, node in nodes.items() if node in opened}
    indexes = {pk: blind_index(key, ALIAS_LABEL, LATEST) for pk, key in keys.items()}
    rows = Alias.objects.filter(collection__in=indexes, alias_index__in=set(indexes.values()))
    found = {row.collection_id: row for row in rows}
    for pk, row in found.items():
        row.version_id = newest[pk].version_id
    Alias.objects.bulk_update(found.values(), ["version"])
    made = []
    for pk in indexes.keys() - found.keys():
        row = Alias(
            uuid=uuid.uuid4(),
            collection_id=pk,
            version_id=newest[pk].version_id,
            alias_index=indexes[pk],
        )
        row.sealed_alias = seal_text(keys[pk], LATEST, label=ALIAS_LABEL, row=row.uuid)
        made.append(row)
    Alias.objects.bulk_create(made)


def _lead(link: Link, aliases: Sequence[str], by: Actor) -> None:
    key = collection_key(link.collection)
    numbers = dict(Link.objects.filter(collection=link.collection).values_list("version_id", "number"))
    for alias in aliases:
        index = blind_index(key, ALIAS_LABEL, alias)
        led = Alias.objects.filter(collection=link.collection, alias_index=index).first()
        if led is None or led.version_id != link.version_id:
            before = numbers.get(led.version_id) if led is not None else None
            _note_move(link, Move.ALIAS_MOVED, by=by, alias=alias, before=before)
    move_aliases(link.collection, link.version, aliases)


def _drop(link: Link, aliases: Sequence[str], by: Actor) -> None:
    there = _aliases_at(link)
    for alias in sorted(aliases):
        if alias in there:
            _note_move(link, Move.ALIAS_DROPPED, by=by, alias=alias)
    drop_aliases(link.collection, link.version, aliases)


def _aliases_at(link: Link) -> set[str]:
    return set(open_member(link).aliases)


def _note_move(
    link: Link, move: Move, *, by: Actor, alias: str | None = None, before: int | None = None
) -> None:
    row = _moved(link, move, by=by, before=before)
    if alias is not None:
        key = collection_key(link.collection)
        row.sealed_alias = seal_text(key, alias, label=PROMOTION_LABEL, row=row.uuid)
    row.save(force_insert=True)


def _moved(link: Link, move: Move, *, by: Actor, before: int | None = None) -> Promotion:
    return Promotion(
        uuid=uuid.uuid4(),
        collection=link.collection,
        move=move.value,
        number=link.number,
        before=before,
        by_id=by.user_id,
    )


def _tell_of(link: Link) -> None:
    """Webhooks where the portfolio is, and where the version was made; one of both, of a whole team, hears of it once."""
    both = {each.pk: each for each in (link.collection.project, link.version.collection.project)}
    for owner in dict.fromkeys(each.entity_id for each in both.values()):
        note(
            Happening.ARTIFACT_LINKED,
            *(each for each in both.values() if each.entity_id == owner),
            version=link.version.public_id,
            collection=link.collection.public_id,
            number=link.number,
        )


def _record(kind: EventKind, link: Link, by: Actor) -> None:
    """Under whose roof the portfolio is, and for a registry where the version was made as well: its people are told."""
    source = link.version.collection.project
    for place in {link.collection.project.pk: link.collection.project, source.pk: source}.values():
        record(
            kind,
            subject=link.version.public_id,
            project=place.public_id,
            entity=place.entity.public_id,
            by=by,
            number=link.number,
        )
