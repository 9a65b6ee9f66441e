"""Logged tables: read, sorted and searched on the server, a page at a time; parts of incremental ones put together."""

from __future__ import annotations

import json
import math
import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Invalid, TooMuch
from apps.files.media.tables import MOST_VALUES, arranged, read_table
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.vault.errors import Tampered
from apps.web.artifacts.browser import handed_entry
from tests.factories import artifacts, work
from tests.files.media.recorded import ROW
from tests.web.conftest import Log, Visit, text_of
from tests.web.media.conftest import PAGE, Store, png

TABLE = f"{PAGE}/table"
PATH = ROW["table"]["path"]


def written(columns: list[Any], rows: list[Any]) -> bytes:
    return json.dumps({"columns": columns, "data": rows}).encode()


def numbers_on(page: Any) -> list[str]:
    """The numbers of the rows that a page shows."""
    return re.findall(r'class="row-number" scope="row">([^<]+)<', page.content.decode())


@pytest.mark.parametrize(
    ("column", "descending", "places"),
    [
        (None, False, [0, 1, 2, 3, 4, 5]),
        (0, False, [2, 0, 5, 1, 3, 4]),
        (0, True, [1, 5, 0, 2, 3, 4]),
    ],
)
def test_numbers_go_before_text_and_nothing_last(
    column: int | None, descending: bool, places: list[int]
) -> None:
    rows: list[list[Any]] = [[3], ["b"], [1.5], [None], [math.nan], [10**400]]

    assert arranged(rows, column=column, descending=descending) == places


def test_rows_are_found_by_what_any_cell_says() -> None:
    rows: list[list[Any]] = [["Apple", 1], ["pear", 21], [{"a": "PLUM"}, None], []]

    assert arranged(rows, text="APP") == [0]
    assert arranged(rows, text="1", column=1, descending=True) == [1, 0]
    assert arranged(rows, text="plum") == [2]


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"columns": ["a"]}', b'{"columns": "a", "data": []}', b"\xff"]
)
def test_what_is_no_table_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        read_table(text)


