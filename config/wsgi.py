from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config.stack import with_room

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

application = with_room(get_wsgi_application())

# With the addresses all views are loaded. What stands by now stays: the collector need not walk over it again at each
# full collection, which took a tenth of a second in the middle of somebody's request.
get_resolver().url_patterns  # noqa: B018  (read for what it loads)
gc.collect()
gc.freeze()
