"""Somebody else: all that is theirs, in both databases and the store, and that no byte of it changes while others erase."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import CharField, Field, Model, Q, QuerySet, TextField, UUIDField

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Alias, Collection, Link, Promotion, Version
from apps.artifacts.services import link_version
from apps.artifacts.types import Move
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.blobs.models import Blob, BlobPart
from apps.blobs.store import default_store
from apps.erasure.plan import parts_of
from apps.erasure.types import Scope
from apps.files.models import RunFile
from apps.files.queries import open_file, read_file
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership
from apps.teams.services import choose
from apps.vault.models import Grant, Node
from apps.vault.types import ROOT_ID, NodeId
from tests.erasure.conftest import full_run
from tests.factories import artifacts, people, work

Rows = dict[type[Model], set[Any]]
# By these others name a row without a foreign key to it.
_IDS = ("public_id", "uuid", "vault_node")
# What lies right under the root is wrapped anew by every epoch.
_WRAPPED_ANEW = {"lies_under", "secrets", "next_wrap_id", "next_content_id", "next_secrets"}


@dataclass(frozen=True, slots=True)
class Going:
    """Versions of somebody else's that are about to be erased: what portfolios say of them, and of no others, ends with them."""

    versions: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    links: frozenset[tuple[int, int]] = frozenset()  # the portfolio, and the number there

    @classmethod
    def of(cls, versions: QuerySet[Version]) -> Going:
        """Asked before they are erased."""
        found = dict(versions.values_list("pk", "public_id"))
        links = Link.objects.filter(version__in=found).values_list("collection_id", "number")
        return cls(frozenset(found), frozenset(found.values()), frozenset(links))


class Tenant:
    """All of somebody else: every row, every stored byte, every key, and what it opens to."""

    def __init__(self, user: User, *, is_there: bool = False) -> None:
        """Made, or what was made by another process."""
        self.user, self.by = user, Actor.person(user)
        self.project = work.project(user.username, "theirs", by=user)
        if is_there:
            self.runs = list(Run.objects.filter(project=self.project).order_by("pk"))
            return
        self.runs = [full_run(self.project, name, by=user) for name in ("one", "two")]
        self.version = artifacts.version(self.project, "data", {"a": b"both", "b": b"one"}, by=self.by)
        people.api_key(user)
        people.team(f"{user.username}s", admin=user)
        choose(Entity.objects.get(user=user), SettingName.STATISTICS, False, by=self.by)

    def links(self, version: Version) -> None:
        """A version of somebody else's, in a new portfolio beside one of their own."""
        name = f"portfolio-{version.pk}"
        for each, alias in ((version, "theirs"), (self.version, "ours")):
            link_version(each, self.project, name=name, aliases=[alias], by=self.by)

    def digest(self) -> str:
        """Of what is in their project."""
        digest = hashlib.sha256()
        owners: list[NodeId] = []
        for part in parts_of(Scope.PROJECT):
            rows = part.model._base_manager.filter(
                **{f"{part.lookup}__pk" if part.lookup else "pk": self.project.pk}
            )
            digest.update(_written(rows))
            if part.has_key:
                owners += rows.values_list("vault_node", flat=True)
        grants = Grant.objects.filter(owner_id__in=owners)
        blobs = Blob.objects.filter(vault_node__in=list(grants.values_list("blob_id", flat=True)))
        # Bit for bit: what lies right under the root, which every epoch wraps anew, is not among these.
        for rows in (
            blobs,
            BlobPart.objects.filter(blob__in=blobs),
            grants,
            Node.objects.filter(pk__in=owners),
        ):
            digest.update(_written(rows))
        digest.update(_stored(blobs))
        return digest.hexdigest()

    def digest_of_all(self, *, but: Going) -> str:
        """Of every row of both databases that is theirs or names them, wherever it lies; while they themselves do nothing. But for
        what their portfolios say of versions that are erased."""
        digest, theirs = hashlib.sha256(), rows_of(self.user)
        for model in sorted(theirs, key=lambda each: each._meta.label):
            digest.update(model._meta.label.encode())
            for rows, names in _to_compare(model, theirs, but):
                digest.update(_written(rows, names))
        digest.update(_stored(Blob.objects.filter(pk__in=theirs[Blob])))
        return digest.hexdigest()

    def reads_well(self) -> bool:
        files = RunFile.objects.filter(run__in=self.runs, blob__isnull=False)
        return all(open_run(run).config_text == '{"lr": 1}' for run in self.runs) and len(files) == sum(
            b"".join(read_file(file)) == open_file(file).name.encode() for file in files
        )


