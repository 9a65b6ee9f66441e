"""The same people everywhere: alice owns the lab team, bob is a member, vera may look, mallory is nobody there."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from apps.accounts.models import User
from apps.blobs.store import default_store
from apps.erasure import services
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from config import garbage
from tests.factories import people, work
from tests.factories.beginnings import Beginning
from tests.live import SHARED, shared_folder
from tests.servers import present
from tests.turns import TURN, is_left_to_another_day, is_left_to_the_other_pass, today

if TYPE_CHECKING:
    from apps.blobs.store.s3 import S3Store


def pytest_configure() -> None:
    """What the processes that tests start inherit.

    Whoever starts the suite in the background has it ignore Ctrl-C, and a client that is asked to stop would with it.
    """
    os.environ[SHARED] = str(shared_folder())
    os.environ.setdefault(
        TURN, str(today())
    )  # one day for all workers, and for a second look, also where midnight comes
    _static_files_are_found_once()
    # Each of the hundreds of processes that tests start would compile all of Django and wandb again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _static_files_are_found_once() -> None:
    """Each of the tests' clients is a server of its own, which looks for all of them: a third of what a test of a page took."""
    found: dict[str, StaticFile] = {}
    look = WhiteNoiseMiddleware.add_files_from_finders

    def add(self: WhiteNoiseMiddleware) -> None:
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    WhiteNoiseMiddleware.add_files_from_finders = add


def pytest_report_header() -> str:
    return f"turn: {today()} (what is asked a part a day; again with {TURN}={today()})"


# Files that take half a minute and more, the longest first (`make test` ends with a list): begun last, one of them would keep a
# worker busy while the others are done.
LONG = (
    "tests/web/test_every_page_in_chromium.py",
    "tests/matrix/test_matrix.py",
    "tests/e2e/secrecy/test_canary.py",
    "tests/erasure/test_killed_whole.py",
    "tests/e2e/durability/test_compaction.py",
    "tests/e2e/durability/test_kill.py",
    "tests/exports/test_kill.py",
    "tests/e2e/secrecy/test_key_file.py",
    "tests/e2e/cluster/test_cluster.py",
    "tests/web/test_look_in_chromium.py",
    "tests/e2e/secrecy/test_hostile_pages.py",
    "tests/wandb_protocol/test_oldest_client.py",
    "tests/web/test_run_in_chromium.py",
    "tests/house/test_launcher.py",
    "tests/web/test_panels_in_chromium.py",
    "tests/web/test_table_in_chromium.py",
    "tests/mutations/test_direct.py",
    "tests/api/test_fuzzed.py",
    "tests/vault/test_epochs_in_any_order.py",
    "tests/e2e/durability/test_values.py",
    "tests/e2e/durability/test_storage_full.py",
    "tests/wandb_protocol/test_code_matrix.py",
    "tests/wandb_protocol/test_client_run.py",
    "tests/wandb_protocol/test_client_again.py",
    "tests/web/test_files_in_chromium.py",
    "tests/web/test_home_in_chromium.py",
    "tests/web/test_console_in_chromium.py",
    "tests/web/test_teams_in_chromium.py",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """No garbage is looked for among thousands of tests that stay, and then as rarely as in the servers."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        garbage.look_rarely()


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that may use the database may use both, and finds a root key: content without its keys is of no use."""
    on_servers = present() is not None
    left = [
        item
        for item in items
        if is_left_to_the_other_pass(_file(item), on_servers=on_servers)
        or is_left_to_another_day(_file(item), on_servers=on_servers)
    ]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(_file(item), len(LONG)))
    for item in items:
        names = getattr(item, "fixturenames", [])
        marker = item.get_closest_marker("django_db")
        if marker is None and {"db", "transactional_db"} & set(names):
            item.add_marker(pytest.mark.django_db)
            marker = item.get_closest_marker("django_db")
        if marker is not None:
            cast("dict[str, Any]", marker.kwargs).setdefault("databases", ["default", "vault"])


@pytest.fixture(autouse=True, scope="session")
def _bucket() -> None:
    """On real servers (tests/servers.py) files go to a bucket of this process's own."""
    if present() is not None:
        store = cast("S3Store", default_store())
        store.client.create_bucket(Bucket=store.bucket)


@pytest.fixture(autouse=True, scope="session")
def _turns_end_by_what_is_done() -> Iterator[None]:
    """A worker's turn at an erasure is over after some seconds, which on a machine at work may be before it comes to where a test
    looks. Tests of that say so themselves."""
    before, services._TURN_SECONDS = services._TURN_SECONDS, 600.0
    yield
    services._TURN_SECONDS = before


@pytest.fixture
def empty_store() -> None:
    """Rolled back, rows of other tests are gone, and what they stored has nobody: a bucket is emptied here."""
    if present() is not None:
        store = default_store()
        for found in list(store.list()):
            store.delete_all_versions(found.name)


@pytest.fixture(autouse=True)
def _vault_in_every_database_test(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db") is not None:
        kind = "transactional_db" if "transactional_db" in request.fixturenames else "db"
        request.getfixturevalue(kind)
        request.getfixturevalue("beginning").root(people.make_root)


@pytest.fixture
def beginning(db: None, request: pytest.FixtureRequest) -> Iterator[Beginning]:
    """Of the fixtures below each is stored by the product once in a while, and put back for the tests between."""
    began = Beginning(request)
    with began.watched():
        yield began


@pytest.fixture
def alice(beginning: Beginning) -> User:
    return beginning.step("alice", lambda: people.person("alice"))


@pytest.fixture
def bob(beginning: Beginning) -> User:
    return beginning.step("bob", lambda: people.person("bob"))


@pytest.fixture
def vera(beginning: Beginning) -> User:
    return beginning.step("vera", lambda: people.person("vera"))


@pytest.fixture
def mallory(beginning: Beginning) -> User:
    return beginning.step("mallory", lambda: people.person("mallory"))


@pytest.fixture
def lab(beginning: Beginning, alice: User, bob: User, vera: User) -> Entity:
    return beginning.step("lab", lambda: people.team("lab", admin=alice, members=[bob], viewers=[vera]))


@pytest.fixture
def vision(beginning: Beginning, lab: Entity, alice: User) -> Project:
    return beginning.step("vision", lambda: work.project("lab", "vision", by=alice))


@pytest.fixture
def run(beginning: Beginning, vision: Project, alice: User) -> Run:
    return beginning.step("run", lambda: work.run(vision, "run1", by=alice))
