"""Where one request may lead, asked of real sockets and of a name server that changes its mind."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.core.errors import Invalid
from apps.webhooks import outside
from apps.webhooks.outside import Destination, Network, is_allowed, post, read_address
from apps.webhooks.types import Answered, Trouble
from tests.webhooks.receiver import Names, Receiver, certificate_for, receiving, talking

HERE: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("::1/128"))


# ── which addresses ──


@pytest.mark.parametrize(
    "text", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_what_all_the_world_reaches_is_allowed(text: str) -> None:
    assert is_allowed(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",  # the metadata of a cloud
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",  # of another
        "169.254.169.254",  # of most
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",  # an IPv4 address as it stood once
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",  # a translator leads to 127.0.0.1
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "2606:4700::5efe:a00:1",  # ISATAP, 10.0.0.1
        "4000::1",
        "fc00::1",
        "fd00:ec2::254",  # the metadata of a cloud
        "fe80::1",
        "fe80::1%1",
        "2606:4700::1%1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_lies_inside_is_not(text: str) -> None:
    assert not is_allowed(ipaddress.ip_address(text))


def test_networks_of_the_operators_own_are_and_nothing_beside_them() -> None:
    own = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32"))

    allowed = {
        text: is_allowed(ipaddress.ip_address(text), own)
        for text in ("10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1", "fd00:1::5", "fd00:2::5", "127.0.0.1")
    }

    assert [text for text, is_so in allowed.items() if is_so] == ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"]


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("https://example.com", Destination(True, "example.com", 443, "/")),
        (" https://Example.com:8443/a%20b?x=1 ", Destination(True, "example.com", 8443, "/a%20b?x=1")),
        ("https://例え.example/鍵", Destination(True, "xn--r8jz45g.example", 443, "/%E9%8D%B5")),
        ("https://8.8.8.8/x", Destination(True, "8.8.8.8", 443, "/x")),
        ("https://[2606:4700::1111]:8443/", Destination(True, "2606:4700::1111", 8443, "/")),
    ],
)
def test_an_address_is_taken_apart_once(text: str, taken: Destination) -> None:
    assert read_address(text) == taken


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "example.com",
        "//example.com",
        "http://example.com/",  # without TLS
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https:///x",
        "https://user:word@example.com/",
        "https://@example.com/",
        "https://example.com/#x",
        "https://example.com:22/",
        "https://example.com:25/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/\x00",
        "https://[::1",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://" + "a" * 64 + ".example/",
        "https://example.com/" + "x" * 2000,
        "https://\ud800.example/",
    ],
)
def test_what_leads_nowhere_or_inside_is_refused_when_it_is_typed(text: str) -> None:
    with pytest.raises(Invalid):
        read_address(text)


# ── one request ──


def ask(to: str, own: tuple[Network, ...] = HERE) -> Answered:
    return post(read_address(to, own), b"{}", {"Content-Type": "application/json"}, own=own)


def test_it_arrives_at_the_path_and_under_the_name_that_were_asked_for(
    receiver: Receiver, names: Names
) -> None:
    names.answers["hook.test"] = [["127.0.0.1"]]

    answered = ask(f"http://hook.test:{receiver.port}/a?b=c")

    assert answered == Answered(status=200)
    (got,) = receiver.got
    assert (got.path, got.headers["host"], got.body) == ("/a?b=c", f"hook.test:{receiver.port}", b"{}")


def test_a_name_is_looked_up_once_so_another_answer_changes_nothing(receiver: Receiver, names: Names) -> None:
    names.answers["hook.test"] = [["127.0.0.1"], ["10.0.0.1"]]

    assert ask(f"http://hook.test:{receiver.port}/").is_taken

    assert names.asked == ["hook.test"]
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "found",
    [["127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"]],
)
def test_a_name_that_leads_inside_is_not_followed(receiver: Receiver, names: Names, found: list[str]) -> None:
    names.answers["hook.test"] = [found]

    answered = ask(f"https://hook.test:{receiver.port}/", own=())

    assert answered == Answered(trouble=Trouble.INSIDE)
    assert receiver.got == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost"])
def test_other_spellings_of_this_machine_lead_here_and_are_refused(
    receiver: Receiver, names: Names, host: str
) -> None:
    names.answers[host] = [["127.0.0.1"]]  # as the C library reads them

    assert ask(f"https://{host}:{receiver.port}/", own=()).trouble is Trouble.INSIDE


def test_one_number_inside_spoils_those_beside_it(receiver: Receiver, names: Names) -> None:
    names.answers["hook.test"] = [["127.0.0.1", "10.0.0.7"]]

    assert ask(f"http://hook.test:{receiver.port}/").trouble is Trouble.INSIDE
    assert receiver.got == []


def test_without_tls_it_goes_to_the_operators_own_alone(names: Names) -> None:
    names.answers["hook.test"] = [["93.184.216.34"]]

    assert ask("http://hook.test/").trouble is Trouble.INSIDE


def test_where_the_first_number_is_dead_the_next_is_asked(receiver: Receiver, names: Names) -> None:
    names.answers["hook.test"] = [["::1", "127.0.0.1"]]

    assert ask(f"http://hook.test:{receiver.port}/").is_taken


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (204, None),
        (301, Trouble.REDIRECT),
        (307, Trouble.REDIRECT),
        (400, Trouble.STATUS),
        (410, Trouble.GONE),
        (500, Trouble.STATUS),
    ],
)
def test_what_the_other_side_says_is_its_status(
    receiver: Receiver, status: int, trouble: Trouble | None
) -> None:
    receiver.answers = [status]

    assert ask(f"http://127.0.0.1:{receiver.port}/") == Answered(status=status, trouble=trouble)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    with receiving() as inside:
        receiver.answers, receiver.location = [302], f"http://127.0.0.1:{inside.port}/latest/meta-data"

        assert ask(f"http://127.0.0.1:{receiver.port}/").trouble is Trouble.REDIRECT

        assert (len(receiver.got), len(inside.got)) == (1, 0)


def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        assert ask(f"http://127.0.0.1:{receiver.port}/").is_taken

        assert proxy.got == []


def test_tls_speaks_of_the_name_and_its_certificate_is_checked(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for("hook.test", tmp_path)
    names.answers = {"hook.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]}

    with receiving(certificate=certificate) as receiver:
        untrusted = ask(f"https://hook.test:{receiver.port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusted = ask(f"https://hook.test:{receiver.port}/")
        misnamed = ask(f"https://other.test:{receiver.port}/")

    assert (untrusted.trouble, trusted.status, misnamed.trouble) == (Trouble.TLS, 200, Trouble.TLS)
    assert receiver.asked_for == ["hook.test", "hook.test", "other.test"]
    assert len(receiver.got) == 1


def test_a_host_that_nobody_knows(names: Names) -> None:
    assert ask("https://nobody.test/").trouble is Trouble.NAME


def test_a_port_at_which_nobody_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    assert ask(f"http://127.0.0.1:{port}/").trouble is Trouble.CONNECT


# ── however the other side behaves, it is over ──


def says_nothing(wire: socket.socket) -> None:
    while wire.recv(65536):  # until the other side hangs up
        pass


def drips_a_status(wire: socket.socket) -> None:
    wire.recv(65536)
    for each in b"HTTP/1.1 200 " + b"O" * 200:
        wire.sendall(bytes([each]))
        time.sleep(0.05)


def drips_headers(wire: socket.socket) -> None:
    wire.recv(65536)
    wire.sendall(b"HTTP/1.1 200 OK\r\n")
    for n in range(60):
        wire.sendall(f"X-{n}: y\r\n".encode())
        time.sleep(0.05)


def goes_on_and_on(wire: socket.socket) -> None:
    wire.recv(65536)
    while True:
        wire.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


@pytest.mark.parametrize("talk", [says_nothing, drips_a_status, drips_headers, goes_on_and_on])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_who_takes_too_long_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, talk: Callable[[socket.socket], None], scheme: str
) -> None:
    monkeypatch.setattr(outside, "DEADLINE_SECONDS", 0.5)
    began = time.monotonic()

    with talking(talk) as port:
        answered = ask(f"{scheme}://127.0.0.1:{port}/")
        took = time.monotonic() - began

    # Over TLS those that speak plainly are no TLS, which may be noticed sooner.
    assert answered.trouble is Trouble.TIME or (scheme == "https" and answered.trouble is Trouble.TLS)
    assert took < 5


def test_a_name_server_that_never_answers_holds_nobody(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "DEADLINE_SECONDS", 0.3)
    names.answers["hook.test"], names.waits = [["127.0.0.1"]], threading.Event()
    began = time.monotonic()

    answered = ask("https://hook.test/")

    assert answered.trouble is Trouble.TIME and time.monotonic() - began < 5
    names.waits.set()


def sends_headers_without_end(wire: socket.socket) -> None:
    wire.recv(65536)
    wire.sendall(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5000)))


def sends_one_header_without_end(wire: socket.socket) -> None:
    wire.recv(65536)
    wire.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 500_000)


def sends_nonsense(wire: socket.socket) -> None:
    wire.recv(65536)
    wire.sendall(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


@pytest.mark.parametrize("talk", [sends_headers_without_end, sends_one_header_without_end, sends_nonsense])
def test_what_is_no_answer_is_none(talk: Callable[[socket.socket], None]) -> None:
    with talking(talk) as port:
        assert ask(f"http://127.0.0.1:{port}/").trouble is Trouble.ANSWER


def test_who_hangs_up_has_not_answered() -> None:
    def talk(wire: socket.socket) -> None:
        wire.recv(65536)

    with talking(talk) as port:
        assert ask(f"http://127.0.0.1:{port}/").trouble is Trouble.CONNECT


def test_a_body_without_end_is_not_waited_for() -> None:
    answered = threading.Event()

    def talk(wire: socket.socket) -> None:
        wire.recv(65536)
        wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 1000)
        answered.wait(30)

    with talking(talk) as port:
        assert ask(f"http://127.0.0.1:{port}/").is_taken
        answered.set()
