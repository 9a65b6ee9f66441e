from __future__ import annotations

import json

import pytest

from apps.code_saving import minimise
from apps.code_saving.policy import Kept
from apps.core.errors import Invalid
from apps.teams.types import SystemMetadata

MINIMAL, WITH_CODE = Kept(), Kept(code=True)
ALL, NONE = Kept(metadata=SystemMetadata.ALL), Kept(metadata=SystemMetadata.NONE)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/home/ann/train.py", "train.py"),
        ("--data=/home/ann/sets/cats", "--data=cats"),
        ("-o=/tmp/out", "-o=out"),
        ("/home/ann", "~"),
        ("/Users/ann/", "~"),
        ("/home/ann/My Docs/x.py", "x.py"),
        ("C:\\Users\\Ann Lee\\x.py", "x.py"),
        ("C:\\Users\\Ann Lee", "~"),
        ("\\\\server\\share\\x", "x"),
        ("~/secret/x", "x"),
        ("~ann/x", "x"),
        ("file:///home/ann/x", "x"),
        ("['/home/ann/a','/srv/b']", "['a','b']"),
        ("/a/b:/c/d", "b:d"),
        ("/", "/"),
        ("lr=0.1", "lr=0.1"),
        ("data/cats", "data/cats"),
        ("../x.py", "../x.py"),
        ("https://example.com/a/b", "https://example.com/a/b"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("1/2 and/or", "1/2 and/or"),
        ("日本/語", "日本/語"),
    ],
)
def test_absolute_paths_keep_their_last_part_only(text: str, kept: str) -> None:
    assert minimise.without_paths(text) == kept


RECORD = {
    "os": "Linux-6.1",
    "python": "CPython 3.11.7",
    "startedAt": "2026-11-23T12:08:43Z",
    "args": ["--data=/home/ann/d", "--lr", "0.1"],
    "program": "/home/ann/proj/train.py",
    "codePath": "proj/train.py",
    "codePathLocal": "/home/ann/proj/train.py",
    "git": {"remote": "git@example.com:ann/secret.git", "commit": "abc123"},
    "email": "ann@example.com",
    "root": "/home/ann/proj",
    "host": "anns-laptop",
    "username": "ann",
    "executable": "/home/ann/venv/bin/python",
    "slurm": {"job_user": "ann"},
    "colab": "https://colab.example/notebook",
    "cpu_count": 2,
    "disk": {"/": {"total": "1"}, "/home/ann": {"total": "2"}},
    "gpu_nvidia": [{"name": "T4", "uuid": "GPU-1"}],
    "somethingNew": "ann",
}
KEPT = {
    "os": "Linux-6.1",
    "python": "CPython 3.11.7",
    "startedAt": "2026-11-23T12:08:43Z",
    "args": ["--data=d", "--lr", "0.1"],
    "program": "train.py",
    "git": {"commit": "abc123"},
    "cpu_count": 2,
    "disk": {"/": {"total": "1"}, "~": {"total": "2"}},
    "gpu_nvidia": [{"name": "T4"}],
}


def test_environment_keeps_what_is_known_to_be_harmless() -> None:
    assert minimise.environment(RECORD, MINIMAL) == KEPT


def test_config_is_kept_to_the_letter_when_nothing_must_go() -> None:
    text = '{ "b" : {"value": 1e0}, "a":{"value":NaN}, "_wandb": {"value": {"t": {"5":"0.31.0"}}} }'

    assert minimise.config_text(text, MINIMAL) == text


@pytest.mark.promise("P-25")
def test_config_loses_code_path_and_the_machine_and_nothing_else() -> None:
    inner = {"code_path": "code/train.py", "e": {"w1": RECORD}, "m": []}
    text = json.dumps(
        {"big": {"value": 2**70}, "nan": {"value": float("nan")}, "_wandb": {"value": inner, "desc": None}}
    )

    kept = json.loads(minimise.config_text(text, MINIMAL))

    assert kept["big"] == {"value": 2**70}
    assert str(kept["nan"]["value"]) == "nan"
    assert kept["_wandb"] == {"value": {"e": {"w1": KEPT}, "m": []}, "desc": None}


def test_code_path_stays_where_code_is_kept() -> None:
    text = '{"_wandb":{"value":{"code_path":"code/a.py"}}}'

    assert minimise.config_text(text, WITH_CODE) == text
    assert minimise.config_text(text, MINIMAL) == '{"_wandb":{"value":{}}}'


@pytest.mark.parametrize("text", ["[]", "1", '"x"', "{"])
def test_config_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        minimise.config_text(text, MINIMAL)


@pytest.mark.parametrize(
    "entry", ['{"value":[]}', "3", '{"value":{"e":"ann"}}', '{"value":{"e":{"w":"ann"}}}']
)
def test_odd_client_entries_do_no_harm(entry: str) -> None:
    assert "ann" not in minimise.config_text(f'{{"_wandb":{entry}}}', MINIMAL)


def test_metadata_file_is_cut_down_alike() -> None:
    assert json.loads(minimise.metadata_file(json.dumps(RECORD).encode(), MINIMAL)) == KEPT


@pytest.mark.parametrize("data", [b"", b"/home/ann", b"[1]", b"\xff"])
def test_metadata_file_that_is_something_else_is_emptied(data: bytes) -> None:
    assert minimise.metadata_file(data, MINIMAL) == b"{}"


