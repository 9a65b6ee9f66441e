"""Every address and every call by which people end what is theirs, with places in it for words that an enemy chooses."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes

from django.urls import reverse

from apps.access.rules import url_rules
from tests.e2e.secrecy.browser import Browser
from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.door import RUN, Answer, Door, history
from tests.e2e.secrecy.test_tenants import ALPHABET, ROUTES, client_id
from tests.turns import turn

IS_WHOLE = os.environ.get("OWNLOG_LOOK") == "whole"
REFUSED = {400, 404, 405, 413, 414}
ABSOLUTE = ["%2Fetc%2Fpasswd", "%2F%2Fevil.example", "https%3A%2F%2Fevil.example%2F"]
KELVIN = "\u212a"  # which becomes a k where small letters are made of it

_ENDS = re.compile(r"erase|-now$")
# By POST to what is no page of erasing: a form says that it is to go.
_BESIDES = {"project-view"}
# The type in the address of an artifact is for reading, and whatever stands there leads to it.
_FOR_READING = {"kind": "dataset"}
_QUERIES = {"api:runs": "?name={run}", "api:run-parts": "?media=media%2F{media}"}
# What agrees to it, so that whatever an address is taken for goes. What begins with `right_` stays as it is.
_FORMS = {
    "artifact-erase": "what=all&name={typed_collection}",
    "organisation-erase": "name={right_organisation}",
    "project-erase": "name={typed_project}",
    "project-erase-runs": "runs={right_run_id}",
    "project-view": "act=delete",
    "run-erase-parts": "part=metric%3A{metric}",
    "run-secret-erase": "finding=x",
    "team-code-erase": "agreed=1",
    "team-erase": "name={right_team}",
}
# Of these there are none here; nor is anything made of them.
_NOT_HERE = {"erasure", "export", "job", "organisation", "secret"}


@dataclass(frozen=True)
class Way:
    """A URL that ends something."""

    name: str
    method: str
    path: str
    form: str = ""

    @property
    def places(self) -> list[str]:
        """Each once, in their order."""
        found = dict.fromkeys(re.findall(r"\{(\w+)\}", self.path + self.form))
        return [each for each in found if not each.startswith("right_")]

    @property
    def is_there(self) -> bool:
        """Whether something is there to be read by the same address."""
        reads = (self.name, "GET") in url_rules()
        return reads and not _NOT_HERE & set(self.places)

    def filled(self, words: Mapping[str, str]) -> tuple[str, str]:
        """The address and the form, of words that are quoted already."""
        return self.path.format_map(words), self.form.format_map(words)


def _ways() -> Iterator[Way]:
    for name, method in sorted(url_rules()):
        is_form = method == "POST" and (_ENDS.search(name) or name in _BESIDES)
        if not ROUTES.get(name) or name == "api:nothing-here" or not (method == "DELETE" or is_form):
            continue
        marks = {each: f"0{each}0" for each in ROUTES[name]} | {
            each: word for each, word in _FOR_READING.items() if each in ROUTES[name]
        }
        path = re.sub(r"0([a-z_]+)0", r"{\1}", reverse(name, kwargs=marks, urlconf="config.urls"))
        if name.startswith("team-"):
            path = path.replace("{entity}", "{team}")
        if name.startswith("api:entity-"):
            path = path.replace("{hook}", "{own_hook}")
        form = "" if name.startswith("api:") else "&".join(filter(None, [_FORMS.get(name), "now=1"]))
        yield Way(name, method, path + _QUERIES.get(name, ""), form)


WAYS = list(_ways())

# ── the client's calls: what stands in <> is an id of this kind, or a name ──

CALLS: dict[str, dict[str, Any]] = {
    "deleteAliases": {
        "artifactID": "<Artifact>",
        "aliases": [
            {
                "entityName": "<entity>",
                "projectName": "<project>",
                "artifactCollectionName": "<collection>",
                "alias": "latest",
            }
        ],
    },
    "deleteApiKey": {"id": "<ApiKey>"},
    "deleteArtifact": {"artifactID": "<Artifact>", "deleteAliases": True},
    "deleteArtifactCollectionTagAssignments": {
        "entityName": "<entity>",
        "projectName": "<project>",
        "artifactCollectionName": "<collection>",
        "tags": [{"tagName": "kept"}],
    },
    "deleteArtifactPortfolio": {"artifactPortfolioID": "<ArtifactPortfolio>"},
    "deleteArtifactSequence": {"artifactSequenceID": "<ArtifactSequence>"},
    "deleteFiles": {"files": ["<File>"]},
    "deleteInvite": {"entityName": "<team>", "id": "<Invitation>"},
    "deleteModel": {"id": "<Project>"},
    "deleteProjectMembers": {"projectId": "<Project>", "userIds": []},
    "deleteRun": {"id": "<Run>", "deleteArtifacts": True},
    "unlinkArtifact": {"artifactID": "<Artifact>", "artifactPortfolioID": "<ArtifactPortfolio>"},
}


def places_of(call: str) -> list[str]:
    return re.findall(r"<(\w+)>", json.dumps(CALLS[call]))


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, words) for each in value]
    return words[value[1:-1]] if isinstance(value, str) and value[:1] == "<" else value


# ── words ──


def near(name: str) -> list[str]:
    """Quoted words that are not this name, and that a careless reader of paths or letters would take for it."""
    quoted = quote(name, safe="")
    alike = [
        name.replace("k", KELVIN),
        name.replace("a", "\u0430"),  # of the Cyrillic alphabet
        "".join(chr(ord(letter) + 0xFEE0) for letter in name),  # as wide as a Chinese one
    ]
    # The ending makes sure that it is another word even where no letter was replaced.
    words = [word if word != name else word + KELVIN for word in alike]
    paths = ["{}%00", "{}%2F", "{}%2F..", "%2E%2F{}", "..%2F{}", "x%2F..%2F{}", "%2F{}", "..%5C{}"]
    return [*map(quote, words), *(each.format(quoted) for each in paths)]


@dataclass(frozen=True)
class Owned:
    """Somebody who may end all of it, by a key and in a browser."""

    door: Door
    pages: Door
    names: dict[str, str]  # what is there, by the place of its name in an address
    ids: dict[str, str]  # and by the kind of its id, as the client has it

    def ask(self, way: Way, method: str, place: str = "", word: str = "") -> Answer:
        words = {each: quote(name, safe="") for each, name in self.names.items()} | {place: word}
        path, form = way.filled(words)
        if way.name.startswith("api:"):
            return self.door.ask(method, path)
        if method == "GET":
            return self.pages.ask(method, f"{path}?{form}")
        return self.pages.ask(
            method, path, form.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        )

    def call(self, call: str, place: str, word: str) -> Answer:
        """`word` stands there as it is."""
        kind = f"{call[0].upper()}{call[1:]}Input!"
        query = f"mutation($i: {kind}) {{ {call}(input: $i) {{ __typename }} }}"
        return self.door.graphql(query, {"i": _filled(CALLS[call], self.names | self.ids | {place: word})})

    def words(self, way: Way, odd: list[str]) -> Iterator[tuple[str, str]]:
        """Each odd word in one of the places, another one each day, and in all of them with OWNLOG_LOOK=whole."""
        return self._each_in_turn(way.places, self.names, odd)

    def client_words(self, call: str, odd: list[str]) -> Iterator[tuple[str, str]]:
        """The same for a call: as an id every second is taken inside of what looks like one."""
        inside = {kind: base64.b64decode(each).decode().partition(":")[2] for kind, each in self.ids.items()}
        found = self._each_in_turn(places_of(call), self.names | inside, odd)
        for number, (place, word) in enumerate(found):
            if place in self.ids and number % 2:
                packed = f"{place}:".encode() + unquote_to_bytes(word)
                yield place, base64.b64encode(packed).decode()
            else:
                yield place, unquote(word)
        yield places_of(call)[0], "\ud800"

    @staticmethod
    def _each_in_turn(
        places: list[str], names: Mapping[str, str], odd: list[str]
    ) -> Iterator[tuple[str, str]]:
        for number, place in enumerate(places):
            for each, word in enumerate([*odd, *ABSOLUTE, *near(names[place])]):
                if IS_WHOLE or each % len(places) == (number + turn(len(places))) % len(places):
                    yield place, word


def unclear(answered: Answer) -> str:
    """What is wrong with the answer to what can name nothing: empty for a refusal in words."""
    if answered.status not in REFUSED or "location" in answered.headers:
        return f"{answered.status} {answered.headers.get('location', '')} {answered.body[:200]!r}"
    kind = answered.headers.get("content-type", "")
    is_said = b"<h1" in answered.body if "html" in kind else "json" in kind and answered.json.get("detail")
    return "" if is_said else f"{answered.status} without words: {answered.body[:200]!r}"


def unclear_to_the_client(answered: Answer) -> str:
    if answered.status >= 500 or not answered.json.get("errors"):
        return f"{answered.status} {answered.body[:200]!r}"
    codes = {error["extensions"]["code"] for error in answered.json["errors"] if error["message"]}
    return "" if codes and codes <= {"not_found", "invalid"} else f"{codes} {answered.body[:200]!r}"


def owned(instance: Instance) -> Owned:
    """A project with something of everything that can be ended, and a team."""
    url, end = instance.server.url, secrets.token_hex(3)
    browser, owner, project, run, team = Browser(url), f"kate{end}", f"kata-{end}", "kaiser", f"kates{end}"
    browser.sign_up(owner)
    shown_once = browser.submit("/settings/api-keys", {"scope": "admin"}).text
    key = re.search(r"own_[A-Za-z0-9]{30,}", shown_once)
    assert key is not None, shown_once[:2000]
    door = Door(url, key[0])
    bucket = door.start_run(project, run, config=json.dumps({"lr": {"value": 1}}))
    shown = {"_type": "image-file", "path": "media/images/kat.png"}
    lines = [json.dumps({"kappa": step, "image": shown, "_step": step}) for step in range(3)]
    for name in ("kaka/kit.txt", "media/images/kat.png"):
        door.upload(owner, project, run, name, b"kept")
    assert door.stream(owner, project, run, history(*lines) | {"complete": True, "exitcode": 0}).status == 200
    page = f"/{owner}/{project}/new-artifact"
    fields = {"name": "kanji", "type_name": "dataset", "aliases": "latest"}
    made = browser.upload(page, fields, {"files": ("kept.txt", b"kept")})
    assert made.status_code == 302, made.text[:2000]
    door.data(
        "mutation($i: CreateTeamInput!) { createTeam(input: $i) { entity { id } } }",
        {"i": {"teamName": team}},
    )
    place = f"/api/v1/projects/{owner}/{project}"
    hook = {"address": "https://kept.example/", "events": ["run.finished"]}
    artifact = door.data(
        'query($e: String, $p: String) { project(name: $p, entityName: $e) { artifact(name: "kanji:v0") { id artifactSequence { id } } } }',
        {"e": owner, "p": project},
    )["project"]["artifact"]
    found = door.data(RUN, {"entity": owner, "project": project, "run": run})["project"]
    keys = door.data("query { viewer { apiKeys { edges { node { id } } } } }")["viewer"]["apiKeys"]["edges"]
    names = {
        "entity": owner,
        "project": project,
        "typed_project": project,
        "run": run,
        "right_run_id": base64.b64decode(bucket["id"]).decode().partition(":")[2],
        "name": "kaka/kit.txt",
        "media": "images/kat.png",
        "metric": "kappa",
        "collection": "kanji",
        "typed_collection": "kanji",
        "version": "v0",
        "team": team,
        "right_team": team,
        "view": _made(door, f"{place}/views", {"name": "kept", "table": {}}),
        "hook": _made(door, f"{place}/webhooks", hook),
        "own_hook": _made(door, f"/api/v1/entities/{owner}/webhooks", hook),
        **{each: "".join(secrets.choice(ALPHABET) for _ in range(20)) for each in _NOT_HERE},
    }
    ids = {
        "ApiKey": keys[-1]["node"]["id"],
        "Artifact": artifact["id"],
        "ArtifactPortfolio": client_id("ArtifactPortfolio"),
        "ArtifactSequence": artifact["artifactSequence"]["id"],
        "File": found["run"]["files"]["edges"][0]["node"]["id"],
        "Invitation": client_id("Invitation"),
        "Project": found["id"],
        "Run": bucket["id"],
    }
    names["right_organisation"] = names["organisation"]
    # A browser would tidy such addresses up before it sends them.
    cookies = "; ".join(f"{each.name}={each.value}" for each in browser.session.cookies)
    pages = Door(url, headers={"Cookie": cookies, "X-CSRFToken": browser.session.cookies["ownlog_csrf"]})
    return Owned(door, pages, names, ids)


def _made(door: Door, path: str, sent: dict[str, Any]) -> str:
    answered = door.ask("POST", path, json.dumps(sent).encode(), {"Content-Type": "application/json"})
    assert answered.status == 201, answered.body[:500]
    made: str = answered.json["id"]
    return made
