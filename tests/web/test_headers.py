from __future__ import annotations

import pytest

from apps.runs.models import Run
from tests.web.conftest import Visit

RUN = "/lab/vision/runs/told"
PAGES = (
    "/",
    "/lab",
    "/lab/vision",
    "/lab/vision/compare?runs=told",
    f"{RUN}/series/table?key=loss",
    RUN,
    f"{RUN}/charts",
    f"{RUN}/console",
    f"{RUN}/files",
    f"{RUN}/series?key=loss",
    f"{RUN}/live",
    "/settings/api-keys",
    "/settings/password",
    "/nothing/here",
)
OPEN_PAGES = ("/sign-in", "/sign-up", "/account/reset", "/nothing/here")
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "media-src 'self'",
    "frame-src 'self'",
    "connect-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


@pytest.mark.parametrize(
    ("url", "who"), [(url, "vera") for url in PAGES] + [(url, None) for url in OPEN_PAGES]
)
def test_headers_of_a_page(visit: Visit, told: Run, url: str, who: str | None) -> None:
    response = visit(url, by=who)

    assert set(response["Content-Security-Policy"].split("; ")) == POLICY
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("url", "who"),
    [(url, "vera") for url in PAGES if "series?" not in url and "live" not in url]
    + [(url, None) for url in OPEN_PAGES],
)
def test_a_page_carries_nothing_that_the_policy_would_stop(
    visit: Visit, told: Run, url: str, who: str | None
) -> None:
    page = visit(url, by=who).content.decode()

    for mark in (
        " style=",
        "<style",
        " onclick=",
        " onload=",
        "javascript:",
        "hx-on",
        "data:",
        "http://",
        "https://",
    ):
        assert mark not in page.replace("http://testserver", "").replace(
            'xmlns="http://www.w3.org/2000/svg"', ""
        )
    assert page.count("<h1") == 1
    assert page.count('id="main"') == 1
    assert "<title>" in page
    assert '<html lang="en">' in page
