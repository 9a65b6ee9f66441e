"""What the rows of a project say, field by field, and what is sealed in them. An export that forgot something would be equal
to the next one, which forgets it too: so what stands in the tables is compared as well."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.db.models import Model

from apps.artifacts.models import Collection, Link, Version
from apps.artifacts.queries import aliases_of, list_entries, open_collection, open_members, open_version
from apps.artifacts.types import VersionWords
from apps.files.models import RunFile
from apps.files.queries import open_file, read_file
from apps.projects.models import Project, SavedView
from apps.projects.queries import open_project
from apps.projects.saved_views import views_of
from apps.projects.types import OF_RUNS
from apps.runs.history import store
from apps.runs.history.keys import history_keys
from apps.runs.history.paths import Row, dotted, leaves
from apps.runs.models import Alert, Run
from apps.runs.queries import open_run
from apps.runs.types import Stream

# Each thing here has ids, keys and a place of its own, and what is sealed is looked at opened. A new field of a row is compared.
_OWN = {"id", "uuid", "public_id", "vault_node", "name_index", "sealed_words"}
_NOT_SAID: dict[type[Model], set[str]] = {
    # Who may see it and how long its runs are kept is not brought (docs/imports.md).
    Project: {"entity_id", "sealed_name", "sealed_description", "brought_at", "visibility", "run_retention"},
    # `version` counts changes for pages that follow it.
    Run: {"project_id", "sealed_head", "sealed_config", "sealed_summary", "sealed_keys", "version"},
    RunFile: {"run_id", "sealed_name", "sealed_digests", "blob_id"},
    Alert: {"run_id", "title_index", "words_index", "told_at"},  # nobody is told of one that is brought
    Collection: {"project_id", "type_index", "client_index"},
    Version: {"collection_id", "digest_index", "client_index", "touched_at"},
    Link: {"collection_id", "version_id"},
    SavedView: {"project_id", "sealed_name", "sealed_table"},
}


def rows_of(project: Project) -> dict[str, Any]:
    """Of a project and all below it, each by the name that it has."""
    project = Project.objects.get(pk=project.pk)
    opened = open_project(project)
    found: dict[str, Any] = {"project": [opened.name, opened.description, _fields(project)]}
    # Of runs they say the ids that these have here.
    found["saved views"] = [
        [
            each.name,
            {word: each.table[word] for word in each.table if word not in OF_RUNS},
            _fields(each.view),
        ]
        for each in views_of(project)
    ]
    for run in Run.objects.filter(project=project):
        found |= _of_run(run)
    for collection in project.collections.all():
        found |= _of_collection(collection)
    return found


def _of_run(run: Run) -> dict[str, Any]:
    opened = open_run(run)
    # Who made one that is brought is said by a word besides.
    head = asdict(opened.head) | {"author": ""}
    keys = history_keys(store.keys_of(run))
    found: dict[str, Any] = {
        f"run {opened.head.name}": [head, opened.config_text, opened.summary_text, keys, _fields(run)]
    }
    for file in RunFile.objects.filter(run=run):
        of = open_file(file)
        found[f"run {opened.head.name}, {of.name}"] = [
            of.md5_base64,
            of.sha256_hex,
            b"".join(read_file(file)),
            _fields(file),
        ]
    streams = (Stream.HISTORY, Stream.EVENTS)
    found[f"lines of {opened.head.name}"] = [
        *([_values(row) for row in store.rereadable(run, each)()] for each in streams),
        store.console(run, 0, 1_000),
    ]
    found[f"alerts of {opened.head.name}"] = list(map(_fields, Alert.objects.filter(run=run).order_by("pk")))
    return found


def _values(row: Row) -> Row:
    """By dotted names, as a table has them: what is null there was not logged either (docs/export-format.md)."""
    said = {dotted(path): value for path, value in leaves(row) if value is not None}
    return json.loads(json.dumps(said), parse_constant=str)  # type: ignore[no-any-return]


def _of_collection(collection: Collection) -> dict[str, Any]:
    opened = open_collection(collection)
    links = list(Link.objects.filter(collection=collection).order_by("number"))
    found: dict[str, Any] = {
        f"artifact {opened.name}": [
            opened.type_name,
            opened.description,
            opened.tags,
            [alias for alias, _id in aliases_of(collection)],
            [(each.name, each.source.name, each.aliases) for each in open_members(links)],
            [_fields(each) for each in links],
            _fields(collection),
        ]
    }
    for version in Version.objects.filter(collection=collection).order_by("number"):
        of = open_version(version)
        entries: list[Any] = [
            (each.path, each.digest, each.size, each.ref, each.extra, bool(each.stored))
            for each in list_entries(version)
        ]
        found[f"artifact {of.name}"] = [_words(of.words), of.aliases, entries, _fields(version)]
    return found


def _words(words: VersionWords) -> dict[str, Any]:
    """Metadata is exported as a value, not as the text that was sent. Which aliases were wanted, and what it was made from, is
    only asked until it is committed."""
    metadata = words.metadata_text and json.dumps(json.loads(words.metadata_text), sort_keys=True)
    return asdict(words) | {"metadata_text": metadata, "aliases": (), "base": ""}


def _fields(row: Model) -> dict[str, Any]:
    names = {field.attname for field in row._meta.concrete_fields}
    return {name: getattr(row, name) for name in sorted(names - _OWN - _NOT_SAID[type(row)])}
