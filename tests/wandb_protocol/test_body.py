from __future__ import annotations

import gzip
import io

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from apps.core.errors import Invalid, TooMuch, Unavailable
from apps.wandb_protocol.body import gunzip, read_body


def cut_off(data: bytes, *, promised: int) -> WSGIRequest:
    """A request whose connection broke."""
    environment = dict(RequestFactory().put("/x").environ)
    return WSGIRequest(environment | {"CONTENT_LENGTH": str(promised), "wsgi.input": io.BytesIO(data)})


def test_body_plain_and_zipped() -> None:
    plain = RequestFactory().post("/x", b"abc", content_type="application/json")
    zipped = RequestFactory().post(
        "/x", gzip.compress(b"abc"), content_type="application/json", headers={"Content-Encoding": "gzip"}
    )

    assert (read_body(plain), read_body(zipped)) == (b"abc", b"abc")


def test_bomb_is_refused_without_unpacking_it() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)

    with pytest.raises(TooMuch):
        gunzip(bomb, most=1_000_000)


@pytest.mark.parametrize(
    "raw",
    [b"", b"junk", gzip.compress(b"abc" * 1000)[:-9], gzip.compress(b"a") + b"more"],
    ids=["empty", "junk", "cut off", "more behind"],
)
def test_damaged_gzip_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        gunzip(raw, most=1_000_000)


def test_too_long_and_broken_off_and_unknown_encoding() -> None:
    factory = RequestFactory()

    with pytest.raises(TooMuch):
        read_body(factory.post("/x", b"a" * 100, content_type="text/plain"), most=10)
    with pytest.raises(Unavailable):
        read_body(cut_off(b"abc", promised=30))
    with pytest.raises(Invalid):
        read_body(factory.post("/x", b"abc", content_type="text/plain", headers={"Content-Encoding": "br"}))
