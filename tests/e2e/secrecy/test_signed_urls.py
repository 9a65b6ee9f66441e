"""URLs that carry their own right: for one person, one file, one method, for a while; and the gate is asked again."""

from __future__ import annotations

import http.client
import itertools
import secrets
import time
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from django.core import signing

from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.door import RUN, Answer, Door, changes, path_of, stored

pytestmark = pytest.mark.live

HOUR = 3600
OLD, NEW = b"what was there before", b"what an enemy would put"
REVOKE = "mutation($id: String!) { deleteApiKey(input: {id: $id}) { success } }"
MAKE_KEY = 'mutation { generateApiKey(input: {description: "x"}) { apiKey { id name } } }'


@pytest.fixture
def upload_url(alice: Door, project: str) -> str:
    """Where alice may put one file, with the file in place."""
    alice.start_run(project, "r")
    url = alice.upload_urls("alice", project, "r", "model.bin")["model.bin"]
    assert url is not None
    assert alice.put(url, OLD).status == 200
    return url


def file_facts(alice: Door, project: str, run: str = "r", entity: str = "alice") -> Any:
    found = alice.data(RUN, {"entity": entity, "project": project, "run": run})
    return found["project"]["run"]["files"]["edges"][0]["node"]


def fetch(alice: Door, url: str) -> Answer:
    return Door(alice.url).ask("GET", path_of(url))


@pytest.fixture
def download_url(alice: Door, project: str, upload_url: str) -> str:
    url: str = file_facts(alice, project)["directUrl"]
    assert fetch(alice, url).body == OLD
    return url


def refused(answered: Answer) -> bool:
    return answered.status in {400, 403, 404, 405} and OLD not in answered.body


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"])
def test_an_upload_link_does_one_thing(
    method: str, unbroken: Instance, upload_url: str, alice: Door, project: str
) -> None:
    rows = stored(unbroken.data)
    assert refused(Door(alice.url).ask(method, path_of(upload_url), NEW if method == "POST" else None))
    assert changes(rows, stored(unbroken.data)) == []


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_a_download_link_does_one_thing(
    method: str, unbroken: Instance, download_url: str, alice: Door
) -> None:
    rows = stored(unbroken.data)
    assert refused(Door(alice.url).ask(method, path_of(download_url), NEW))
    assert changes(rows, stored(unbroken.data)) == []


def test_a_link_is_not_good_at_the_other_address(
    unbroken: Instance, upload_url: str, download_url: str, alice: Door
) -> None:
    put, get = path_of(upload_url), path_of(download_url)
    rows = stored(unbroken.data)
    assert refused(Door(alice.url).ask("GET", put.replace("/put/", "/get/")))
    assert refused(Door(alice.url).ask("PUT", get.replace("/get/", "/put/"), NEW))
    assert refused(alice.ask("GET", put.replace("/put/", "/files/")))
    assert changes(rows, stored(unbroken.data)) == []


