"""A root key that is not as it should be stops the start, says what to do, and is never replaced.

Each case is tried at both ways in: `manage.py vault ready` and the launcher behind `make up`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.secrecy import powerless
from tests.e2e.secrecy.browser import Browser
from tests.e2e.secrecy.door import RUN, UPSERT, Door, history
from tests.live import ROOT, LiveServer, migrated
from tests.servers import free_port
from tests.turns import turn

pytestmark = [pytest.mark.live, pytest.mark.promise("P-31")]

WAYS_IN = {"vault ready": ["manage.py", "vault", "ready"], "launcher": ["-m", "config.launch"]}


@dataclass(frozen=True)
class Place:
    """The folders of an instance that was made ready once and is not running."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "var"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def root_key(self) -> Path:
        return self.keys / "root-1.key"

    def run(self, *arguments: str, as_root: bool = True) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("OWNLOG_", "DJANGO_"))
        }
        env = kept | {
            "OWNLOG_DATA": str(self.data),
            "OWNLOG_KEY_DIR": str(self.keys),
            "OWNLOG_PORT": str(free_port()),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=env,
            preexec_fn=None if as_root else powerless.give_up_root_powers,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def vault_rows(self) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.data / "vault.sqlite3") as connection:
            rows = connection.execute("SELECT * FROM vault_node ORDER BY id").fetchall()
        connection.close()
        return rows

    def key_files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.keys.glob("*") if path.is_file()}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(LiveServer(folder=tmp_path_factory.mktemp("ready")).prepare().folder)


@pytest.fixture
def place(ready: Place, tmp_path: Path) -> Place:
    shutil.copytree(ready.folder, tmp_path / "instance")
    return Place(tmp_path / "instance")


def remove(place: Place) -> None:
    place.root_key.unlink()


def remove_folder(place: Place) -> None:
    shutil.rmtree(place.keys)


def empty(place: Place) -> None:
    place.root_key.write_bytes(b"")


def cut_short(place: Place) -> None:
    place.root_key.write_bytes(place.root_key.read_bytes()[:40])


def change_a_letter(place: Place) -> None:
    text = bytearray(place.root_key.read_bytes())
    text[30] ^= 1
    place.root_key.write_bytes(text)


def open_to_the_world(place: Place) -> None:
    place.root_key.chmod(0o644)


def open_to_the_group(place: Place) -> None:
    place.root_key.chmod(0o640)


def open_the_folder(place: Place) -> None:
    place.keys.chmod(0o755)


def take_from_another_instance(place: Place) -> None:
    # A copy of what is ready would have this very key.
    other = LiveServer().prepare_like(migrated())
    other.manage("vault", "ready")
    place.root_key.write_bytes((other.keys / "root-1.key").read_bytes())
    other.remove()


def lose_the_vault(place: Place) -> None:
    """The other half of "from another instance": the key is here, what it opens is gone."""
    account = place.run("manage.py", "create_account", "alice", "--email", "alice@example.com")
    assert account.returncode == 0, account.stderr
    for path in place.data.glob("vault.sqlite3*"):
        path.unlink()
    assert place.run("manage.py", "migrate", "-v0", "--database", "vault").returncode == 0


# What breaks, and the words that tell a person what to do about it.
CASES: dict[Callable[[Place], None], list[str]] = {
    remove: ["root-1.key is missing", "Put that file back", "OWNLOG_KEY_DIR"],
    remove_folder: ["root-1.key is missing", "Put that file back"],
    empty: ["root-1.key is not a whole root key", "Put it back"],
    cut_short: ["root-1.key is not a whole root key", "Put it back"],
    change_a_letter: ["root-1.key is not a whole root key", "Put it back"],
    open_to_the_world: ["root-1.key can be opened by other users", "chmod 600"],
    open_to_the_group: ["root-1.key can be opened by other users", "chmod 600"],
    open_the_folder: ["keys can be opened by other users", "chmod 700"],
    take_from_another_instance: ["does not fit the vault", "OWNLOG_KEY_DIR"],
    lose_the_vault: [
        "is empty, but the main database holds sealed data",
        "Put back the newest copy of the vault",
    ],
}


