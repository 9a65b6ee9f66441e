from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config import garbage
from config.pieces import in_one_piece
from config.stack import with_room

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

application = with_room(in_one_piece(get_wsgi_application()))
# With the addresses all views are loaded: what stands by now stays.
get_resolver().url_patterns  # noqa: B018  (read for what it loads)
garbage.look_rarely()
