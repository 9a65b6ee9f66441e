from __future__ import annotations

import json
from typing import Any

import pytest

from apps.code_saving import masking
from apps.code_saving.credentials import Detector, find, find_marks, is_sure, mark_of
from apps.code_saving.masking import config_masked, file_masked, lines_masked

KEY = "hf" + "_" + "Ab" * 17
MARK, NAMED = mark_of(Detector.HUGGING_FACE), mark_of(Detector.NAMED)
PEM = [
    "-----BEGIN " + "RSA PRIVATE KEY-----",
    "MIIEabcdefgh",
    "abcdefgh+/=",
    "-----END " + "RSA PRIVATE KEY-----",
]


def yes() -> bool:
    return True


def test_lines_keep_their_number_and_what_stands_around() -> None:
    lines = ["学習 1", f"{KEY} と {KEY}", "", f"x {PEM[0]}", *PEM[1:], "half \ud800"]

    masked = lines_masked(lines, yes)

    assert masked == [
        "学習 1", f"{MARK} と {MARK}", "", f"x {PEM[0]}", mark_of(Detector.PRIVATE_KEY), "(masked)", PEM[3], "half \ud800",
    ]  # fmt: skip
    assert list(find("\n".join(masked[:-1]).encode())) == []
    assert [each.detector for each in find_marks("\n".join(masked[:-1]).encode())] == [
        Detector.HUGGING_FACE, Detector.HUGGING_FACE, Detector.PRIVATE_KEY,
    ]  # fmt: skip


def test_the_owner_is_asked_only_where_something_was_found() -> None:
    asked: list[int] = []

    def no() -> bool:
        asked.append(1)
        return False

    clean, found = ["epoch 1", "loss 0.25"], [KEY]
    assert lines_masked(clean, no) is clean and config_masked('{"a": 1.50}', no) == '{"a": 1.50}'
    assert asked == []
    assert lines_masked(found, no) is found and config_masked(f'["{KEY}"]', no) == f'["{KEY}"]'
    assert len(asked) == 2


def test_a_config_and_its_command_line() -> None:
    args = ["--api-key", "abcdef12", "--password=hunter22", f"--hub={KEY}"]
    config = {"hub": {"value": KEY}, "lr": {"value": 1e-4}, "_wandb": {"value": {"e": {"w": {"args": args}}}}}

    masked = json.loads(config_masked(json.dumps(config), yes))

    assert masked["hub"] == {"value": MARK} and masked["lr"] == {"value": 1e-4}
    assert masked["_wandb"]["value"]["e"]["w"]["args"] == [
        "--api-key",
        NAMED,
        f"--password={NAMED}",
        f"--hub={MARK}",
    ]


@pytest.mark.parametrize("value", ["resnet", "OPENAI_API_KEY", "/home/a/key1.pem", "correct horse 1", "a1b2c3", "(secret masked:named)"])  # fmt: skip
def test_what_stands_beside_a_name_and_may_be_none_is_left(value: str) -> None:
    text = json.dumps({"password": value})

    assert config_masked(text, yes) == text


@pytest.mark.parametrize("value", ["id_ed25519", "id_rsa_2026", "deploy2.pem", "key-1.json"])
def test_the_file_of_a_key_is_left(value: str) -> None:
    text = json.dumps({"private_key": value})

    assert config_masked(text, yes) == text


@pytest.mark.parametrize(
    "value",
    ["redis://:%(pw)s@h", "redis://host:6379?email=a@b.com", "grpc://n1:1234,n2:1234@x", "postgres://nina:password@db", "tcp://h:29500@x"],
)  # fmt: skip
def test_what_only_looks_like_an_address_with_a_password_is_left(value: str) -> None:
    text = json.dumps({"address": value})

    assert config_masked(text, yes) == text
    assert lines_masked([value], yes) == [value]
    assert file_masked("code/a.py", value.encode()) == value.encode()


def test_a_password_in_an_address_is_masked_there_and_its_address_stays() -> None:
    mark = mark_of(Detector.PASSWORD_IN_ADDRESS)

    masked = json.loads(config_masked(json.dumps({"db": "postgres://nina:hunter22@db/runs"}), yes))

    assert masked == {"db": f"postgres://nina:{mark}@db/runs"}


