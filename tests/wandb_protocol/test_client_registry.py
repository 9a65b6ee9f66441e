"""Links and registries with the real client: what one script does with them all, looked at by each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import Json, WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
KEYS = {name: f"own_{name}".ljust(40, "r") for name in ("chief", "guest")}
_WORLD = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.services import add_team, create_organisation, create_team
chief, guest = (User.objects.get(username=name) for name in ("chief", "guest"))
org = create_organisation("academy", by=Actor.person(chief))
for name, admin in (("makers", chief), ("lookers", guest)):
    team = create_team(name, admin=admin, by=Actor.person(admin))
    type(team).objects.filter(pk=team.pk).update(organisation=org)
"""
_CHIEF = """
    import pathlib
    from datetime import timedelta
    api = wandb.Api()
    registry = api.create_registry("models", "organization", organization="academy", description="what we ship", artifact_types=["model"])
    other = api.create_registry("data", "restricted", organization="academy")
    run = wandb.init(entity="makers", project="nets", id="trains", settings=FAST)
    made = []
    for number in range(2):
        pathlib.Path("w.bin").write_text(f"weights {number}")
        net = wandb.Artifact("net", "model", metadata={"score": number}); net.add_file("w.bin")
        net = run.log_artifact(net, aliases=["latest"], tags=["fast"] if number else []).wait()
        linked = run.link_artifact(net, "wandb-registry-models/prod", aliases=["best", f"n{number}"])
        made.append([linked.name, linked.version, sorted(linked.aliases), linked.is_link, linked.source_name, linked.source_project])
    run.log_artifact(wandb.Artifact("set", "dataset")).wait()
    inner = run.link_artifact(net, "chosen", aliases=["good"])
    run.link_model("w.bin", "winner", "champion", aliases=["first"])
    run.finish()
    api = wandb.Api()
    by_link = api.artifact("academy/wandb-registry-models/prod:best")
    by_link.aliases.append("production"); by_link.aliases.remove("n1"); by_link.save()
    collection = api.artifact_collection("model", "academy/wandb-registry-models/prod")
    collection.tags = ["shipped"]; collection.description = "the good ones"; collection.save()
    try:
        api.artifact("makers/nets/set:v0").link("wandb-registry-models/sets")
        refused = ""
    except Exception as error:
        refused = str(error)
    looked = api.team("makers")
    registry.add_members(looked)
    registry.update_member(looked, "member")
    registry.description = "all that we ship"; registry.save()
    other.name = "sets"; other.save()
    model = api.artifact("makers/model-registry/winner:first")
    source = api.artifact("makers/nets/net:v0")
    source.ttl = timedelta(days=3); source.save()
    again = api.artifact("makers/nets/net:v0")
    tell(made=made, model=[f"{model.collection.name}:{model.version}", model.is_link, model.source_qualified_name], inner=[inner.name, inner.is_link, inner.qualified_name], refused=refused,
         aliases=sorted(api.artifact("academy/wandb-registry-models/prod:v1").aliases),
         names=[r.name for r in api.registries("academy")], found=[r.name for r in api.registries("academy", filter={"name": {"$regex": "mod"}})],
         members=[[m.team.name, str(getattr(m.role, "value", m.role))] for m in api.registry("models", "academy").team_members()],
         description=api.registry("models", "academy").description, types=list(api.registry("models", "academy").artifact_types),
         visibility=[r.visibility for r in api.registries("academy")], ttl=str(again.ttl),
         links=sorted(each.qualified_name for each in api.artifact("makers/nets/net:v1").linked_artifacts))
"""
_GUEST = """
    import pathlib
    api = wandb.Api()
    registries = api.registries("academy")
    one = api.artifact("academy/wandb-registry-models/prod:production")
    folder = one.download(root="got")
    def versions(**wanted):
        return [v.name for v in api.registries("academy").versions(filter=wanted)]
    def may(act):
        try:
            act(); return "yes"
        except Exception as error:
            return str(error)
    run = wandb.init(entity="lookers", project="uses", id="reads", settings=FAST)
    used = run.use_artifact("academy/wandb-registry-models/prod:best").name
    run.finish()
    tell(names=[r.name for r in registries], collections=[[c.name, c.description, c.tags] for c in api.registries("academy").collections(filter={"tag": "shipped"})],
         none=[c.name for c in api.registries("academy").collections(filter={"name": "other"})],
         got=pathlib.Path(folder, "w.bin").read_text(), source=[one.source_name, one.source_project, one.is_link], used=used,
         all=versions(), best=versions(alias="best"), fast=versions(tag="fast"), v0=versions(version="v0"),
         score=versions(**{"metadata.score": {"$gt": 0}}),
         by_id=[v.name for v in api.registry("models", "academy").versions()],
         project=may(lambda: api.artifact("makers/nets/net:v0")), unlink=may(lambda: api.artifact("academy/wandb-registry-models/prod:v0").unlink()))
"""
_AFTER = """
    api = wandb.Api()
    api.artifact("academy/wandb-registry-models/prod:n0").unlink()
    left = [v.name for v in api.registry("models", "academy").versions()]
    api.artifact("makers/nets/net:v1").delete(delete_aliases=True)
    gone = [v.name for v in api.registry("models", "academy").versions()]
    kept = api.artifact("makers/nets/net:v0").name
    api.registry("sets", "academy").delete()
    tell(left=left, gone=gone, kept=kept, names=[r.name for r in api.registries("academy")])
"""


