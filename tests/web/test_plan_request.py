"""GET and POST /settings/plan, /settings/plan/answer, /settings/plan/withdraw, /admin/plans/planrequest/…/review"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.plans.models import PlanRequest
from apps.plans.queries import entitlement_of
from apps.plans.services import ask_for_plan, ask_question, decline_request, grant_plan
from apps.plans.types import Plan, RequestWords
from tests.web.conftest import Visit, text_of
from tests.web.english import JAPANESE, left_over

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-11")]
PAGE = "/settings/plan"
WORDS = RequestWords("https://example.org/lab", "canary-use", "canary-evidence")
FORM = {
    "plan": "open_source",
    "address": "https://example.org/<b>",
    "use": "<script>alert(1)</script>",
    "evidence": "Commits\nof \u202emine",
}


@pytest.fixture(autouse=True)
def _hosted(settings: Settings) -> None:
    settings.OWNLOG_HOSTED = True


@pytest.fixture
def held(alice: User, bob: User) -> PlanRequest:
    """bob's request. alice made the first account and operates the instance."""
    return ask_for_plan(Plan.ACADEMIC, WORDS, by=Actor.person(bob))


def review_of(request: PlanRequest) -> str:
    return f"/admin/plans/planrequest/{request.pk}/review"


def test_on_an_instance_of_ones_own_there_is_no_such_page(
    visit: Visit, send: Visit, alice: User, settings: Settings
) -> None:
    settings.OWNLOG_HOSTED = False

    answers = [visit(PAGE, by="alice"), send(PAGE, by="alice", **FORM)]
    answers += [send(f"{PAGE}/{act}", by="alice") for act in ("answer", "withdraw")]

    assert [each.status_code for each in answers] == [404] * 4
    assert f'href="{PAGE}"' not in visit("/settings/teams", by="alice").content.decode()


def test_the_refusal_the_prices_and_the_settings_lead_to_it(visit: Visit, alice: User) -> None:
    for url in ("/settings/teams/new", "/settings/teams", "/pricing"):
        assert f'href="{PAGE}' in visit(url, by="alice").content.decode(), url
    chosen = visit(f"{PAGE}?plan=open_source", by="alice").content.decode()
    assert re.search(r'<option value="open_source" selected', chosen)


