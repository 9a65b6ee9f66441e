"""One request to an address that somebody else chose: never to where this instance or its network would be asked for them.

A name is looked up once, every address of the answer is judged, and the connection goes to one of those by its number, so a name
server that answers otherwise the next time changes nothing. No redirect is followed, no proxy of the environment asked, and
of the answer nothing is read but its status, all of it before one deadline (docs/adr/0216).
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

from apps.core.errors import Invalid
from apps.webhooks.types import Answered, Trouble

DEADLINE_SECONDS = 10.0
LONGEST_ADDRESS = 2000
_PORTS = frozenset({80, 443})  # and all from 1024 on: nobody's mail server is spoken to in their name
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_KEPT_IN_TARGET = "/%:@!$&'()*+,;=~-._?"

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What the standard library takes for global though it is not, or not in each of its versions, and what clouds answer at.
_NEVER = [
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",  # Azure's own services, at a global address
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "::/96",  # with the IPv4 address in it as it stands
        "64:ff9b:1::/48",  # translators of one's own network
        "100::/64",
        "2001::/23",  # Teredo is in it
        "2002::/16",  # 6to4
        "fec0::/10",
    )
]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = re.compile(rb"[\x00\x02]\x00\x5e\xfe", re.DOTALL)


class _Refused(Exception):
    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True, slots=True, repr=False)
class Destination:
    """An address taken apart, as it will be used: nobody parses it a second time."""

    is_tls: bool
    host: str  # a name in ASCII, or an IP address without brackets
    port: int
    target: str

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_tls else 80) else f"{name}:{self.port}"


def read_address(text: str, own: Sequence[Network] = ()) -> Destination:
    """Take an address apart that somebody typed; Invalid with what is wrong with it. Nothing is looked up."""
    text = text.strip()
    if len(text) > LONGEST_ADDRESS:
        raise Invalid(_("An address has at most %(n)d letters.") % {"n": LONGEST_ADDRESS})
    if _UNFIT.search(text):
        raise Invalid(_("There is a space, a backslash or a control character in this address."))
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        host.encode("utf-8")
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), _KEPT_IN_TARGET)
        name = _ascii(host)
    except ValueError:
        raise Invalid(_("This is not an address.")) from None
    if parts.scheme not in ("https", "http") or not name:
        raise Invalid(_("Give an address that begins with https://."))
    if parts.scheme == "http" and not own:
        raise Invalid(
            _("Give an address that begins with https://: without TLS others could read and change it.")
        )
    if "@" in parts.netloc or parts.fragment:
        raise Invalid(_("Leave out what stands before an @ or after a #. What is sent is signed instead."))
    port = (443 if parts.scheme == "https" else 80) if port is None else port
    if port not in _PORTS and port < 1024:
        raise Invalid(_("The port is 443, 80, or one from 1024 on."))
    if (ip := _ip(name)) is not None and not is_allowed(ip, own):
        raise Invalid(_("This address leads into a network that this instance sends nothing to."))
    return Destination(parts.scheme == "https", name, port, target)


def _ascii(host: str) -> str:
    if _ip(host) is not None:
        return host
    name = host.encode("idna").decode("ascii") if host else ""
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,253}", name):
        raise ValueError(name)
    return name


def _ip(text: str) -> Ip | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_allowed(ip: Ip, own: Sequence[Network] = ()) -> bool:
    """May something be sent there? To what all the world reaches, and to the networks that the operator named."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return False
        ip = ip.ipv4_mapped or ip
    if any(ip.version == each.version and ip in each for each in own):
        return True
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            # A translator sends it on to the IPv4 address in its last bytes: that one counts.
            return _is_public(ipaddress.IPv4Address(ip.packed[12:]))
        if _ISATAP.fullmatch(ip.packed[8:12]):
            return False
    return _is_public(ip)


def _is_public(ip: Ip) -> bool:
    if any(ip.version == each.version and ip in each for each in _NEVER):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local)


