from __future__ import annotations

import pytest

from apps.accounts.devices import device_name, network_of

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", ("Firefox", "Linux")),
        (MAC + WEBKIT + "Chrome/140.0.0.0 Safari/537.36", ("Chrome", "macOS")),
        (MAC + "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", ("Safari", "macOS")),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
            + WEBKIT
            + "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            ("Edge", "Windows"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel) " + WEBKIT + "Chrome/140.0 Safari/537.36",
            ("Chrome", "Android"),
        ),
        ("curl/8.5", ("", "")),
        ("<script>" * 10_000 + "\x00", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_device_is_two_words_of_ours(user_agent: str, device: tuple[str, str]) -> None:
    assert device_name(user_agent) == device


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("127.0.0.1", "localhost"),
        ("::1", "localhost"),
        ("no address", ""),
        ("", ""),
    ],
)
def test_an_address_is_kept_as_a_neighbourhood(address: str, network: str) -> None:
    assert network_of(address) == network
