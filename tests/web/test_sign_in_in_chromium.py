"""Signing up and in by both providers, with codes and with a passkey, in a real browser over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browsers import chromium
from tests.live import LiveServer
from tests.providers import CANARY, Provider, provider
from tests.web.in_chromium import IN_CHROMIUM
from tests.web.test_factors import code_of

pytestmark = IN_CHROMIUM
PASSWORD = "a long pass phrase"


@pytest.fixture(scope="module")
def there() -> Iterator[Provider]:
    with provider() as standing_in:
        yield standing_in


@pytest.fixture(scope="module")
def server(there: Provider) -> Iterator[LiveServer]:
    with LiveServer(env=there.environment) as live:
        live.url = f"http://localhost:{live.port}"  # a passkey is for a name, not for an address
        live.account("owner")
        yield live


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(15_000)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield opened
    context.close()
    assert complaints == []


def by_provider(page: Page, server: LiveServer, name: str, path: str = "/sign-in") -> None:
    page.goto(server.url + path)
    page.click(f"text=Continue with {name}")
    page.click("text=Allow")


def sign_up(page: Page, server: LiveServer, name: str) -> None:
    page.goto(f"{server.url}/sign-up")
    page.fill("input[name=username]", name)
    page.fill("input[name=email]", f"{name}@example.com")
    page.fill("input[name=password1]", PASSWORD)
    page.click("text=Make the account")
    page.wait_for_url(f"{server.url}/")


def sign_in(page: Page, server: LiveServer, name: str) -> None:
    page.goto(f"{server.url}/sign-in")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main form:has(input[name=password]) button[type=submit]")


def say_who(page: Page) -> None:
    page.fill("input[name=password]", PASSWORD)
    page.click("text=Go on")


@pytest.mark.promise("P-14")
@pytest.mark.parametrize(
    ("name", "scope", "username"),
    [("Google", "openid email", "mei"), ("GitHub", "user:email", "kenji")],
)
def test_sign_up_and_in_by_a_provider(
    page: Page, server: LiveServer, there: Provider, name: str, scope: str, username: str
) -> None:
    there.person.email, there.person.uid = f"{username}@example.com", len(name)

    by_provider(page, server, name, "/sign-up?scope=repo")
    assert there.asked[-1]["scope"] == scope
    page.wait_for_url(f"{server.url}/sign-up/name")
    page.fill("input[name=username]", username)
    page.click("text=Make the account")
    page.wait_for_url(f"{server.url}/")

    page.goto(f"{server.url}/settings/security")
    kept = page.inner_text("section[aria-labelledby=links]")
    assert f"Asked for\n{scope}" in kept and f"the address {username}@example.com" in kept
    assert CANARY not in page.content()
    assert page.is_disabled(f"text=Unlink {name}")

    page.context.clear_cookies()
    by_provider(page, server, name)
    page.wait_for_url(f"{server.url}/")
    assert there.asked[-1]["scope"] == scope


def test_link_and_unlink(page: Page, server: LiveServer, there: Provider) -> None:
    there.person.email, there.person.uid = "elsewhere@example.com", 99
    sign_up(page, server, "lina")

    page.goto(f"{server.url}/settings/security")
    page.click("text=Link GitHub")
    say_who(page)
    page.click("text=Allow")
    page.wait_for_url(f"{server.url}/settings/security")
    page.click("text=Unlink GitHub")

    page.wait_for_selector("text=Link GitHub")
    assert page.locator("text=Unlink GitHub").count() == 0


def test_codes_of_an_app(page: Page, server: LiveServer) -> None:
    sign_up(page, server, "timo")
    page.goto(f"{server.url}/settings/security/codes/new")
    say_who(page)
    secret = page.inner_text(".secret")
    box = page.locator("svg.qr").bounding_box()
    assert box is not None and box["width"] == box["height"] > 150
    page.fill("input[name=code]", code_of(secret))
    page.click("text=Switch codes on")
    page.wait_for_url(f"{server.url}/settings/security/recovery")
    recovery = page.inner_text(".codes li >> nth=0")

    page.context.clear_cookies()
    sign_in(page, server, "timo")
    page.fill("input[name=code]", recovery)
    page.click("main button:has-text('Sign in')")
    page.wait_for_url(f"{server.url}/")


def virtual_authenticator(page: Page) -> Any:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools


def test_a_passkey(page: Page, server: LiveServer) -> None:
    virtual_authenticator(page)
    sign_up(page, server, "petra")
    page.goto(f"{server.url}/settings/security/passkeys/new")
    say_who(page)
    page.fill("input[name=name]", "desk")
    page.click("text=Add it")
    page.wait_for_url(f"{server.url}/settings/security/recovery")
    page.goto(f"{server.url}/settings/security")
    assert "desk" in page.inner_text("section[aria-labelledby=passkeys]")

    page.context.clear_cookies()
    page.goto(f"{server.url}/sign-in?next=/settings/appearance")
    page.click("text=Use a passkey")
    page.wait_for_url(f"{server.url}/settings/appearance")

    page.context.clear_cookies()
    sign_in(page, server, "petra")  # after a password it is the second step
    page.click("text=Use a passkey")
    page.wait_for_url(f"{server.url}/")
