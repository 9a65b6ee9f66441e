"""What is refused, and a page that breaks, say so in Japanese."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.runs.models import Run
from tests.web.english import JAPANESE, KANA, left_over

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
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
        assert KANA.search(reason)
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


def test_a_page_that_breaks_says_so_in_the_readers_language(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(headers=JAPANESE, raise_request_exception=False)
    client.force_login(alice, backend=BACKEND)
    monkeypatch.setattr("apps.web.views.appearance.render", lambda *args: 1 / 0)

    answer = client.get("/settings/appearance")

    assert answer.status_code == 500
    assert left_over(answer.content.decode()) == []