def token_of(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[1]


def test_a_link_for_one_file_is_not_bent_to_another(unbroken: Instance, alice: Door, project: str) -> None:
    alice.start_run(project, "r")
    urls = alice.upload_urls("alice", project, "r", "a.bin", "b.bin")
    first, second = (tuple(token_of(url or "").split(":")) for url in urls.values())
    rows = stored(unbroken.data)
    for parts in itertools.product(*zip(first, second, strict=True)):
        if parts not in {first, second}:
            assert refused(Door(alice.url).ask("PUT", "/storage/put/" + ":".join(parts), NEW)), parts
    assert changes(rows, stored(unbroken.data)) == []


def test_no_letter_of_a_link_can_be_changed(unbroken: Instance, upload_url: str, alice: Door) -> None:
    token = token_of(upload_url)
    rows = stored(unbroken.data)
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        forged = token[:place] + other + token[place + 1 :]
        answered = Door(alice.url).ask("PUT", f"/storage/put/{forged}", NEW)
        if place == len(token) - 1 and answered.status == 200:
            continue  # the last letter of a base64 text holds bits that mean nothing
        assert answered.status == 403 and answered.messages, (place, answered.status)
    for forged in (
        token[:-1],
        token + "A",
        token[1:],
        "",
        ":",
        "::",
        token * 3,
        token.replace(":", "."),
        "{}",
        "%00",
    ):
        assert refused(Door(alice.url).ask("PUT", f"/storage/put/{forged}", NEW))
    assert changes(rows, stored(unbroken.data)) == []


def aged(instance: Instance, url: str, *, seconds: float, salt: str, secret: str = "") -> str:
    """The same claims as if they had been signed so long ago, with the instance's own secret or another."""
    own = (instance.server.keys / "django_secret").read_text().strip()
    claims = signing.loads(token_of(url), key=own, salt=salt)
    with mock.patch("django.core.signing.time.time", return_value=time.time() - seconds):
        return signing.dumps(claims, key=secret or own, salt=salt)


SALT = "ownlog.wandb_protocol.signed_url."


@pytest.mark.parametrize(
    ("hours", "is_good"), [(-1 / 3600, True), (23, True), (25, False), (24 * 400, False)]
)
def test_an_upload_link_ends_after_a_day(
    hours: float, is_good: bool, unbroken: Instance, upload_url: str, alice: Door
) -> None:
    token = aged(unbroken, upload_url, seconds=hours * HOUR, salt=SALT + "PUT")
    answered = Door(alice.url).ask("PUT", f"/storage/put/{token}", NEW)
    assert (
        (answered.status == 200)
        if is_good
        else (answered.status == 403 and "Ask for a new one" in answered.messages[0])
    )


@pytest.mark.parametrize(("hours", "is_good"), [(0.9, True), (1.1, False), (24 * 400, False)])
def test_a_download_link_ends_after_an_hour(
    hours: float, is_good: bool, unbroken: Instance, download_url: str, alice: Door
) -> None:
    token = aged(unbroken, download_url, seconds=hours * HOUR, salt=SALT + "GET")
    answered = Door(alice.url).ask("GET", f"/storage/get/{token}")
    assert answered.body == OLD if is_good else answered.status == 403


def test_a_link_signed_with_another_secret_is_refused(
    unbroken: Instance, upload_url: str, alice: Door
) -> None:
    token = aged(unbroken, upload_url, seconds=0, salt=SALT + "PUT", secret="s" * 60)
    assert Door(alice.url).ask("PUT", f"/storage/put/{token}", NEW).status == 403


@pytest.mark.promise("P-26")
def test_links_end_with_the_key_that_asked_for_them(unbroken: Instance, alice: Door, project: str) -> None:
    made = alice.data(MAKE_KEY)["generateApiKey"]["apiKey"]
    second = Door(alice.url, made["name"])
    second.start_run(project, "r")
    put = second.upload_urls("alice", project, "r", "model.bin")["model.bin"]
    assert put and second.put(put, OLD).status == 200
    get = file_facts(second, project)["directUrl"]
    assert fetch(alice, get).body == OLD
    alice.data(REVOKE, {"id": made["id"]})
    rows = stored(unbroken.data)
    assert second.put(put, NEW).status == 403
    assert fetch(alice, get).status == 403
    assert changes(rows, stored(unbroken.data)) == []
    assert fetch(alice, file_facts(alice, project)["directUrl"]).body == OLD, "what it stored stays"


TEAM = """
import django; django.setup()
import sys
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.models import Entity, Membership
from apps.teams.services import add_member, create_team
from apps.teams.types import MemberRole
act, name = sys.argv[1:]
bob, alice = User.objects.get(username="bob"), User.objects.get(username="alice")
if act == "make":
    team = create_team(name, admin=alice, by=Actor.person(alice))
    add_member(team, bob, role=MemberRole.MEMBER)
elif act == "leave":
    Membership.objects.filter(entity__name=name, user=bob).delete()
else:
    Membership.objects.filter(entity__name=name, user=bob).update(role=MemberRole.VIEWER)
"""


def test_links_follow_the_membership(unbroken: Instance, project: str) -> None:
    team, bob = f"team-{secrets.token_hex(4)}", unbroken.door("bob")
    unbroken.server.python("-c", TEAM, "make", team)
    bob.start_run(project, "r", entity=team)
    put = bob.upload_urls(team, project, "r", "model.bin")["model.bin"]
    assert put and bob.put(put, OLD).status == 200
    get = file_facts(bob, project, entity=team)["directUrl"]
    rows = stored(unbroken.data)
    for act, reading in (("demote", 200), ("leave", 404)):
        unbroken.server.python("-c", TEAM, act, team)
        assert bob.put(put, NEW).status in {403, 404}
        assert fetch(bob, get).status == reading, act
    assert changes(rows, stored(unbroken.data)) == ["ownlog.sqlite3: teams_membership"]


def test_a_put_after_the_end_of_the_run_replaces_the_file(
    unbroken: Instance, upload_url: str, alice: Door, project: str
) -> None:
    """Decided: the link is the right that its owner has anyway, for a day. The client retries, and uploads after the
    end as well (`Api().run().upload_file`), so a link is neither used up nor ended by the run's end."""
    before = file_facts(alice, project)
    assert alice.stream("alice", project, "r", {"complete": True, "exitcode": 0}).status == 200
    assert alice.put(upload_url, b"the same file, sent again").status == 200
    after = file_facts(alice, project)
    assert after["md5"] != before["md5"] and after["sizeBytes"] == 25
    assert fetch(alice, after["directUrl"]).body == b"the same file, sent again"
    found = alice.data(RUN, {"entity": "alice", "project": project, "run": "r"})["project"]["run"]
    assert found["state"] == "finished", "an upload does not bring a run back to life"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "a b", "", "[::1"]
)
def test_another_host_is_not_served_and_never_named_in_a_link(
    host: str, unbroken: Instance, upload_url: str, alice: Door, project: str
) -> None:
    rows = stored(unbroken.data)
    try:
        answered = Door(alice.url).ask("PUT", path_of(upload_url), NEW, {"Host": host})
        assert answered.status == 400
        asked = alice.graphql(RUN, {"entity": "alice", "project": project, "run": "r"}, Host=host)
        assert asked.status == 400 and b"evil" not in asked.body
    except (http.client.BadStatusLine, ConnectionError, ValueError):
        pass  # not even a request
    assert changes(rows, stored(unbroken.data)) == []


