from __future__ import annotations

import gzip
from collections.abc import Iterable

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.runs.models import Run

pytestmark = pytest.mark.django_db

SCRIPT, PAGE = "/static/vendor/htmx/htmx.min.js", "/lab/vision"
OWN = {"Accept-Encoding": "gzip, br", "Sec-Fetch-Site": "same-origin"}


def _body(answer: Iterable[bytes]) -> bytes:
    return b"".join(answer)


def test_scripts_travel_compressed_and_are_the_same(client: Client) -> None:
    plain = client.get(SCRIPT)
    packed = client.get(SCRIPT, headers={"Accept-Encoding": "gzip"})
    again = client.get(SCRIPT, headers={"Accept-Encoding": "gzip"})

    whole = _body(plain)
    assert packed["Content-Encoding"] == "gzip"
    assert packed["Vary"] == "Accept-Encoding"
    assert packed["Content-Type"] == plain["Content-Type"]
    assert int(packed["Content-Length"]) < len(whole) / 2
    assert gzip.decompress(_body(packed)) == gzip.decompress(_body(again)) == whole


def test_a_script_that_is_known_is_not_sent_again(client: Client) -> None:
    tag = client.get(SCRIPT, headers={"Accept-Encoding": "gzip"})["ETag"]

    again = client.get(SCRIPT, headers={"Accept-Encoding": "gzip", "If-None-Match": tag})

    assert (again.status_code, again.has_header("Content-Encoding")) == (304, False)


def test_pages_are_compressed_for_ourselves_and_their_length_is_blurred(
    client: Client, told: Run, alice: User
) -> None:
    client.force_login(alice)

    pages = [client.get(PAGE, headers=OWN) for _ in range(20)]

    assert {page["Content-Encoding"] for page in pages} == {"gzip"}
    assert b"a run that tells" in gzip.decompress(pages[0].content)
    assert len({len(page.content) for page in pages}) > 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "cross-site"},
        {"Accept-Encoding": "gzip"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_pages_that_another_site_opened_are_not(
    client: Client, told: Run, alice: User, headers: dict[str, str]
) -> None:
    client.force_login(alice)

    page = client.get(PAGE, headers=headers)

    assert not page.has_header("Content-Encoding")
    assert "Sec-Fetch-Site" in page["Vary"]


def test_what_is_no_page_stays_as_it_is(client: Client, told: Run, alice: User) -> None:
    client.force_login(alice)

    for url in (f"{PAGE}/ids", f"{PAGE}/series/csv?key=loss&run={told.public_id}"):
        assert not client.get(url, headers=OWN).has_header("Content-Encoding")