def _in_turn() -> Iterator[Any]:
    """Each way to break it, at one of the ways in; at another one the next day."""
    for number, case in enumerate(CASES):
        for place, way in enumerate(WAYS_IN):
            if os.environ.get("OWNLOG_DEATHS") == "whole" or (number + place) % len(WAYS_IN) == turn(
                len(WAYS_IN)
            ):
                yield pytest.param(case, way, id=f"{case.__name__}-{way}")


@pytest.mark.parametrize(("break_it", "way_in"), [*_in_turn()])
def test_a_broken_key_stops_the_start_and_tells_what_to_do(
    break_it: Callable[[Place], None], way_in: str, place: Place
) -> None:
    break_it(place)
    roots_before = {name: data for name, data in place.key_files().items() if name.startswith("root-")}
    rows_before = place.vault_rows() if break_it is not lose_the_vault else []

    done = place.run(*WAYS_IN[way_in])

    assert done.returncode == 1, done.stdout + done.stderr
    for words in CASES[break_it]:
        assert words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    roots_after = {name: data for name, data in place.key_files().items() if name.startswith("root-")}
    assert roots_after == roots_before, "a root key was made or changed"
    assert place.vault_rows() == rows_before


def test_the_message_quotes_no_byte_of_the_key(place: Place) -> None:
    secret = place.root_key.read_text().split(":")[2]
    change_a_letter(place)
    printed = place.run(*WAYS_IN["vault ready"])
    assert secret[8:30] not in printed.stdout + printed.stderr


def test_once_the_key_is_back_everything_opens_again(place: Place) -> None:
    kept = place.root_key.read_bytes()
    remove(place)
    assert place.run(*WAYS_IN["vault ready"]).returncode == 1
    place.root_key.write_bytes(kept)
    place.root_key.chmod(0o600)
    verified = place.run("manage.py", "vault", "verify")
    assert verified.returncode == 0, verified.stderr


@pytest.mark.skipif(
    not powerless.is_possible(), reason="NOT TESTED: on this system no file is unreadable to root"
)
@pytest.mark.parametrize("way_in", WAYS_IN)
def test_a_key_that_cannot_be_read_stops_the_start(way_in: str, place: Place) -> None:
    place.root_key.chmod(0o000)
    done = place.run(*WAYS_IN[way_in], as_root=False)
    place.root_key.chmod(0o600)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "root-1.key cannot be read" in done.stderr and "chown" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("way_in", WAYS_IN)
def test_the_signing_secret_is_held_to_the_same(way_in: str, place: Place) -> None:
    """An empty django_secret would sign sessions and uploads with nothing."""
    (place.keys / "django_secret").write_bytes(b"")
    done = place.run(*WAYS_IN[way_in])
    assert done.returncode == 1, done.stdout + done.stderr
    assert "django_secret" in done.stderr and "Traceback" not in done.stderr, done.stderr[-600:]


def test_a_key_that_goes_while_the_server_runs(tmp_path: Path) -> None:
    """Clients keep their data and try again; where the key was kept is the operator's to know."""
    server = LiveServer()
    with server:
        door = Door(server.url, server.account("alice", "own_" + "k" * 36))
        door.start_run("p", "r")
        browser = Browser(server.url)
        browser.sign_up("dave")
        key, away = server.keys / "root-1.key", tmp_path / "root-1.key"
        shutil.move(key, away)
        answers = [
            door.graphql(RUN, {"entity": "alice", "project": "p", "run": "r"}),
            door.graphql(UPSERT, {"input": {"modelName": "p", "name": "s"}}),
            door.stream("alice", "p", "r", history('{"loss": 1}')),
        ]
        page = Browser(server.url).get("/alice/p")
        assert [answered.status for answered in answers] == [503] * 3
        assert page.status_code == 503
        for text in [*(answered.body.decode() for answered in answers), page.text]:
            assert str(server.keys) not in text and "root-1.key" not in text
        assert "root-1.key" in server.log.read_text(), "the operator is told"
        shutil.move(away, key)
        assert door.stream("alice", "p", "r", history('{"loss": 1}')).status == 200
