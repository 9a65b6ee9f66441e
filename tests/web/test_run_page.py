from __future__ import annotations

import re

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import start_version
from apps.artifacts.types import NewVersion
from apps.core import jsontext
from apps.core.errors import Forbidden
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run, update_run
from apps.runs.types import RunPatch, RunState
from apps.teams.models import Organisation
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of

PAGE = "/lab/vision/runs/told"


def test_overview_tells_the_run(visit: Visit, told: Run) -> None:
    words = text_of(visit(PAGE, by="vera"))

    for fact in (
        "a run that tells running",
        "val/acc 0.5000 step 19",
        "Cut at section borders.",
        "paper",
        "By alice",
        "Git 9f31c0a00000",
        "Python 3.11.9",
        "Client wandb 0.31.0",
        "lr 0.0005",
        "optim 2 keys betas [0.9, 0.999] name adamw",
        "note done",
        "last 2 of 2 lines",
        "2 06:38:03 warning",
        "No code was sent.",
    ):
        assert fact in words
    assert "cli_version" not in words


def test_a_run_that_goes_on_has_logged_nothing_yet(visit: Visit, vision: Project, alice: User) -> None:
    run = work.run(vision, "new", by=alice)
    before = text_of(visit("/lab/vision/runs/new", by="vera"))
    finish_run(run, state=RunState.FINISHED, by=Actor.person(alice))
    after = text_of(visit("/lab/vision/runs/new", by="vera"))

    said = "The run has logged no summary."
    assert ("Nothing yet." in before, said in before) == (True, False)
    assert ("Nothing yet." in after, said in after) == (False, True)


def test_notes_are_read_as_markdown_without_html(visit: Visit, told: Run, alice: User) -> None:
    notes = "**Cut** <b>here</b>\n\n![x](https://e.org/x)"
    update_run(told, RunPatch(notes=notes), by=Actor.person(alice))

    page = visit(PAGE, by="vera").content.decode()

    assert "<strong>Cut</strong> &lt;b&gt;here&lt;/b&gt;" in page
    assert 'href="https://e.org/x" rel="noopener noreferrer nofollow"' in page
    assert "<img" not in page


def test_overview_says_what_was_not_stored(visit: Visit, told: Run) -> None:
    announce_files(told, ["code/train.py", "diff.patch"])

    words = text_of(visit(PAGE, by="vera"))

    assert "Code: 2 files. code/train.py , diff.patch were sent and refused: code saving was off." in words


def test_overview_names_the_artifacts_of_code_that_were_refused(visit: Visit, told: Run, alice: User) -> None:
    new = NewVersion("code", "source-x", "0" * 32)
    with pytest.raises(Forbidden):
        start_version(told.project, new, run=told, by=Actor.person(alice))

    words = text_of(visit(PAGE, by="vera"))
    assert "Code saving was off. Only admins of the team lab" in words
    assert "Artifacts of code that were sent and refused: source-x" in words


@pytest.mark.promise("P-05")
def test_overview_leads_to_the_switch_whoever_may_and_tells_others_whom_to_ask(
    visit: Visit, send: Visit, told: Run, alice: User, institute: Organisation, mallory: User
) -> None:
    announce_files(told, ["code/train.py"])
    page = '<a href="/teams/lab/code-saving">'

    assert f"{page}Switch code saving on</a>" in visit(PAGE, by="alice").content.decode()
    told_vera = visit(PAGE, by="vera").content.decode()
    assert "Only admins of the team lab can switch code saving on.</bdi>" in told_vera
    assert ('<a href="/teams/lab">Who they are</a>' in told_vera, page in told_vera) == (True, False)

    send("/organisations/institute/settings", by="alice", name="code_saving", value="off", enforce="1")
    told_alice = visit(PAGE, by="alice").content.decode()
    assert "The organisation institute has fixed code saving to off" in told_alice
    assert "Switch code saving on" not in told_alice

    Project.objects.filter(pk=told.project_id).update(visibility="public")
    assert "code saving on" not in visit(PAGE, by="mallory").content.decode()


def test_environment_comes_from_the_clients_metadata(visit: Visit, told: Run) -> None:
    (announced,) = announce_files(told, ["wandb-metadata.json"])
    assert announced.file is not None
    facts = {"os": "Linux-6.1", "gpu": "H100", "gpu_count": 2, "cpu_count": 8, "host": "gpu-node-17"}
    store_file(announced.file, [jsontext.dumps(facts).encode()])

    words = text_of(visit(PAGE, by="vera"))

    assert "System Linux-6.1" in words
    assert "GPU 2 × H100" in words
    assert "gpu-node-17" not in words


