"""Typed values from the environment. Nonsense stops the start with the variable's name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit


class BadSetting(ValueError):
    """A variable of the environment has a value that cannot be used."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{name} must be 1 or 0, true or false, yes or no, on or off; it is {value!r}.")


def integer(name: str, *, default: int, least: int, most: int) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isdecimal() or not least <= int(value) <= most:
        raise BadSetting(f"{name} must be a whole number from {least} to {most}; it is {value!r}.")
    return int(value)


def choice(name: str, *, among: Sequence[str], default: str) -> str:
    value = text(name, default)
    if value not in among:
        raise BadSetting(f"{name} must be one of {', '.join(among)}; it is {value!r}.")
    return value


def listed(name: str, default: Sequence[str] = ()) -> list[str]:
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks as 10.1.0.0/16, 2001:db8::/48, with commas between; a single address is one, too."""
    try:
        return tuple(ip_network(part) for part in listed(name))
    except ValueError:
        raise BadSetting(f"{name} must be networks such as 10.1.0.0/16, with commas between.") from None


def folder(name: str, *, default: Path) -> Path:
    value = text(name)
    return Path(value).expanduser().resolve() if value else default


def secret(name: str) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names (Docker's way). Empty when neither is set."""
    path = text(f"{name}_FILE")
    if not path:
        return text(name)
    if text(name):
        raise BadSetting(f"{name} and {name}_FILE are both set; keep one of them.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadSetting(f"{name}_FILE names a file that cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise BadSetting(f"{name}_FILE names a file that is not text.") from None


def both_or_neither(first: str, second: str) -> None:
    """Two secrets of which one alone is of no use."""
    if bool(secret(first)) != bool(secret(second)):
        raise BadSetting(f"{first} and {second} go together; only one of them is set.")


def server(name: str, *, default: str) -> str:
    """The address of a server that secrets are sent to: over TLS, unless it is on this machine."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    is_near = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or not (parts.scheme == "https" or is_near) or parts.query or parts.fragment:
        raise BadSetting(f"{name} must be an https:// address without a query.")
    return value
