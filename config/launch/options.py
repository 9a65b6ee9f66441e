"""What the operator asked for, and what is refused before anything starts."""

from __future__ import annotations

import ipaddress
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from config import env

ROOT = Path(__file__).absolute().parents[2]
# All addresses of the machine, and the one of them that leads back to it.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (recognised here, bound only when asked for)


class CannotStart(Exception):
    """Why the instance does not start, and what to do about it, for a person to read."""


@dataclass(frozen=True)
class Options:
    host: str
    port: int
    data: Path
    broker_url: str
    tls_cert: Path | None
    tls_key: Path | None
    trusted_proxy: bool
    base_url: str

    @property
    def url(self) -> str:
        """The address to print: the one given from outside, or the one that works on this machine."""
        if self.base_url:
            return self.base_url
        scheme = "https" if self.tls_cert else "http"
        host = f"[{self.near_host}]" if ":" in self.near_host else self.near_host
        return f"{scheme}://{host}:{self.port}"

    @property
    def near_host(self) -> str:
        """Where this machine itself reaches the web server."""
        return EVERYWHERE.get(self.host, self.host)


def read() -> Options:
    options = Options(
        host=env.text("OWNLOG_HOST", "127.0.0.1"),
        port=env.integer("OWNLOG_PORT", default=8000, least=1, most=65535),
        data=env.folder("OWNLOG_DATA", default=ROOT / "var"),
        broker_url=env.text("OWNLOG_BROKER_URL"),
        tls_cert=_file("OWNLOG_TLS_CERT", env.text("OWNLOG_TLS_CERT")),
        tls_key=_file("OWNLOG_TLS_KEY", env.text("OWNLOG_TLS_KEY")),
        trusted_proxy=env.boolean("OWNLOG_TRUSTED_PROXY", default=False),
        base_url=env.text("OWNLOG_BASE_URL").rstrip("/"),
    )
    if (options.tls_cert is None) != (options.tls_key is None):
        raise CannotStart("OWNLOG_TLS_CERT and OWNLOG_TLS_KEY go together; only one of them is set.")
    _refuse_an_open_door(options)
    return options


def _file(name: str, value: str) -> Path | None:
    if not value:
        return None
    path = Path(value).expanduser()
    if not path.is_file():
        raise CannotStart(f"{name} names a file that does not exist: {path}")
    return path.resolve()


def _refuse_an_open_door(options: Options) -> None:
    if options.tls_cert or options.trusted_proxy or is_loopback(options.host):
        return
    raise CannotStart(
        f"OWNLOG_HOST={options.host} is not an address of this machine alone, and passwords and API keys would travel\n"
        "in the clear. Either give a certificate (OWNLOG_TLS_CERT and OWNLOG_TLS_KEY), or put a proxy that speaks TLS\n"
        "in front and say so (OWNLOG_TRUSTED_PROXY=1), or leave OWNLOG_HOST out. See docs/install.md."
    )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_port(options: Options) -> None:
    """Say who is in the way before the web server fails with less to say."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotStart(f"OWNLOG_HOST={options.host} is not an address: {error.strerror}.") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CannotStart(
                f"Port {options.port} on {options.host} cannot be used ({error.strerror}).\n"
                f"Stop the program that has it, or choose another port: OWNLOG_PORT={options.port + 1} make up"
            ) from error


def main() -> int:
    """Print the address of the instance, for `make demo`, which starts none."""
    try:
        print(read().url)
    except (CannotStart, env.BadSetting) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