def test_a_forwarded_host_is_not_believed(unbroken: Instance, alice: Door, project: str) -> None:
    alice.start_run(project, "r")
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example",
    }
    asker = Door(alice.url, alice.key, forged)
    url = asker.upload_urls("alice", project, "r", "model.bin")["model.bin"]
    assert url is not None and url.startswith(alice.url + "/")


def test_no_link_is_given_to_who_may_not_write(
    unbroken: Instance, mallory: Door, alice: Door, project: str
) -> None:
    alice.start_run(project, "r")
    sent = {"input": {"entityName": "alice", "projectName": project, "runName": "r", "files": ["x"]}}
    answered = mallory.graphql(
        "mutation F($input: CreateRunFilesInput!) { createRunFiles(input: $input) { files { uploadUrl } } }",
        sent,
    )
    assert answered.messages and "storage/put" not in answered.body.decode()


@pytest.mark.promise("P-05")
def test_code_gets_no_link(unbroken: Instance, alice: Door, project: str) -> None:
    alice.start_run(project, "r")
    names = [
        "code/train.py",
        "CODE/train.py",
        "./code/a.py",
        "code\\a.py",
        "diff.patch",
        "diff_abc.patch",
        "x/y.ipynb",
    ]
    urls = alice.upload_urls("alice", project, "r", *names, "model.bin")
    assert [name for name, url in urls.items() if url] == ["model.bin"]
