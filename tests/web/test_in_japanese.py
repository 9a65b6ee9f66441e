"""Every page of a whole world, in Japanese: what is left in Latin letters is a name, code or a word that has no other form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from html.parser import HTMLParser
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
from tests import words
from tests.exports.conftest import make

pytestmark = pytest.mark.django_db

JAPANESE = {"accept-language": "ja"}
BACKEND = "django.contrib.auth.backends.ModelBackend"
# What is written so in Japanese, too: names of things, units, formats.
AS_IT_IS = re.compile(
    r"(?<![A-Za-z])(?:Ownlog|verify_receipt\.py|Ed25519|API|bash|CPU|CSV|CUDA|Git|git|GPU|Hugging Face|ID|JSON Lines|JSON|Keras|Lightning|Markdown|OpenAPI|Parquet|PNG|Python"
    r"|REST|run\.log_code|run\.save|SHA|SHA-256|MD5|Standard Webhooks|TLS|URL|wandb|Webhook-Id|Webhook|XGBoost|kB|MB|GB|TB)(?![A-Za-z])"
)
_JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
_KANA = re.compile(r"[ぁ-ん]")
_WORD = re.compile(r"[A-Za-z]{2,}")
# Examples, names of runs, hashes, keys of the machine, files, ends of API keys.
_CODE = re.compile(
    r"config\.lr > 1e-4|\blr = 1e-4|^train$|\bdemo\d{4}\b|\b[0-9a-f]{40,64}\b|\bsystem\.[\w.]+|[\w-]+\.(?:json|txt)\b"
    r"|(?<=…)\w{4}\b|(?<=末尾が )\w{4}\b"
)
_SPOKEN = {"alt", "aria-description", "aria-label", "label", "placeholder", "title"}
_SILENT = {"bdi", "code", "kbd", "pre", "script", "style", "svg", "textarea"}
_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
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


class _Left(HTMLParser):
    """The words of a page that stand outside of names and code, and the names in it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.names: set[str] = set()
        self.links: list[str] = []
        self._open: list[tuple[str, bool, bool]] = []  # its tag, whether it is silent, whether a name

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_foreign = tag != "html" and given.get("lang", "ja") != "ja"
        classes = set(given.get("class", "").split())
        if not is_foreign:
            # What a field of code shows as its example is code.
            heard = _SPOKEN - {"placeholder"} if "mono" in classes else _SPOKEN
            self.seen += [value for name, value in given.items() if name in heard]
        if tag == "option":
            self.names.add(given.get("value", ""))  # no mark of a name fits in there
        if tag == "a" and "download" not in given:
            self.links.append(given.get("href", ""))
        if tag not in _VOID:
            is_name = tag == "bdi" or "clip" in classes
            is_silent = tag in _SILENT or is_foreign or not classes.isdisjoint({"mono", "marked-up"})
            self._open.append((tag, is_silent, is_name))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if any(is_name for _tag, _silent, is_name in self._open):
            self.names.add(data.strip())
        elif not any(is_silent for _tag, is_silent, _name in self._open):
            self.seen.append(data)


@cache
def _words_in_translations() -> frozenset[str]:
    spoken = (re.sub(r"%\(\w+\)\w|{\w}", "", words.translation_of(each)) for each in words.catalogue())
    return frozenset(word for each in spoken for word in _WORD.findall(each))


def left_over(page: str, names: AbstractSet[str] = frozenset()) -> list[str]:
    """What of this page is still English."""
    reader = _Left()
    reader.feed(page)
    known = sorted({each for each in reader.names | names if each}, key=len, reverse=True)
    found = []
    for text in reader.seen:
        rest = _CODE.sub(" ", " ".join(text.split()))
        for name in known:
            rest = rest.replace(" ".join(name.split()), " ")
        left = set(_WORD.findall(AS_IT_IS.sub(" ", rest)))
        # A Japanese sentence may name code, with the words that the translations have.
        if left - (_words_in_translations() if _JAPANESE.search(rest) else set()):
            found.append(" ".join(text.split()))
    return list(dict.fromkeys(found))


def test_english_words_are_seen() -> None:
    assert left_over("<p>Words <bdi>name</bdi></p>") == ["Words"]
    assert left_over('<a title="More of it" href="/">開く</a>') == ["More of it"]
    assert left_over('<p title="run-7 を開く"><bdi>run-7</bdi> 3 kB SHA-256 <code>x = loss</code></p>') == []
    assert left_over("<p>stderr のみ <i>steps 3</i> train を比較</p>") == ["steps 3", "train を比較"]
    assert left_over('<button lang="en">English</button><br><p>日本語</p>') == []


@pytest.fixture
def visit_in_japanese() -> Client:
    return Client(headers=JAPANESE)


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
        reader = _Left()
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


# ── What is refused ──

SIGN_UP = {"username": "newcomer", "email": "new@example.org", "password1": "a long enough one"}


