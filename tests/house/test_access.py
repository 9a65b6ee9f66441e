"""Every way in is declared, what is not declared is refused, and outsiders learn nothing on any of them."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import override_settings
from django.urls import URLPattern, URLResolver, get_resolver, include, path
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema

from apps.access import rules
from apps.access.policy import Permission
from apps.access.rules import graphql_rules, rules_of_url, url_rules
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.files.services import announce_files, store_file
from apps.runs.models import Run
from apps.teams.models import OrganisationMembership
from apps.wandb_protocol.graphql.engine import schema
from tests.factories import artifacts, people
from tests.matrix.world import undone

T = TypeVar("T")
BACKEND = "django.contrib.auth.backends.ModelBackend"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
EXAMPLES = {
    "entity": "lab",
    "organisation": "institute",
    "person": "bob",
    "project": "vision",
    "run": "run1",
    "name": "a.txt",
    "which": "config",
    "token": "garbage",
    "secret": "garbage",
    "file_id": "a" * 20,
    "public_id": "a" * 20,
    "account": "a" * 20,
    "key": "garbage",
    "collection": "ds",
    "region": "default",
    "rest": "x",
    "uidb36": "1",
    "provider": "google",
    "pk": "1",
    "object_id": "1",
    "app_label": "runs",
    "url": "nothing",
    "erasure": "a" * 20,
    "export": "a" * 20,
    "job": "a" * 20,
    "hook": "a" * 20,
    "view": "a" * 20,
    "kind": "dataset",
    "version": "v0",
}


def walk(
    patterns: Sequence[URLPattern | URLResolver], above: str = "", namespace: str = ""
) -> Iterator[tuple[str, str]]:
    """The name of every URL, with its namespace, and an example of its path."""
    for each in patterns:
        route = above + str(each.pattern)
        if isinstance(each, URLResolver):
            inner = f"{namespace}{each.namespace}:" if each.namespace else namespace
            yield from walk(each.url_patterns, route, inner)
        else:
            yield namespace + (each.name or each.lookup_str), "/" + example(route)


def example(route: str) -> str:
    """A path that this pattern takes: groups and converters filled in, the signs of regular expressions taken out."""
    route = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda m: EXAMPLES[m[1]], route)
    route = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: EXAMPLES[m[1]], route)
    route = re.sub(r"\(\?:([\w/]+)\|[^)]*\)", r"\1", route)
    return re.sub(r"\^|\$|\\Z|\\", "", route)


URLS = dict(walk(get_resolver().url_patterns))


def with_rule(wanted: type[Permission] | str) -> list[tuple[str, str]]:
    """The names and methods under a permission, or under this rule."""
    return [
        (name, method)
        for name in URLS
        for method, rule in rules_of_url(name).items()
        if (isinstance(rule, Permission) if isinstance(wanted, type) else rule == wanted)
    ]


@pytest.mark.promise("P-24")
def test_every_url_is_declared() -> None:
    assert [name for name in URLS if not rules_of_url(name)] == []


@pytest.mark.promise("P-24")
def test_every_declared_url_exists() -> None:
    declared = {name for name, _ in url_rules()}

    assert {name for name in declared if not name.endswith(":*")} - set(URLS) == set()
    assert {name for name in declared if name.endswith(":*")} == {"admin:*"}


def planted(request: HttpRequest) -> HttpResponse:
    return HttpResponse("reached")


class PlantedUrls:
    # Beside all others, for a refusal is a page and leads to some of them.
    urlpatterns: ClassVar[list[URLPattern | URLResolver]] = [
        path("planted", planted, name="planted"),
        path("", include("config.urls")),
    ]


@pytest.mark.promise("P-24")
@pytest.mark.django_db
def test_a_route_that_nobody_declared_is_seen_and_not_reached(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [name for name, _ in walk(PlantedUrls.urlpatterns) if not rules_of_url(name)] == ["planted"]

    with override_settings(ROOT_URLCONF=PlantedUrls, DEBUG=True):
        assert client.get("/planted").status_code == 404

        monkeypatch.setitem(rules._urls, "planted", {"GET": rules.ANYBODY})
        assert client.get("/planted").content == b"reached"
        assert client.post("/planted").status_code == 405


@pytest.mark.promise("P-24")
@pytest.mark.django_db
def test_methods_that_nobody_declared_are_refused(client: Client) -> None:
    others = [(name, method) for name in URLS for method in METHODS if method not in rules_of_url(name)]

    reached = [each for each in others if client.generic(each[1], URLS[each[0]]).status_code != 405]

    assert reached == []
    assert len(others) > 100


# ── Outsiders ──


def alone(act: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """What the act answers. Whatever it stored is gone after it, so that many may be tried in one world."""
    with undone():
        return act(*arguments, **more)


@pytest.fixture
def full_run(run: Run) -> Run:
    """A run with a file in a team of an organisation, so that each page would have something to show."""
    alice = User.objects.get(username="alice")
    institute = people.organisation("institute", admin=alice, teams=[run.project.entity])
    OrganisationMembership.objects.create(
        organisation=institute, user=User.objects.get(username="bob"), role="member"
    )
    announced = announce_files(run, ["a.txt"])[0].file
    assert announced is not None
    store_file(announced, io.BytesIO(b"content"))
    artifacts.version(run.project, "ds", {"a.txt": b"content"}, by=Actor.person(alice))
    return run


def heard(client: Client, method: str, url: str, **headers: str) -> tuple[int, str, bytes]:
    answer = client.generic(method, url, b"{}", content_type="application/json", headers=headers)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    # What the asker wrote themselves, and what is new in each answer, may differ.
    for word in (rb"csrfmiddlewaretoken\" value=\"\w+", rb"\"X-CSRFToken\": \"\w+\"", rb"\w*CSRF\w*[^>]*"):
        body = re.sub(word, b"", body)
    place = re.sub(r"lab|institute|nothing-here|nothere", "PLACE", answer.headers.get("Location", ""))
    return answer.status_code, place, re.sub(rb"lab|institute|nothing-here|nothere", b"PLACE", body)


@pytest.mark.promise("P-23")
@pytest.mark.parametrize("who", ["mallory", "nobody"])
def test_outsiders_hear_the_same_as_where_nothing_is(
    client: Client, full_run: Run, mallory: User, who: str
) -> None:
    headers = {}
    if who == "mallory":
        client.force_login(mallory, backend=BACKEND)
        headers["Authorization"] = "Basic " + b64encode(f"api:{people.api_key(mallory)}".encode()).decode()
    asked, wrong = with_rule(Permission), []

    for name, method in asked:
        owner = "institute" if "institute" in URLS[name] else "lab"
        real, missing = URLS[name], URLS[name].replace(owner, "nothere", 1)
        answer, ghost = (alone(heard, client, method, url, **headers) for url in (real, missing))
        if answer != ghost or answer[0] not in {302, 401, 404}:
            wrong.append((name, method, answer, ghost))

    assert wrong == []
    assert len(asked) > 100


# They say what is missing in a form without a word in it.
WANT_A_FORM = {
    (name, "POST")
    for name in (
        "artifact-edit",
        "artifact-erase",
        "artifact-new",
        "artifact-link",
        "artifact-version-edit",
        "project-erase",
        "project-link",
        "project-person",
        "project-retention",
        "project-settings",
        "project-webhooks",
        "project-views",
        "run-log",
        "run-log-rows",
        "run-log-summary",
        "run-upload",
        *(f"{place}-{act}" for place in ("team", "organisation") for act in ("hand-over", "invite", "role")),
        "organisation-add-team",
        "organisation-registry-new",
        "organisation-settings",
        "team-code-erase",
        "organisation-erase",
        "team-erase",
        "team-code-saving",
        "team-privacy",
        "team-retention",
        "team-services",
        "team-webhooks",
        "api:entity-webhooks",
        "api:project-webhooks",
        "api:project-views",
        "api:run-secrets-dismiss",
        "api:services",
        "team-system-metadata",
    )
} | {(f"api:{name}", "DELETE") for name in ("runs", "team", "organisation")}


# The last admin stays; an invitation and a service account are named by an id that each has for itself.
OTHERWISE = {
    "project-link-revoke": {404},
    # Of a project that is no registry, and of a version that is linked nowhere.
    "registry-rules": {404},
    "artifact-unlink": {404},
    "team-leave": {409},
    "organisation-leave": {409},
    "team-invitation-revoke": {404},
    "organisation-invitation-revoke": {404},
    "api:service-remove": {404},
    "api:service-keys": {404},
    "api:service-key-revoke": {404},
    "team-service": {404},
    "team-service-role": {404},
    "team-service-remove": {404},
    "team-service-key-revoke": {404},
    # No part is named.
    "api:run-parts": {400},
    **{
        f"{place}-webhook{end}": {404}
        for place in ("project", "team", "api:project", "api:entity")
        for end in ("", "-deliveries", "-test")
    },
    **{f"{door}project-view": {404} for door in ("", "api:")},
    **{f"go-{kind}": {404} for kind in ("alert", "run", "version", "webhook")},
    # What they lead to stands in their query.
    "client-portfolio": {404},
    "client-registry": {404},
    # a.txt is no mask, and the run logs no media.
    "run-media-look": {400},
    "run-media-mask": {400},
    "run-media-panel": {400},
    "run-media-table": {400},
}


@pytest.mark.promise("P-23")
def test_insiders_get_an_answer(client: Client, full_run: Run, alice: User) -> None:
    client.force_login(alice, backend=BACKEND)
    people.has_signed_in(client, alice, ago=0)
    asked = [each for each in with_rule(Permission) if not each[0].startswith("wandb_protocol")]
    wrong = []

    for name, method in asked:
        query = "?key=loss" if name.endswith(("-series", "-ridge", "-histogram")) else ""
        wanted = {400} if (name, method) in WANT_A_FORM else {200, 201, 202, 204, 302}
        status, _, body = alone(heard, client, method, URLS[name] + query)
        if status not in OTHERWISE.get(name, wanted):
            wrong.append((name, method, status, body))

    assert wrong == []
    assert len(asked) > 100


@pytest.mark.django_db
def test_ones_own_things_want_a_sign_in(client: Client) -> None:
    asked, wrong = with_rule(rules.SIGNED_IN), []
    places = ("/sign-in", "/sign-up", "/settings/api-keys")

    for name, method in asked:
        answer = alone(client.generic, method, URLS[name])
        leads_there = answer.headers.get("Location", "").startswith(places)
        if answer.status_code not in {204, 302, 401, 403, 404} or (
            answer.status_code == 302 and not leads_there
        ):
            wrong.append((name, method, answer.status_code, answer.headers.get("Location")))

    assert wrong == []
    assert len(asked) > 20


@pytest.mark.promise("P-03")
@pytest.mark.parametrize("who", ["bob", "nobody"])
def test_the_admin_is_the_operators(client: Client, alice: User, bob: User, who: str) -> None:
    if who == "bob":
        client.force_login(bob, backend=BACKEND)

    opened = []
    for name, method in with_rule(rules.OPERATOR):
        answer = client.generic(method, URLS[name])
        to_sign_in = answer.status_code == 302 and "/admin/login/" in answer.headers["Location"]
        if not (to_sign_in or answer.status_code in {403, 404}):
            opened.append((name, method, answer.status_code))

    assert [each for each in opened if each[0] not in {"admin:logout"}] == []


# ── GraphQL ──


def graphql_fields(whole: GraphQLSchema) -> set[str]:
    return {
        f"{kind.name}.{field}"
        for kind in whole.type_map.values()
        if isinstance(kind, GraphQLInterfaceType | GraphQLObjectType) and not kind.name.startswith("__")
        for field in kind.fields
    }


@pytest.mark.promise("P-24")
def test_every_graphql_field_is_declared_and_every_declared_field_exists() -> None:
    assert graphql_fields(schema()) == set(graphql_rules())


def test_a_graphql_field_that_nobody_declared_is_seen() -> None:
    other = build_schema("type Query { viewer: String, planted: String }")

    assert graphql_fields(other) - set(graphql_rules()) == {"Query.planted"}


def test_no_field_that_leads_in_counts_as_a_fact() -> None:
    roots = {
        field
        for field, rule in graphql_rules().items()
        if field.startswith(("Query.", "Mutation.")) and rule == rules.PARENT
    }

    assert roots == set()
