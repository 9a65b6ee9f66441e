"""The container files keep the rules that a linter for them would hold, and compose reads them where docker is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.launch import options

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"


def instructions() -> list[tuple[str, str]]:
    """(instruction, its words) in the Dockerfile, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
    joined = re.sub(r"\\\n\s*", "", text)
    pairs = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(word.upper(), rest) for word, rest in pairs]


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return parsed


def images() -> list[str]:
    bases = [words.split()[0] for word, words in instructions() if word == "FROM"]
    return bases + [service["image"] for service in compose()["services"].values() if "image" in service]


@pytest.mark.parametrize("image", images())
def test_images_are_pinned_to_a_full_version(image: str) -> None:
    name, _, tag = image.partition(":")

    assert name
    assert re.match(r"\d+\.\d+", tag), f"{image} names no version"


def test_dockerfile_ends_as_a_user_with_a_number() -> None:
    users = [words for word, words in instructions() if word == "USER"]

    assert users == ["10001:10001"]
    assert [word for word, _ in instructions()].index("USER") > max(
        index for index, (word, _) in enumerate(instructions()) if word in {"RUN", "COPY"}
    )


def test_dockerfile_downloads_nothing_by_hand() -> None:
    assert [words for word, words in instructions() if word == "ADD"] == []
    assert [
        words for word, words in instructions() if word == "RUN" and re.search(r"\b(curl|wget|git)\b", words)
    ] == []


def test_dockerfile_checks_hashes_and_keeps_no_cache() -> None:
    installs = [words for word, words in instructions() if word == "RUN" and "pip install" in words]

    assert len(installs) == 1
    assert all(flag in installs[0] for flag in ("--require-hashes", "--no-cache-dir", "--only-binary :all:"))


def test_dockerfile_removes_package_lists_where_it_uses_them() -> None:
    for word, words in instructions():
        if word == "RUN" and "apt-get install" in words:
            assert "--no-install-recommends" in words
            assert "rm -rf /var/lib/apt/lists/*" in words


def test_dockerfile_holds_no_secret() -> None:
    named = [words for word, words in instructions() if word in {"ENV", "ARG"}]

    assert [words for words in named if re.search(r"SECRET|PASSWORD|TOKEN|API_KEY", words)] == []


def test_dockerfile_has_exec_forms_and_a_healthcheck() -> None:
    forms = {word: words for word, words in instructions() if word in {"CMD", "ENTRYPOINT", "HEALTHCHECK"}}

    assert json.loads(forms["CMD"]) == ["web"]
    assert json.loads(forms["ENTRYPOINT"]) == ["/usr/local/bin/entrypoint.sh"]
    assert json.loads(forms["HEALTHCHECK"].split("CMD ")[1])[:3] == ["python", "-m", "config.launch.web"]


def test_what_the_dockerfile_copies_exists_and_is_not_ignored() -> None:
    sources = [
        words.split()[0]
        for word, words in instructions()
        if word == "COPY" and not words.startswith("--from")
    ]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if source.removeprefix("./") not in let_in] == []


def test_entrypoint_is_a_shell_script_that_stops_at_an_error() -> None:
    script = DOCKER / "entrypoint.sh"

    assert os.access(script, os.X_OK)
    assert "set -eu" in script.read_text()
    subprocess.run(["sh", "-n", script], check=True)


def test_slow_senders_wait_at_the_proxy() -> None:
    words = (DOCKER / "Caddyfile").read_text().split()

    assert words[words.index("request_buffers") + 1] == "1MiB"
    assert words[words.index("read_header") + 1] == "30s"
    assert words[words.index("read_body") + 1] == "2h"


def test_only_the_proxy_is_reachable_from_outside() -> None:
    services = compose()["services"]

    assert [name for name, service in services.items() if "ports" in service] == ["caddy"]
    assert [name for name, service in services.items() if "outside" in service["networks"]] == ["caddy"]
    assert compose()["networks"]["inside"] == {"internal": True}


def test_services_gain_no_privileges() -> None:
    services = compose()["services"]

    assert [name for name, service in services.items() if service.get("privileged")] == []
    assert [
        n for n, service in services.items() if service.get("security_opt") != ["no-new-privileges:true"]
    ] == []


def test_passwords_come_from_files_only() -> None:
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|_KEY$", name):
                assert name.endswith("_FILE")
                assert value.startswith("/run/secrets/")


def test_what_compose_mounts_exists() -> None:
    services = compose()["services"].values()
    places = [mount.split(":")[0] for service in services for mount in service.get("volumes", [])]

    assert [place for place in places if place.startswith(".") and not (DOCKER / place).is_file()] == []
    assert [
        place for place in places if not place.startswith(".") and place not in compose()["volumes"]
    ] == []


def test_the_web_service_may_listen_on_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = compose()["services"]["web"]["environment"]
    monkeypatch.setenv("OWNLOG_HOST", "0.0.0.0")
    monkeypatch.setenv("OWNLOG_TRUSTED_PROXY", environment["OWNLOG_TRUSTED_PROXY"])

    assert options.read().host == "0.0.0.0"


def test_docker_compose_reads_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode != 0:
        pytest.skip("docker compose is not installed here")

    done = subprocess.run(
        [docker, "compose", "-f", str(DOCKER / "compose.yaml"), "--profile", "objects", "config", "--quiet"],
        env=os.environ | {"OWNLOG_DOMAIN": "track.example.org"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
