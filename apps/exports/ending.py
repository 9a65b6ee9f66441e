"""What stands at the end of an archive and is read first: its README, and the manifest with the digest of every file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from itertools import chain, islice
from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet

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
_WORTH_LINES = 16 * _LONGEST
_BATCH = 100
_MOST_ROWS = 100
# Paper by day, ink by night, as the pages that it comes from; nothing is asked of anybody, so everything is in here.
_STYLE = (
    ":root{color-scheme:light dark;--page:light-dark(#f6f4ef,#0a0f19);--well:light-dark(#efede7,#101620);"
    "--rule:light-dark(#dedbd5,#252b36);--strong:light-dark(#c1bdb5,#3e4552);--ink:light-dark(#191e27,#ebe9e5);"
    "--quiet:light-dark(#484d56,#b8b6af);--accent:light-dark(#006368,#77cfcf)}"
    "body{margin:0;background:var(--page);color:var(--ink);font:14px/1.55 ui-sans-serif,-apple-system,'Segoe UI',Roboto,'Noto Sans',"
    "'Hiragino Sans','Yu Gothic UI','Noto Sans CJK JP',sans-serif;font-variant-numeric:tabular-nums}"
    "main{max-width:60rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}"
    ".mark{display:flex;gap:.5rem;align-items:center;color:var(--quiet);font-size:13px}.mark svg{width:18px;fill:var(--accent)}"
    "h1{font-size:26px;line-height:1.25;font-weight:620;letter-spacing:-.012em;margin:1rem 0 .5rem;overflow-wrap:anywhere}"
    "h2{font-size:17px;font-weight:620;margin:2.5rem 0 0;padding-bottom:.5rem;border-bottom:3px double var(--strong);overflow-wrap:anywhere}"
    "h3{font-size:13px;font-weight:620;margin:1rem 0 .25rem}p{max-width:66ch;margin:.5rem 0}a{color:var(--accent)}"
    ":focus-visible{outline:2px solid var(--accent);outline-offset:2px}"
    "details{border-bottom:1px solid var(--rule)}summary{cursor:pointer;padding:.5rem 0;overflow-wrap:anywhere}"
    "summary b{font-weight:540}details[open]{padding-bottom:1rem}small{color:var(--quiet);font-size:12px;font-weight:400}"
    "code,pre{font:12px/1.5 ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}"
    "pre{white-space:pre-wrap;background:var(--well);padding:.5rem .75rem;margin:0;max-height:30rem;overflow-y:auto}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:12px}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--rule)}"
    "th{white-space:nowrap;color:var(--quiet);font-weight:540}td{min-width:4rem;overflow-wrap:anywhere}"
)
_MARK = (
    '<svg viewBox="0 0 20 20" aria-hidden="true"><path fill-rule="evenodd" d="M10 .8a9.2 9.2 0 1 1 0 18.4A9.2 9.2 0 0 1 10 .8z'
    'M10 5.6a2.9 2.9 0 0 0-1.35 5.47L8 15.2h4l-.65-4.13A2.9 2.9 0 0 0 10 5.6z"/></svg>'
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
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Export of {_e(export.entity.name)}</title><style>{_STYLE}</style>"
        f"<main><div class=mark>{_MARK}Ownlog</div><h1>Export of {_e(export.entity.name)}</h1><p>Made at {moment(clock.now())}, in the "
        f"format <code>{FORMAT}</code>. <a href=manifest.json>manifest.json</a> lists every file with its SHA-256, and what is not "
        "in here and why. Of each run: <code>config.json</code> and <code>summary.json</code> as the client sent them, "
        f"<code>history.{_e(export.tables)}</code> with a row a step, <code>events</code> of the machine, "
        "<code>output.log</code>, and its files under <code>files/</code>.</p>"
    ).encode()
    if export.scope == ExportScope.ACCOUNT:
        yield from _account(export)
    shown = 0
    for project, above in _projects(export):
        runs = _items(export, project).count()
        yield f"<h2>{above} <small>{runs} {'run' if runs == 1 else 'runs'}</small></h2>".encode()
        for opened in _runs(export, project, _MOST_SHOWN - shown):
            shown += 1
            yield _run(opened, project_folder(project)).encode("utf-8", "replace")
    if shown == _MOST_SHOWN:
        yield f"<p>Of the runs the first {_MOST_SHOWN} are shown here; all of them are in their folders.</p>".encode()
    yield b"</main></html>\n"


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
    ids = list(_items(export, project).order_by("pk").values_list("run", flat=True)[: max(0, most)])
    for start in range(0, len(ids), _BATCH):
        rows = Run.objects.filter(pk__in=ids[start : start + _BATCH]).order_by("pk")
        with leaving_out_damaged():  # the manifest says of them that they are
            found = list(open_each(rows.select_related("project__entity")))
        yield from found


def _items(export: Export, project: Project) -> QuerySet[ExportItem]:
    return ExportItem.objects.filter(export=export, kind=ItemKind.RUN.value, project=project)


def _run(opened: OpenRun, above: str) -> str:
    run, head = opened.run, opened.head
    folder = run_folder(above, run, head.name)
    there = quote(folder, errors="replace")
    words = f"<p><bdi>{_e(head.notes)}</bdi></p>" if head.notes else ""
    return (
        f"<details><summary><b><bdi>{_e(head.display_name or head.name)}</bdi></b> <small>{_e(head.name)} · {_e(run.state)} · "
        f"{moment(run.created_at)}</small></summary>{words}<p>Folder: <a href='{there}/'><code>{_e(folder)}</code></a></p>"
        f"<h3>Config</h3>{_json(opened.config_text)}<h3>Summary</h3>{_json(opened.summary_text)}</details>"
    )


def _json(text: str) -> str:
    """As somebody reads it, a value a line; what is to the letter stands in its file."""
    if len(text) <= _WORTH_LINES:
        try:
            values = json.loads(text)
            if isinstance(values, dict) and "_wandb" in values:  # what the client says for itself comes last
                values["_wandb"] = values.pop("_wandb")
            text = json.dumps(values, indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):  # numbers of thousands of digits, thousands of folds
            pass
    return f"<pre tabindex=0>{_short(text)}</pre>"


def _short(text: str) -> str:
    return _e(text if len(text) <= _LONGEST else text[:_LONGEST] + " …")


def _e(text: str) -> str:
    """Text for the page. What would turn the letters after it has no place there."""
    return escape("".join(letter for letter in text if letter.isprintable() or letter in "\n\t"))
