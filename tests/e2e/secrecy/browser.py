"""A browser without a screen: cookies, forms with their tokens, and nothing else."""

from __future__ import annotations

import re

import requests

_TOKEN = re.compile(r'(?:name="csrfmiddlewaretoken" value="|"X-CSRFToken": ")([^"]+)"')
PASSWORD = "a long and quiet pass phrase"


class Browser:
    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        # A page that refuses a form may answer before it has read it; the connection is then not to be used again.
        self.session.headers["Connection"] = "close"

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.url + path, headers=headers, timeout=60, allow_redirects=False)

    def submit(self, path: str, fields: dict[str, str], *, page: str = "") -> requests.Response:
        """Fill in the form of `page` (by default the address that it is sent to) and send it."""
        token = _TOKEN.search(self.get(page or path).text)
        sent = {**fields, "csrfmiddlewaretoken": token[1] if token else ""}
        return self.session.post(
            self.url + path,
            data=sent,
            headers={"Referer": self.url + path},
            timeout=60,
            allow_redirects=False,
        )

    def upload(
        self, path: str, fields: dict[str, str], files: dict[str, tuple[str, bytes]]
    ) -> requests.Response:
        """The same, with files behind the fields."""
        token = _TOKEN.search(self.get(path).text)
        return self.session.post(
            self.url + path,
            data={**fields, "csrfmiddlewaretoken": token[1] if token else ""},
            files=files,
            headers={"Referer": self.url + path},
            timeout=60,
            allow_redirects=False,
        )

    def post_without_token(self, path: str) -> requests.Response:
        return self.session.post(self.url + path, data={"x": "y"}, timeout=60, allow_redirects=False)

    def sign_up(self, name: str) -> None:
        fields = {"username": name, "email": f"{name}@example.com", "password1": PASSWORD}
        answered = self.submit("/sign-up", fields)
        assert answered.status_code == 302, answered.text[:3000]

    def new_key(self) -> str:
        """Make an API key on the settings page, which shows it once."""
        shown = re.search(r"own_[A-Za-z0-9]{30,}", self.submit("/settings/api-keys", {}).text)
        assert shown is not None
        return shown[0]

    @property
    def is_signed_in(self) -> bool:
        return "ownlog_session" in self.session.cookies


def without_tokens(text: str) -> str:
    """A page without what differs between two visits to the very same page."""
    return _TOKEN.sub("", text)


# What stands in an address besides the thing it leads to: somebody else's, or nothing's.
BESIDES: dict[str, str | int] = {
    "account": "x",
    "collection": "x",
    "region": "x",
    "rest": "x/y",
    "erasure": "x",
    "export": "x",
    "job": "x",
    "key": "x",
    "kind": "x",
    "version": "v0",
    "organisation": "no-such-institute",
    "person": "somebody",
    "pk": 1,
    "provider": "google",
    "secret": "garbage",
    "token": "garbage",
    "view": "x",
}
