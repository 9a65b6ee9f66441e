"""The web server: granian speaking WSGI, one process, a few blocking threads.

`python -m config.launch.web` becomes the server (the container image does that); `--is-it-up` asks whether it answers.
"""

from __future__ import annotations

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import NoReturn
from urllib.parse import urlsplit

from config import env
from config.launch import options
from config.launch.options import CannotStart, Options

# Each blocking thread holds one request, and most requests wait for the disk, or for a body that arrives slowly.
THREADS = 16


def command(wanted: Options) -> list[str]:
    words = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", wanted.host]
    words += ["--port", str(wanted.port), "--workers", "1", "--blocking-threads", str(THREADS)]
    # An access log would hold paths, and paths hold names that people gave.
    words += [
        "--http",
        "1",
        "--no-ws",
        "--no-access-log",
        "--log-level",
        "error",
        "--workers-kill-timeout",
        "15",
    ]
    if wanted.tls_cert and wanted.tls_key:
        words += ["--ssl-certificate", str(wanted.tls_cert), "--ssl-keyfile", str(wanted.tls_key)]
        words += ["--ssl-protocol-min", "tls1.2"]
    return [*words, "config.wsgi:application"]


def is_up(wanted: Options) -> bool:
    # A redirect to https or a refused host name is an answer too; a server error is not.
    answer = _answer_to(wanted, "/health")
    return answer is not None and answer.status < 500


def has_no_account(wanted: Options) -> bool:
    """Whether the first page leads to making an account, as it does as long as there is none."""
    # Under the name that it has outside: another one is refused, and what came without TLS is sent on to it.
    outside = {"Host": urlsplit(wanted.url).netloc}
    if wanted.trusted_proxy:
        outside["X-Forwarded-Proto"] = urlsplit(wanted.url).scheme
    answer = _answer_to(wanted, "/", outside)
    return answer is not None and answer.getheader("Location", "").endswith("/sign-up")


def _answer_to(wanted: Options, path: str, headers: dict[str, str] | None = None) -> HTTPResponse | None:
    connection: HTTPConnection
    if wanted.tls_cert:
        # Only "is it up?" is asked, of this machine; the certificate names the public host.
        anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection(wanted.near_host, wanted.port, timeout=5, context=anyone)
    else:
        connection = HTTPConnection(wanted.near_host, wanted.port, timeout=5)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    try:
        wanted = options.read()
    except (CannotStart, env.BadSetting) as reason:
        print(f"Ownlog cannot start.\n{reason}", file=sys.stderr)
        return 1
    if "--is-it-up" not in arguments:
        run(command(wanted))
    return 0 if is_up(wanted) else 1


def run(words: list[str]) -> NoReturn:
    os.execv(words[0], words)  # noqa: S606  (a shell is what this avoids)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