@pytest.mark.parametrize("metadata", [b"[1]", b"{", b"\xff\xfe", b'{"git": 7, "gpu": [], "cpu_count": "x"}'])
def test_metadata_that_is_none_is_left_out(visit: Visit, told: Run, metadata: bytes) -> None:
    (announced,) = announce_files(told, ["wandb-metadata.json"])
    assert announced.file is not None
    store_file(announced.file, [metadata])

    assert visit(PAGE, by="vera").status_code == 200


def test_values_that_json_cannot_hold_reach_the_page(visit: Visit, told: Run, alice: User) -> None:
    summary = '{"a": NaN, "b": -Infinity, "c": 9007199254740993, "d": 1180591620717411303424, "e": null, "f": "", "g": [1, [2]]}'
    work.run(
        told.project,
        "odd",
        by=alice,
        summary_text=summary,
        config_text='{"x": {"value": NaN}, "键": {"value": "値"}}',
    )

    words = text_of(visit("/lab/vision/runs/odd", by="vera"))

    for fact in (
        "a nan",
        "b -inf",
        "c 9\u2009007\u2009199\u2009254\u2009740\u2009993",
        "e null",
        "g [1, [2]]",
        "x NaN",
        "键 値",
    ):
        assert fact in words or fact.replace("\u2009", " ") in words


def test_half_a_character_breaks_no_page(visit: Visit, told: Run, alice: User, log: Log) -> None:
    run = work.run(
        told.project,
        "half",
        by=alice,
        display_name="\ud800 half",
        tags=["\ud800"],
        config_text='{"\\ud800": {"value": "\\udfff"}}',
        summary_text='{"\\ud83d": 1}',
    )
    log(run, [{"\ud83d": 1, "_step": 0}])

    for part in ("", "/charts", "/console", "/live"):
        assert visit(f"/lab/vision/runs/half{part}", by="vera").status_code == 200
    assert "? half" in text_of(visit("/lab/vision", by="vera"))


def test_live_answers_only_when_something_changed(visit: Visit, told: Run, log: Log) -> None:
    told.refresh_from_db()
    still = visit(f"{PAGE}/live", by="vera", version=str(told.version))
    log(told, [{"loss": 0.01, "_step": 20}], summary_text='{"loss": 0.01}')
    changed = visit(f"{PAGE}/live", by="vera", version=str(told.version))

    assert still.status_code == 204
    assert changed.status_code == 200
    assert "loss 0.0100 step 20" in text_of(changed)
    assert set(re.findall(r'id="([\w-]+)"[^>]*hx-swap-oob', changed.content.decode())) == {
        "run-head",
        "drawn-run",
        "raised",
        "figures",
        "when",
        "tail",
    }
    # The summary asks for itself, with what is searched for in it.
    assert changed["HX-Trigger"] == "run-moved"


def test_a_page_of_an_ended_run_asks_no_more(visit: Visit, told: Run, alice: User) -> None:
    assert b"every 4s" in visit(PAGE, by="vera").content

    finish_run(told, state=RunState.FINISHED, by=Actor.person(alice))

    assert b"every 4s" not in visit(PAGE, by="vera").content


def test_stop_button_is_for_those_who_may(visit: Visit, told: Run) -> None:
    assert b"/stop" in visit(PAGE, by="bob").content
    assert b"/stop" not in visit(PAGE, by="vera").content


def test_stopping_shows_in_the_head(send: Visit, visit: Visit, told: Run) -> None:
    assert send(f"{PAGE}/stop", by="bob")["Location"] == PAGE

    page = visit(PAGE, by="bob")
    assert "a run that tells stopping" in text_of(page)
    assert b"/stop" not in page.content


def test_stop_takes_no_get(visit: Visit, told: Run) -> None:
    assert visit(f"{PAGE}/stop", by="alice").status_code == 405


def test_system_charts(visit: Visit, told: Run) -> None:
    assert b'data-key="system.cpu"' in visit(f"{PAGE}/system", by="vera").content


def test_a_run_without_anything(visit: Visit, told: Run, alice: User) -> None:
    work.run(told.project, "bare", by=alice)

    for part, words in (
        ("", "The script set no config."),
        ("/charts", "No charts yet"),
        ("/system", "No system metrics"),
        ("/console", "Nothing printed"),
        ("/files", "No files"),
    ):
        assert words in text_of(visit(f"/lab/vision/runs/bare{part}", by="vera"))