def rows_of(user: User) -> Rows:
    """The rows that point at a person or a team that is theirs alone, or at a row that does, and so on; with those that name one of them by an id."""
    teams = Entity.objects.filter(memberships__user=user).exclude(
        memberships__in=Membership.objects.exclude(user=user)
    )
    found: Rows = defaultdict(set, {User: {user.pk}, Entity: set(teams.values_list("pk", flat=True))})
    names: set[Any] = {user.username, user.email}
    before, asks_by_name = 0, False
    while before != (now := sum(map(len, found.values()))) or not asks_by_name:
        # Names, which are many, are asked for when no foreign key leads any further.
        before, asks_by_name = now, before == now
        for model in apps.get_models(include_auto_created=True):
            asked = _points(model, found) | (_names(model, names) if asks_by_name else Q())
            found[model] |= set(model._base_manager.filter(asked).values_list("pk", flat=True))
            _learn(model, found, names)
    return {model: keys for model, keys in found.items() if keys}


def _points(model: type[Model], found: Rows) -> Q:
    asked = Q(pk__in=found[model])
    for field in model._meta.concrete_fields:
        if field.related_model is not None and (theirs := found.get(field.related_model)):
            asked |= Q(**{f"{field.attname}__in": theirs})
    return asked


def _names(model: type[Model], names: set[Any]) -> Q:
    asked = Q()
    for field in model._meta.concrete_fields:
        if (
            not field.is_relation
            and not field.choices
            and isinstance(field, (CharField, TextField, UUIDField))
        ):
            asked |= Q(**{f"{field.name}__in": [each for each in names if _fits(field, each)]})
    return asked


def _fits(field: Field[Any, Any], name: Any) -> bool:
    return isinstance(name, str) != isinstance(field, UUIDField)


def _learn(model: type[Model], found: Rows, names: set[Any]) -> None:
    """The ids of these rows, and the files that they hold."""
    rows = model._base_manager.filter(pk__in=found[model])
    for field in model._meta.concrete_fields:
        if field.name in _IDS:
            names.update(each for each in rows.values_list(field.name, flat=True) if each)
        if field.related_model is Blob:
            found[Blob].update(each for each in rows.values_list(field.attname, flat=True) if each)


def _to_compare(model: type[Model], theirs: Rows, going: Going) -> Iterator[tuple[QuerySet[Any], list[str]]]:
    """Rows and their columns, but for what an epoch wraps anew, and what says that a version which is erased is no more."""
    rows = model._base_manager.filter(pk__in=theirs[model])
    columns = [field.attname for field in model._meta.concrete_fields]
    if model is Node:
        yield rows.filter(parent_id=ROOT_ID), [each for each in columns if each not in _WRAPPED_ANEW]
        rows = rows.exclude(parent_id=ROOT_ID)
    elif model in {Link, Alias}:
        rows = rows.exclude(version__in=going.versions)
    elif model is Promotion:
        cut = Q(pk__in=[])
        for portfolio, number in going.links:
            cut |= Q(collection=portfolio, number=number)
        rows = rows.exclude(cut, move=Move.CUT)
    elif model is Event:
        rows = rows.exclude(kind=EventKind.ARTIFACT_UNLINKED, subject__in=going.names)
    elif model is Collection:
        portfolios = {portfolio for portfolio, _number in going.links}
        yield rows.filter(pk__in=portfolios), [each for each in columns if each != "updated_at"]
        rows = rows.exclude(pk__in=portfolios)
    yield rows, columns


def _stored(blobs: QuerySet[Blob]) -> bytes:
    digest = hashlib.sha256()
    for name, size in blobs.order_by("pk").values_list("object_name", "stored_size"):
        digest.update(b"".join(default_store().read_range(name, 0, size or 0)))
    return digest.digest()


def _written(rows: QuerySet[Any], columns: list[str] | None = None) -> bytes:
    found = [
        [bytes(value) if isinstance(value, memoryview) else value for value in row]
        for row in rows.order_by("pk").values_list(*(columns or ()))
    ]
    return repr(found).encode()
