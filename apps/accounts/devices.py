"""What a person recognises a device by: a browser and a system from short lists, and the network it is in.

What the browser says of itself is longer and tells devices of different people apart; it is read and dropped.
"""

from __future__ import annotations

import ipaddress

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

# The first that is found counts: most browsers claim to be others too.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "Linux": "Linux",
}


def device_name(user_agent: str) -> tuple[str, str]:
    """The browser's and the system's name; each empty when it is none of those known here."""
    browser = next((name for sign, name in _BROWSERS.items() if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS.items() if sign in user_agent), "")
    return browser, system


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: behind a trusted proxy, what that says. Empty when nothing says an address."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return ""


def network_of(address: str) -> str:
    """The network that an address is in, wide enough for a neighbourhood; empty for what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if parsed.is_loopback:
        return "localhost"
    if mapped := getattr(parsed, "ipv4_mapped", None):
        parsed = mapped
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))
