from __future__ import annotations

import json
import time
from typing import Any

import pytest

from apps.code_saving import credentials_in_json
from apps.code_saving.credentials import MASK, Detector, find, is_named_secret, values_in
from apps.code_saving.credentials_in_json import held_at, secrets_at, spots, without
from apps.code_saving.masking import config_masked

# Joined at run time, so that scanners of this repository find nothing.
SAMPLES = {
    Detector.ANTHROPIC: "sk-" + "ant-api03-" + "aB3_" * 20,
    Detector.AWS_ID: "AKIA" + "Q7" * 8,
    Detector.AZURE: "a" * 86 + "==",
    Detector.GITHUB: "ghp" + "_" + "a1B2" * 9,
    Detector.GITLAB: "glpat" + "-" + "x9" * 10,
    Detector.GOOGLE: "AIza" + "Sy" * 17 + "x",
    Detector.HUGGING_FACE: "hf" + "_" + "Ab" * 17,
    Detector.JWT: "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0In0" + ".c2lnbmF0dXJlMTIz",
    Detector.NPM: "npm" + "_" + "a1" * 18,
    Detector.OPENAI: "sk-" + "proj-" + "Zz9_" * 12,
    Detector.OWNLOG: "own" + "_" + "k3" * 20,
    Detector.PRIVATE_KEY: "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    Detector.PYPI: "pypi-" + "AgE" + "x" * 60,
    Detector.SENDGRID: "SG." + "a" * 22 + "." + "b" * 43,
    Detector.SLACK: "xoxb" + "-123456789012-abcdefghij",
    Detector.STRIPE: "sk" + "_live_" + "a1" * 12,
    Detector.TELEGRAM: "123456789:" + "AA" + "h" * 33,
}
IN_WORDS = {
    Detector.AWS_SECRET: ("AWS_SECRET_ACCESS_KEY=", "wJalr/XUtn" * 4),
    Detector.AZURE: ("AccountName=x;AccountKey=", SAMPLES[Detector.AZURE]),
    Detector.PASSWORD_IN_ADDRESS: ("postgres://nina:", "hunter22"),
    Detector.WANDB: ("WANDB_API_KEY='", "0123456789" * 4),
}
ORDINARY = [
    "2026-11-27T14:00:00.123 epoch 3 step 21 loss=0.25 lr=3e-4 [3/1000] 12.3 it/s eta 00:01:02",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 checkpoint-1200 sha256:" + "ab12" * 16,
    "https://user@example.com/x?y=z git@github.com:a/b.git s3://bucket/key http://127.0.0.1:8080/",
    "pad_token=<pad> eos_token_id=50256 tokenizer=sk-learn-tokenizer secret santa password reset",
    "postgres://user:${PASSWORD}@db/x redis://:<password>@host",
    "学習率 0.001 トークン数 4096 パスワードは環境変数から",
]


@pytest.mark.parametrize("detector", [each for each in SAMPLES if each is not Detector.AZURE])
@pytest.mark.parametrize("around", ["{}", "key={} ", '"{}",', "鍵は{}です", "Bearer {}\t"])
def test_a_credential_is_found_to_the_letter(detector: Detector, around: str) -> None:
    text = around.format(SAMPLES[detector])

    assert values_in(text, detector) == [SAMPLES[detector]]


@pytest.mark.parametrize("detector", list(IN_WORDS))
def test_of_a_form_with_words_around_only_the_value_is_it(detector: Detector) -> None:
    before, value = IN_WORDS[detector]

    assert values_in(f"{before}{value}@db.example", detector) == [value]


@pytest.mark.parametrize("text", ORDINARY)
def test_what_logs_are_full_of_is_no_credential(text: str) -> None:
    assert list(find(text.encode())) == []


