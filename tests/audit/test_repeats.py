from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.accounts.actors import Actor
from apps.audit import repeats
from apps.audit.events import EventKind
from apps.audit.models import Event, Repeat
from apps.core import clock

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "now", made)
    return made


def fail(*names: str, grain: timedelta = timedelta(0)) -> None:
    subjects = [repeats.Subject(name, entity=name) for name in names or ("person",)]
    repeats.count(EventKind.SIGN_IN_FAILED, subjects, by=Actor.nobody(), grain=grain)


def facts() -> list[dict[str, object]]:
    return list(Event.objects.order_by("pk").values_list("facts", flat=True))


def test_the_first_is_told_at_once_and_the_others_when_the_hour_is_over(time: Clock) -> None:
    for _ in range(4):
        fail()
    assert facts() == [{}]

    time.at = START + timedelta(minutes=59)
    repeats.tell_finished()
    assert facts() == [{}]

    time.at = START + timedelta(hours=1)
    repeats.tell_finished()
    repeats.tell_finished()
    assert facts() == [{}, {"more": 3, "since": "2026-11-27T09:00+00:00"}]
    assert not Repeat.objects.exists()


def test_the_next_hour_begins_with_an_event(time: Clock) -> None:
    fail()
    fail()
    time.at = START + timedelta(hours=2)
    fail()

    assert facts() == [{}, {"more": 1, "since": "2026-11-27T09:00+00:00"}, {}]
    assert Repeat.objects.get().since == time.at


def test_one_alone_is_not_told_twice(time: Clock) -> None:
    fail()
    time.at = START + timedelta(hours=1)
    repeats.tell_finished()

    assert facts() == [{}]


def test_within_the_grain_it_is_the_same_act(time: Clock) -> None:
    minute = timedelta(minutes=1)
    fail(grain=minute)
    time.at = START + timedelta(seconds=59)
    fail(grain=minute)
    assert Repeat.objects.get().more == 0

    time.at = START + timedelta(seconds=60)
    fail(grain=minute)
    assert Repeat.objects.get().more == 1


def test_many_at_once_are_one_question_and_one_update(
    time: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fail("a", "b", "c")
    assert Event.objects.count() == 3

    with django_assert_num_queries(2):
        fail("a", "b", "c")
    with django_assert_num_queries(1):
        fail("a", "b", "c", grain=timedelta(minutes=1))
    assert set(Repeat.objects.values_list("subject", "more")) == {("a", 1), ("b", 1), ("c", 1)}
