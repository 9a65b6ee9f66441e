"""A server that stands in for Google and for GitHub, over real HTTP: a page that asks, a token for a code, who it is.

It is as strict as they are: a code is good once, for the client that asked, with the proof of who asked (PKCE).
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "ownlog-tests", "a secret of the tests"
# What a profile holds beside who it is; none of it may be kept.
CANARY = "canary-of-a-profile"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Person:
    """Who is signed in at the provider."""

    uid: int = 4711
    email: str = "kenji@example.com"
    is_verified: bool = True


@dataclass
class Provider:
    url: str = ""
    person: Person = field(default_factory=Person)
    asked: list[dict[str, str]] = field(default_factory=list)  # each authorisation request's query
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)  # put over those of the next id token
    signs_with: Any = _KEY
    is_broken: bool = False
    fetched: list[str] = field(default_factory=list)  # what was asked for beside a browser and was answered

    def forge(self) -> None:
        """From now on tokens are signed by somebody else."""
        self.signs_with = _OTHER_KEY

    @property
    def environment(self) -> dict[str, str]:
        """The settings with which an instance asks this server."""
        return {
            "OWNLOG_GOOGLE_CLIENT_ID": CLIENT_ID,
            "OWNLOG_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "OWNLOG_GOOGLE_ISSUER": self.url,
            "OWNLOG_GITHUB_CLIENT_ID": CLIENT_ID,
            "OWNLOG_GITHUB_CLIENT_SECRET": CLIENT_SECRET,
            "OWNLOG_GITHUB_URL": self.url,
        }

    # ── What it answers ──

    def answer(self, path: str) -> Any:
        person = self.person
        known: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {
                "keys": [
                    RSAAlgorithm.to_jwk(_KEY.public_key(), as_dict=True) | {"kid": "one", "alg": "RS256"}
                ]
            },
            "/api/v3/user": {
                "id": person.uid,
                "login": CANARY,
                "name": f"{CANARY} Sato",
                "avatar_url": f"https://{CANARY}.example/a.png",
                "email": person.email,
                "bio": CANARY,
            },
            "/api/v3/user/emails": [
                {"email": f"{CANARY}@example.com", "primary": False, "verified": False},
                {"email": person.email, "primary": True, "verified": person.is_verified},
            ],
        }
        return known.get(path)

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET)
            or form.get("redirect_uri") != asked["redirect_uri"]
            or base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return None
        self.tokens.append(f"token-{CANARY}-{secrets.token_hex(8)}")
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": str(self.person.uid),
            "email": self.person.email,
            "email_verified": self.person.is_verified,
            "iat": now,
            "exp": now + 600,
            "name": f"{CANARY} Sato",
            "picture": f"https://{CANARY}.example/a.png",
            "locale": CANARY,
        }
        id_token = jwt.encode(
            claims | self.claims, self.signs_with, algorithm="RS256", headers={"kid": "one"}
        )
        return {
            "access_token": self.tokens[-1],
            "refresh_token": f"refresh-{CANARY}",
            "token_type": "bearer",
            "id_token": id_token,
        }


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path in {"/authorize", "/login/oauth/authorize"}:
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            self.provider.asked.append(asked)
            self._page(asked)
        elif self.provider.is_broken:
            self._send(200, b"<html>not what was asked for</html>", "text/html")
        elif (found := self.provider.answer(address.path)) is not None:
            self.provider.fetched.append(address.path)
            self._json(found)
        else:
            self._send(404, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        if self.path == "/consent":
            self._consent(form)
        elif (token := self.provider.token(form)) is not None:
            self._json(token)
        else:
            self._send(400, b'{"error": "invalid_grant"}', "application/json")

    def _page(self, asked: dict[str, str]) -> None:
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in asked.items()
        )
        page = (
            f"<!doctype html><html lang=en><title>Consent</title><h1>Consent</h1><p id=scope>{html.escape(asked['scope'])}</p>"
            f"<form method=post action=/consent>{fields}<button name=say value=yes>Allow</button>"
            f"<button name=say value=no>Refuse</button></form></html>"
        )
        self._send(200, page.encode(), "text/html")

    def _consent(self, form: dict[str, str]) -> None:
        code = secrets.token_urlsafe(16)
        self.provider.codes[code] = form
        said = {"code": code} if form["say"] == "yes" else {"error": "access_denied"}
        self.send_response(302)
        self.send_header("Location", f"{form['redirect_uri']}?{urlencode(said | {'state': form['state']})}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Tests print what they want to."""


@contextmanager
def provider() -> Iterator[Provider]:
    standing_in = Provider()
    handler = type("Handler", (_Handler,), {"provider": standing_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    standing_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield standing_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
