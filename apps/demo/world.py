"""A believable world for newcomers, screenshots and tests: named people, a team, projects with plausible runs.

Everything is made by the services that real use goes through, with fixed seeds.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.queries import is_taken
from apps.accounts.services import issue_api_key
from apps.core import clock, jsontext
from apps.core.errors import Conflict
from apps.demo.artifacts import add_artifacts
from apps.demo.code import MAIN, code_of
from apps.demo.curves import Recipe, machine, training, weights
from apps.demo.media import CHARTS, media_of
from apps.demo.people import NAMES, ORGANISATION, PASSWORD, TEAM
from apps.demo.registry import add_registry
from apps.erasure.services import erase_run
from apps.files.services import announce_files, store_file
from apps.plans.services import grant_plan
from apps.plans.types import Plan
from apps.projects.models import Project
from apps.projects.queries import get_project
from apps.projects.services import get_or_create_project, make_share_link, save_view, update_project
from apps.runs.alerts import raise_alert
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import start_run
from apps.runs.types import AlertLevel, Lines, RunPatch, Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.queries import default_entity, is_name_in_use
from apps.teams.services import (
    add_member,
    add_team,
    choose,
    create_account,
    create_organisation,
    create_team,
    make_service_account,
)
from apps.teams.types import MemberRole

_BATCH = 500
_WITH_CODE = _WITH_MEDIA = (3, 5)
_WITH_ALERTS = (5,)
_VIEW = "Finished, the newest first"
_ALERTS = (
    (AlertLevel.INFO, "Warm-up is over", ""),
    (
        AlertLevel.WARN,
        "val/acc has not risen for five epochs",
        "Best so far 0.871 at epoch 31.\nStops after three more.",
    ),
    (
        AlertLevel.ERROR,
        "The scratch disk is nearly full",
        "/scratch has 1.2 GiB left; checkpoints are 900 MiB each.",
    ),
)
# From this seed on, in the project that was made last, runs tell of their machine as the client does: what is dropped shows.
_TELLS_OF_ITS_MACHINE = 200
_MACHINE = {
    "os": "Linux-6.12-x86_64",
    "python": "CPython 3.13.9",
    "cpu_count": 32,
    "gpu": "NVIDIA L40S",
    "gpu_count": 1,
    "email": "alice@example.org",
    "host": "hokuto-gpu-07",
    "username": "alice",
    "root": "/home/alice/open-baselines",
    "executable": "/home/alice/.venv/bin/python",
}
_SECONDS_A_STEP = 7.5
_ERASED = 99


@dataclass(slots=True)
class World:
    """What was made, for the command to print."""

    by: Actor  # alice, who made most of it
    people: list[str]
    api_key: str = ""
    projects: list[str] = field(default_factory=list)
    runs: int = 0


def make_world(*, runs: int = 24, steps: int = 1500) -> World:
    """Fill an instance. Conflict, with nothing made, when one of its names is somebody's already."""
    if taken := [name for name in (*NAMES, TEAM, ORGANISATION) if _is_somebodys(name)]:
        raise Conflict(
            f"Nothing was made: {', '.join(taken)} {'is' if len(taken) == 1 else 'are'} here already. "
            "The demo brings its own people; give it an instance of its own: OWNLOG_DATA=FOLDER make demo"
        )
    people = {name: create_account(name, email=_address(name), password=PASSWORD) for name in NAMES}
    alice = people["alice"]
    world = World(by=Actor.person(alice), people=list(people))
    _, world.api_key = issue_api_key(alice, by=Actor.person(alice))
    if settings.OWNLOG_HOSTED:
        grant_plan(alice, Plan.TEAM, by=Actor.system())
    team = create_team(TEAM, admin=alice, by=Actor.person(alice))
    add_member(team, people["bob"], role=MemberRole.MEMBER)
    add_member(team, people["vera"], role=MemberRole.VIEWER)
    make_service_account(team, "Nightly training", role=MemberRole.MEMBER, by=Actor.person(alice))
    institute = create_organisation(ORGANISATION, by=Actor.person(alice))
    add_team(institute, team, by=Actor.person(alice))
    choose(institute, SettingName.SYSTEM_METADATA, "minimal", by=Actor.person(alice), enforce=True)
    # Two runs keep their code; then code saving is off again, as it is for everybody.
    own = default_entity(Actor.person(alice))
    choose(own, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    for number, place in enumerate(_projects(people)):
        _fill(
            place,
            runs=runs if number == 0 else max(3, runs // 4),
            steps=steps,
            seed=100 * number,
            world=world,
        )
    choose(own, SettingName.CODE_SAVING, False, by=Actor.person(alice))
    add_registry(institute, team, project="legal-ja", by=Actor.person(alice))
    _show_vision(by=world.by)
    _erase_a_run(by=world.by)
    return world


def _show_vision(*, by: Actor) -> None:
    """Somebody opens alice's project by a link that she made: her home says so."""
    vision = get_project(by, Permission.PROJECT_SHARE, entity="alice", name="vision")
    link, _ = make_share_link(vision, label="Reviewers", days=30, by=by)
    reviewer = Actor.nobody(shares=frozenset({link.public_id}))
    get_project(reviewer, Permission.PROJECT_READ, entity="alice", name="vision")


def _erase_a_run(*, by: Actor) -> None:
    """What is on its way when the instance starts, and some seconds later has a receipt."""
    vision = get_project(by, Permission.RUN_ERASE, entity="alice", name="vision")
    erase_run(_make_run(vision, _recipe(_ERASED), steps=30, age=0, by=by), by=by, at_once=True)


def _is_somebodys(name: str) -> bool:
    return is_taken(email=_address(name)) or is_name_in_use(name)


def _address(name: str) -> str:
    return f"{name}@example.org"


@dataclass(frozen=True, slots=True)
class Place:
    entity: str
    name: str
    about: str
    by: User
    visibility: Visibility = Visibility.PRIVATE


def _projects(people: dict[str, User]) -> Iterator[Place]:
    yield Place(
        "alice", "vision", "Image classifiers from scratch: which augmentation pays?", people["alice"]
    )
    yield Place(TEAM, "legal-ja", "日本語の判例でLoRAを試す", people["bob"])
    yield Place(
        TEAM, "open-baselines", "Numbers that others may cite", people["alice"], visibility=Visibility.PUBLIC
    )


def _fill(place: Place, *, runs: int, steps: int, seed: int, world: World) -> None:
    actor = Actor.person(place.by)
    project = get_or_create_project(actor, entity=place.entity, name=place.name)
    update_project(project, by=actor, description=place.about, visibility=place.visibility)
    save_view(project, name=_VIEW, table={"q": ["state = finished"], "order": ["-created_at"]}, by=actor)
    world.projects.append(f"{place.entity}/{place.name}")
    made = []
    for number in range(runs):
        made.append(_make_run(project, _recipe(seed + number), steps=steps, age=runs - number, by=actor))
        world.runs += 1
    if seed == 0 and len(made) >= 3:
        add_artifacts(project, made, by=actor)


def _recipe(seed: int) -> Recipe:
    rng = random.Random(seed)
    return Recipe(
        model=rng.choice(["resnet18", "resnet50", "swin-t", "convnext-s"]),
        learning_rate=rng.choice([1e-4, 3e-4, 5e-4, 1e-3, 3e-3]),
        batch_size=rng.choice([64, 128, 256]),
        augmentation=rng.choice(["none", "randaug", "cutmix", "mixup"]),
        epochs=rng.choice([30, 60, 90]),
        seed=seed,
    )


def _make_run(project: Project, recipe: Recipe, *, steps: int, age: int, by: Actor) -> Run:
    began = clock.now() - timedelta(hours=5 * age)
    opened, _ = start_run(project, name=f"demo{recipe.seed:04d}", by=by, patch=patch_of(recipe))
    run = opened.run
    fate = random.Random(recipe.seed).random()
    steps = steps // 3 if fate > 0.9 else steps
    last: dict[str, float] = {}
    looked_at: dict[str, bytes] = {}
    lines: list[str] = []
    sent = 0
    for step, row in enumerate(training(recipe, steps=steps)):
        last |= row | clockwork(step, began)
        drawn = {"weights/head": weights(recipe, step, steps=steps)} if "val/acc" in row else {}
        if recipe.seed in _WITH_MEDIA and step in (steps // 2, steps - 1):
            media, files = media_of(recipe, step)
            drawn, looked_at = drawn | media, looked_at | files
        lines.append(jsontext.dumps(row | drawn | clockwork(step, began)))
        if len(lines) == _BATCH:
            _send(run, Stream.HISTORY, sent, lines)
            sent, lines = sent + len(lines), []
    _send(run, Stream.HISTORY, sent, lines)
    _send(run, Stream.EVENTS, 0, list(_machine_lines(recipe, began, steps=steps)))
    _send(run, Stream.OUTPUT, 0, list(_console(recipe, steps)))
    _attach(run, recipe, looked_at)
    if recipe.seed in _WITH_ALERTS:
        _raise(run, by=by)
    _end(run, last, fate=fate)
    return run


def patch_of(recipe: Recipe) -> RunPatch:
    config = {
        "model": recipe.model,
        "optim": {"name": "adamw", "lr": recipe.learning_rate, "weight_decay": 0.05},
        "batch_size": recipe.batch_size,
        "aug": recipe.augmentation,
        "epochs": recipe.epochs,
        "seed": recipe.seed,
    }
    told: dict[str, object] = {}
    if recipe.seed in _WITH_CODE:
        told = {"code_path": MAIN, **CHARTS}
    if recipe.seed >= _TELLS_OF_ITS_MACHINE:
        told = {"e": {"demo": _MACHINE}}
    client = {"_wandb": {"value": told}} if told else {}
    return RunPatch(
        display_name=f"{recipe.model}-{recipe.augmentation}-lr{recipe.learning_rate:.0e}".replace(
            "e-0", "e-"
        ),
        config_text=jsontext.dumps({key: {"value": value} for key, value in config.items()} | client),
        tags=["baseline"] if recipe.augmentation == "none" else ["paper", recipe.augmentation],
        notes="Same schedule as the baseline; only the augmentation differs.",
        group=recipe.model,
        job_type="train",
        commit=hashlib.sha1(str(recipe.seed).encode(), usedforsecurity=False).hexdigest(),
    )


def clockwork(step: int, began: datetime, *, seconds: float = _SECONDS_A_STEP) -> dict[str, float]:
    """What the client itself adds to each row, of which one comes every so many seconds."""
    runtime = step * seconds
    return {"_step": step, "_runtime": runtime, "_timestamp": began.timestamp() + runtime}


def _machine_lines(recipe: Recipe, began: datetime, *, steps: int) -> Iterator[str]:
    minutes = int(steps * _SECONDS_A_STEP // 60)
    for minute, row in enumerate(machine(recipe, minutes=minutes)):
        yield jsontext.dumps(row | {"_runtime": 60.0 * minute, "_timestamp": began.timestamp() + 60 * minute})


def _console(recipe: Recipe, steps: int) -> Iterator[str]:
    yield f"loading {recipe.model}, batch {recipe.batch_size}, augmentation {recipe.augmentation}"
    for step, row in enumerate(training(recipe, steps=steps)):
        if step % 50 == 0:
            yield f"step {step:>6}  loss {row['train/loss']:.4f}  lr {row['lr']:.2e}"
        if "val/acc" in row:
            yield _said_of_validation(row)


def console_line(step: int, row: dict[str, float]) -> str:
    """What a run that is watched prints of a step, often enough to be seen; empty where it prints nothing."""
    if "val/acc" in row:
        return _said_of_validation(row)
    return f"step {step:>6}  loss {row['train/loss']:.4f}" if step % 5 == 0 else ""


def _said_of_validation(row: dict[str, float]) -> str:
    return f"\x1b[32mval\x1b[0m  acc {row['val/acc']:.4f}  loss {row['val/loss']:.4f}"


def _attach(run: Run, recipe: Recipe, media: dict[str, bytes]) -> None:
    files = {"requirements.txt": b"torch==2.9.1\ntimm==1.0.20\nnumpy==2.4.6\nwandb==0.31.0\n"} | media
    if recipe.seed in _WITH_CODE:
        files |= code_of(recipe)
    for announced in announce_files(run, list(files)):
        if announced.file is not None:
            store_file(announced.file, [files[announced.name]])


def _send(run: Run, stream: Stream, offset: int, lines: list[str]) -> None:
    if lines:
        store.append(run, StreamRequest(streams={stream: Lines(first=offset, lines=lines)}))


def _raise(run: Run, *, by: Actor) -> None:
    for level, title, text in _ALERTS:
        raise_alert(run, title=title, text=text, level=level, wait=timedelta(0), by=by)


def _end(run: Run, summary: dict[str, float], *, fate: float) -> None:
    """One in twenty fails, the others finish."""
    exit_code = 1 if fate > 0.95 else 0
    store.append(
        run, StreamRequest(summary_text=jsontext.dumps(summary), is_complete=True, exit_code=exit_code)
    )
