from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connections
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import create_user, reactivate_account, suspend_account
from apps.audit.models import Event
from apps.core import background, clock
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMuch
from apps.plans import tasks
from apps.plans.models import PlanRequest, RequestStep
from apps.plans.queries import (
    entitlement_of,
    newest_request,
    open_request_of,
    reason_of,
    steps_of,
    words_of,
)
from apps.plans.services import (
    answer_question,
    approve_request,
    ask_for_plan,
    ask_question,
    decline_request,
    grant_plan,
    read_request,
    withdraw_request,
)
from apps.plans.services import review as review_module
from apps.plans.types import Plan, RequestWords
from apps.teams.services import may_create_team
from apps.vault.models import Node, Tombstone
from apps.vault.seal import unseal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId, NodeKind
from tests.e2e.secrecy.search import Marker, new_text

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-11")]
Committed = Callable[..., Any]
WORDS = RequestWords("https://example.org/lab", "Three of us train segmenters.", "My page names me.")


@pytest.fixture(autouse=True)
def _hosted(settings: Settings) -> None:
    settings.OWNLOG_HOSTED = True


@pytest.fixture
def operator(alice: User) -> Actor:
    """alice made the first account and operates the instance."""
    return Actor.person(alice)


@pytest.fixture
def by(operator: Actor, bob: User) -> Actor:
    return Actor.person(bob)


@pytest.fixture
def request_of_bob(by: Actor) -> PlanRequest:
    return ask_for_plan(Plan.ACADEMIC, WORDS, by=by)


def key_of(request: PlanRequest) -> bool:
    return Node.objects.filter(pk=request.vault_node).exists()


def kinds() -> list[str]:
    found = Event.objects.filter(kind__contains="plan.").order_by("id")
    return [kind.removeprefix("plan.") for kind in found.values_list("kind", flat=True)]


def test_a_request_is_read_decided_and_gives_the_plan(operator: Actor, by: Actor, bob: User) -> None:
    asked = ask_for_plan(Plan.ACADEMIC, WORDS, by=by)

    held, words, _steps = read_request(asked.pk, by=operator)
    assert words is not None
    assert (words.address, words.use, words.evidence) == (WORDS.address, WORDS.use, WORDS.evidence)
    approve_request(held, by=operator, until=clock.now() + timedelta(days=300))

    entitlement = entitlement_of(by)
    assert entitlement is not None and entitlement.until is not None
    assert entitlement.plan == Plan.ACADEMIC
    assert may_create_team(by)
    asked.refresh_from_db()
    assert (asked.state, asked.is_open) == ("approved", False)
    assert kinds() == ["requested", "granted", "request_approved", "words_erased"]
    seen = Event.objects.get(kind="admin.request_read")
    assert (seen.subject, seen.entity, seen.by) == (asked.public_id, bob.public_id, operator.audit_id)


def test_a_question_is_answered_while_the_request_stays_open(
    operator: Actor, by: Actor, request_of_bob: PlanRequest
) -> None:
    ask_question(request_of_bob, "Which group is it?", by=operator)
    held = open_request_of(by)
    assert held.state == "asked"
    answer_question(held, "The one for vision.", by=by)

    held = open_request_of(by)
    assert held.state == "open"
    assert [(each.act, each.by, each.text) for each in steps_of(held)] == [
        ("sent", "bob", ""),
        ("asked", "alice", "Which group is it?"),
        ("answered", "bob", "The one for vision."),
    ]
    with pytest.raises(Conflict):
        answer_question(held, "Once more.", by=by)


# ── The words, and their end ──


def everything_stored() -> bytes:
    """Every value of every table of both databases."""
    parts = []
    for alias in ("default", "vault"):
        with connections[alias].cursor() as cursor:
            for table in connections[alias].introspection.table_names(cursor):
                cursor.execute(f'SELECT * FROM "{table}"')
                parts += [
                    bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    for row in cursor.fetchall()
                    for value in row
                ]
    return b"\n".join(parts)


def found(markers: list[Marker], *places: bytes) -> list[str]:
    whole = b"\n".join(places)
    return [marker.field for marker in markers if any(needle in whole for _, needle in marker.guises)]


