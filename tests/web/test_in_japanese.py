"""Every page of a whole world, in Japanese: what is left in Latin letters is a name, code or a word that has no other form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.test import Client
from django.urls import Resolver404, resolve

from apps.access.rules import url_rules
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.demo.people import PASSWORD
from apps.exports.services import export_project, export_runs
from apps.imports.models import Import
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity, Organisation
from tests.exports.conftest import make
from tests.web.english import JAPANESE, KANA, WORD, Words, left_over

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
# Pages are followed to these places once for each form of their address, not for each run.
_ONCE = 3
# What is no page: points, parts that pages fetch, downloads, ways on.
NO_PAGES = {
    "closed-account-receipt",
    "erasure-receipt",
    "export-archive",
    "health-erasures",
    "health-erasures-metrics",
    "receipt-key",
    "receipt-program",
    "artifact-file",
    "artifact-file-image",
    "artifact-file-play",
    "artifact-file-html",
    "artifact-zip",
    "api:schema",
    "audit-export",
    "authorize",
    "health",
    "home-sparks",
    "organisation-audit-export",
    "mfa_login_webauthn",
    "components-csv-series",
    "components-series",
    "project-compare-csv",
    "project-csv-series",
    "project-ids",
    "project-live",
    "project-rows",
    "project-series",
    "project-view",
    "project-workspace",
    "run-csv-series",
    "team-audit-export",
    "run-code-zip",
    "run-console-raw",
    "run-console-text",
    "run-file",
    "run-file-html",
    "run-file-plotly",
    "run-file-image",
    "run-file-play",
    "run-histogram",
    "run-json",
    "run-line-changes",
    "run-line-search",
    "run-lines",
    "run-media-look",
    "run-media-mask",
    "run-media-panel",
    "run-ridge",
    "run-live",
    "run-series",
    "share",
    # The page "security" by the names under which the library goes there.
    "mfa_index",
    "mfa_list_webauthn",
    "socialaccount_connections",
}


def test_english_words_are_seen() -> None:
    assert left_over("<p>Words <bdi>name</bdi></p>") == ["Words"]
    assert left_over('<a title="More of it" href="/">開く</a>') == ["More of it"]
    assert left_over('<p title="run-7 を開く"><bdi>run-7</bdi> 3 kB SHA-256 <code>x = loss</code></p>') == []
    assert left_over("<p>stderr のみ <i>steps 3</i> train を比較</p>") == ["steps 3", "train を比較"]
    assert left_over('<button lang="en">English</button><br><p>日本語</p>') == []


@pytest.fixture
def world() -> set[str]:
    """The demo world. Its people and teams are named where no name of content would be."""
    call_command("demo", runs=4, steps=30)
    people = set(User.objects.values_list("username", flat=True))
    places = (Entity, Organisation)
    return (
        people
        | {name[:2].upper() for name in people}
        | {name for place in places for name in place.objects.values_list("name", flat=True)}
    )


def _name_of(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


# Where links and forms begin.
SEEDS = (
    "/",
    "/?q=zzz",
    "/alice/vision/settings/publish?visibility=public",
    "/alice/vision/compare/code?runs=demo0003,demo0001",
    "/alice/vision/runs/demo0001/histograms",
    "/alice/vision/runs/demo0001/alerts",
    "/alice/vision/runs/demo0003/code",
    "/alice/vision/runs/demo0003/secrets",
    "/alice/vision/runs/demo0003/code?file=code%2Flook.ipynb",
    "/alice/vision?group=config.model",
    "/kumiko-lab/legal-ja/artifacts/model/lora/v0/link",
    "/hokuto-institute/wandb-registry-models/settings",
    "/find?q=nothingiscalledso",
    "/find?q=vision",
)


def _crawled(client: Client) -> Iterator[tuple[str, str]]:
    """Every page that links lead to, as its address and its text; of pages of one kind a few."""
    waiting, met, counts = [*SEEDS], {*SEEDS}, dict.fromkeys(NO_PAGES, _ONCE)
    while waiting:
        address = waiting.pop(0)
        name = _name_of(urlsplit(address).path)
        if not name or name.startswith("admin:") or counts.get(name, 0) >= _ONCE:
            continue
        counts[name] = counts.get(name, 0) + 1
        answer = client.get(address, headers=JAPANESE)
        if answer.status_code == 404 and name == "components-table-series":
            continue  # one of the examples is of points that cannot be had
        assert answer.status_code == 200, address
        page = answer.content.decode()
        yield address, page
        reader = Words()
        reader.feed(page)
        for link in reader.links:
            there = urldefrag(urljoin(address, link)).url
            if there.startswith("/") and there not in met:
                met.add(there)
                waiting.append(there)


def test_pages_are_japanese_throughout(world: set[str], client: Client) -> None:
    client.force_login(User.objects.get(username="alice"), backend=BACKEND)
    client.post("/account/again", {"password": PASSWORD})  # pages of ways in ask who is there
    project = Project.objects.get(entity__name="alice")
    by = Actor.person(User.objects.get(username="alice"))
    make(export_runs(list(project.runs.all()[:1]), by=by))
    export_project(project, by=by)  # which waits for its turn
    Import.objects.create(
        entity=project.entity,
        origin="ownlog",
        clash="skip",
        fingerprint_index=b"f" * 16,
        asked_by=by.audit_id,
    )

    pages = dict(_crawled(client))
    names = world | {
        "testserver",
        "Hokuto University",
        "MLflow",
        "Neptune",
        "fast",
        "nothingiscalledso",
        "zzz",
    }  # the last two on the page of components
    english = {address: found for address, page in pages.items() if (found := left_over(page, names))}

    assert english == {}
    reached = {_name_of(urlsplit(address).path) for address in pages}
    assert sorted(_pages() - reached - WITHOUT_A_LINK) == []


def _pages() -> set[str]:
    """The names of all URLs that answer with a page."""
    read = {name for name, method in url_rules() if method == "GET" and not name.startswith("admin:")}
    return {name for name in read - NO_PAGES if ":" not in name or name == "api:docs"}


def test_groups_by_state_are_called_as_states_are(visit_in_japanese: Client, run: Run, alice: User) -> None:
    visit_in_japanese.force_login(alice, backend=BACKEND)

    page = visit_in_japanese.get("/lab/vision?group=state").content.decode()

    assert set(re.findall(r'data-group-name="([^"]*)"', page)) == {"状態 実行中"}


# Pages to which no link leads whoever is signed in; they are asked for below.
BEFORE_SIGN_IN = {
    "account_confirm_email": "/account/confirm/garbage",
    "account_email_verification_sent": "/account/confirm",
    "account_inactive": "/account/inactive",
    "account_login": "/sign-in",
    "account_reset_password": "/account/reset",
    "account_reset_password_done": "/account/reset/sent",
    "account_reset_password_from_key": "/account/reset/1-garbage",
    "account_reset_password_from_key_done": "/account/reset/done",
    "account_signup": "/sign-up",
    "invitation": "/invitations/garbage",
    "socialaccount_login_cancelled": "/sign-in/cancelled",
}
# Pages that take a code, a passkey, a provider or an operator: test_ways_in_in_japanese.py asks for each.
ELSEWHERE = {
    "again-elsewhere",
    "closed-account",  # of an erasure that is under way: test_closing.py
    "account_reauthenticate",
    "github_callback",
    "google_callback",
    "mfa_add_webauthn",  # which no link leads to where passkeys cannot work
    "mfa_authenticate",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_view_recovery_codes",
    "operators-jobs",
    "operators-sizes",
    "plan-request",  # where teams take a plan: test_plan_request.py
    "socialaccount_signup",
}
WITHOUT_A_LINK = {
    *BEFORE_SIGN_IN,
    *ELSEWHERE,
    "account_logout",
    "account_set_password",
    "api:docs",
    # Of runs that logged media or saved code, which the demo's did not: tests/web/media, tests/web/code
    "project-compare-code",
    "project-compare-media",
    "run-media",
    "run-media-table",
    "go-alert",  # as the next three: ways on, from a mail or a message
    "go-run",
    "client-portfolio",  # ways on, from what the client prints
    "client-registry",
    "go-version",
    "go-webhook",
    "project-webhook",  # of webhooks that were made: test_webhooks.py
    "team-webhook",
    "webhook",
    "project-erase-runs",  # of runs that were chosen: test_erasing.py
    "erasure",  # of what was erased before: test_erasing.py
    "first-run",
}


@pytest.mark.parametrize(
    "path", [*BEFORE_SIGN_IN.values(), "/nobody", "/share/garbage", "/sign-in?next=/nobody/nothing"]
)
def test_pages_before_sign_in_are_japanese(visit_in_japanese: Client, alice: User, path: str) -> None:
    page = visit_in_japanese.get(path).content.decode()

    assert left_over(page, {"testserver"}) == []
    assert '<html lang="ja"' in page


@pytest.mark.parametrize("sign_up", ["open", "invited", "closed"])
def test_sign_up_is_japanese_whoever_may(
    visit_in_japanese: Client, alice: User, settings: Any, sign_up: str
) -> None:
    settings.OWNLOG_SIGN_UP = sign_up

    for path in ("/sign-in", "/sign-up", "/sign-up?invitation=spent"):
        assert left_over(visit_in_japanese.get(path).content.decode(), {"testserver"}) == []


def test_the_first_account_is_welcomed_in_japanese(visit_in_japanese: Client, db: None) -> None:
    for path in ("/sign-in", "/sign-up"):
        assert left_over(visit_in_japanese.get(path).content.decode(), {"testserver"}) == []


@pytest.mark.parametrize(
    "path", ["/", "/sign-out", "/alice", "/settings/api-keys", "/settings/appearance", "/api/v1/docs"]
)
def test_pages_of_somebody_without_a_run_are_japanese(
    visit_in_japanese: Client, alice: User, path: str
) -> None:
    visit_in_japanese.force_login(alice, backend=BACKEND)

    assert left_over(visit_in_japanese.get(path).content.decode(), {"alice", "AL", "testserver"}) == []


@pytest.mark.parametrize("address", ["alice@example.com", "stranger@example.com"])
def test_mails_are_japanese(
    visit_in_japanese: Client, alice: User, mailoutbox: list[EmailMessage], address: str
) -> None:
    visit_in_japanese.post("/account/reset", {"email": address})

    (mail,) = mailoutbox
    words_of_it = re.sub(
        r"https?://\S+|testserver|example\.com|alice|\[Ownlog\]", "", f"{mail.subject}\n{mail.body}"
    )
    assert not WORD.search(words_of_it), words_of_it
    assert KANA.search(str(mail.subject)) and KANA.search(str(mail.body))