@pytest.mark.parametrize(
    "piece", ["a", "eyJ", "://a:", "-", "sk-", "ghp_a", "x://", "-----BEGIN PRIVATE KEY-----", "aws_secret_key ", "AKIA", "鍵", "\n"]
)  # fmt: skip
def test_a_line_of_a_megabyte_takes_linear_time(piece: str) -> None:
    data = (piece * (1_000_000 // len(piece))).encode()
    started = time.process_time()

    list(find(data))

    assert (
        time.process_time() - started < 5
    )  # measured 0.3 s at most; a backtracking engine takes hours for some


def test_in_a_config_each_value_is_told_by_its_path() -> None:
    key = SAMPLES[Detector.HUGGING_FACE]
    config = {
        "lr": {"value": 0.1},
        "token": {"value": key},
        "db": {"value": {"password": "hunter22", "deep": [1, {"x": f"a {key}"}]}},
        "_wandb": {"value": {"e": {"w": {"args": ["--api-key", "abcdefgh", f"--hub={key}", "--secret=s3cr3tly"]}}}},
    }  # fmt: skip
    args = ("_wandb", "value", "e", "w", "args")

    assert set(spots(config)) == {
        (("token", "value"), Detector.HUGGING_FACE),
        (("db", "value", "password"), Detector.NAMED),
        (("db", "value", "deep", 1, "x"), Detector.HUGGING_FACE),
        ((*args, 1), Detector.NAMED),
        ((*args, 2), Detector.HUGGING_FACE),
        ((*args, 3), Detector.NAMED),
    }
    clean = without(config, held_at(config, spots(config)))
    assert clean == {
        "lr": {"value": 0.1},
        "token": {"value": MASK},
        "db": {"value": {"password": MASK, "deep": [1, {"x": f"a {MASK}"}]}},
        "_wandb": {"value": {"e": {"w": {"args": ["--api-key", MASK, f"--hub={MASK}", f"--secret={MASK}"]}}}},
    }
    assert spots(clean) == []


def test_a_short_secret_goes_only_where_it_stands_alone() -> None:
    config = {"password": "resnet", "model": "resnet50", "arch": "resnet"}

    assert secrets_at(config, ("password",), Detector.NAMED) == ["resnet"]
    held = held_at(config, [(("password",), Detector.NAMED)])
    assert without(config, held) == {"password": MASK, "model": "resnet50", "arch": MASK}


@pytest.mark.parametrize(
    "config",
    [
        {"args": ["WANDB_API_KEY", "0123456789" * 4, "--aws-secret-access-key", "wJalr/XUtn" * 4]},
        {
            "a": "aws_secret_key",
            "b": "wJalr/XUtn" * 4,
            "c": "wandb_api_key:",
            "d": "value",
            "e": "0123456789" * 4,
        },
        {
            "aws_secret_key": "wJalr/XUtn" * 4,
            "url": "postgres://nina:hunter22@db",
            "args": ["--db", "redis://:s3cr3t@h"],
        },
        {"text": "wandb_api_key: " + "0123456789" * 4, "env": "AWS_SECRET_KEY=" + "wJalr/XUtn" * 4},
    ],
)
def test_whatever_is_told_of_a_config_can_be_taken_out_of_it(config: dict[str, Any]) -> None:
    told = spots(config)

    held = held_at(config, told)

    assert {each.path for each in held} == {path for path, _ in told}
    assert spots(without(config, held)) == []


def _asked_of(count: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """How many texts are visited to mask a config of so many passwords, and how many are looked for inside of each at most."""
    visited = [0]
    inside: list[int] = []
    leaves, replaced_in = credentials_in_json._leaves, credentials_in_json._text_replaced

    def counted(*given: Any) -> Any:
        visited[0] += 1
        return leaves(*given)

    def noted(text: str, **given: Any) -> str:
        inside.append(len(given["inside"]))
        return replaced_in(text, **given)

    with monkeypatch.context() as patch:
        patch.setattr(credentials_in_json, "_leaves", counted)
        patch.setattr(credentials_in_json, "_text_replaced", noted)
        masked = config_masked(
            json.dumps({"runs": [{"password": f"abcdefgh{at:06}"} for at in range(count)]}), lambda: True
        )
    assert "abcdefgh" not in masked and masked.count("(secret masked:named)") == count
    return visited[0], max(inside)


def test_a_config_of_many_secrets_takes_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = _asked_of(1_000, monkeypatch), _asked_of(4_000, monkeypatch)

    assert many[0] < 4.1 * few[0]
    assert few[1] == many[1] == 300


def test_where_a_secret_was_there_is_none() -> None:
    assert secrets_at({"a": 1}, ("b", 3), Detector.NAMED) == []


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("password", "hunter22", True),
        ("--client-secret", "hunter22", True),
        ("model.api_key", "hunter22", True),
        ("aws_secret_key", "hunter22", True),
        ("password", "short", False),
        ("password", "$PASSWORD", False),
        ("password", MASK, False),
        ("password", 12345678, False),
        ("pad_token", "[PAD]xxx", False),
        ("x" * 100_000 + ".password", "hunter22", True),
        ("db_password", "hunter2-verysecret", True),
        ("db.smtpPassword", "hunter22", True),
        ("--openai-api-key", "hunter22", True),
        ("hub_token", "hunter22", False),
        ("password_length", "hunter22", False),
        ("reset_password", "required", False),
        ("db_password", "change_me", False),
        ("db_password", "changeme123", False),
        ("db_password", "your-password-here", False),
        ("db_password", "xxxxxxxx", False),
        ("db_password", "fake-password", False),
        ("api_secret", "my_secret", False),
        ("db_password", "notary-9", True),
        ("db_password", "/run/secrets/db", False),
        ("db_password", "env:DB_PASSWORD", False),
        ("openai_api_key", "OPENAI_API_KEY", False),
        ("ssl_private_key", "certs-server.key", False),
    ],
)
def test_a_value_is_a_secret_by_its_name(name: str, value: object, is_secret: bool) -> None:
    assert is_named_secret(name, value) is is_secret
