"""DELETE on a project, a run and a file, and the erasures that come of it"""

from __future__ import annotations

import pytest

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Forbidden, NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.queries import runs_to_erase
from apps.erasure.verify_receipt import check, check_chain
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import get_runs_in, open_run
from tests.api.conftest import API, RUN, VISION, Ask
from tests.erasure.conftest import finish
from tests.factories import work
from tests.questions import questions

RUNS = f"{VISION}/runs"
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
