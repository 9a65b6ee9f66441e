"""/{entity}/{project}/settings/webhooks, /teams/{team}/webhooks, /settings/webhooks, each with one webhook below, and /go/webhooks/{id}"""

from __future__ import annotations

import ipaddress
import re

import pytest
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.artifacts.services import create_registry
from apps.audit.models import Event
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.teams.models import Entity, Organisation
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.outbox import note_test
from apps.webhooks.queries import open_hook
from apps.webhooks.services import deliver, make_hook
from apps.webhooks.types import Happening
from tests.factories import people
from tests.web.conftest import Visit, text_of
from tests.webhooks.receiver import receiving

PLACES = ["/lab/vision/settings/webhooks", "/teams/lab/webhooks", "/settings/webhooks"]
ADDRESS = "https://hooks.example/in?q=<b>&w=%00"


@pytest.fixture
def hook(vision: Project, alice: User) -> Hook:
    return make_hook(vision, ADDRESS, happenings=Happening.chosen_among(), by=people.actor(alice))[0]


@pytest.mark.parametrize("url", PLACES)
def test_one_is_made_and_its_secret_is_shown_once(
    visit: Visit, send: Visit, lab: Entity, vision: Project, url: str
) -> None:
    assert "There is none." in text_of(visit(url, by="alice"))

    made = send(url, by="alice", address=ADDRESS, happenings=["run.finished", "run.alert"])

    hook = Hook.objects.get()
    html = made.content.decode()
    assert made.status_code == 200 and re.search(r"whsec_[A-Za-z0-9+/]{43}=", html)
    assert open_hook(hook).happenings == (Happening.RUN_FINISHED, Happening.RUN_ALERT)
    listed, one = visit(url, by="alice"), visit(f"{url}/{hook.public_id}", by="alice")
    for page in (listed, one):
        assert "whsec_" not in page.content.decode()
        assert "<bdi>https://hooks.example/in?q=&lt;b&gt;" in page.content.decode()
    assert "A run has ended" in text_of(one) and "nothing sent yet" in text_of(listed)
    (event,) = Event.objects.filter(kind="webhook.made")
    assert event.subject == hook.public_id and event.facts == {}


@pytest.mark.parametrize(
    ("address", "happenings", "says"),
    [
        ("", ["run.finished"], "begins with https://"),
        ("http://hooks.example/", ["run.finished"], "without TLS"),
        ("https://127.0.0.1/", ["run.finished"], "leads into a network"),
        ("https://user:word@hooks.example/", ["run.finished"], "Leave out"),
        ("https://h.example/\x00", ["run.finished"], "Null characters"),
        ("https://h.example/\u202ex y", ["run.finished"], "a space"),
        ("https://h.example/" + "x" * 10_000, ["run.finished"], "at most 2000"),
        ("https://h.example/", [], "at least one thing"),
        ("https://h.example/", ["webhook.test"], "no such choice"),
        ("https://h.example/", ["<b>"], "no such choice"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    send: Visit, vision: Project, address: str, happenings: list[str], says: str
) -> None:
    answer = send(PLACES[0], by="alice", address=address, happenings=happenings)

    assert answer.status_code == 400
    assert says in text_of(answer).replace("&lt;", "<")
    assert 'class="error"' in answer.content.decode()
    assert not Hook.objects.exists()


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 403), ("mallory", 404), (None, 404)]
)
def test_only_admins_have_the_pages(
    visit: Visit, vision: Project, hook: Hook, mallory: User, who: str | None, status: int
) -> None:
    pages = [*PLACES[:2], f"{PLACES[0]}/{hook.public_id}"]

    assert {visit(url, by=who).status_code for url in pages} == {status}


@pytest.mark.parametrize(("who", "status"), [("alice", 302), ("bob", 403), ("mallory", 404), (None, 404)])
def test_the_way_from_a_mail(
    visit: Visit,
    vision: Project,
    lab: Entity,
    hook: Hook,
    alice: User,
    mallory: User,
    who: str | None,
    status: int,
) -> None:
    of_team, _ = make_hook(lab, ADDRESS, happenings=[Happening.RUN_ALERT], by=people.actor(alice))

    answers = [visit(f"/go/webhooks/{each.public_id}", by=who) for each in (hook, of_team)]

    assert {answer.status_code for answer in answers} == {status}
    if status == 302:
        assert [answer["Location"] for answer in answers] == [
            f"{PLACES[0]}/{hook.public_id}",
            f"{PLACES[1]}/{of_team.public_id}",
        ]


