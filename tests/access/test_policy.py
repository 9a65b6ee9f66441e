"""The whole table, written out by hand: a change of a right is a change here."""

from __future__ import annotations

from itertools import product

import pytest

from apps.access.policy import Permission, Role, Visibility, allows

EVERYTHING = (
    "entity:admin entity:read file:read file:write project:admin project:create project:read project:write "
    "run:create run:read run:write"
)
WORK = (
    "entity:read file:read file:write project:create project:read project:write run:create run:read run:write"
)
LOOK = "entity:read file:read project:read run:read"
LOOK_IN = "file:read project:read run:read"

#                    nowhere     private     restricted  public      open
TABLE = {
    Role.ADMIN:     (EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING),
    Role.MEMBER:    (WORK,       WORK,       "",         WORK,       WORK),
    Role.VIEWER:    (LOOK,       LOOK,       "",         LOOK,       LOOK + " run:create"),
    Role.STRANGER:  ("",         "",         "",         LOOK_IN,    LOOK_IN + " run:create"),
    Role.NOBODY:    ("",         "",         "",         LOOK_IN,    LOOK_IN),
}  # fmt: skip
PLACES = (None, Visibility.PRIVATE, Visibility.RESTRICTED, Visibility.PUBLIC, Visibility.OPEN)


@pytest.mark.promise("P-24")
@pytest.mark.parametrize(("role", "place"), list(product(Role, range(len(PLACES)))))
def test_each_role_in_each_place_may_exactly_this(role: Role, place: int) -> None:
    granted = {p for p in Permission if allows(p, role=role, visibility=PLACES[place])}

    assert {str(p) for p in granted} == set(TABLE[role][place].split())


def test_the_table_is_about_every_permission_role_and_visibility() -> None:
    assert set(EVERYTHING.split()) == {str(p) for p in Permission}
    assert set(TABLE) == set(Role)
    assert set(PLACES) == {None, *Visibility}


def test_permissions_are_things_and_verbs_in_alphabetical_order() -> None:
    names = [str(p) for p in Permission]

    assert names == sorted(names)
    assert {len(name.split(":")) for name in names} == {2}
