"""Where DATABASES names `config.postgresql`, Django takes this DatabaseWrapper."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the connection can go on, asked before its first use in a request.

        A server or pooler that ends says so, and closes: there is something to read then. On a connection at rest on which
        there is nothing, a question at each request would cost as much as one of its statements.
        """
        connection = self.connection
        if connection is None or connection.closed:
            return False
        is_at_rest = not self.errors_occurred and not _has_news(connection.fileno())
        return is_at_rest or super().is_usable()


def _has_news(socket: int) -> bool:
    """Is there something to read, or an error?"""
    asked = select.poll()
    asked.register(socket, select.POLLIN)
    return bool(asked.poll(0))
