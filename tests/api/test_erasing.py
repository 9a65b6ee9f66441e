"""DELETE on a project, a run, a file, an artifact, a team and an organisation, and the erasures that come of it"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.api.views import artifacts as views
from apps.artifacts.models import Version
from apps.artifacts.services import link_version, use_version
from apps.artifacts.types import VersionState
from apps.core.errors import Forbidden, NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.queries import runs_to_erase
from apps.erasure.verify_receipt import check, check_chain
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import get_runs_in, open_run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.api.conftest import API, RUN, VISION, Ask
from tests.erasure.conftest import finish
from tests.factories import artifacts, people, work
from tests.questions import questions

RUNS = f"{VISION}/runs"
DATA = f"{VISION}/artifacts/ds"
# Of each its address, its name, and what its people hear who are no admins.
WHOLES = {
    "team": (f"{API}/teams/lab", "lab", 403),
    "org": (f"{API}/organisations/institute", "institute", 404),
}
# bob is a member and did not add the run.
ERASERS = [("bob", 403), ("vera", 403), ("mallory", 404), (None, 404), ("revoked", 401), ("alice", 202)]


def test_who_erases_a_run_and_what_is_answered_then(ask: Ask, told: Run) -> None:
    for who, status in ERASERS:
        assert ask("DELETE", RUN, by=who).status == status, who

    assert ask("GET", RUN, by="vera").status == ask("DELETE", RUN, by="alice").status == 410
    assert ask("GET", RUN, by="mallory").status == ask("GET", f"{RUNS}/nothing", by="mallory").status == 404
    assert ask("GET", RUNS, by="vera").json["total"] == 0
    assert ask("POST", RUNS, {"name": "told"}, by="alice").status == 410
    for below in ("history", "files", "console", "config"):
        assert ask("GET", f"{RUN}/{below}", by="alice").status == 410


def test_many_runs_are_one_erasure_all_of_them_or_none(
    ask: Ask, told: Run, vision: Project, alice: User, bob: User
) -> None:
    work.run(vision, "other", by=alice)
    work.run(vision, "bobs", by=bob)
    both = f"{RUNS}?name=told&name=other&name=told"
    for who, status in ERASERS[:-1]:
        assert ask("DELETE", both, by=who).status == status, who
    for names, status in (("", 400), ("?name=", 400), ("?name=told&name=absent", 404), ("?name=%00", 400)):
        assert ask("DELETE", RUNS + names, by="alice").status == status, names
    assert ask("DELETE", f"{RUNS}?name=bobs&name=told", by="bob").status == 403
    assert ask("DELETE", f"{RUNS}?name=bobs", by="bob").status == 202
    assert ask("GET", RUNS, by="alice").json["total"] == 2

    begun = ask("DELETE", both, by="alice")

    assert (begun.status, begun.json["kind"], begun.json["asked"]) == (202, "runs", 2)
    assert ask("GET", RUNS, by="alice").json["total"] == 0
    assert ask("DELETE", both, by="alice").status == 410


def test_many_runs_are_found_in_as_many_questions_as_one(vision: Project, alice: User, bob: User) -> None:
    names = [f"r{number}" for number in range(6)]
    for number, name in enumerate(names):
        work.run(vision, name, by=(alice, bob)[number % 2])
    admin, member = Actor.person(alice), Actor.person(bob)

    def asked(actor: Actor, *wanted: str) -> tuple[int, list[str]]:
        found = questions(
            lambda: get_runs_in(actor, Permission.RUN_ERASE, project=vision, names=[*wanted, wanted[0]])
        )
        return found[0], [open_run(run).head.name for run in found[1]]

    assert asked(member, "r5", "r3", "r1") == (asked(member, "r5")[0], ["r5", "r3", "r1"])
    # The gate is asked once for one's own runs and once for those of others.
    assert asked(admin, *names) == (asked(admin, "r0", "r1")[0], names)
    chosen = [run.public_id for run in Run.objects.all()]
    few = questions(lambda: runs_to_erase(admin, vision, public_ids=chosen[:2]))[0]
    assert questions(lambda: runs_to_erase(admin, vision, public_ids=chosen))[0] == few
    for wanted, error in ((["r1", "r0"], Forbidden), (["r1", "absent"], NotFound)):
        with pytest.raises(error):
            asked(member, *wanted)


def test_members_erase_what_they_added(ask: Ask, vision: Project, bob: User) -> None:
    work.run(vision, "bobs", by=bob)

    assert ask("DELETE", f"{RUNS}/bobs", by="bob").status == 202


def test_an_erasure_tells_how_far_it_is_to_who_asked_and_to_admins(
    ask: Ask, vision: Project, bob: User, mallory: User
) -> None:
    work.run(vision, "bobs", by=bob)
    begun = ask("DELETE", f"{RUNS}/bobs", by="bob").json
    assert (begun["kind"], begun["step"], begun["asked"], begun["done_at"]) == ("runs", "shred", 1, None)
    finish(ErasureJob.objects.get())

    place = f"{API}/erasures/{begun['id']}"
    assert ask("GET", place, by="bob").json["step"] == ask("GET", place, by="alice").json["step"] == "done"
    assert [ask("GET", place, by=who).status for who in ("vera", "mallory", None)] == [404, 404, 401]
    assert [len(ask("GET", f"{API}/erasures", by=who).json["items"]) for who in ("bob", "alice", "vera")] == [1, 1, 0]  # fmt: skip


def test_a_file_goes_and_the_others_stay(ask: Ask, told: Run) -> None:
    for name in ("out/a.txt", "out/b.txt"):
        ask("PUT", f"{RUN}/files/{name}", b"x", by="alice", **{"Content-Type": "application/octet-stream"})
    there = RunFile.objects.count()

    assert ask("DELETE", f"{RUN}/files/out/a.txt", by="bob").status == 403
    assert ask("DELETE", f"{RUN}/files/out/a.txt", by="alice").status == 202
    assert ask("DELETE", f"{RUN}/files/out/a.txt", by="alice").status == 404
    assert ask("GET", f"{RUN}/files/out/a.txt", by="alice").status == 404
    assert ask("GET", f"{RUN}/files/out/b.txt", by="alice").body == b"x"
    assert RunFile.objects.count() == there - 1


def test_a_project_goes_by_its_admins_with_everything_in_it(ask: Ask, told: Run) -> None:
    for who, status in ERASERS:
        assert ask("DELETE", VISION, by=who).status == status, who

    assert ask("GET", VISION, by="alice").status == ask("GET", RUN, by="alice").status == 404


@pytest.fixture
def pair(vision: Project, alice: User, mallory: User) -> tuple[Version, Version]:
    """Two versions of an artifact."""
    by = people.actor(alice)
    first = artifacts.version(vision, "ds", {"a.txt": b"one"}, by=by, aliases=("latest", "old"))
    return first, artifacts.version(vision, "ds", {"a.txt": b"two"}, by=by)


def numbers() -> list[int | None]:
    """Of the versions that are there."""
    there = Version.objects.filter(state=VersionState.COMMITTED)
    return list(there.order_by("number").values_list("number", flat=True))


def test_a_version_goes_by_its_number_alone_and_the_others_stay(
    ask: Ask, vision: Project, pair: tuple[Version, Version]
) -> None:
    for what in ("", "/versions/v0", "/versions/latest"):
        for who, status in ERASERS[:-1]:
            assert ask("DELETE", DATA + what, by=who).status == status, (what, who)
    for what in ("/versions/v7", "/versions/nothing", "-of-nobody", "-of-nobody/versions/v0"):
        assert ask("DELETE", DATA + what, by="alice").status == 404, what
    assert numbers() == [0, 1] and not ErasureJob.objects.exists()

    by_alias = [
        ask("DELETE", f"{DATA}/versions/{each}?even_if_used=true", by="alice") for each in ("old", "latest")
    ]
    assert [each.status for each in by_alias] == [409, 409]
    assert by_alias[1].json["detail"].endswith("Erase it by its number: v1.")
    assert numbers() == [0, 1] and not ErasureJob.objects.exists()

    begun = ask("DELETE", f"{DATA}/versions/v0", by="alice")

    assert (begun.status, begun.json["kind"], begun.json["asked"]) == (202, "versions", 1)
    assert numbers() == [1]
    assert {ask("DELETE", f"{DATA}/versions/{each}", by="alice").status for each in ("old", "v0")} == {404}
    assert finish(ErasureJob.objects.get()).step == "done"


def test_members_erase_versions_that_they_added_and_admins_whole_artifacts(
    ask: Ask, vision: Project, bob: User
) -> None:
    for content in (b"one", b"two"):
        artifacts.version(vision, "bobs", {"a.txt": content}, by=people.actor(bob))
    place = f"{VISION}/artifacts/bobs"

    assert ask("DELETE", f"{place}/versions/v0", by="bob").status == 202
    assert ask("DELETE", place, by="bob").status == 403
    assert numbers() == [1]
    whole = ask("DELETE", place, by="alice")
    assert (whole.status, whole.json["kind"], numbers()) == (202, "artifact", [])
    assert ask("DELETE", place, by="alice").status == 404


def test_what_runs_have_read_or_what_is_linked_goes_when_one_says_so(
    ask: Ask, told: Run, vision: Project, alice: User, pair: tuple[Version, Version]
) -> None:
    artifacts.version(vision, "ds", {"a.txt": b"three"}, by=people.actor(alice))
    use_version(told, pair[0])
    link_version(pair[1], vision, name="best", aliases=(), by=people.actor(alice))
    links, one = f"{VISION}/artifacts/best", f"{DATA}/versions"
    for place in (DATA, f"{one}/v0", f"{one}/v1", f"{links}/versions/latest?even_if_used=true"):
        refused = ask("DELETE", place, by="alice")
        assert (refused.status, refused.json["code"]) == (409, "conflict"), place
    for what in ("?versions=some", "/versions/v2?even_if_used=perhaps"):
        assert ask("DELETE", DATA + what, by="alice").status == 400, what
    assert numbers() == [0, 1, 2] and not ErasureJob.objects.exists()

    unused = ask("DELETE", f"{DATA}?versions=unused", by="alice")

    assert (unused.status, unused.json["kind"], unused.json["asked"]) == (202, "versions", 1)
    assert numbers() == [0, 1]
    assert ask("DELETE", f"{DATA}?versions=unused", by="alice").status == 409
    assert ask("DELETE", f"{DATA}/versions/v0?even_if_used=true", by="alice").status == 202
    assert numbers() == [1]
    assert ask("DELETE", f"{DATA}?versions=all", by="alice").json["kind"] == "artifact"
    assert numbers() == []
    assert [ask("DELETE", links, by="alice").status for _ in range(2)] == [202, 404]


@pytest.mark.parametrize(
    ("what", "status", "left"),
    [("", 409, [0, 1]), ("/versions/v0", 409, [0, 1]), ("?versions=unused", 202, [0])],
)
def test_what_a_run_begins_to_read_at_that_moment_stays_too(
    ask: Ask,
    told: Run,
    pair: tuple[Version, Version],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    status: int,
    left: list[int],
) -> None:
    def read_meanwhile(act: Callable[..., Any]) -> Callable[..., Any]:
        def acted(*args: Any, **more: Any) -> Any:
            use_version(told, pair[0])
            return act(*args, **more)

        return acted

    for name, act in vars(views).copy().items():
        if name.startswith("erase_"):
            monkeypatch.setattr(views, name, read_meanwhile(act))

    assert ask("DELETE", DATA + what, by="alice").status == status
    assert numbers() == left


@pytest.mark.parametrize("kind", WHOLES)
def test_a_team_and_an_organisation_go_by_admins_who_say_the_name(
    ask: Ask, told: Run, lab: Entity, alice: User, kind: str
) -> None:
    people.organisation("institute", admin=alice, teams=[lab])
    place, name, inside = WHOLES[kind]
    for who, status in (("bob", inside), ("vera", inside), *ERASERS[2:-1]):
        assert ask("DELETE", f"{place}?name={name}", by=who).status == status, who
    for said in ("", "?name=", "?name=alice"):
        assert ask("DELETE", place + said, by="alice").status == 400, said
    assert ask("DELETE", f"{API}/teams/alice?name=alice", by="alice").status == 404
    assert not ErasureJob.objects.exists()

    begun = ask("DELETE", f"{place}?name={name.upper()}", by="alice")

    assert (begun.status, begun.json["kind"], begun.json["step"]) == (202, kind, "wait")
    assert ask("DELETE", f"{place}?name={name}", by="alice").status == 404
    assert ask("GET", RUN, by="bob").status == (404 if kind == "team" else 200)
    assert ask("POST", f"{API}/erasures/{begun.json['id']}/restore", by="alice").status == 200
    assert ask("GET", RUN, by="bob").status == 200


def test_receipts_their_key_and_their_chain(ask: Ask, vision: Project, bob: User, mallory: User) -> None:
    work.run(vision, "bobs", by=bob)
    begun = ask("DELETE", f"{RUNS}/bobs", by="bob").json
    place = f"{API}/erasures/{begun['id']}/receipt"
    assert ask("GET", place, by="bob").status == 404
    finish(ErasureJob.objects.get())

    receipt = ask("GET", place, by="bob").json

    assert [ask("GET", place, by=who).status for who in ("alice", "vera", "mallory", None)] == [200, 404, 404, 401]  # fmt: skip
    key = ask("GET", f"{API}/receipts/key", by=None).json["key"]
    assert check(receipt, key)["erasure"] == begun["id"]
    assert ask("GET", f"{API}/receipts/log", by=None).status == 401
    log = ask("GET", f"{API}/receipts/log", by="mallory").json["items"]
    assert check_chain(log, key)[0] == 1 and log == [{name: receipt[name] for name in ("link", "signature")}]
    assert ask("GET", f"{API}/receipts/log?after=1", by="vera").json["items"] == []
    assert ask("GET", f"{API}/receipts/log?after=-1", by="vera").status == 400


def test_what_waits_is_restored_or_hastened(ask: Ask, told: Run, vision: Project) -> None:
    begun = ask("DELETE", VISION, by="alice")
    assert (begun.status, begun.json["step"]) == (202, "wait") and begun.json["due_at"]
    place = f"{API}/erasures/{begun.json['id']}"
    named = [{"name": "vision", "run": "", "project": ""}]
    assert ask("GET", place, by="alice").json["names"] == named
    assert [each["names"] for each in ask("GET", f"{API}/erasures", by="alice").json["items"]] == [named]
    for act in ("restore", "now"):
        for who, status in (("bob", 404), ("mallory", 404), (None, 401), ("revoked", 401)):
            assert ask("POST", f"{place}/{act}", by=who).status == status, (act, who)
    assert ask("GET", RUN, by="alice").status == 404
    assert ask("POST", f"{API}/projects", {"entity": "lab", "name": "vision"}, by="alice").status == 409

    back = ask("POST", f"{place}/restore", by="alice")

    assert (back.status, back.json["step"]) == (200, "taken_back")
    assert ask("GET", RUN, by="alice").status == 200
    assert ask("POST", f"{place}/restore", by="alice").status == 409
    again = ask("DELETE", VISION, by="alice").json["id"]
    assert ask("POST", f"{API}/erasures/{again}/now", by="alice").status == 202
    assert finish(ErasureJob.objects.get(public_id=again)).step == "done"
    for each in ask("GET", f"{API}/erasures", by="alice").json["items"]:
        assert each["names"] == ask("GET", f"{API}/erasures/{each['id']}", by="alice").json["names"] == []


def test_a_run_that_waits_is_named_with_its_id_and_its_project(ask: Ask, told: Run, alice: User) -> None:
    choose(told.project.entity, SettingName.GRACE_DAYS, 3, by=Actor.person(alice))

    place = f"{API}/erasures/{ask('DELETE', RUN, by='alice').json['id']}"

    named = {"name": "a run that tells", "run": "told", "project": "vision"}
    assert ask("GET", place, by="alice").json["names"] == [named]
    assert ask("GET", place, by="vera").status == 404