def test_a_table_of_millions_of_empty_rows_is_not_read() -> None:
    """Eight megabytes of them would become hundreds once they are read."""
    with pytest.raises(TooMuch):
        read_table(b'{"columns": [], "data": [' + b"[]," * (MOST_VALUES // 2) + b"[]]}")


def test_an_odd_table_is_read_as_far_as_it_goes() -> None:
    found = read_table(b'{"columns": ["a", 7, null], "data": [[NaN], "x", [1, 2, 3, 4]]}')

    assert found.columns == ("a", "7", "null")
    assert [len(row) for row in found.rows] == [1, 0, 4]


@pytest.fixture
def table(kinds: Run, store: Store) -> Run:
    store(kinds, {PATH: written(["n", "word", "ok"], [[n, f"row {n}", n % 2 == 0] for n in range(120)])})
    return kinds


def test_a_table_is_paged(visit: Visit, table: Run) -> None:
    first, third = visit(TABLE, by="vera", key="table"), visit(TABLE, by="vera", key="table", page="2")

    assert numbers_on(first) == [str(n) for n in range(1, 51)]
    assert numbers_on(third) == [str(n) for n in range(101, 121)]
    assert "101 to 120 of 120" in text_of(third)
    assert f'href="{TABLE}?key=table&amp;page=1"' in third.content.decode()


def test_a_table_is_sorted_and_searched_on_the_server(visit: Visit, table: Run) -> None:
    page = visit(TABLE, by="vera", key="table", order="-1", q="row 11")

    assert numbers_on(page) == [str(n + 1) for n in (119, 118, 117, 116, 115, 114, 113, 112, 111, 110, 11)]
    assert 'aria-sort="descending"' in page.content.decode()


@pytest.mark.parametrize(
    "query", [{"order": "99"}, {"order": "-x"}, {"order": "٣"}, {"page": "999999"}, {"page": "-1"}]
)
def test_an_odd_address_shows_a_page_all_the_same(visit: Visit, table: Run, query: dict[str, str]) -> None:
    assert len(numbers_on(visit(TABLE, by="vera", key="table", **query))) in (20, 50)


def test_a_panel_leads_to_its_table(visit: Visit, table: Run) -> None:
    page = visit(PAGE, by="vera", key="table")

    assert f'href="{TABLE}?key=table&amp;at=5"' in page.content.decode()
    assert "3 rows" in text_of(page)  # as the client said


def test_cells_are_text_and_pictures_of_the_run(visit: Visit, kinds: Run, store: Store) -> None:
    there = {"_type": "image-file", "path": ROW["image"]["path"]}
    elsewhere = {"_type": "image-file", "path": "media/of/nobody.png"}
    rows = [["<script>alert(1)</script>", there], ["\ud800\u202e", elsewhere], [None, "Image"]]
    store(kinds, {PATH: written(["<b>", "picture"], rows)})

    page = visit(TABLE, by="vera", key="table").content.decode()

    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page and "<bdi>&lt;b&gt;</bdi>" in page
    assert re.findall(r'<img src="([^"]+)"', page) == [f"/lab/vision/runs/kinds/image/{ROW['image']['path']}"]
    assert '<bdi title="Image">Image</bdi>' in page


def _increments(kinds: Run, log: Log, store: Store, numbers: list[int]) -> None:
    parts = [
        ROW["inc"] | {"path": f"media/table/part{place}.json", "increment_num": n}
        for place, n in enumerate(numbers)
    ]
    log(kinds, [{"_step": 10 + place, "part": part} for place, part in enumerate(parts)])
    store(kinds, {part["path"]: written(["n"], [[f"of {place}"]]) for place, part in enumerate(parts)})


def test_parts_of_an_incremental_table_are_put_together(
    visit: Visit, kinds: Run, log: Log, store: Store
) -> None:
    _increments(kinds, log, store, [0, 1, 2])

    last, second = visit(TABLE, by="vera", key="part"), visit(TABLE, by="vera", key="part", at="11")

    assert re.findall(r"<bdi title=\"(of \d)\"", last.content.decode()) == ["of 0", "of 1", "of 2"]
    assert re.findall(r"<bdi title=\"(of \d)\"", second.content.decode()) == ["of 0", "of 1"]


def test_an_incremental_table_that_was_begun_anew(visit: Visit, kinds: Run, log: Log, store: Store) -> None:
    _increments(kinds, log, store, [0, 1, 0])

    assert re.findall(r"<bdi title=\"(of \d)\"", visit(TABLE, by="vera", key="part").content.decode()) == [
        "of 2"
    ]


def test_a_missing_part_is_said_to_be(visit: Visit, kinds: Run, log: Log, store: Store) -> None:
    _increments(kinds, log, store, [0, 1])
    RunFile.objects.filter(run=kinds).order_by("-id")[0].delete()

    assert "1 part of this table is not here" in text_of(visit(TABLE, by="vera", key="part"))


@pytest.mark.parametrize("key", ["image", "molecule", "loss", ""])
def test_a_key_without_a_table_has_none(visit: Visit, kinds: Run, key: str) -> None:
    assert visit(TABLE, by="vera", key=key).status_code in (400, 404)


def test_a_file_that_is_no_table_is_said_to_be_none(visit: Visit, kinds: Run, store: Store) -> None:
    store(kinds, {PATH: png()})

    assert visit(TABLE, by="vera", key="table").status_code == 400


def test_a_table_without_rows_is_no_search_that_found_none(visit: Visit, kinds: Run, store: Store) -> None:
    store(kinds, {PATH: written(["a"], [])})

    assert "This table has no rows." in text_of(visit(TABLE, by="vera", key="table"))
    assert "No row has this in any of its cells." in text_of(visit(TABLE, by="vera", key="table", q="x"))


def test_outsiders_find_no_table(visit: Visit, table: Run, mallory: User) -> None:
    assert visit(TABLE, by="mallory", key="table").status_code == 404


CLIENT_ID = "a" * 32
CELLS = {"media/images/cell.png": png(), "media/audio/cell.wav": b"RIFF", "media/html/cell.html": b"<p>hello"}
KINDS_OF_CELLS = ("image-file", "audio-file", "html-file")
COLUMNS = ["picture", "sound", "page", "none"]
BASE = "/lab/vision/artifacts/run_table/run-kinds-art/v0"


def _table_with_cells(kinds: Run, log: Log, store: Store, *, of: Project, by: User) -> None:
    row = [{"_type": kind, "path": name} for kind, name in zip(KINDS_OF_CELLS, CELLS, strict=True)]
    nowhere = {"_type": "image-file", "path": "media/images/nowhere.png"}
    held = CELLS | {"art.table.json": written(COLUMNS, [[*row, nowhere]])}
    version = artifacts.version(
        of, "run-kinds-art", held, by=Actor.person(by), type_name="run_table", client_id=CLIENT_ID
    )
    assert version.number == 0
    path = "media/table/art.table.json"
    address = f"wandb-client-artifact://{CLIENT_ID}/art.table.json"
    log(kinds, [{"_step": 9, "art": {"_type": "table-file", "path": path, "artifact_path": address}}])
    store(kinds, {path: written(COLUMNS, [["Image", "Audio", "Html", "Image"]])})


def test_media_of_cells_lie_in_the_artifact_of_the_table(
    visit: Visit, kinds: Run, log: Log, store: Store, alice: User, mallory: User
) -> None:
    _table_with_cells(kinds, log, store, of=kinds.project, by=alice)

    page = visit(TABLE, by="vera", key="art").content.decode()

    shown = [f"{BASE}/{way}/{name}" for way, name in zip(("image", "play", "html"), CELLS, strict=True)]
    assert re.findall(rf'src="({BASE}/[^"]+)"', page) == shown
    assert "media/images/nowhere.png" in page and f"{BASE}/image/media/images/nowhere.png" not in page
    assert [visit(each, by="vera").status_code for each in shown] == [200, 200, 200]
    assert [visit(each, by="mallory").status_code for each in shown] == [404, 404, 404]


def test_a_table_that_names_an_artifact_of_elsewhere_shows_nothing_of_it(
    visit: Visit, kinds: Run, log: Log, store: Store, alice: User
) -> None:
    _table_with_cells(kinds, log, store, of=work.project("alice", "own", by=alice), by=alice)

    for who in ("vera", "alice"):
        assert "/artifacts/run_table/" not in visit(TABLE, by=who, key="art").content.decode()


def test_a_damaged_artifact_does_not_take_the_page(
    visit: Visit, kinds: Run, log: Log, store: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _table_with_cells(kinds, log, store, of=kinds.project, by=alice)

    def damaged(*_: object) -> None:
        raise Tampered("blob", uuid4())

    monkeypatch.setattr("apps.web.media.cells.handed_entry", damaged)
    page = visit(TABLE, by="vera", key="art")

    assert page.status_code == 200
    assert '<bdi title="Image">Image</bdi>' in page.content.decode()


def _parts_of_artifacts(kinds: Run, log: Log, store: Store, by: User, addresses: list[str]) -> int:
    """An incremental table of a row for each address: its artifact holds the picture that the file only names. Their size."""
    told = written(["picture"], [["Image"]])
    held = written(["picture"], [[{"_type": "image-file", "path": "media/images/cell.png"}]])
    for number, client_id in enumerate(dict.fromkeys(addresses)):
        artifacts.version(
            kinds.project,
            f"part{number}",
            {"media/images/cell.png": png(), "part.table.json": held},
            by=Actor.person(by),
            type_name="run_table",
            client_id=client_id,
        )
    parts = [
        ROW["inc"]
        | {
            "path": f"media/table/of{n}.json",
            "increment_num": n,
            "artifact_path": f"wandb-client-artifact://{client_id}/part.table.json",
        }
        for n, client_id in enumerate(addresses)
    ]
    log(kinds, [{"_step": 20 + n, "parts": part} for n, part in enumerate(parts)])
    store(kinds, {part["path"]: told for part in parts})
    return len(held)


def test_artifacts_of_parts_are_read_once_and_together_no_more_than_one_table(
    visit: Visit, kinds: Run, log: Log, store: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = _parts_of_artifacts(kinds, log, store, alice, ["b" * 32, "b" * 32, "c" * 32, "d" * 32])
    read: list[str] = []

    def noted(opened: Any, entry: Any) -> Any:
        read.append(opened.version.public_id)
        return handed_entry(opened, entry)

    monkeypatch.setattr("apps.web.media.cells.handed_entry", noted)
    monkeypatch.setattr("apps.web.media.cells.MOST_BYTES", 2 * size + 1)
    page = visit(TABLE, by="vera", key="parts").content.decode()

    assert len(read) == len(set(read)) == 2
    assert page.count("/image/media/images/cell.png") >= 3
    assert '<bdi title="Image">Image</bdi>' in page


def test_a_page_in_a_version_stands_still_in_a_sandbox(visit: Visit, kinds: Run, alice: User) -> None:
    artifacts.version(kinds.project, "pages", CELLS, by=Actor.person(alice))
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    address = "/lab/vision/artifacts/dataset/pages/v0/html"

    framed = client.get(f"{address}/media/html/cell.html", headers={"Sec-Fetch-Dest": "iframe"})
    alone = client.get(f"{address}/media/html/cell.html")
    other = client.get(f"{address}/media/images/cell.png", headers={"Sec-Fetch-Dest": "iframe"})

    assert framed["Content-Security-Policy"].startswith("sandbox; default-src 'none'; script-src 'none'")
    assert framed.getvalue() == b"<p>hello"
    assert {answer["Content-Type"] for answer in (alone, other)} == {"application/octet-stream"}