def test_a_private_key_without_its_end_is_left_to_be_told() -> None:
    assert lines_masked(PEM[:2], yes) == PEM[:2]
    assert not is_sure(Detector.PRIVATE_KEY, "\n".join([PEM[0], "a" * 20_000, PEM[3]]).encode())


def test_a_notebook_stays_one() -> None:
    source = [f"KEY = '{KEY}'\n", *[line + "\n" for line in PEM]]
    data = json.dumps({"cells": [{"source": source}]}).encode()

    cell = json.loads(file_masked("code/a.ipynb", data))["cells"][0]["source"]

    assert cell == [
        f"KEY = '{MARK}'\n",
        PEM[0] + "\n",
        mark_of(Detector.PRIVATE_KEY) + "\n",
        "(masked)\n",
        PEM[3] + "\n",
    ]


def test_the_files_that_the_client_writes_by_itself() -> None:
    metadata = file_masked(
        "wandb-metadata.json", json.dumps({"args": ["--password", "hunter22"], "n": 1}).encode()
    )
    yaml = f"db:\n    value:\n        host: x\n        password: 'hunter22'\npassword:\n    value: hunter22\nhub:\n    value: {KEY}\n"

    assert json.loads(metadata) == {"args": ["--password", NAMED], "n": 1}
    assert file_masked("config.yaml", yaml.encode()).decode() == (
        f"db:\n    value:\n        host: x\n        password: {NAMED}\npassword:\n    value: {NAMED}\nhub:\n    value: {MARK}\n"
    )
    assert file_masked("wandb-metadata.json", b"not json") == b"not json"
    assert file_masked("code/a.bin", b"\xff\x00") == b"\xff\x00"


def test_nothing_is_lost_when_the_detector_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError(KEY)

    monkeypatch.setattr(masking, "find", broken)
    monkeypatch.setattr(masking, "spots", broken)
    lines, text = [KEY], f'{{"a": "{KEY}"}}'

    assert lines_masked(lines, yes) is lines
    assert config_masked(text, yes) == text
    assert file_masked("code/a.py", KEY.encode()) == KEY.encode()
    assert caplog.text.count("not masked, stored as it came: error=RuntimeError") == 3
    assert KEY not in caplog.text


# Values that configs, command lines and consoles are full of.
@pytest.mark.parametrize(
    "value",
    [
        "9fceb02d0ae598e95dc970b74767f19372d61af8", "sha256:" + "ab12" * 16, "d41d8cd98f00b204e9800998ecf8427e",
        "123e4567-e89b-12d3-a456-426614174000", "/data/imagenet/train/n01440764", "s3://bucket/datasets/v3/part-00000.parquet",
        "gs://b/checkpoints/step_00012000/model.safetensors", "meta-llama/Llama-3.1-8B-Instruct", "hf-internal-testing/tiny-random-gpt2",
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==",
        "data:image/png;base64," + "iVBORw0KGgo" * 40, "1.2.3+cu121", "2026-11-27T17:00:00.123456Z", "cosine_with_restarts", "0x7f3a5c002d10",
        "https://example.com/a?b=c&d=e#f", "git@github.com:lab/vision.git", "postgres://db.internal:5432/runs", "<|endoftext|>", "[MASK]",
        "torch.optim.adamw.AdamW", "sk-learn-1.5", "wandb_v1_run_3k2j1h", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ" + "a" * 43, "tcp://10.0.0.1:29500",
        "nccl://node-1:2222", "layer.12.attn.k_proj.weight", "a" * 64, "AKI-dataset", "eyJ-notes", "npm_config_cache", "pk_live_plan", "::1",
    ],
)  # fmt: skip
def test_ordinary_values_are_neither_told_nor_masked(value: str) -> None:
    text = json.dumps(
        {
            "model": {"value": {"name": value}},
            "args": ["--data", value, f"--x={value}"],
            "token": value,
            "key": value,
        }
    )

    assert list(find(value.encode())) == []
    assert config_masked(text, yes) == text
