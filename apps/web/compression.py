"""Pages, styles and scripts travel compressed."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_string

_LEAST = 1000
_RANDOM_BYTES = 100
_STATIC_KINDS = ("text/css", "text/javascript", "image/svg+xml")
# How a browser says that no other site made it ask.
_OWN = ("same-origin", "none")


class Compressed:
    """Compresses what browsers ask for.

    The length of a compressed page tells whoever watches the line and may guess a part of it (BREACH). So a page is
    compressed only for a request that no other site caused, and random bytes blur its length.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._files: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        is_file = request.path.startswith(settings.STATIC_URL) and kind in _STATIC_KINDS
        if not is_file and kind != "text/html":
            return response
        patch_vary_headers(
            response, ("Accept-Encoding",) if is_file else ("Accept-Encoding", "Sec-Fetch-Site")
        )
        if self._is_wanted(request, response):
            return self._file(request, response) if is_file else self._page(request, response)
        return response

    def _is_wanted(self, request: HttpRequest, response: HttpResponseBase) -> bool:
        accepts = "gzip" in request.headers.get("Accept-Encoding", "")
        is_whole = request.method == "GET" and response.status_code == 200 and "Range" not in request.headers
        return accepts and is_whole and not response.has_header("Content-Encoding")

    def _page(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_own = request.headers.get("Sec-Fetch-Site") in _OWN
        if is_own and isinstance(response, HttpResponse) and len(response.content) >= _LEAST:
            response.content = compress_string(response.content, max_random_bytes=_RANDOM_BYTES)
            response.headers["Content-Length"] = str(len(response.content))
            response.headers["Content-Encoding"] = "gzip"
        return response

    def _file(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Files do not change while the server runs: each is compressed once for each state that it was in."""
        state = (request.path, response.headers.get("ETag", ""))
        body = self._files.get(state)
        if body is None:
            body = gzip.compress(b"".join(response), mtime=0)
            with self._lock:
                self._files[state] = body
        response.close()
        packed = HttpResponse(body, headers=dict(response.headers))
        packed.headers["Content-Length"] = str(len(body))
        packed.headers["Content-Encoding"] = "gzip"
        return packed
