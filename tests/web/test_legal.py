from __future__ import annotations

import re

import pytest
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.web.holdings import HOLDINGS
from tests.web.conftest import Visit, text_of

PAGES = ("/terms", "/privacy", "/pricing")


@pytest.mark.parametrize("who", ["alice", None])
@pytest.mark.parametrize("url", PAGES)
def test_anybody_may_read_them(visit: Visit, alice: User, url: str, who: str | None) -> None:
    assert visit(url, by=who).status_code == 200


@pytest.mark.parametrize("url", ["/", "/settings/teams", "/alice", "/terms", "/sign-in", "/alice/nothing"])
def test_every_page_leads_to_them(visit: Visit, alice: User, url: str) -> None:
    page = visit(url, by=None if url == "/sign-in" else "alice").content.decode()

    assert [f'href="{each}"' in page for each in PAGES] == [True, True, True]


def test_each_class_of_data_has_a_table_that_answers_six_questions(visit: Visit, db: None) -> None:
    page = visit("/privacy").content.decode()

    tables = re.findall(r'<table class="table held" aria-labelledby="([\w-]+)">(.*?)</table>', page, re.S)
    assert [slug for slug, _ in tables] == [
        "training-data",
        "code",
        "config",
        "metrics",
        "analysis",
        "models",
        "plan-request",
        "account",
        "team",
        "organisation",
    ]
    for held, (_, table) in zip(HOLDINGS, tables, strict=True):
        answers = re.findall(r"<td>(.+?)</td>", table)
        assert answers == [
            str(held.bytes),
            str(held.where),
            str(held.who),
            str(held.since),
            str(held.export),
            str(held.erase),
        ]


@pytest.mark.parametrize("url", PAGES)
def test_an_operator_who_says_nothing_is_said_to(visit: Visit, db: None, url: str) -> None:
    words = text_of(visit(url))

    assert "The operator has not said who they are." in words
    assert "There is no address for questions yet." in words


@pytest.mark.parametrize("url", PAGES)
def test_the_operator_is_named_and_can_be_asked(visit: Visit, db: None, settings: Settings, url: str) -> None:
    settings.OWNLOG_OPERATOR_NAME = "<b>Kiso & Co</b>"
    settings.OWNLOG_OPERATOR_CONTACT = "ask@example.com"

    page = visit(url).content.decode()

    assert "<bdi>&lt;b&gt;Kiso &amp; Co&lt;/b&gt;</bdi>" in page
    assert '<a href="mailto:ask@example.com">ask@example.com</a>' in page
    assert "has not said" not in page


def test_an_address_that_is_not_mail_is_no_link(visit: Visit, db: None, settings: Settings) -> None:
    settings.OWNLOG_OPERATOR_CONTACT = "javascript:alert(1)@example.com"

    page = visit("/terms").content.decode()

    assert "<bdi>javascript:alert(1)@example.com</bdi>" in page
    assert "mailto:" not in page


def test_a_team_costs_nothing_on_an_instance_of_ones_own(visit: Visit, alice: User) -> None:
    page = visit("/pricing", by="alice")

    assert "everything is free here, teams too" in text_of(page)
    assert 'href="/settings/teams/new"' in page.content.decode()
    assert 'id="academic"' not in page.content.decode()


def test_a_hosted_instance_names_its_four_plans(visit: Visit, alice: User, settings: Settings) -> None:
    settings.OWNLOG_HOSTED = True

    page = visit("/pricing", by="alice").content.decode()

    assert re.findall(r'<h2 id="([\w-]+)">', page) == [
        "free",
        "academic",
        "open-source",
        "team",
        "same",
        "ask",
    ]
    assert 'href="/settings/teams/new"' not in page