def test_config_file_loses_the_client_entry_only() -> None:
    data = b"_wandb:\n    value:\n        e:\n            w:\n                host: vm\n\n    x: 1\nlr:\n    value: 0.1\n"

    assert minimise.config_file(data, MINIMAL) == b"lr:\n    value: 0.1\n"


@pytest.mark.parametrize(
    "data", [b'"_wandb": {value: {e: ann}}\nlr: 1\n', b"lr: 1\n'_wandb':\r\n  e: ann\r\n"]
)
def test_config_file_in_another_style(data: bytes) -> None:
    kept = minimise.config_file(data, MINIMAL)

    assert (b"lr: 1" in kept, b"ann" in kept) == (True, False)


def test_other_files_are_kept_as_they_are() -> None:
    assert minimise.rule_for("output.log") is None
    assert minimise.rule_for("sub/config.yaml") is None


REMOTE = "https://ann:s3cret@example.com/ann/secret.git"


@pytest.mark.promise("P-25")
def test_all_keeps_what_was_sent_but_the_remote_and_passwords() -> None:
    sent = RECORD | {"args": [f"--from={REMOTE}"], "git": {"remote": REMOTE, "commit": "abc123"}}

    kept = minimise.environment(sent, ALL)

    told = {"args": ["--from=https://example.com/ann/secret.git"], "git": {"commit": "abc123"}}
    assert kept == {key: value for key, value in sent.items() if not key.startswith("codePath")} | told
    with_code = minimise.environment(sent, Kept(code=True, metadata=SystemMetadata.ALL))
    assert with_code["git"] == {"commit": "abc123", "remote": "https://example.com/ann/secret.git"}
    assert with_code["codePath"] == "proj/train.py"


@pytest.mark.parametrize(
    ("remote", "kept"),
    [
        (REMOTE, "https://example.com/ann/secret.git"),
        ("git@example.com:ann/x.git", "example.com:ann/x.git"),
        ("ssh://git@example.com:22/x", "ssh://example.com:22/x"),
        ("https://a@b@example.com/x", "https://example.com/x"),
        ("https://ann:p#w?@example.com/x", "https://example.com/x"),
        ("https://ann:p#w@example.com/x@y", "https://example.com/x@y"),
        ("ann:s3cret@git.example:x.git", "git.example:x.git"),
        ("//ann:pw@host/x", "//host/x"),
        ("ann:p w@git.example:x.git", "git.example:x.git"),
        (" git@example.com:x", "example.com:x"),
        ("https://example.com/x?by=ann@b", "https://example.com/x?by=ann@b"),
        ("/srv/ann@home/x", "/srv/ann@home/x"),
        ("https://example.com/a@b", "https://example.com/a@b"),
        ("../upstream", "../upstream"),
    ],
)
@pytest.mark.promise("P-25")
def test_nothing_before_the_at_of_a_remote_is_kept(remote: str, kept: str) -> None:
    git = minimise.environment({"git": {"remote": remote}}, WITH_CODE)["git"]

    assert git == {"remote": kept}


@pytest.mark.promise("P-25")
def test_minimal_takes_passwords_out_of_arguments() -> None:
    assert minimise.environment({"args": [f"--from={REMOTE}"]}, MINIMAL) == {
        "args": ["--from=https://example.com/ann/secret.git"]
    }


@pytest.mark.promise("P-25")
@pytest.mark.parametrize("code", [False, True])
def test_none_keeps_the_commit_and_what_the_server_needs(code: bool) -> None:
    kept = Kept(code=code, metadata=SystemMetadata.NONE)
    inner = {
        "cli_version": "0.31.0",
        "t": {"5": "x"},
        "e": {"w": RECORD},
        "m": [1],
        "branch_point": {"step": 1},
    }
    text = json.dumps({"lr": {"value": 1}, "_wandb": {"value": inner}})

    stored = json.loads(minimise.config_text(text, kept))

    assert stored["_wandb"]["value"] == {
        "e": {"w": {"git": {"commit": "abc123"}}},
        "m": [1],
        "branch_point": {"step": 1},
    }
    assert stored["lr"] == {"value": 1}
    assert minimise.program("/home/ann/train.py", kept) == ""
    assert json.loads(minimise.metadata_file(json.dumps(RECORD).encode(), kept)) == {
        "git": {"commit": "abc123"}
    }


def test_what_was_dropped_is_known_by_name_alone() -> None:
    sent = json.dumps({"_wandb": {"value": {"e": {"w": RECORD | {"x" * 500: 1}}}}})
    stored = minimise.config_text(sent, MINIMAL)

    dropped = minimise.dropped_names(sent, stored)

    assert dropped is not None
    assert {"host", "email", "git.remote", "x" * 60} <= set(dropped)
    assert not {"os", "git.commit", "ann"} & set(dropped)
    assert minimise.dropped_names("{}", "{}") is None
    assert "git.commit" in minimise.kept_names(stored)


def test_a_million_letters_take_no_time() -> None:
    for text in ("a" * 10**6, "a://" * 250_000, "a@" * 500_000, "x://" + "a" * 10**6):
        minimise.without_users(text)
