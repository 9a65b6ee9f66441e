"""What the first page of a run says: figures, trees, the end of the console, and the facts in its margin."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.queries import withheld_artifacts
from apps.files.media.reading import media_keys
from apps.files.queries import withheld_names
from apps.files.types import Withheld
from apps.leaks.queries import count_masked, count_open
from apps.runs.defined import Definitions
from apps.runs.history import store
from apps.runs.history.keys import KeyList
from apps.runs.history.paths import dotted
from apps.runs.types import OpenRun
from apps.teams.queries import author_names
from apps.vault.damage import leaving_out_damaged
from apps.web.alerts import newest_of
from apps.web.beginnings import beginning_of, fork_of
from apps.web.code.switching import way_to_code
from apps.web.columns import ranked_measures
from apps.web.conditions import LONGEST_CONDITION, equals
from apps.web.console import LONGEST_READ, console_lines
from apps.web.editing import tag_line
from apps.web.environment import commit_of, environment, packages
from apps.web.figures import figure, grouped
from apps.web.links import run_url
from apps.web.media.panels import Panel, newest_panels
from apps.web.panels import metric_names
from apps.web.trees import leads, tree
from apps.web.values import client_facts, config_values, flat, is_number, summary_values

_MOST_FIGURES = 5
_FIRST_PANELS = 6
_TAIL = 12
_LINES_OF_A_TREE = 200


def overview(opened: OpenRun, keys: KeyList, frame: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """All of the page around which `frame` stands."""
    names = metric_names([keys], Definitions.of_config(opened.config_text))
    config = config_values(opened.config_text)
    return moving(opened, keys, actor) | {
        "panels": ranked_measures(names)[:_FIRST_PANELS],
        "panel_count": len(names),
        "glance": _glance(opened, keys),
        "trees": [
            {"which": "config", "node": tree(config, most=_LINES_OF_A_TREE), "count": len(config)}
            | leads(frame["url"], "config"),
            _summary_tree(opened, frame),
        ],
        "commit": commit_of(opened),
        "environment": environment(opened),
        "package_count": len(packages(opened)),
        "withheld": withheld_names(opened.run),
        "artifacts_withheld": withheld_artifacts(opened.run),
        "way_to_code": way_to_code(actor, opened.run.project.entity),
        "secrets": count_open(opened.run) if frame["can"]["write"] else 0,
        "masked": count_masked(opened.run) if frame["can"]["write"] else 0,
        "packages_withheld": withheld_names(opened.run, Withheld.METADATA),
        "tag_line": tag_line(opened.head.tags),
        "alike": _alike(opened, frame["project_url"]),
        "fork": _fork(opened, frame),
    }


def _glance(opened: OpenRun, keys: KeyList) -> list[Panel]:
    """The media that were logged last. What is damaged among them is missing here, and said on the page of all media.

    Nobody reads runs without reading their files, and each file asks the gate again.
    """
    with leaving_out_damaged():
        return newest_panels(opened.run, media_keys(keys), facts=client_facts(opened.config_text))


def moving(opened: OpenRun, keys: KeyList, actor: Actor) -> dict[str, Any]:
    """What changes while the run goes on."""
    summary = summary_values(opened.summary_text)
    first = max(0, opened.run.output_lines - _TAIL)
    return {
        "figures": _figures(summary, keys),
        "last_step": grouped(int(keys.last_step)) if keys.last_step is not None else "",
        "tail": console_lines(store.console(opened.run, first, _TAIL, longest=LONGEST_READ), first=first),
        "beginning": beginning_of(opened),
        "author": _author(opened.run.created_by_id, actor),
        "raised": newest_of(opened.run),
    }


def _author(person: int | None, actor: Actor) -> str:
    """Nothing for who has gone; a neutral word for who does not want to be found by the asker."""
    if person is None:
        return ""
    return author_names(actor, [person]).get(person) or _("Somebody who is hidden")


def _summary_tree(opened: OpenRun, frame: dict[str, Any]) -> dict[str, Any]:
    summary = summary_values(opened.summary_text)
    node = tree(summary, measured=True, most=_LINES_OF_A_TREE)
    return {
        "which": "summary",
        "node": node,
        "count": len(summary),
        "moves": frame["state"].is_running,
    } | leads(frame["url"], "summary")


def _figures(summary: dict[str, Any], keys: KeyList) -> list[dict[str, str]]:
    """The most telling numbers of the summary, each with the step it was last logged at."""
    values = {
        key: value for key, value in flat(summary).items() if is_number(value) and not key.startswith("_")
    }
    steps = {dotted(path): facts.last_step for path, facts in keys.keys.items()}
    return [
        {
            "name": name,
            "value": figure(values[name]),
            "step": grouped(int(step)) if (step := steps.get(name)) is not None else "",
        }
        for name in ranked_measures(values)[:_MOST_FIGURES]
    ]


def _alike(opened: OpenRun, project_url: str) -> dict[str, dict[str, str]]:
    """What the run shares with others, each with the address of the table of those that have it as well."""
    head = opened.head
    shared = {"group": head.group, "job": head.job_type, "sweep": head.sweep}
    return {
        key: {"value": value, "url": _table_of(project_url, key, value)}
        for key, value in shared.items()
        if value
    }


def _table_of(project_url: str, key: str, value: str) -> str:
    condition = equals(key, value)
    if len(condition) > LONGEST_CONDITION:
        return ""
    return f"{project_url}?q={quote(condition.encode('utf-8', 'replace'), safe='')}"


def _fork(opened: OpenRun, frame: dict[str, Any]) -> dict[str, str] | None:
    found = fork_of(opened.config_text)
    if found is None:
        return None
    place, (name, step) = frame["project"], found
    return {"name": name, "step": step, "url": run_url(place.entity, place.name, name)}
