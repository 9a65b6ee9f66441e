"""What stands at the end of an archive and is read first: its README, and the manifest with the digest of every file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from itertools import chain, islice
from typing import Any

from apps.core import clock
from apps.exports.contents.account import person_of, rows_owed, told
from apps.exports.contents.places import project_folder, run_folder
from apps.exports.contents.texts import moment
from apps.exports.entries import entries_of, left_out_of
from apps.exports.models import Export, ExportItem
from apps.exports.types import FORMAT, Entry, ExportScope, ItemKind, Member
from apps.projects.models import Project
from apps.projects.queries import open_projects
from apps.runs.models import Run
from apps.runs.queries import open_each
from apps.runs.types import OpenRun
from apps.vault.damage import leaving_out_damaged

_MOST_SHOWN = 2_000
_LONGEST = 4_000  # letters of a config or a summary on the page; the whole is in its file
_BATCH = 100
_MOST_ROWS = 100
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2a2c}"
    "details{border-top:1px solid #cbd5d4;padding:.5rem 0}summary{cursor:pointer}pre{white-space:pre-wrap;"
    "overflow-wrap:anywhere;background:#f1f5f4;padding:.5rem;border-radius:.25rem}small{color:#52656a}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0}"
    "th{white-space:nowrap;color:#52656a;font-weight:600}td{min-width:4rem;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{background:#10191a;color:#dfe8e7}pre{background:#1b2829}"
    "a{color:#7fc7bd}small,th{color:#93a7a8}details{border-color:#2c3d3e}}"
)


def manifest(export: Export, own: Sequence[Entry]) -> Member:
    """The list of all files but itself, and of what is not there and why."""
    return Member("manifest.json", lambda: _manifest(export, own), clock.now())


def _manifest(export: Export, own: Sequence[Entry]) -> Iterator[bytes]:
    head = {
        "format": FORMAT,
        "export": export.public_id,
        "entity": export.entity.name,
        "scope": export.scope,
        "tables": export.tables,
        "asked_at": moment(export.asked_at),
        "made_at": moment(clock.now()),
    }
    yield json.dumps(head, ensure_ascii=False)[:-1].encode()
    yield from _list(
        ',\n"not_included": [', ({"path": each.path, "why": each.why} for each in left_out_of(export))
    )
    yield from _list(',\n"files": [', map(_listed, chain(own, entries_of(export))))
    yield b"}\n"


def _listed(entry: Entry) -> dict[str, Any]:
    return {"path": entry.path, "size": entry.size, "sha256": entry.sha256_hex}


def _list(begin: str, items: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield begin.encode()
    between = b"\n"
    for item in items:
        yield between + json.dumps(item).encode()
        between = b",\n"
    yield b"\n]"


def readme(export: Export) -> Member:
    """A page for people: it needs nothing but a browser, and asks nobody for anything."""
    return Member("README.html", lambda: _readme(export), clock.now())


def _readme(export: Export) -> Iterator[bytes]:
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Export of {_e(export.entity.name)}</title><style>{_STYLE}</style>"
        f"<h1>Export of {_e(export.entity.name)}</h1><p>Made by Ownlog at {moment(clock.now())}, in the format "
        f"<code>{FORMAT}</code>. <a href=manifest.json>manifest.json</a> lists every file with its SHA-256, and what is not "
        "in here and why. Of each run: <code>config.json</code> and <code>summary.json</code> as the client sent them, "
        f"<code>history.{_e(export.tables)}</code> with a row a step, <code>events</code> of the machine, "
        "<code>output.log</code>, and its files under <code>files/</code>.</p>"
    ).encode()
    if export.scope == ExportScope.ACCOUNT:
        yield from _account(export)
    shown = 0
    for project, above in _projects(export):
        yield f"<h2>{above}</h2>".encode()
        for opened in _runs(export, project, _MOST_SHOWN - shown):
            shown += 1
            yield _run(opened, project_folder(project)).encode("utf-8", "replace")
    if shown == _MOST_SHOWN:
        yield f"<p>Of the runs the first {_MOST_SHOWN} are shown here; all of them are in their folders.</p>".encode()
    yield b"</html>\n"


def _account(export: Export) -> Iterator[bytes]:
    """What is held of the person, as tables: of the long ones the first rows."""
    yield b"<h2>Account</h2><p>What is held of you beside your projects, and what you made elsewhere, by its opaque id.</p>"
    person = person_of(export.entity)
    for each in told():
        rows = list(islice(rows_owed(each, person), _MOST_ROWS + 1))
        words = f"{_MOST_ROWS} and more" if len(rows) > _MOST_ROWS else str(len(rows))
        where = f"account/{_e(each.file)}.json"
        body = _table(rows[:_MOST_ROWS]) if rows else ""
        yield f"<details><summary>{_e(each.file.replace('-', ' '))} <small>{words} · {where}</small></summary>{body}</details>".encode(
            "utf-8", "replace"
        )


def _table(rows: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th scope=col>{_e(name)}" for name in names)
    lines = "".join(
        "<tr>" + "".join(f"<td><bdi>{_cell(row.get(name))}</bdi>" for name in names) for row in rows
    )
    return f"<div class=wide><table><thead><tr>{head}<tbody>{lines}</table></div>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _projects(export: Export) -> Iterator[tuple[Project, str]]:
    held = (
        Project.objects.filter(pk__in=export.items.values("project")).select_related("entity").order_by("pk")
    )
    with leaving_out_damaged():
        found = list(open_projects(held))
    for opened in found:
        yield opened.project, _e(opened.name)


def _runs(export: Export, project: Project, most: int) -> Iterator[OpenRun]:
    items = ExportItem.objects.filter(export=export, kind=ItemKind.RUN.value, project=project)
    ids = list(items.order_by("pk").values_list("run", flat=True)[: max(0, most)])
    for start in range(0, len(ids), _BATCH):
        rows = Run.objects.filter(pk__in=ids[start : start + _BATCH]).order_by("pk")
        with leaving_out_damaged():  # the manifest says of them that they are
            found = list(open_each(rows.select_related("project__entity")))
        yield from found


def _run(opened: OpenRun, above: str) -> str:
    run, head = opened.run, opened.head
    folder = _e(run_folder(above, run, head.name))
    words = f"<p><bdi>{_e(head.notes)}</bdi></p>" if head.notes else ""
    return (
        f"<details><summary><bdi>{_e(head.display_name or head.name)}</bdi> <small>{_e(head.name)} · {_e(run.state)} · "
        f"{moment(run.created_at)}</small></summary>{words}<p>Folder: <code>{folder}</code></p>"
        f"<h4>Config</h4><pre>{_short(opened.config_text)}</pre><h4>Summary</h4><pre>{_short(opened.summary_text)}</pre></details>"
    )


def _short(text: str) -> str:
    return _e(text if len(text) <= _LONGEST else text[:_LONGEST] + " …")


def _e(text: str) -> str:
    """Text for the page. What would turn the letters after it has no place there."""
    return escape("".join(letter for letter in text if letter.isprintable() or letter in "\n\t"))
