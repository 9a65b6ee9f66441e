"""Whoever says that nothing of somebody else has changed would see it: what `Tenant.digest_of_all` holds."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.artifacts.models import Alias, Collection, Link, Promotion, Version
from apps.artifacts.types import Move
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.core import clock
from apps.erasure.services import erase_project
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity, Membership, Setting
from apps.vault.models import Grant, Node, Tombstone
from tests.erasure.conftest import finish
from tests.erasure.tenant import Going, Tenant
from tests.factories import artifacts, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


def test_it_is_another_one_after_any_change_but_that_a_linked_version_is_no_more(
    alice: User, bob: User, vision: Project
) -> None:
    tenant, by = Tenant(bob), Actor.person(alice)
    tenant.links(artifacts.version(vision, "data", {"a": b"theirs"}, by=by))
    stays = artifacts.version(work.project("alice", "other", by=alice), "data", {"a": b"stays"}, by=by)
    tenant.links(stays)
    going = Going.of(Version.objects.filter(collection__project=vision))
    before = tenant.digest_of_all(but=going)

    finish(erase_project(vision, by=by, at_once=True))

    assert Link.objects.count() == 3
    assert tenant.digest_of_all(but=going) == before

    run, team = tenant.runs[0], Entity.objects.get(name="bobs")
    portfolio = Link.objects.get(version=stays).collection
    a_file = Blob.objects.filter(run_files__run=run)[0].object_name
    changes: list[Callable[[], object]] = [
        lambda: User.objects.filter(pk=bob.pk).update(is_active=False),
        lambda: ApiKey.objects.filter(user=bob).delete(),
        lambda: Setting.objects.filter(set_by=bob).delete(),
        lambda: Run.objects.filter(pk=run.pk).update(version=99),
        lambda: Node.objects.filter(pk=run.vault_node).update(secrets=b"another"),
        lambda: Node.objects.filter(pk=team.vault_node).delete(),
        lambda: Membership.objects.filter(entity=team).delete(),
        lambda: Grant.objects.filter(owner_id=tenant.runs[1].vault_node).delete(),
        lambda: Tombstone.objects.create(
            node_id=uuid4(), kind="run", scope_id=tenant.project.vault_node, erased_at=clock.now()
        ),
        lambda: Promotion.objects.create(collection=portfolio, move=Move.CUT, number=0),
        lambda: record(
            EventKind.ARTIFACT_UNLINKED,
            subject=stays.public_id,
            project=tenant.project.public_id,
            entity=tenant.project.entity.public_id,
            by=by,
        ),
        lambda: Collection.objects.filter(pk=portfolio.pk).update(updated_at=clock.now()),
        lambda: Alias.objects.filter(version=stays).delete(),
        lambda: Link.objects.filter(version=stays).delete(),
        lambda: default_store().put(a_file, [b"another"]),
    ]
    seen = [before]
    for number, change in enumerate(changes):
        change()
        seen.append(tenant.digest_of_all(but=going))
        assert seen[-1] != seen[-2], number
