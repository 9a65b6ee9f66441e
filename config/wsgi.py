from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from config.stack import with_room

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

application = with_room(get_wsgi_application())
