"""An instance for others: nothing has a fall-back, everything travels over TLS."""

from config import env
from config.settings.base import *  # noqa: F403  (a settings module is its base with a few changes)
from config.settings.base import ALLOWED_HOSTS, OWNLOG_BASE_URL

if not OWNLOG_BASE_URL.startswith("https://"):
    raise env.BadSetting("OWNLOG_BASE_URL must be the instance's https:// address.")
if not env.text("OWNLOG_ALLOWED_HOSTS"):
    raise env.BadSetting("OWNLOG_ALLOWED_HOSTS must list the host names that this instance answers to.")
if "*" in ALLOWED_HOSTS:
    raise env.BadSetting(
        "OWNLOG_ALLOWED_HOSTS must name hosts: * lets whoever asks say what this one is called."
    )
if not env.text("OWNLOG_BROKER_URL"):
    raise env.BadSetting("OWNLOG_BROKER_URL must name the message broker.")
if env.text("OWNLOG_GOOGLE_ISSUER"):
    raise env.BadSetting("OWNLOG_GOOGLE_ISSUER is for tests: an instance for others asks Google itself.")

SECURE_SSL_REDIRECT = env.boolean("OWNLOG_TLS_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
