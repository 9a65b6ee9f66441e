"""Making projects and runs and logging to them, by forms that work without a script."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.projects.queries import open_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.types import Lines, RunState, Stream, StreamRequest
from apps.teams.models import Entity
from tests.web.conftest import Log, Visit, text_of

NEW_PROJECT, NEW_RUN, LOG = "/home/new-project", "/lab/vision/new-run", "/lab/vision/runs/told/log"
HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'" + "x" * 10_000


def rows_by_hand(run: Run) -> list[dict[str, Any]]:
    """What was added after the twenty rows of the client."""
    run.refresh_from_db()
    return [
        {key: value for key, value in row.items() if key != "_timestamp"}
        for row in store.scan(run, Stream.HISTORY)
        if "_timestamp" in row
    ]


def mark_in(page: Any) -> str:
    (mark,) = set(re.findall(r'name="once" value="([\w-]+)"', page.content.decode()))
    return str(mark)


# ── Projects ──


def test_a_project_is_made_private_with_its_description(send: Visit, lab: Entity) -> None:
    form = {"entity": "lab", "name": " bench work ", "description": "By hand."}

    answer = send(NEW_PROJECT, by="bob", **form)

    assert (answer.status_code, answer["Location"]) == (302, "/lab/bench%20work")
    project = Project.objects.get()
    assert project.visibility == Visibility.PRIVATE
    assert open_project(project).description == "By hand."
    assert project.created_by is not None
    assert project.created_by.username == "bob"


def test_teams_in_which_one_only_looks_are_not_offered(visit: Visit, send: Visit, lab: Entity) -> None:
    page = visit(NEW_PROJECT, by="vera").content.decode()

    assert '<option value="lab"' not in page
    assert '<input type="hidden" name="entity" value="vera">' in page
    answer = send(NEW_PROJECT, by="vera", entity="lab", name="x")
    assert answer.status_code == 400
    assert Project.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "The project needs a name."),
        ("a/b", "without / \\ # ? % : and control characters."),
        ("..", "A name has 1 to 128 letters"),
        (HOSTILE, "A name has 1 to 128 letters"),
        ("vision", "There is a project of this name already."),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_what_was_typed_stays(
    send: Visit, vision: Project, name: str, words: str
) -> None:
    answer = send(NEW_PROJECT, by="alice", entity="lab", name=name, description="kept <b>")

    assert answer.status_code == 400
    assert words in text_of(answer)
    assert "kept &lt;b&gt;" in answer.content.decode()
    assert "<img src=x" not in answer.content.decode()
    assert Project.objects.count() == 1


def test_a_project_sent_twice_is_made_once(visit: Visit, send: Visit, lab: Entity) -> None:
    form = {"once": mark_in(visit(NEW_PROJECT, by="bob")), "entity": "lab", "name": "twice"}

    answers = [send(NEW_PROJECT, by="bob", **form) for _ in range(2)]

    assert [(each.status_code, each["Location"]) for each in answers] == [(302, "/lab/twice")] * 2
    assert Project.objects.count() == 1


# ── Runs ──


def test_a_run_is_made_with_all_that_was_said_of_it(send: Visit, vision: Project) -> None:
    form = {
        "name": "bench  3",
        "group": "spring",
        "job_type": "measure",
        "tags": "paper, by hand",
        "notes": "Two\r\nlines.",
        "config": "lr = 1e-4\noptimizer: adam\nbad = nan",
    }

    answer = send(NEW_RUN, by="bob", **form)

    opened = open_run(Run.objects.select_related("project__entity").get())
    assert answer["Location"] == f"/lab/vision/runs/{opened.head.name}/log"
    head = opened.head
    assert (head.display_name, head.group, head.job_type) == ("bench 3", "spring", "measure")
    assert (head.tags, head.notes) == (["paper", "by hand"], "Two\nlines.")
    config = jsontext.loads(opened.config_text)
    assert math.isnan(config.pop("bad")["value"])
    assert config == {"lr": {"value": 1e-4}, "optimizer": {"value": "adam"}}
    assert opened.run.state == RunState.PENDING


def test_a_run_needs_no_word_at_all(send: Visit, vision: Project) -> None:
    assert send(NEW_RUN, by="bob").status_code == 302
    assert open_run(Run.objects.get()).head.display_name


def test_config_that_says_nothing_is_refused_and_stays(send: Visit, vision: Project) -> None:
    answer = send(NEW_RUN, by="bob", name="<b>x", config="lr 1e-4")

    assert answer.status_code == 400
    assert "Line 1 has no = between a key and its value." in text_of(answer)
    assert "lr 1e-4" in answer.content.decode()
    assert 'value="&lt;b&gt;x"' in answer.content.decode()
    assert Run.objects.count() == 0


def test_a_run_sent_twice_is_made_once(visit: Visit, send: Visit, vision: Project) -> None:
    mark = mark_in(visit(NEW_RUN, by="bob"))

    first, second = (send(NEW_RUN, by="bob", once=mark, name="one") for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Run.objects.count() == 1


def test_a_form_sent_again_with_other_words_asks_first(visit: Visit, send: Visit, vision: Project) -> None:
    mark = mark_in(visit(NEW_RUN, by="bob"))
    send(NEW_RUN, by="bob", once=mark, name="one")

    answer = send(NEW_RUN, by="bob", once=mark, name="two")

    assert answer.status_code == 400
    assert "This form was sent before with other words in it." in text_of(answer)
    assert send(NEW_RUN, by="bob", once=mark_in(answer), name="two").status_code == 302
    assert Run.objects.count() == 2


# ── One row ──


def test_a_row_of_many_kinds_is_stored_and_the_summary_says_it(send: Visit, told: Run) -> None:
    keys = ["loss", "lr", "worst", "best", "note", "ok", "", "left/empty"]
    values = ["0.5", "1e-4", "nan", "-inf", "<b>begun", "true", "", " "]

    answer = send(LOG, by="bob", key=keys, value=values, step="40", sets_summary="on")

    assert (answer.status_code, answer["Location"]) == (302, f"{LOG}?rows=1")
    (row,) = rows_by_hand(told)
    assert math.isnan(row.pop("worst"))
    assert row == {
        "loss": 0.5,
        "lr": 1e-4,
        "best": -math.inf,
        "note": "<b>begun",
        "ok": True,
        "_step": 40,
    }
    summary = jsontext.loads(open_run(told).summary_text)
    assert (summary["loss"], summary["note"], summary["val/acc"]) == (0.5, "<b>begun", 0.5)


def test_a_row_without_a_step_is_the_next_and_leaves_the_summary_alone(send: Visit, told: Run) -> None:
    before = open_run(told).summary_text

    send(LOG, by="bob", key=["loss"], value=["0.5"])

    assert rows_by_hand(told) == [{"loss": 0.5, "_step": 20}]
    assert open_run(told).summary_text == before


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"key": ["loss"], "value": [""]}, "Type at least one value."),
        ({"key": [""], "value": ["1"]}, "This value has no name."),
        ({"key": ["a", "a"], "value": ["1", "2"]}, "This name stands twice."),
        ({"key": ["_step"], "value": ["1"]}, "Names that begin with _ are the client’s own."),
        ({"key": ["a" * 1_001], "value": ["1"]}, "A key has at most 1000 letters."),
        ({"key": ["a"], "value": ["1"], "step": "-1"}, "A step is a whole number from 0 on."),
        ({"key": ["a"], "value": ["1"], "step": "9" * 17}, "A step is a whole number from 0 on."),
    ],
)
def test_a_row_that_cannot_be_says_why_and_keeps_what_was_typed(
    send: Visit, told: Run, form: dict[str, Any], words: str
) -> None:
    answer = send(LOG, by="bob", **form)

    assert answer.status_code == 400
    assert words in text_of(answer)
    assert f'value="{form["key"][0]}"' in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode() or "at least one" in words
    assert rows_by_hand(told) == []


def test_more_lines_keep_what_was_typed_and_store_nothing(send: Visit, told: Run) -> None:
    answer = send(LOG, by="bob", key=["<i>a"], value=["1"], step="7", more="1")

    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.count('name="key"') == 5
    assert 'value="&lt;i&gt;a"' in page
    assert 'name="step" inputmode="numeric" autocomplete="off" value="7"' in page
    assert rows_by_hand(told) == []


def test_a_row_sent_twice_is_stored_once(visit: Visit, send: Visit, told: Run) -> None:
    form = {"once": mark_in(visit(LOG, by="bob")), "key": ["loss"], "value": ["0.5"]}

    answers = [send(LOG, by="bob", **form) for _ in range(2)]

    assert [each["Location"] for each in answers] == [f"{LOG}?rows=1"] * 2
    assert len(rows_by_hand(told)) == 1


def test_the_form_offers_the_metrics_that_the_run_has(visit: Visit, told: Run) -> None:
    page = visit(LOG, by="bob")

    names = re.findall(r'name="key"[^>]* value="([^"]*)"', page.content.decode())
    assert names == ["val/acc", "loss", "", ""]
    assert "next step 20" in text_of(page)


def test_a_client_at_work_goes_on_beside_rows_by_hand(send: Visit, visit: Visit, told: Run, log: Log) -> None:
    assert "A client is logging to this run." in text_of(visit(LOG, by="bob"))
    send(LOG, by="bob", key=["by"], value=["hand"])

    # The client knows nothing of it, and counts its own twenty lines.
    lines = [json.dumps({"loss": 0.0, "_step": 20})]
    store.append(told, StreamRequest(streams={Stream.HISTORY: Lines(20, lines)}))

    rows = list(store.scan(told, Stream.HISTORY))
    assert len([row for row in rows if "loss" in row]) == 21
    assert len([row for row in rows if "by" in row]) == 1


# ── Many rows ──


def test_many_rows_are_shown_before_they_are_stored(send: Visit, told: Run) -> None:
    text = "step,loss,note\n30,0.5,a\n31,nan,<b>b\n"

    shown = send(f"{LOG}/rows", by="bob", rows=text, sets_summary="on")

    assert shown.status_code == 200
    words = text_of(shown)
    assert "Understood as CSV with commas: 2 rows. Steps 30 to 31. Nothing is stored yet." in words
    assert "&lt;b&gt;b" in shown.content.decode()
    assert rows_by_hand(told) == []

    digest = re.findall(r'name="shown" value="(\w{64})"', shown.content.decode())[0]
    form = {"once": mark_in(shown), "shown": digest, "sets_summary": "on"}
    # A browser sends the line breaks of a text as CR LF.
    answers = [
        send(f"{LOG}/rows", by="bob", rows=text.replace("\n", "\r\n"), **form),
        send(f"{LOG}/rows", by="bob", rows=text.replace("\n", "\r\n"), **form),
    ]

    assert [each["Location"] for each in answers] == [f"{LOG}?rows=2"] * 2
    first, second = rows_by_hand(told)
    assert first == {"_step": 30, "loss": 0.5, "note": "a"}
    assert math.isnan(second.pop("loss"))
    assert second == {"_step": 31, "note": "<b>b"}
    assert jsontext.loads(open_run(told).summary_text)["note"] == "<b>b"


def test_a_text_that_changed_since_it_was_shown_is_shown_again(send: Visit, told: Run) -> None:
    shown = send(f"{LOG}/rows", by="bob", rows="loss\n1\n")
    digest = re.findall(r'name="shown" value="(\w{64})"', shown.content.decode())[0]

    answer = send(f"{LOG}/rows", by="bob", rows="loss\n1\n2\n", shown=digest)

    assert answer.status_code == 200
    assert "Store 2 rows" in text_of(answer)
    assert rows_by_hand(told) == []


def test_rows_that_cannot_be_read_stay_and_say_which(send: Visit, told: Run) -> None:
    answer = send(f"{LOG}/rows", by="bob", rows='{"a": 1}\n{"a": <b>}')

    assert answer.status_code == 400
    assert "Line 2: It is not one JSON object." in text_of(answer)
    assert "{&quot;a&quot;: &lt;b&gt;}" in answer.content.decode()


# ── Summary and state ──


def test_summary_values_are_set_and_the_others_stay(send: Visit, told: Run) -> None:
    answer = send(f"{LOG}/summary", by="bob", summary="best = 0.9\nnote = by hand")

    assert answer["Location"] == f"{LOG}?values=2"
    told.refresh_from_db()
    assert jsontext.loads(open_run(told).summary_text) == {
        "loss": 0.05,
        "val/acc": 0.5,
        "note": "by hand",
        "best": 0.9,
    }


@pytest.mark.parametrize(("text", "words"), [("", "Type at least one value."), ("x", "Line 1 has no =")])
def test_a_summary_that_says_nothing_is_refused(send: Visit, told: Run, text: str, words: str) -> None:
    answer = send(f"{LOG}/summary", by="bob", summary=text)

    assert answer.status_code == 400
    assert words in text_of(answer)


def test_a_run_is_ended_and_opened_again(send: Visit, visit: Visit, told: Run) -> None:
    states = []
    for wanted in ("failed", "pending", "finished", "pending", "crashed", "running", ""):
        assert send("/lab/vision/runs/told/state", by="bob", state=wanted)["Location"] == LOG
        told.refresh_from_db()
        states.append(told.state)

    assert states == ["failed", "pending", "finished", "pending", "pending", "pending", "pending"]
    assert told.finished_at is None
    assert "It waits for values." in text_of(visit(LOG, by="bob"))


# ── Who may ──

FORMS = [
    (NEW_RUN, {"name": "x"}),
    (LOG, {"key": "a", "value": "1"}),
    (f"{LOG}/rows", {"rows": "a\n1"}),
    (f"{LOG}/summary", {"summary": "a = 1"}),
    ("/lab/vision/runs/told/state", {"state": "failed"}),
]


@pytest.mark.parametrize(("who", "status"), [("vera", 403), ("mallory", 404), (None, 404)])
@pytest.mark.parametrize(("url", "form"), FORMS)
def test_who_may_not_write_changes_nothing(
    send: Visit, told: Run, mallory: User, url: str, form: dict[str, str], who: str | None, status: int
) -> None:
    answer = send(url, by=who, **form)

    assert answer.status_code == status
    told.refresh_from_db()
    assert (Run.objects.count(), told.state, told.history_lines) == (1, "running", 20)


@pytest.mark.parametrize(("url", "form"), [*FORMS, (NEW_PROJECT, {"name": "x", "entity": "lab"})])
def test_a_form_from_elsewhere_is_refused(told: Run, alice: User, url: str, form: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(url, form).status_code == 403
    assert (Run.objects.count(), Project.objects.count()) == (1, 1)


def test_the_ways_to_the_forms_stand_where_one_looks(visit: Visit, told: Run) -> None:
    ways = [
        ("/", NEW_PROJECT),
        ("/lab/vision", NEW_RUN),
        ("/lab/vision/runs/told", LOG),
        ("/lab/vision/runs/told/files", "/lab/vision/runs/told/upload"),
    ]

    assert [way in visit(page, by="bob").content.decode() for page, way in ways] == [True] * 4
    assert [way in visit(page, by="vera").content.decode() for page, way in ways[1:]] == [False] * 3


@pytest.mark.parametrize("url", [NEW_PROJECT, NEW_RUN, LOG, "/lab/vision/runs/told/upload"])
def test_each_label_finds_its_field(visit: Visit, told: Run, url: str) -> None:
    """Icons have ids too: a field of the same id would be without a name."""
    page = visit(url, by="bob").content.decode()

    ids = re.findall(r' id="([^"]+)"', page)
    assert sorted({each for each in ids if ids.count(each) > 1}) == []
    assert set(re.findall(r' for="([^"]+)"', page)) - set(ids) == set()
    described = " ".join(re.findall(r'aria-describedby="([^"]+)"', page)).split()
    assert set(described) - set(ids) == set()