@pytest.mark.promise("P-08")
def test_the_words_lie_nowhere_in_the_clear_and_open_nowhere_after_the_decision(
    operator: Actor,
    by: Actor,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    markers = [new_text(name) for name in ("address", "use", "evidence", "question", "answer", "reason")]
    address, use, evidence, question, answer, reason = (str(each.value) for each in markers)
    sent: list[object] = []
    send = background._send

    def note(name: str, ids: dict[str, int | str]) -> None:
        sent.append((name, ids))
        send(name, ids)

    monkeypatch.setattr(background, "_send", note)
    caplog.set_level(logging.DEBUG)

    with django_capture_on_commit_callbacks(execute=True):
        words = RequestWords(f"https://{address}.example/", use, evidence)
        asked = ask_for_plan(Plan.OPEN_SOURCE, words, by=by)
        ask_question(asked, question, by=operator)
        answer_question(open_request_of(by), answer, by=by)
        read_request(asked.pk, by=operator)
    asked.refresh_from_db()
    key, sealed = open_key(NodeId(asked.vault_node)), bytes(asked.sealed_use or b"")
    assert unseal_text(key, sealed, label="plans.request.use", row=asked.uuid) == use
    with django_capture_on_commit_callbacks(execute=True):
        decline_request(asked, by=operator, reason=reason)

    asked.refresh_from_db()
    mails = "\n".join(str(each.message()) for each in mail.outbox)
    assert len(mail.outbox) == 5 and len(sent) == 4
    places = (everything_stored(), caplog.text.encode(), mails.encode(), repr(sent).encode())
    assert found(markers, *places) == []
    assert found(markers, use.encode()) == ["use"], "the search finds what is there"
    # Gone with the decision: no key, a tombstone, no sealed bytes of the request either.
    assert not key_of(asked) and Tombstone.objects.get(pk=asked.vault_node).kind == NodeKind.REQUEST
    assert (asked.sealed_address, asked.sealed_use, asked.sealed_evidence) == (None, None, None)
    assert not RequestStep.objects.exclude(sealed_text=None).exists()
    assert words_of(asked) is None
    assert [each.text for each in steps_of(asked)] == [""] * 4
    # The reason was written for the person: it is theirs.
    assert reason_of(asked) == reason
    assert not LogEntry.objects.exists()


def test_the_key_goes_first_and_the_sweep_finishes_what_a_crash_left(
    operator: Actor, request_of_bob: PlanRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_pk: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(review_module, "erase_words", crash)
    with pytest.raises(KeyboardInterrupt):
        decline_request(request_of_bob, by=operator)
    request_of_bob.refresh_from_db()
    assert request_of_bob.state == "declined" and key_of(request_of_bob)

    tasks.sweep()
    tasks.sweep()

    request_of_bob.refresh_from_db()
    assert not key_of(request_of_bob) and request_of_bob.sealed_use is None
    assert kinds().count("words_erased") == 1


def test_a_withdrawn_request_is_erased_at_once_and_another_may_be_sent(
    operator: Actor, by: Actor, request_of_bob: PlanRequest
) -> None:
    withdraw_request(request_of_bob, by=by)

    assert not key_of(request_of_bob)
    with pytest.raises(Conflict):
        approve_request(request_of_bob, by=operator)
    assert entitlement_of(by) is None
    assert ask_for_plan(Plan.OPEN_SOURCE, WORDS, by=by).is_open


def test_a_request_goes_with_its_person_key_first(operator: Actor) -> None:
    gone = create_user("gone", email="gone@example.com", password=None)
    request = ask_for_plan(Plan.ACADEMIC, WORDS, by=Actor.person(gone))

    gone.delete()

    assert not key_of(request) and not PlanRequest.objects.exists()
    assert Tombstone.objects.filter(pk=request.vault_node).exists()
    assert Event.objects.get(kind="plan.requested").subject == request.public_id


# ── Who may ──


def test_no_page_and_no_request_where_teams_take_no_plan(by: Actor, settings: Settings) -> None:
    settings.OWNLOG_HOSTED = False

    with pytest.raises(NotFound):
        ask_for_plan(Plan.ACADEMIC, WORDS, by=by)
    with pytest.raises(NotFound):
        newest_request(by)


def test_one_open_request_per_person(by: Actor, request_of_bob: PlanRequest) -> None:
    with pytest.raises(Conflict):
        ask_for_plan(Plan.OPEN_SOURCE, WORDS, by=by)

    assert PlanRequest.objects.count() == 1
    assert Node.objects.filter(kind=NodeKind.REQUEST).count() == 1, (
        "the key of the second is taken away again"
    )


def test_who_has_a_plan_asks_for_none(by: Actor, bob: User) -> None:
    grant_plan(bob, Plan.TEAM, by=Actor.system())

    with pytest.raises(Conflict):
        ask_for_plan(Plan.ACADEMIC, WORDS, by=by)


def test_who_asks_again_and_again_has_to_wait(by: Actor) -> None:
    for _ in range(5):
        withdraw_request(ask_for_plan(Plan.ACADEMIC, WORDS, by=by), by=by)

    with pytest.raises(TooMuch):
        ask_for_plan(Plan.ACADEMIC, WORDS, by=by)


def test_only_operators_read_and_decide(by: Actor, vera: User, request_of_bob: PlanRequest) -> None:
    for who in (by, Actor.person(vera), Actor.nobody(), Actor.system()):
        for act in (
            lambda who=who: read_request(request_of_bob.pk, by=who),
            lambda who=who: approve_request(request_of_bob, by=who),
            lambda who=who: decline_request(request_of_bob, by=who),
            lambda who=who: ask_question(request_of_bob, "Who?", by=who),
        ):
            with pytest.raises(Forbidden):
                act()

    assert open_request_of(by).state == "open"


def test_nobody_answers_or_withdraws_for_another(
    operator: Actor, vera: User, request_of_bob: PlanRequest
) -> None:
    ask_question(request_of_bob, "Who?", by=operator)

    for who in (Actor.person(vera), operator, Actor.nobody()):
        with pytest.raises((NotFound, Forbidden)):
            answer_question(request_of_bob, "Me.", by=who)
        with pytest.raises((NotFound, Forbidden)):
            withdraw_request(request_of_bob, by=who)


def test_of_two_operators_the_first_decides(operator: Actor, by: Actor, request_of_bob: PlanRequest) -> None:
    decline_request(request_of_bob, by=operator)

    with pytest.raises(Conflict):
        approve_request(request_of_bob, by=operator)
    with pytest.raises(Conflict):
        ask_question(request_of_bob, "Who?", by=operator)
    assert entitlement_of(by) is None


def test_whoever_is_suspended_gets_no_plan_until_they_are_back(
    operator: Actor, bob: User, request_of_bob: PlanRequest
) -> None:
    suspend_account(bob, by=operator)
    with pytest.raises(Conflict):
        approve_request(request_of_bob, by=operator)
    with pytest.raises(Conflict):
        ask_question(request_of_bob, "Who?", by=operator)
    assert key_of(request_of_bob), "nothing was decided, so nothing is erased"

    reactivate_account(bob, by=operator)
    approve_request(request_of_bob, by=operator)
    assert may_create_team(Actor.person(bob))


def test_a_suspended_persons_request_can_be_declined_without_a_mail(
    operator: Actor, bob: User, request_of_bob: PlanRequest, django_capture_on_commit_callbacks: Committed
) -> None:
    suspend_account(bob, by=operator)

    with django_capture_on_commit_callbacks(execute=True):
        decline_request(request_of_bob, by=operator)

    assert not key_of(request_of_bob) and mail.outbox == []


# ── Bad input ──


@pytest.mark.parametrize(
    "words",
    [
        RequestWords("", "a", "b"),
        RequestWords("example.org", "a", "b"),
        RequestWords("javascript:alert(1)", "a", "b"),
        RequestWords("ftp://example.org/", "a", "b"),
        RequestWords("https://[broken/", "a", "b"),
        RequestWords("https://me:secret@example.org/", "a", "b"),
        RequestWords("https://example.org/\u202egpj", "a", "b"),
        RequestWords("https://example.org/a b", "a", "b"),
        RequestWords("https://example.org/\0", "a", "b"),
        RequestWords("https://example.org/" + "a" * 500, "a", "b"),
        RequestWords("https://example.org/", " \n", "b"),
        RequestWords("https://example.org/", "a\0", "b"),
        RequestWords("https://example.org/", "a", "b" * 10_000),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_stored(by: Actor, words: RequestWords) -> None:
    with pytest.raises(Invalid):
        ask_for_plan(Plan.ACADEMIC, words, by=by)

    assert not PlanRequest.objects.exists()
    assert not Node.objects.filter(kind=NodeKind.REQUEST).exists()


def test_the_team_plan_is_not_asked_for_here(by: Actor) -> None:
    with pytest.raises(Invalid):
        ask_for_plan(Plan.TEAM, WORDS, by=by)


def test_words_do_not_print() -> None:
    assert WORDS.address not in repr(WORDS)


# ── Mail ──


def test_each_step_is_told_by_a_mail_with_a_link_and_no_word_of_it(
    operator: Actor, by: Actor, settings: Settings, django_capture_on_commit_callbacks: Committed
) -> None:
    settings.OWNLOG_BASE_URL = "https://own.example"
    with django_capture_on_commit_callbacks(execute=True):
        asked = ask_for_plan(Plan.ACADEMIC, WORDS, by=by)
        ask_question(asked, "Which group?", by=operator)
        answer_question(open_request_of(by), "Vision.", by=by)
        approve_request(asked, by=operator)

    page, review = (
        "https://own.example/settings/plan",
        f"https://own.example/admin/plans/planrequest/{asked.pk}/review",
    )
    told = [(each.to, str(each.body).split()[-1]) for each in mail.outbox]
    assert told == [
        (["alice@example.com"], review),
        (["bob@example.com"], page),
        (["bob@example.com"], page),
        (["alice@example.com"], review),
        (["bob@example.com"], page),
    ]
    assert "is approved" in str(mail.outbox[-1].body)


def test_a_mail_that_no_server_took_goes_out_later_and_once(
    by: Actor,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    def refuse(*_: object) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken, django_capture_on_commit_callbacks(execute=True):
        broken.setattr(EmailBackend, "send_messages", refuse)
        asked = ask_for_plan(Plan.ACADEMIC, WORDS, by=by)
    assert mail.outbox == []
    tasks.sweep()
    assert mail.outbox == [], "the first try has a minute"
    RequestStep.objects.update(at=clock.now() - timedelta(minutes=2))

    tasks.sweep()
    tasks.sweep()
    tasks.tell(step_id=asked.steps.get().pk)

    assert [each.to for each in mail.outbox] == [["alice@example.com"], ["bob@example.com"]]


# ── At the same moment ──


def how_many_succeed(act: Callable[[], object], *, of: int) -> int:
    """Several do it at once, each with connections of its own; the others meet a conflict."""
    gate = threading.Barrier(of)

    def one(_: int) -> bool:
        try:
            gate.wait(timeout=30)
            act()
        except Conflict:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(of) as pool:
        return sum(pool.map(one, range(of)))


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_of_requests_that_somebody_sends_at_once_one_is_kept(by: Actor) -> None:
    """The operators' node is made by them, too: all find the same one."""
    assert how_many_succeed(lambda: ask_for_plan(Plan.ACADEMIC, WORDS, by=by), of=4) == 1

    assert Node.objects.filter(kind=NodeKind.OPERATOR).count() == 1
    assert [node.pk for node in Node.objects.filter(kind=NodeKind.REQUEST)] == [
        PlanRequest.objects.get().vault_node
    ]


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_of_decisions_at_once_one_counts(operator: Actor, by: Actor, request_of_bob: PlanRequest) -> None:
    assert how_many_succeed(lambda: approve_request(request_of_bob, by=operator), of=4) == 1

    assert kinds() == ["requested", "granted", "request_approved", "words_erased"]
    assert not key_of(request_of_bob)
