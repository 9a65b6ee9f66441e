"""The launcher's parts, without an instance: what is refused, how a child is held, what is cleaned up."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.launch import broker, children, launcher, leftovers, options, web
from config.launch.children import Child
from config.launch.options import CannotStart, Options

# A process that starts another one, says both ids, and waits; both shrug at a polite end when told to.
PARENT = """
import os, signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}\\n")
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("OWNLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OWNLOG_DATA", str(tmp_path / "data"))


def wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    # A zombie has ended; only its parent has not looked yet.
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "pids"


@pytest.fixture
def family(said: Path, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(*words: str) -> Child:
        said.unlink(missing_ok=True)
        environment = dict(os.environ) | {leftovers.MARK: leftovers.mark_of(tmp_path)}
        child = Child("family", [sys.executable, "-c", PARENT, str(said), *words], environment, patience=10)
        child.start()
        made.append(child)
        wait_for(lambda: said.exists() and said.read_text().endswith("\n"))
        return child

    yield make
    for child in made:
        child.end()
    leftovers.end_leftovers(tmp_path)


def pids(said: Path) -> list[int]:
    return [int(word) for word in said.read_text().split()]


# ── What is refused ──


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "track.example.org"])
def test_a_public_address_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("OWNLOG_HOST", host)

    with pytest.raises(CannotStart, match="OWNLOG_TRUSTED_PROXY=1"):
        options.read()


@pytest.mark.parametrize("host", ["", "127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_an_address_of_this_machine_is_taken(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("OWNLOG_HOST", host)

    assert options.read().host == (host or "127.0.0.1")


def test_a_public_address_is_taken_behind_a_proxy_or_with_a_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OWNLOG_HOST", "0.0.0.0")
    monkeypatch.setenv("OWNLOG_TRUSTED_PROXY", "1")
    behind_proxy = options.read()
    monkeypatch.delenv("OWNLOG_TRUSTED_PROXY")
    for name in ("CERT", "KEY"):
        (tmp_path / name).write_text("pem")
        monkeypatch.setenv(f"OWNLOG_TLS_{name}", str(tmp_path / name))
    with_certificate = options.read()

    assert behind_proxy.url == "http://127.0.0.1:8000"
    assert with_certificate.url == "https://127.0.0.1:8000"
    assert "--ssl-certificate" not in web.command(behind_proxy)
    assert "--ssl-certificate" in web.command(with_certificate)


def test_a_certificate_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cert").write_text("pem")
    monkeypatch.setenv("OWNLOG_TLS_CERT", str(tmp_path / "cert"))

    with pytest.raises(CannotStart, match="go together"):
        options.read()


def test_a_certificate_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OWNLOG_TLS_CERT", str(tmp_path / "nothing"))

    with pytest.raises(CannotStart, match="does not exist"):
        options.read()


def test_a_used_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("OWNLOG_PORT", str(port))

        with pytest.raises(CannotStart, match=f"Port {port} on 127.0.0.1 cannot be used"):
            options.check_port(options.read())


def test_one_instance_a_folder(tmp_path: Path) -> None:
    second = launcher.only_one(tmp_path)

    with launcher.only_one(tmp_path), pytest.raises(CannotStart, match=f"process {os.getpid()}"), second:
        pass


def test_nonsense_is_said_plainly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OWNLOG_PORT", "http")

    assert launcher.main([]) == 1
    assert "OWNLOG_PORT must be a whole number" in capsys.readouterr().err


# ── The broker's place ──


def test_the_socket_fits_and_only_this_user_may_enter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))

    path = broker.socket_path(tmp_path)

    assert len(os.fsencode(path)) <= broker.LONGEST_SOCKET_PATH
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert broker.socket_path(tmp_path) == path
    path.parent.rmdir()


def test_somebody_elses_folder_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(broker, "LONGEST_SOCKET_PATH", 1000)
    broker.socket_path(tmp_path).parent.chmod(0o755)

    with pytest.raises(CannotStart, match="not a private folder"):
        broker.socket_path(tmp_path)


