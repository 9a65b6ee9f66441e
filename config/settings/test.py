"""The suite: a data folder and keys of its own, tasks run at once, passwords hashed cheaply."""

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path

_place = Path(tempfile.mkdtemp(prefix="ownlog-test-"))
atexit.register(shutil.rmtree, _place, ignore_errors=True)
os.environ["OWNLOG_DATA"] = str(_place / "var")
os.environ["OWNLOG_KEY_DIR"] = str(_place / "keys")

# `python -m tests.servers` says here which servers the suite is to run on.
if _servers := json.loads(os.environ.get("OWNLOG_TEST_SERVERS") or "null"):
    os.environ["OWNLOG_DATABASE_URL"] = f"{_servers['postgresql']}/suite"
    os.environ["OWNLOG_VAULT_URL"] = f"{_servers['postgresql']}/suite_vault"
    _bucket = f"suite-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"  # as Django does with the databases
    os.environ["OWNLOG_STORAGE_URL"] = f"s3://{_bucket}?endpoint={_servers['s3']}&region=us-east-1"
    os.environ["OWNLOG_STORAGE_ACCESS_KEY"] = os.environ["OWNLOG_STORAGE_SECRET_KEY"] = "testing"

from config.databases import sqlite  # noqa: E402
from config.settings.base import *  # noqa: E402, F403  (the environment has to be set first)
from config.settings.base import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]

if not _servers:
    # Files rather than memory, so that threads meet the locks they meet in use; nothing has to survive a power cut.
    DATABASES = {
        alias: sqlite(_place / f"{alias}.unused", synchronous="OFF")
        | {"TEST": {"NAME": _place / f"{alias}.sqlite3"}}
        for alias in DATABASES
    }
