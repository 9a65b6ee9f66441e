"""Our own scripts and styles leave the server's thread at once, however slowly they are taken.

Whoever reads slowly what comes in pieces holds the thread that gives them: sixteen connections of strangers that asked for a
large script and read none of it kept all others out. What is handed over whole is the web server's to send, without a thread.
Files of people are not: they have any size, and stay in pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_OURS = "/static/"


def in_one_piece(app: WsgiApp) -> WsgiApp:
    """The same, but that what lies below /static/ is one piece."""

    def whole(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = app(environ, start_response)
        if not environ.get("PATH_INFO", "").startswith(_OURS):
            return answer
        try:
            return [b"".join(answer)]  # a list: the web server takes one for the whole
        finally:
            if (close := getattr(answer, "close", None)) is not None:
                close()

    return whole
