"""An instance for others: nothing has a fall-back, everything travels over TLS."""

from config import env
from config.settings.base import *  # noqa: F403  (a settings module is its base with a few changes)
from config.settings.base import OWNLOG_BASE_URL

if not OWNLOG_BASE_URL.startswith("https://"):
    raise env.BadSetting("OWNLOG_BASE_URL must be the instance's https:// address.")
if not env.text("OWNLOG_ALLOWED_HOSTS"):
    raise env.BadSetting("OWNLOG_ALLOWED_HOSTS must list the host names that this instance answers to.")
if not env.text("OWNLOG_BROKER_URL"):
    raise env.BadSetting("OWNLOG_BROKER_URL must name the message broker.")

if env.text("OWNLOG_DATABASE_HOST"):

    def postgresql(name: str) -> dict[str, object]:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "HOST": env.text("OWNLOG_DATABASE_HOST"),
            "PORT": env.integer("OWNLOG_DATABASE_PORT", default=5432, least=1, most=65535),
            "USER": env.text("OWNLOG_DATABASE_USER", "ownlog"),
            "PASSWORD": env.secret("OWNLOG_DATABASE_PASSWORD"),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        }

    DATABASES = {
        "default": postgresql(env.text("OWNLOG_DATABASE_NAME", "ownlog")),
        "vault": postgresql(env.text("OWNLOG_VAULT_DATABASE_NAME", "ownlog_vault")),
    }

SECURE_SSL_REDIRECT = env.boolean("OWNLOG_TLS_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
