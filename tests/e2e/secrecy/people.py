"""What an instance learns of people besides their work: who vouched for them, their codes, devices, mails and requests.

Each of the secrets is read where it was shown: on a page, in a mail, or at the provider that handed it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlsplit

import requests

from tests.e2e.secrecy.browser import Browser
from tests.e2e.secrecy.search import Marker
from tests.providers import CANARY, CLIENT_SECRET, Provider
from tests.web.mailbox import Mailbox, words_of
from tests.web.test_factors import code_of

# What they write, by its place, and what their browser says of itself.
TEXTS = [
    "plan_use",
    "plan_evidence",
    "plan_address",
    "plan_question",
    "plan_answer",
    "plan_reason",
    "waiting_words",
]
USER_AGENT = "user_agent"  # of which the browser and the system are kept
# What was handed out to them, or by them, and is to be kept by nobody.
SECRETS = [
    "client secret",
    "OAuth profile",
    "OAuth code",
    "OAuth state",
    "OAuth token",
    "secret of codes",
    "recovery code",
    "confirmation by mail",
    "reset by mail",
]
Say = Callable[[str], str]


def live_as_people(
    operator: Browser, there: Provider, mailbox: Mailbox, say: Say
) -> tuple[str, list[Marker]]:
    """kenji comes by GitHub and is given a plan, dora by a password and is suspended: what pages said, and the secrets."""
    kenji, dora = Browser(operator.url), Browser(operator.url)
    agent = f"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 {say(USER_AGENT)}"
    kenji.session.headers["User-Agent"] = agent
    secrets = [*_come_by_github(kenji, there), *_set_up_codes(kenji)]
    seen = kenji.get("/settings/sessions").text
    seen += _ask_for_a_plan(kenji, operator, say)

    dora.sign_up("dora")
    words = {
        "plan": "open_source",
        "address": "https://example.org/dora",
        "use": say("waiting_words"),
        "evidence": "x",
    }
    assert dora.submit("/settings/plan", words).status_code == 302
    seen += dora.get("/settings/plan").text
    secrets += _follow_mails(dora, mailbox)
    _suspend(operator, "dora")
    assert dora.get("/settings/plan").status_code == 302
    return seen, secrets


def _come_by_github(browser: Browser, there: Provider) -> list[Marker]:
    begun = browser.submit("/sign-in/with/github", {}, page="/sign-in")
    address = _one(r'http-equiv="refresh" content="0;url=([^"]+)"', begun.text)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(unescape(address)).query).items()}
    consent = requests.post(
        f"{there.url}/consent", data=asked | {"say": "yes"}, allow_redirects=False, timeout=30
    )
    back = consent.headers["Location"]
    answered = browser.get(back.removeprefix(browser.url))
    assert answered.headers["Location"] == "/sign-up/name", answered.text[:2000]
    assert browser.submit("/sign-up/name", {"username": "kenji"}).status_code == 302
    returned = parse_qs(urlsplit(back).query)
    return [
        Marker("client secret", CLIENT_SECRET),
        Marker("OAuth profile", CANARY),
        Marker("OAuth code", returned["code"][0]),
        Marker("OAuth state", returned["state"][0]),
        *(Marker("OAuth token", token) for token in there.tokens),
    ]


def _set_up_codes(browser: Browser) -> list[Marker]:
    path = "/settings/security/codes/new"
    secret = _one(r'secret">([A-Z2-7]+)<', browser.get(path).text)
    # Each visit of the page makes another secret, so the form's token is taken elsewhere.
    done = browser.submit(path, {"code": code_of(secret)}, page="/settings/security")
    assert done.status_code == 302, done.text[:2000]
    codes = re.findall(r"<li>(\d{8})</li>", browser.get("/settings/security/recovery").text)
    # One stands for all, which come of one seed: eight figures may stand anywhere by chance.
    return [Marker("secret of codes", secret), Marker("recovery code", codes[0])]


def _ask_for_a_plan(person: Browser, operator: Browser, say: Say) -> str:
    words = {
        "plan": "academic",
        "address": f"https://{say('plan_address')}.example/lab",
        "use": say("plan_use"),
        "evidence": say("plan_evidence"),
    }
    assert person.submit("/settings/plan", words).status_code == 302
    queue = operator.get("/admin/plans/planrequest/").text
    review = _one(r'(/admin/plans/planrequest/\d+/review)"', queue)
    seen = operator.get(review).text
    _sent(operator, review, {"act": "ask", "ask-question": say("plan_question")})
    seen += person.get("/settings/plan").text
    answer = {"answer": say("plan_answer")}
    assert person.submit("/settings/plan/answer", answer, page="/settings/plan").status_code == 302
    seen += operator.get(review).text
    _sent(operator, review, {"act": "approve", "approve-reason": say("plan_reason"), "approve-until": ""})
    return seen + person.get("/settings/plan").text + operator.get(review).text


def _follow_mails(person: Browser, mailbox: Mailbox) -> list[Marker]:
    """The links that confirm an address and set a new password, each opened."""
    stranger, address = Browser(person.url), {"email": "dora@example.com"}
    assert person.submit("/settings/email", address | {"action_send": "1"}).status_code == 302
    assert stranger.submit("/account/reset", address).status_code == 302
    text = "\n".join(words_of(mail) for mail in mailbox.mails if mail["To"] == address["email"])
    confirm, key = _found(r"(/account/confirm/([-:\w]+))", text)
    assert person.submit(confirm, {}).status_code == 302
    reset, token = _found(r"(/account/reset/[0-9A-Za-z]+-([-\w]+))", text)
    opened = stranger.get(reset)
    assert opened.status_code == 302
    assert "password1" in stranger.get(opened.headers["Location"]).text
    return [Marker("confirmation by mail", key), Marker("reset by mail", token)]


def _suspend(operator: Browser, name: str) -> None:
    users = "/admin/accounts/user/"
    pk = _one(rf"/admin/accounts/user/(\d+)/change/[^>]*>{name}<", operator.get(users).text)
    _sent(operator, users, {"action": "suspend", "_selected_action": pk, "index": "0"})


def _sent(browser: Browser, path: str, fields: dict[str, str]) -> None:
    answered = browser.submit(path, fields)
    assert answered.status_code == 302, answered.text[:3000]


def _one(pattern: str, text: str) -> str:
    return _found(pattern, text)[0]


def _found(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text)
    assert found is not None, (pattern, text[:3000])
    return found.groups()
