"""The instance's WSGI application, dying when it has handled as many requests as OWNLOG_TEST_DIES_AFTER says.

It is the worst moment there is: the work is done and durable, and nobody has been told.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from config.wsgi import application as handle

_last = int(os.environ["OWNLOG_TEST_DIES_AFTER"])
_counted = itertools.count(1)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    answer: Iterable[bytes] = handle(environ, start_response)
    if next(_counted) == _last:
        os._exit(137)
    return answer
