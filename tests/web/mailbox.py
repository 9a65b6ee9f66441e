"""A mail server on loopback that keeps what it is given, for tests in which mail has to travel."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes
from email.message import Message
from types import TracebackType
from typing import Self


class Mailbox:
    """Speaks as much SMTP as a sender without TLS and without a name needs."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        box = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 mailbox")
                while line := self.rfile.readline():
                    word = line[:4].upper().strip()
                    if word == b"DATA":
                        self._say("354 go on")
                        box.mails.append(message_from_bytes(self._data()))
                        self._say("250 kept")
                    elif word == b"QUIT":
                        self._say("221 bye")
                        return
                    else:
                        self._say("250 ok")

            def _data(self) -> bytes:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                return b"".join(lines)

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def env(self) -> dict[str, str]:
        """What makes an instance send its mail here."""
        return {
            "OWNLOG_EMAIL_HOST": "127.0.0.1",
            "OWNLOG_EMAIL_PORT": str(self.port),
            "OWNLOG_EMAIL_TLS": "0",
        }


def words_of(mail: Message) -> str:
    """The text of a mail."""
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode(mail.get_content_charset("utf-8"))
