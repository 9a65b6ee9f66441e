from __future__ import annotations

from pathlib import Path

import pytest

from config import env
from tests.factories.vault import Instance

NAME = "OWNLOG_TEST_VALUE"


@pytest.mark.parametrize(("written", "value"), [("", "none"), ("  ", "none"), (" a b ", "a b")])
def test_text_is_trimmed(monkeypatch: pytest.MonkeyPatch, written: str, value: str) -> None:
    monkeypatch.setenv(NAME, written)

    assert env.text(NAME, "none") == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", True),
        ("TRUE", True),
        ("yes", True),
        ("on", True),
        ("0", False),
        ("False", False),
        ("no", False),
        ("off", False),
    ],
)
def test_boolean_reads_the_usual_words(monkeypatch: pytest.MonkeyPatch, written: str, value: bool) -> None:
    monkeypatch.setenv(NAME, written)

    assert env.boolean(NAME, default=not value) is value


@pytest.mark.parametrize("default", [True, False])
def test_boolean_unset_is_the_default(monkeypatch: pytest.MonkeyPatch, default: bool) -> None:
    monkeypatch.delenv(NAME, raising=False)

    assert env.boolean(NAME, default=default) is default


@pytest.mark.parametrize("written", ["maybe", "2", "-", "tru e"])
def test_boolean_refuses_nonsense_with_the_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv(NAME, written)

    with pytest.raises(env.BadSetting, match=NAME):
        env.boolean(NAME, default=True)


@pytest.mark.parametrize(("written", "value"), [("", 7), ("1", 1), ("10", 10)])
def test_integer_within_its_bounds(monkeypatch: pytest.MonkeyPatch, written: str, value: int) -> None:
    monkeypatch.setenv(NAME, written)

    assert env.integer(NAME, default=7, least=1, most=10) == value


@pytest.mark.parametrize("written", ["0", "11", "-1", "1.5", "x", "1e1", "²"])
def test_integer_refuses_nonsense_with_the_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv(NAME, written)

    with pytest.raises(env.BadSetting, match=NAME):
        env.integer(NAME, default=7, least=1, most=10)


def test_choice_is_one_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "closed")

    assert env.choice(NAME, among=("open", "closed"), default="open") == "closed"

    monkeypatch.setenv(NAME, "ajar")
    with pytest.raises(env.BadSetting, match=rf"{NAME} must be one of open, closed; it is 'ajar'\."):
        env.choice(NAME, among=("open", "closed"), default="open")


def test_listed_splits_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, " a, ,b,")

    assert env.listed(NAME, default=["c"]) == ["a", "b"]

    monkeypatch.setenv(NAME, " , ")
    assert env.listed(NAME, default=["c"]) == ["c"]


def test_folder_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(NAME, "here/../there")

    assert env.folder(NAME, default=tmp_path) == tmp_path.resolve() / "there"


def test_secret_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))

    assert env.secret(NAME) == "s3cret"


def test_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(NAME, "a")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))

    with pytest.raises(env.BadSetting, match="both set"):
        env.secret(NAME)


def test_secret_in_a_file_that_is_missing_or_no_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "missing"))

    with pytest.raises(env.BadSetting, match=f"{NAME}_FILE names a file that cannot be read"):
        env.secret(NAME)

    (tmp_path / "missing").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(env.BadSetting, match=f"{NAME}_FILE names a file that is not text"):
        env.secret(NAME)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("https://github.lab.example/", "https://github.lab.example"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("", "https://github.com"),
    ],
)
def test_a_server_that_secrets_go_to(monkeypatch: pytest.MonkeyPatch, value: str, read: str) -> None:
    monkeypatch.setenv("OWNLOG_GITHUB_URL", value)

    assert env.server("OWNLOG_GITHUB_URL", default="https://github.com") == read


@pytest.mark.parametrize(
    "value",
    ["http://github.lab.example", "github.com", "ftp://github.com", "https://", "https://a.example/?b=1"],
)
def test_secrets_go_nowhere_in_the_clear(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OWNLOG_GITHUB_URL", value)

    with pytest.raises(env.BadSetting, match="OWNLOG_GITHUB_URL must be an https:// address"):
        env.server("OWNLOG_GITHUB_URL", default="https://github.com")


def test_half_a_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNLOG_GITHUB_CLIENT_ID", "id")

    with pytest.raises(env.BadSetting, match="go together"):
        env.both_or_neither("OWNLOG_GITHUB_CLIENT_ID", "OWNLOG_GITHUB_CLIENT_SECRET")


def test_an_instance_for_others_names_its_hosts(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    instance.environment |= {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "OWNLOG_BASE_URL": "https://track.example.org",
        "OWNLOG_ALLOWED_HOSTS": "track.example.org, *",
        "OWNLOG_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    process = instance.start("")

    assert "OWNLOG_ALLOWED_HOSTS must name hosts" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
    instance.environment["OWNLOG_ALLOWED_HOSTS"] = "track.example.org"
    assert instance.run("print('up')") == "up"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", []),
        ("10.1.0.0/16", ["10.1.0.0/16"]),
        (" 192.168.7.9 , 2001:db8::/48,", ["192.168.7.9/32", "2001:db8::/48"]),
    ],
)
def test_networks_with_commas_between(
    monkeypatch: pytest.MonkeyPatch, written: str, value: list[str]
) -> None:
    monkeypatch.setenv(NAME, written)

    assert [str(each) for each in env.networks(NAME)] == value


@pytest.mark.parametrize(
    "written", ["10.1.0.0/33", "10.1.2.3/16", "localhost", "*", "10.0.0.0/8 10.1.0.0/16"]
)
def test_what_is_no_network_is_refused_with_the_name(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv(NAME, written)

    with pytest.raises(env.BadSetting, match=NAME):
        env.networks(NAME)
