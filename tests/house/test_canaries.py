"""Whatever is declared as content or as a person's carries a marker of the canary search, or says why not; so does each place."""

from __future__ import annotations

from apps.core.privacy import PLACES, Declaration, declared
from tests.e2e.secrecy import leaks, people
from tests.e2e.secrecy.carried import BACKUPS, CARRIED, IN_FILES, PASSING, PLANTED, WITHOUT
from tests.e2e.secrecy.logged import NUMBERS, REFUSED, TEXTS

# Secrets, and names in the clear, which are not among what a script logs.
_OTHERS = {*people.SECRETS, "name and address", "organisation", "password", "secret of a webhook", "session"}


def fields_that_carry(declaration: Declaration) -> set[str]:
    """A relation says a row's number."""
    meta = declaration.model._meta
    names = declaration.sealed | declaration.personal
    return {f"{meta.label}.{name}" for name in names if not meta.get_field(name).is_relation}


def test_each_field_of_content_or_of_a_person_carries_a_marker_or_says_why_not() -> None:
    """Red here? Have somebody write a marker into the new field (tests/e2e/secrecy/beyond.py), and say so in carried.py."""
    fields = set[str]().union(*map(fields_that_carry, declared().values()))

    assert CARRIED.keys() | PASSING.keys() | WITHOUT.keys() == fields
    assert len(CARRIED) + len(PASSING) + len(WITHOUT) == len(fields)


def test_what_is_said_to_carry_a_field_is_written_by_somebody() -> None:
    carried = {name for names in (*CARRIED.values(), *PASSING.values(), IN_FILES) for name in names}

    assert carried - {*TEXTS, *REFUSED, *NUMBERS, *_OTHERS} == set()


def test_in_each_place_of_storage_a_leak_is_planted_or_it_is_said_why_not() -> None:
    planted = {*leaks.IN_FOLDERS, *leaks.ON_SERVERS, *leaks.ANYWHERE, *leaks.MAILS}
    named = {name for names in (*PLANTED.values(), BACKUPS) if isinstance(names, tuple) for name in names}

    assert PLANTED.keys() == PLACES.keys()
    assert named == planted