def test_a_request_is_sent_shown_and_withdrawn(visit: Visit, send: Visit, alice: User, bob: User) -> None:
    assert send(PAGE, by="bob", **FORM).headers["Location"] == PAGE

    page = visit(PAGE, by="bob").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>alert(1)" not in page
    assert 'name="use"' not in page, "one request at a time"
    assert send(PAGE, by="bob", **FORM).status_code == 400
    assert PlanRequest.objects.count() == 1

    assert send(f"{PAGE}/withdraw", by="bob").status_code == 302
    after = visit(PAGE, by="bob").content.decode()
    assert "alert(1)" not in after and 'name="use"' in after
    assert send(f"{PAGE}/withdraw", by="bob").status_code == 404


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("plan", "team"),
        ("plan", ""),
        ("address", ""),
        ("address", "javascript:alert(1)"),
        ("address", "example.org"),
        ("address", "https://me@example.org"),
        ("address", "https://example.org/\u202e"),
        ("address", "https://example.org/" + "a" * 10_000),
        ("use", ""),
        ("use", "a\0b"),
        ("use", "\x07"),
        ("evidence", "a" * 10_000),
        ("evidence", "\u00a0\n"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_saved(
    send: Visit, alice: User, field: str, typed: str
) -> None:
    answer = send(PAGE, by="alice", **(FORM | {field: typed}))

    page = answer.content.decode()
    assert answer.status_code == 400
    assert re.findall(r'id="id_(\w+)-error"', page) == [field]
    other = "use" if field == "address" else "address"
    assert escape(FORM[other]) in page, "the rest stays"
    assert not PlanRequest.objects.exists()


def test_a_question_is_answered_on_the_page(
    visit: Visit, send: Visit, alice: User, held: PlanRequest
) -> None:
    assert send(f"{PAGE}/answer", by="bob", answer="Too early").status_code == 400
    ask_question(held, "Which <group>?", by=Actor.person(alice))

    assert "Which &lt;group&gt;?" in visit(PAGE, by="bob").content.decode()
    wrong = send(f"{PAGE}/answer", by="bob", answer=" ")
    assert wrong.status_code == 400 and 'id="id_answer-error"' in wrong.content.decode()
    assert send(f"{PAGE}/answer", by="alice", answer="Mine").status_code == 404
    assert send(f"{PAGE}/answer", by="bob", answer="Vision").status_code == 302

    held.refresh_from_db()
    assert held.state == "open"
    assert "Vision" in visit(PAGE, by="bob").content.decode()


def test_who_has_a_plan_reads_so(visit: Visit, alice: User, bob: User) -> None:
    grant_plan(bob, Plan.ACADEMIC, by=Actor.system())

    page = visit(PAGE, by="bob")

    assert "You can make teams." in text_of(page)
    assert 'name="use"' not in page.content.decode()


# ── The review ──


def test_the_words_stand_on_the_page_of_review_and_on_no_other(
    visit: Visit, alice: User, held: PlanRequest
) -> None:
    queue = visit("/admin/plans/planrequest/", by="alice").content.decode()
    assert review_of(held) in queue

    for url in ("", f"{held.pk}/change/", f"{held.pk}/history/"):
        assert "canary" not in visit(f"/admin/plans/planrequest/{url}", by="alice").content.decode()
    page = visit(review_of(held), by="alice").content.decode()
    assert "canary-use" in page and "canary-evidence" in page
    assert 'href="https://example.org/lab" rel="noreferrer noopener nofollow"' in page


@pytest.mark.parametrize("who", ["bob", None])
def test_who_does_not_operate_the_instance_reviews_nothing(
    visit: Visit, send: Visit, alice: User, held: PlanRequest, who: str | None
) -> None:
    answers = [visit(review_of(held), by=who), send(review_of(held), by=who, act="approve")]

    assert {each.status_code for each in answers} <= {302, 403, 404}
    assert all("canary" not in each.content.decode() for each in answers)
    held.refresh_from_db()
    assert held.is_open


def test_approved_it_gives_the_plan_until_its_last_day(
    client: Client, send: Visit, alice: User, bob: User, held: PlanRequest
) -> None:
    late = {"act": "approve", "approve-until": "2020-01-01"}
    wrong = send(review_of(held), by="alice", **late)
    assert wrong.status_code == 400 and "over already" in wrong.content.decode()
    assert entitlement_of(Actor.person(bob)) is None

    none_after = send(review_of(held), by="alice", **late | {"approve-until": "9999-12-31"})
    assert none_after.status_code == 400 and "not a day" in none_after.content.decode()

    good = {"act": "approve", "approve-until": "2999-12-31", "approve-reason": "canary-reason"}
    assert send(review_of(held), by="alice", **good).status_code == 302

    entitlement = entitlement_of(Actor.person(bob))
    assert entitlement is not None and str(entitlement.until).startswith("3000-01-01")
    logged = LogEntry.objects.get()
    assert (logged.object_repr, logged.change_message) == (held.public_id, "approved")
    assert "canary" not in str(Event.objects.values_list())


def test_declined_it_says_why_to_the_person_alone(
    visit: Visit, send: Visit, alice: User, held: PlanRequest
) -> None:
    form = {"act": "decline", "decline-reason": "canary-reason"}
    asked = send(review_of(held), by="alice", **form)
    assert asked.status_code == 400
    assert "what they wrote cannot be brought back" in text_of(asked)
    assert {"canary-use", "canary-reason"} <= set(re.findall(r"canary-\w+", asked.content.decode()))
    held.refresh_from_db()
    assert held.is_open

    send(review_of(held), by="alice", **form, **{"decline-is_sure": "on"})

    mine = visit(PAGE, by="bob").content.decode()
    assert "canary-reason" in mine and "canary-use" not in mine
    for url in (review_of(held), f"/admin/plans/planrequest/{held.pk}/change/"):
        assert "canary" not in visit(url, by="alice").content.decode()


def test_a_question_wants_words_and_a_second_decision_is_refused(
    send: Visit, alice: User, held: PlanRequest
) -> None:
    assert send(review_of(held), by="alice", act="ask").status_code == 400
    assert send(review_of(held), by="alice", **{"act": "ask", "ask-question": "Who?"}).status_code == 302
    held.refresh_from_db()
    assert held.state == "asked"
    decline_request(held, by=Actor.person(alice))

    assert send(review_of(held), by="alice", act="approve").status_code == 400
    assert not LogEntry.objects.filter(change_message="approved").exists()


def test_the_page_about_a_request_leads_to_its_decision(visit: Visit, alice: User, held: PlanRequest) -> None:
    page = visit(f"/admin/plans/planrequest/{held.pk}/change/", by="alice").content.decode()

    assert f'<a href="{review_of(held)}">Read and decide</a>' in page


def test_the_last_day_of_a_plan_is_said_and_not_the_moment_after_it(
    visit: Visit, alice: User, bob: User
) -> None:
    grant_plan(bob, Plan.ACADEMIC, by=Actor.system(), until=datetime(2999, 7, 1, tzinfo=UTC))

    assert "up to and including 30 Jun 2999 (UTC)" in text_of(visit(PAGE, by="bob"))
    listed = visit("/admin/plans/entitlement/", by="alice").content.decode()
    assert re.search(r"field-last_day[^>]*>[^<]*30[^<]*2999", listed), listed


def test_a_request_that_is_not_there(visit: Visit, alice: User) -> None:
    assert visit("/admin/plans/planrequest/99/review", by="alice").status_code == 404


def test_every_state_of_it_is_japanese(client: Client, alice: User, bob: User) -> None:
    names = {"alice", "AL", "bob", "BO", "testserver", "https", "http"}

    def english(path: str, **form: str) -> list[str]:
        answer = client.post(path, form, headers=JAPANESE) if form else client.get(path, headers=JAPANESE)
        return left_over(answer.content.decode(), names)

    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    assert [*english(PAGE), *english("/pricing"), *english("/settings/teams/new")] == []
    assert english(PAGE, plan="team", address="x", use="", evidence="\x07") == []
    held = ask_for_plan(Plan.ACADEMIC, RequestWords("https://例え.jp/", "用途", "名前"), by=Actor.person(bob))
    assert english(PAGE, plan="academic", address="https://例え.jp/", use="用途", evidence="名前") == []
    ask_question(held, "どちらですか", by=Actor.person(alice))
    assert [*english(PAGE), *english(f"{PAGE}/answer", answer=" ")] == []
    decline_request(held, by=Actor.person(alice), reason="名前がありません")
    assert english(PAGE) == []
    grant_plan(bob, Plan.ACADEMIC, by=Actor.system())
    assert english(PAGE) == []
