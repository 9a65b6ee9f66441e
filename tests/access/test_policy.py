"""The whole table, written out by hand: a change of a right is a change here."""

from __future__ import annotations

from itertools import product

import pytest

from apps.access.policy import TO_OWN_RUNS, Permission, Role, Scope, Visibility, allows, standing

EVERYTHING = (
    "entity:admin entity:audit entity:read file:erase file:read file:write project:admin project:create "
    "project:erase project:export project:read project:share project:write run:create run:erase run:read run:write"
)
WORK = (
    "entity:read file:read file:write project:create project:export project:read project:write run:create run:read "
    "run:write"
)
LOOK = "entity:read file:read project:export project:read run:read"
LOOK_IN = "file:read project:read run:read"

# In a restricted project a role is what somebody is there by name.
#                    nowhere     private     restricted  public      open
TABLE = {
    Role.ADMIN:     (EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING),
    Role.MEMBER:    (WORK,       WORK,       WORK,       WORK,       WORK),
    Role.VIEWER:    (LOOK,       LOOK,       LOOK,       LOOK,       LOOK + " run:create"),
    Role.GUEST:     (LOOK_IN,    LOOK_IN,    LOOK_IN,    LOOK_IN,    LOOK_IN + " run:create"),
    Role.STRANGER:  ("",         "",         "",         LOOK_IN,    LOOK_IN + " run:create"),
    Role.NOBODY:    ("",         "",         "",         LOOK_IN,    LOOK_IN),
}  # fmt: skip
PLACES = (None, Visibility.PRIVATE, Visibility.RESTRICTED, Visibility.PUBLIC, Visibility.OPEN)
CARRIED = {Scope.READ: LOOK, Scope.WRITE: WORK, Scope.ADMIN: EVERYTHING}


@pytest.mark.promise("P-24")
@pytest.mark.parametrize(("role", "place", "scope"), [*product(Role, range(len(PLACES)), Scope)])
def test_each_role_in_each_place_may_exactly_this_by_each_key(role: Role, place: int, scope: Scope) -> None:
    granted = {p for p in Permission if allows(p, role=role, visibility=PLACES[place], scope=scope)}

    assert {str(p) for p in granted} == set(TABLE[role][place].split()) & set(CARRIED[scope].split())


def test_a_session_carries_everything() -> None:
    assert {p for p in Permission if allows(p, role=Role.ADMIN)} == set(Permission)


def test_the_table_is_about_every_permission_role_visibility_and_scope() -> None:
    assert set(EVERYTHING.split()) == {str(p) for p in Permission}
    assert set(TABLE) == set(Role)
    assert set(PLACES) == {None, *Visibility}
    assert set(CARRIED) == set(Scope)


def test_permissions_are_things_and_verbs_in_alphabetical_order() -> None:
    names = [str(p) for p in Permission]

    assert names == sorted(names)
    assert {len(name.split(":")) for name in names} == {2}


ADMIN, MEMBER, VIEWER, GUEST, STRANGER, NOBODY = Role

#  in the entity  named as  by a link   private   restricted  public    open
STANDINGS = [
    (ADMIN,       None,     False,      (ADMIN,    ADMIN,     ADMIN,    ADMIN)),
    (ADMIN,       VIEWER,   True,       (ADMIN,    ADMIN,     ADMIN,    ADMIN)),
    (MEMBER,      None,     False,      (MEMBER,   STRANGER,  MEMBER,   MEMBER)),
    (MEMBER,      MEMBER,   False,      (MEMBER,   MEMBER,    MEMBER,   MEMBER)),
    (MEMBER,      VIEWER,   True,       (MEMBER,   VIEWER,    MEMBER,   MEMBER)),
    (MEMBER,      None,     True,       (MEMBER,   GUEST,     MEMBER,   MEMBER)),
    (VIEWER,      None,     False,      (VIEWER,   STRANGER,  VIEWER,   VIEWER)),
    (VIEWER,      MEMBER,   False,      (VIEWER,   MEMBER,    VIEWER,   VIEWER)),
    (STRANGER,    None,     False,      (STRANGER, STRANGER,  STRANGER, STRANGER)),
    (STRANGER,    MEMBER,   False,      (STRANGER, MEMBER,    STRANGER, STRANGER)),
    (STRANGER,    VIEWER,   False,      (STRANGER, VIEWER,    STRANGER, STRANGER)),
    (STRANGER,    None,     True,       (GUEST,    GUEST,     STRANGER, STRANGER)),
    (STRANGER,    VIEWER,   True,       (GUEST,    VIEWER,    STRANGER, STRANGER)),
    (NOBODY,      None,     False,      (NOBODY,   NOBODY,    NOBODY,   NOBODY)),
    (NOBODY,      MEMBER,   False,      (NOBODY,   NOBODY,    NOBODY,   NOBODY)),
    (NOBODY,      None,     True,       (GUEST,    GUEST,     NOBODY,   NOBODY)),
]  # fmt: skip


@pytest.mark.promise("P-24")
@pytest.mark.parametrize(("role", "named", "holds_link", "answers"), STANDINGS)
def test_what_somebody_is_in_a_project(
    role: Role, named: Role | None, holds_link: bool, answers: tuple[Role, ...]
) -> None:
    found = tuple(
        standing(role, visibility=visibility, named=named, holds_link=holds_link)
        for visibility in PLACES[1:]
        if visibility
    )

    assert found == answers


#                open  public  private
OWN_RUNS = {
    STRANGER:   (True, False, False),
    VIEWER:     (True, False, False),
    NOBODY:     (False, False, False),
    MEMBER:     (True, True, True),
}  # fmt: skip


@pytest.mark.parametrize("permission", sorted(TO_OWN_RUNS))
@pytest.mark.parametrize("role", OWN_RUNS)
def test_whoever_may_add_runs_may_change_those_they_added(role: Role, permission: Permission) -> None:
    places = (Visibility.OPEN, Visibility.PUBLIC, Visibility.PRIVATE)

    assert (
        tuple(allows(permission, role=role, visibility=each, is_own=True) for each in places)
        == OWN_RUNS[role]
    )
    assert not allows(permission, role=role, visibility=Visibility.OPEN, is_own=True, scope=Scope.READ)
    assert not allows(Permission.PROJECT_WRITE, role=STRANGER, visibility=Visibility.OPEN, is_own=True)