@pytest.fixture(scope="module")
def told(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    for name, key in KEYS.items():
        server.account(name, key)
    server.python("-c", _WORLD)

    def by(name: str, script: str) -> Json:
        home: Path = tmp_path_factory.mktemp(name)
        return WandbClient(server, home, key=KEYS[name]).run(script).told

    return {"chief": by("chief", _CHIEF), "guest": by("guest", _GUEST), "after": by("chief", _AFTER)}


def test_versions_are_linked_to_a_registry_and_to_a_portfolio(told: dict[str, Json]) -> None:
    facts = told["chief"]

    assert facts["made"] == [
        ["prod:v0", "v0", ["best", "latest", "n0"], True, "net:v0", "nets"],
        ["prod:v1", "v1", ["best", "latest", "n1"], True, "net:v1", "nets"],
    ]
    assert facts["inner"] == ["chosen:v0", True, "makers/nets/chosen:v0"]
    # In a project that nobody made before.
    assert facts["model"] == ["winner:v0", True, "makers/nets/champion:v0"]
    assert facts["links"] == ["academy/wandb-registry-models/prod:v1", "makers/nets/chosen:v0"]
    assert facts["aliases"] == ["best", "latest", "production"]
    assert "does not take artifacts of the type" in facts["refused"]


def test_registries_are_made_changed_and_found(told: dict[str, Json]) -> None:
    facts = told["chief"]

    assert (facts["names"], facts["found"]) == (["models", "sets"], ["models"])
    assert (facts["visibility"], facts["types"]) == (["organization", "restricted"], ["model"])
    assert facts["description"] == "all that we ship"
    assert facts["members"] == [["makers", "member"]]
    assert facts["ttl"] == "3 days, 0:00:00"


def test_somebody_of_another_team_reads_by_the_registry_alone(told: dict[str, Json]) -> None:
    facts = told["guest"]

    assert facts["names"] == ["models"]
    assert facts["got"] == "weights 1"
    assert facts["source"] == ["prod:v1", "", True]
    assert facts["used"] == "prod:best"
    assert "not found" in facts["project"]
    assert "your role does not allow" in facts["unlink"]


def test_collections_and_versions_are_found_by_filters(told: dict[str, Json]) -> None:
    facts = told["guest"]

    assert facts["collections"] == [["prod", "the good ones", ["shipped"]]]
    assert facts["none"] == []
    assert facts["all"] == facts["by_id"] == ["prod:v1", "prod:v0"]
    assert facts["best"] == facts["fast"] == facts["score"] == ["prod:v1"]
    assert facts["v0"] == ["prod:v0"]


def test_links_end_by_hand_and_with_what_they_led_to(told: dict[str, Json]) -> None:
    assert told["after"] == {"left": ["prod:v1"], "gone": [], "kept": "net:v0", "names": ["models"]}
