"""The suite: a data folder and keys of its own, tasks run at once, passwords hashed cheaply."""

import os
import tempfile
from pathlib import Path

_place = Path(tempfile.mkdtemp(prefix="ownlog-test-"))
os.environ["OWNLOG_DATA"] = str(_place / "var")
os.environ["OWNLOG_KEY_DIR"] = str(_place / "keys")

from config.settings.base import *  # noqa: E402, F403  (the environment has to be set first)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
