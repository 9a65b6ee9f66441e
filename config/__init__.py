from __future__ import annotations

from config import garbage

garbage.look_hardly()

from config.celery import app as celery_app  # noqa: E402  (what is loaded from here on is why)

__all__ = ["celery_app"]