@pytest.mark.parametrize(
    "changes",
    [
        {"username": ""},
        {"username": "a"},
        {"username": "-dash"},
        {"username": "x" * 60},
        {"username": "settings"},
        {"username": "alice"},
        {"email": ""},
        {"email": "no address"},
        {"password1": ""},
        {"password1": "short"},
        {"password1": "password1234"},
        {"password1": "newcomer12"},
    ],
    ids=str,
)
def test_what_sign_up_refuses_is_said_in_japanese(
    visit_in_japanese: Client, alice: User, changes: dict[str, str]
) -> None:
    page = visit_in_japanese.post("/sign-up", SIGN_UP | changes).content.decode()

    assert 'class="error"' in page
    assert left_over(page, {"testserver", "newcomer"}) == []


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/sign-in", {"login": "", "password": ""}),
        ("/sign-in", {"login": "alice", "password": "wrong"}),
        ("/sign-in", {"login": "alice@example.org", "password": "wrong"}),
        ("/account/reset", {"email": "no address"}),
    ],
)
def test_what_sign_in_refuses_is_said_in_japanese(
    visit_in_japanese: Client, alice: User, path: str, form: dict[str, str]
) -> None:
    page = visit_in_japanese.post(path, form).content.decode()

    assert 'class="error"' in page or "note brick" in page
    assert left_over(page, {"testserver", "alice"}) == []


def test_a_wrong_present_password_is_refused_in_japanese(visit_in_japanese: Client, alice: User) -> None:
    visit_in_japanese.force_login(alice, backend=BACKEND)

    form = {"oldpassword": "wrong", "password1": "short", "password2": "short"}
    page = visit_in_japanese.post("/settings/password", form).content.decode()

    assert page.count('class="error"') == 2
    assert left_over(page, {"testserver", "alice", "AL"}) == []


BAD_FILTERS = (
    "created > yesterday",
    "x" * 501,
    "{",
    '{"$and": 1}',
    '{"$xor": []}',
    '{"$not": 1}',
    '{"nosuch": 1}',
    '{"state": {"$like": 1}}',
    '{"state": {"$in": 1}}',
    '{"state": {"$gt": []}}',
    '{"display_name": {"$regex": 1}}',
    '{"display_name": {"$regex": "("}}',
)


@pytest.mark.parametrize("condition", BAD_FILTERS, ids=lambda text: text[:40])
def test_what_is_wrong_with_a_filter_is_said_in_japanese(
    visit_in_japanese: Client, run: Run, alice: User, condition: str
) -> None:
    visit_in_japanese.force_login(alice, backend=BACKEND)

    page = visit_in_japanese.get("/lab/vision", {"q": condition}).content.decode()
    reasons = re.findall(r'id="filter-reason"[^>]*>(.*?)</div>', page, re.DOTALL)

    assert reasons
    for reason in reasons:
        assert _KANA.search(reason)
        assert not re.search(
            r"\b(?:is|are|has|takes|no|of|only)\b", re.sub("<[^>]*>", "", reason), re.IGNORECASE
        )


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/lab/vision/runs/run1/edit", {"name": "x" * 1001}, 400),
        ("/lab/vision/runs/run1/edit", {"name": "a\u202eb"}, 400),
        ("/lab/vision/runs/run1/edit", {"tags": ",".join(map(str, range(2000)))}, 400),
        ("/settings/appearance", {"theme": "pink"}, 400),
        ("/settings/api-keys/aaaaaaaaaaaaaaaaaaaa/revoke", {}, 404),
    ],
)
def test_refusals_are_pages_in_japanese(
    visit_in_japanese: Client, run: Run, alice: User, path: str, form: dict[str, str], status: int
) -> None:
    visit_in_japanese.force_login(alice, backend=BACKEND)

    answer = visit_in_japanese.post(path, form)

    assert answer.status_code == status
    assert left_over(answer.content.decode(), {"testserver", "alice", "AL", "lab", "run1"}) == []


def test_a_role_that_does_not_allow_it_is_told_in_japanese(
    visit_in_japanese: Client, run: Run, vera: User
) -> None:
    visit_in_japanese.force_login(vera, backend=BACKEND)

    answer = visit_in_japanese.post("/lab/vision/runs/run1/stop")

    assert answer.status_code == 403
    assert left_over(answer.content.decode(), {"testserver", "vera", "VE"}) == []


@pytest.mark.parametrize("address", ["alice@example.com", "stranger@example.com"])
def test_mails_are_japanese(
    visit_in_japanese: Client, alice: User, mailoutbox: list[EmailMessage], address: str
) -> None:
    visit_in_japanese.post("/account/reset", {"email": address})

    (mail,) = mailoutbox
    words_of_it = re.sub(
        r"https?://\S+|testserver|example\.com|alice|\[Ownlog\]", "", f"{mail.subject}\n{mail.body}"
    )
    assert not _WORD.search(words_of_it), words_of_it
    assert _KANA.search(str(mail.subject)) and _KANA.search(str(mail.body))


def test_a_page_that_breaks_says_so_in_the_readers_language(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(headers=JAPANESE, raise_request_exception=False)
    client.force_login(alice, backend=BACKEND)
    monkeypatch.setattr("apps.web.views.appearance.render", lambda *args: 1 / 0)

    answer = client.get("/settings/appearance")

    assert answer.status_code == 500
    assert left_over(answer.content.decode()) == []