def test_the_broker_is_told_no_secrets_of_others() -> None:
    """They would lie in its memory."""
    whole = {
        "PATH": "/bin",
        leftovers.MARK: "x",
        "OWNLOG_GITHUB_CLIENT_SECRET": "y",
        "AWS_SECRET_ACCESS_KEY": "z",
    }

    assert broker.environment(whole) == {"PATH": "/bin", leftovers.MARK: "x"}


def test_the_broker_keeps_nothing_and_listens_on_no_port(tmp_path: Path) -> None:
    words = broker.command(tmp_path / "broker.sock")
    given = dict(zip(words[1::2], words[2::2], strict=True))

    assert given["--port"] == "0"
    assert given["--save"] == ""
    assert given["--appendonly"] == "no"


# ── Holding a child ──


def test_a_stopped_child_takes_its_own_children_along(family: Callable[..., Child], said: Path) -> None:
    child = family()

    child.ask_to_stop()
    wait_for(child.has_died)
    polite = child.end()

    assert polite
    wait_for(lambda: not any(runs(pid) for pid in pids(said)))


def test_a_child_that_does_not_stop_is_killed(family: Callable[..., Child], said: Path) -> None:
    child = family("stubborn")

    child.ask_to_stop()
    time.sleep(0.3)
    polite = child.end()

    assert not polite
    wait_for(lambda: not any(runs(pid) for pid in pids(said)))


@pytest.mark.parametrize("manner", [[], ["stubborn"]])
def test_everything_ends_when_the_launcher_is_gone(
    family: Callable[..., Child], said: Path, manner: list[str]
) -> None:
    child = family(*manner)
    assert child.process is not None
    assert child.process.stdin is not None

    child.process.stdin.close()  # what the system does when the launcher is killed

    wait_for(lambda: not any(runs(pid) for pid in pids(said)))
    wait_for(child.has_died)


def test_what_a_dead_child_left_is_ended_before_the_next_start(
    family: Callable[..., Child], said: Path
) -> None:
    child = family()
    parent, grandchild = pids(said)
    os.kill(parent, signal.SIGKILL)
    wait_for(child.has_died)

    code = child.bury()

    assert code == 128 + signal.SIGKILL
    wait_for(lambda: not runs(grandchild))


def test_pauses_grow_and_a_long_life_makes_them_short_again() -> None:
    child = Child("child", [], {}, patience=1)
    child.started_at = time.monotonic()

    pauses = [child.plan_next_start() for _ in range(7)]
    child.started_at -= children.WELL_AFTER + 1

    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert child.plan_next_start() == 1


# ── What an earlier start left ──


def test_leftovers_of_this_folder_are_ended_and_no_others(
    family: Callable[..., Child], said: Path, tmp_path: Path
) -> None:
    child = family()
    assert child.process is not None
    mine = pids(said)
    os.kill(child.process.pid, signal.SIGKILL)
    wait_for(child.has_died)
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env=dict(os.environ) | {leftovers.MARK: leftovers.mark_of(tmp_path / "other")},
    )

    try:
        ended = leftovers.end_leftovers(tmp_path)

        assert ended == len(mine)
        assert not any(runs(pid) for pid in mine)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_nothing_is_left_over_at_first(tmp_path: Path) -> None:
    assert leftovers.end_leftovers(tmp_path) == 0


# ── What it says ──


@pytest.mark.parametrize("is_first", [True, False])
def test_the_welcome_names_the_address_the_account_and_the_lines(tmp_path: Path, is_first: bool) -> None:
    wanted = Options("127.0.0.1", 8000, tmp_path, "", None, None, False, "https://track.example.org")

    words = launcher.welcome(wanted, is_first=is_first)

    assert "https://track.example.org/" in words
    assert ("the first one owns the instance" in words) is is_first
    assert ("https://track.example.org/sign-in" in words) is not is_first
    assert "create_account" in words
    assert re.findall(r"^  (\w+) ", words, re.MULTILINE) == ["pip", "export", "export", "python"]


def test_no_path_of_a_request_is_logged(tmp_path: Path) -> None:
    wanted = Options("127.0.0.1", 8000, tmp_path, "", None, None, False, "")

    assert "--no-access-log" in web.command(wanted)