def test_another_entitys_id_leads_nowhere(visit: Visit, send: Visit, hook: Hook, mallory: User) -> None:
    own = f"/settings/webhooks/{hook.public_id}"

    assert visit(own, by="mallory").status_code == 404
    assert send(own, by="mallory", act="remove").status_code == 404
    assert visit(own, by="alice").status_code == 404  # hers, but of the project
    assert Hook.objects.exists()


def test_it_is_switched_tried_renewed_and_removed(send: Visit, visit: Visit, hook: Hook) -> None:
    url = f"{PLACES[0]}/{hook.public_id}"

    def act(name: str) -> int:
        return send(url, by="alice", act=name).status_code

    assert act("test") == 302 and Delivery.objects.get().happening == "webhook.test"
    assert act("off") == 302 and not Hook.objects.get().is_on
    assert act("test") == 400
    assert act("on") == 302 and Hook.objects.get().is_on
    assert act("nonsense") == 302
    assert "whsec_" in send(url, by="alice", act="secret").content.decode()
    assert [event.facts["what"] for event in Event.objects.filter(kind="webhook.changed").order_by("pk")] == [
        "off",
        "on",
        "secret",
    ]
    assert "changed a webhook" in text_of(visit("/teams/lab/audit?kind=", by="alice"))

    assert act("remove") == 302 and not Hook.objects.exists()
    assert act("remove") == 404


def test_the_list_says_what_became_of_each_message_and_nothing_of_what_it_was_about(
    visit: Visit, run: Run, alice: User, vision: Project, settings: Settings
) -> None:
    settings.OWNLOG_WEBHOOK_NETWORKS = (ipaddress.ip_network("127.0.0.1/32"),)
    with receiving() as receiver:
        address = f"http://127.0.0.1:{receiver.port}/"
        made, _ = make_hook(vision, address, happenings=[Happening.RUN_FINISHED], by=people.actor(alice))
        finish_run(run, state=RunState.FAILED, by=people.actor(alice))
        receiver.answers = [500, 200]
        deliver(Delivery.objects.get().pk)
        url = f"{PLACES[0]}/{made.public_id}"
        failing = text_of(visit(url, by="alice"))
        Hook.objects.update(waits_until=None)
        deliver(Delivery.objects.get().pk)
        page = visit(url, by="alice")

    assert (
        "It answered with an error." in failing and "does not answer" in failing and "on its way" in failing
    )
    words = text_of(page)
    assert "A run has ended arrived 2 200" in words and Delivery.objects.get().public_id in words
    assert "run1" not in words and run.public_id not in words


def test_one_whose_address_does_not_open_is_named_and_can_be_removed(
    send: Visit, visit: Visit, vision: Project, hook: Hook, alice: User
) -> None:
    broken, _secret = make_hook(vision, ADDRESS, happenings=Happening.chosen_among(), by=people.actor(alice))
    Hook.objects.filter(pk=broken.pk).update(sealed_address=b"\0" * 64)

    page = visit(PLACES[0], by="alice")

    action = f"{PLACES[0]}/{broken.public_id}"
    assert f"of {broken.uuid} was changed or damaged" in text_of(page)
    assert (
        page.content.decode().count('value="remove"') == 1 and f'action="{action}"' in page.content.decode()
    )
    assert send(action, by="alice", act="remove")["Location"] == PLACES[0]
    assert list(Hook.objects.all()) == [hook]


def test_the_list_is_of_the_last_hundred(visit: Visit, hook: Hook) -> None:
    for _n in range(105):
        note_test(hook)

    page = visit(f"{PLACES[0]}/{hook.public_id}", by="alice")

    assert page.content.decode().count('<th scope="row">') == 100


def test_a_registry_has_them_in_its_own_settings_and_no_alerts(
    visit: Visit, send: Visit, institute: Organisation, alice: User
) -> None:
    create_registry(institute, name="models", by=people.actor(alice))
    place = "/institute/wandb-registry-models"
    assert f'href="{place}/settings/webhooks"' in visit(f"{place}/settings", by="alice").content.decode()

    made = send(f"{place}/settings/webhooks", by="alice", address=ADDRESS, happenings="artifact.linked")

    assert (made.status_code, "whsec_" in text_of(made)) == (200, True)
    page = visit(f"{place}/settings/webhooks", by="alice")
    assert "are told when a version is linked into this registry" in text_of(page)
    assert 'aria-label="Project"' not in page.content.decode()
    hook = Hook.objects.get()
    led = visit(f"/go/webhooks/{hook.public_id}", by="alice")
    assert led["Location"] == f"{place}/settings/webhooks/{hook.public_id}"
    assert visit(led["Location"], by="alice").status_code == 200
    assert visit(f"{place}/alerts", by="alice").status_code == 404