def post(
    destination: Destination, body: bytes, headers: Mapping[str, str], *, own: Sequence[Network] = ()
) -> Answered:
    """Send `body` there and say what came of it. Whatever the other side does, it is over within the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    cut = _Cut()
    try:
        addresses = _addresses(destination, own, deadline)
        with cut.at(deadline):
            status = _Exchange(destination, addresses, deadline, cut).status_for(body, headers)
    except _Refused as refused:
        return Answered(trouble=Trouble.TIME if cut.is_over else refused.trouble)
    if cut.is_over:  # headers that were cut off read like headers that ended
        return Answered(trouble=Trouble.TIME)
    if 200 <= status < 300:
        return Answered(status=status)
    named = {410: Trouble.GONE} | dict.fromkeys(range(300, 400), Trouble.REDIRECT)
    return Answered(status=status, trouble=named.get(status, Trouble.STATUS))


def _addresses(destination: Destination, own: Sequence[Network], deadline: float) -> list[str]:
    """The numbers of a host, all of them allowed. One that is not spoils the others: whoever mixes them means no good."""
    found = _looked_up(destination, deadline)
    ips = [ip for each in found if (ip := _ip(each)) is not None]
    if not ips or len(ips) != len(found):
        raise _Refused(Trouble.NAME)
    # Without TLS only to where the operator said that it is their own.
    allowed = all(is_allowed(ip, own) and (destination.is_tls or _is_own(ip, own)) for ip in ips)
    if not allowed:
        raise _Refused(Trouble.INSIDE)
    return found


def _is_own(ip: Ip, own: Sequence[Network]) -> bool:
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return any((mapped or ip) in each for each in own if each.version == (mapped or ip).version)


def _looked_up(destination: Destination, deadline: float) -> list[str]:
    """In a thread of its own: a name server that never answers holds no worker. It ends when its own patience does."""
    box: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM)
            box.put(list(dict.fromkeys(str(info[4][0]) for info in infos)))
        except (OSError, UnicodeError):
            box.put(None)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = box.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise _Refused(Trouble.TIME) from None
    if not found:
        raise _Refused(Trouble.NAME)
    return found


class _Cut:
    """Ends a connection at a moment, whatever is going on in it: a limit on each read alone would let one come byte by byte."""

    def __init__(self) -> None:
        self.is_over = False
        self._lock = threading.Lock()
        self._wire: socket.socket | None = None

    @contextmanager
    def at(self, deadline: float) -> Iterator[None]:
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._fall)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.watch(None)

    def watch(self, wire: socket.socket | None) -> None:
        """From now on this one. By a number of its own: the other may be closed and given to somebody else meanwhile."""
        with self._lock:
            if self._wire is not None:
                self._wire.close()
            self._wire = None if wire is None else socket.socket(fileno=os.dup(wire.fileno()))

    def _fall(self) -> None:
        with self._lock:
            self.is_over = True
            if self._wire is not None:
                try:
                    self._wire.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has ended by itself


class _Exchange(http.client.HTTPConnection):
    """One request over a connection to a number that was judged, under the name that was asked for."""

    def __init__(self, to: Destination, addresses: Sequence[str], deadline: float, cut: _Cut) -> None:
        super().__init__(to.host, to.port)
        self._to, self._addresses, self._deadline, self._cut = to, addresses, deadline, cut

    def status_for(self, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            self.putrequest("POST", self._to.target, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": self._to.host_header, **headers, "Connection": "close"}.items():
                self.putheader(name, value)
            self.putheader("Content-Length", str(len(body)))
            self.endheaders(body)
            with self.getresponse() as response:  # its body is not read
                return response.status
        except ssl.SSLError:
            raise _Refused(Trouble.TLS) from None
        except TimeoutError:
            raise _Refused(Trouble.TIME) from None
        except OSError:
            raise _Refused(Trouble.CONNECT) from None
        except (http.client.HTTPException, ValueError):
            raise _Refused(Trouble.ANSWER) from None
        finally:
            self.close()

    def connect(self) -> None:
        self.sock = self._wire()
        if self._to.is_tls:
            context = ssl.create_default_context()
            wrapped = context.wrap_socket(
                self.sock, server_hostname=self._to.host, do_handshake_on_connect=False
            )
            self.sock = wrapped
            wrapped.do_handshake()

    def _wire(self) -> socket.socket:
        """To the first of the numbers that answers. Nothing here knows a name any more."""
        failed: OSError = ConnectionError()
        for n, address in enumerate(self._addresses):
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            wire = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            try:
                # The last gets all that is left, those before it half: one that swallows everything keeps no other waiting.
                wire.settimeout(left if n == len(self._addresses) - 1 else left / 2)
                wire.connect((address, self._to.port))
                wire.settimeout(left)
                self._cut.watch(wire)
                return wire
            except OSError as error:
                wire.close()
                failed = error
        raise failed
