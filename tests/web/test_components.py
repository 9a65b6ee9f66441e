"""The page of components: every part, from the templates that other pages use, and nothing of anybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.models import User
from tests.web.conftest import Visit, text_of

URL = "/components"
HTMX = {"HX-Request": "true"}


@pytest.mark.django_db
def test_every_component_is_shown(client: Client) -> None:
    page = client.get(URL)

    shown = {template.name for template in page.templates}
    all_there_are = {
        f"components/{path.name}" for path in Path(settings.BASE_DIR, "templates/components").iterdir()
    }
    assert all_there_are - shown == set()


@pytest.mark.parametrize("who", [None, "alice"])
def test_page_is_for_everybody_and_shows_states(visit: Visit, alice: User, who: str | None) -> None:
    words = text_of(visit(URL, by=who))

    for state in (
        "Private",
        "Team, 9 people",
        "Restricted, 3 people",
        "Public",
        "Open: anybody signed in adds runs",
        "Choose two runs first.",
        "Not shown: one of its files cannot be opened.",
        "The address stops after the @.",
        "Fixed by Hokuto University since 12 Oct 2026.",
        "“fast” is no number.",
        "51 to 100 of 2 400",
        "7.0 of 10.7 GB, 2 min left",
    ):
        assert state in words


@pytest.mark.django_db
def test_operators_find_it_in_the_footer(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    assert f'href="{URL}"' in client.get("/settings/api-keys").content.decode()


@pytest.mark.django_db
def test_a_switch_turns_without_a_script(client: Client) -> None:
    page = client.post(f"{URL}/switch/code", {"name": "code", "on": "1"}, follow=True)

    assert page.redirect_chain == [(f"{URL}?on=code", 302)]
    assert "The script and the diff to its last commit are kept with each run." in text_of(page)


@pytest.mark.django_db
def test_a_switch_answers_its_row(client: Client) -> None:
    on = client.post(f"{URL}/switch/code", {"on": "1"}, headers=HTMX).content.decode()
    off = client.post(f"{URL}/switch/code", headers=HTMX).content.decode()

    assert (on.count(" checked"), off.count(" checked")) == (1, 0)
    assert on.startswith("<form")


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "status"), [("unanswered", 503), ("public", 404), ("nothing", 404)])
def test_switches_that_cannot_be_turned(client: Client, name: str, status: int) -> None:
    assert client.post(f"{URL}/switch/{name}", {"on": "1"}).status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "chosen"), [("comfortable", "comfortable"), ("compact", "compact"), ("<b>", "compact")]
)
def test_a_choice(client: Client, sent: str, chosen: str) -> None:
    assert client.post(f"{URL}/choice", {"density": sent})["Location"] == f"{URL}?density={chosen}"


@pytest.mark.django_db
def test_points_of_its_panels(client: Client) -> None:
    def drawn(key: str) -> list[int]:
        packed = client.get(f"{URL}/series?key={key}").content
        size = int.from_bytes(packed[:4], "little")
        return [each["count"] for each in json.loads(packed[4 : 4 + size])["series"]]

    assert drawn("val%2Facc") == [120, 84, 120]
    assert drawn("val%2Ff1") == []
    assert client.get(f"{URL}/series?key=train%2Floss").status_code == 404
    assert "swin-s-cutmix-ema" in text_of(client.get(f"{URL}/series/table?key=val%2Facc"))
    assert len(b"".join(client.get(f"{URL}/series/csv?key=val%2Facc").streaming_content).splitlines()) == 325  # type: ignore[attr-defined]
