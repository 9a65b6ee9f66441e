"""What every installation shares. What an operator may change comes from the environment: docs/settings.md."""

from __future__ import annotations

from pathlib import Path

from config import databases, env, secret_key

BASE_DIR = Path(__file__).resolve().parents[2]

# ── Places ──
OWNLOG_DATA = env.folder("OWNLOG_DATA", default=BASE_DIR / "var")
OWNLOG_KEY_DIR = env.folder("OWNLOG_KEY_DIR", default=BASE_DIR / "keys")
OWNLOG_BASE_URL = env.text("OWNLOG_BASE_URL").rstrip("/")
OWNLOG_HOSTED = env.boolean("OWNLOG_HOSTED", default=False)
# Who runs the instance, as its pages on terms and privacy say it.
OWNLOG_OPERATOR_NAME = env.text("OWNLOG_OPERATOR_NAME")
OWNLOG_OPERATOR_CONTACT = env.text("OWNLOG_OPERATOR_CONTACT")
# How long the operators keep backups, for receipts of erasures; 0: they have not said.
OWNLOG_BACKUP_KEPT_DAYS = env.integer("OWNLOG_BACKUP_KEPT_DAYS", default=0, least=0, most=36_500)
# For how long an export can be fetched; then it is erased.
OWNLOG_EXPORT_DAYS = env.integer("OWNLOG_EXPORT_DAYS", default=7, least=1, most=90)
# After how many days without a sign-in or a use of a key an account is erased, with notices; 0: never.
OWNLOG_IDLE_DAYS = env.integer("OWNLOG_IDLE_DAYS", default=0, least=0, most=36_500)
if 0 < OWNLOG_IDLE_DAYS < 90:
    raise env.BadSetting("OWNLOG_IDLE_DAYS must be 0 or at least 90: people are told a month before.")
OWNLOG_SIGN_UP = env.choice("OWNLOG_SIGN_UP", among=("open", "invited", "closed"), default="open")
# Where sealed files lie: the data folder, or a bucket of an S3-compatible store.
OWNLOG_STORAGE_URL = env.text("OWNLOG_STORAGE_URL")
OWNLOG_STORAGE_ACCESS_KEY = env.secret("OWNLOG_STORAGE_ACCESS_KEY")
OWNLOG_STORAGE_SECRET_KEY = env.secret("OWNLOG_STORAGE_SECRET_KEY")
OWNLOG_TRUSTED_PROXY = env.boolean("OWNLOG_TRUSTED_PROXY", default=False)

# Written anew by each epoch (apps.vault.epochs), before the old root key is destroyed.
OWNLOG_VAULT_COPY = env.folder("OWNLOG_VAULT_COPY", default=OWNLOG_DATA / "vault-copy" / "vault.sqlite3")
# Names, addresses and sessions lie here in the clear: for the server's own user only.
OWNLOG_DATA.mkdir(mode=0o700, parents=True, exist_ok=True)

SECRET_KEY = env.secret("OWNLOG_SECRET_KEY") or secret_key.read_or_make(OWNLOG_KEY_DIR)
DEBUG = False
ALLOWED_HOSTS = env.listed("OWNLOG_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "apps.core",
    "apps.access",
    "apps.vault",
    "apps.audit",
    "apps.blobs",
    "apps.accounts",
    "apps.teams",
    "apps.plans",
    "apps.code_saving",
    "apps.projects",
    "apps.webhooks",
    "apps.runs",
    "apps.files",
    "apps.artifacts",
    "apps.exports",
    "apps.erasure",
    "apps.leaks",
    "apps.imports",
    "apps.statistics",
    "apps.backups",
    "apps.wandb_protocol",
    "apps.api",
    "apps.web",
    "apps.demo",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "csp",
    "django_htmx",
    "template_partials",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "apps.web.compression.Compressed",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.RequestLog",
    "apps.core.middleware.ProxyUntold",
    "apps.core.address.AskedAt",
    "apps.wandb_protocol.middleware.BaseUrlWithoutPath",
    "apps.wandb_protocol.middleware.OwnOriginMayRead",
    "apps.access.middleware.DeclaredWaysIn",
    "apps.core.strangers.BodiesOfStrangers",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "apps.web.appearance.PageLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.vault.middleware.KeysInUse",
    "apps.accounts.middleware.RequestActor",
    "apps.web.middleware.PageErrors",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # a redirected PUT or POST of the wandb client would lose its body

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.web.context.page",
            ],
        },
    },
]


# ── Databases ──
DATABASES = databases.from_environment(OWNLOG_DATA)
DATABASE_ROUTERS = ["config.routers.VaultRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ── Cache: counts of tries only, one for all processes; never content (docs/adr/0070) ──
CACHES = {"default": {"BACKEND": "apps.accounts.tallies.TallyCache"}}

# ── People ──
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "apps.web.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = env.choice(
    "OWNLOG_EMAIL_VERIFICATION", among=("none", "optional", "mandatory"), default="none"
)
ACCOUNT_USERNAME_VALIDATORS = "apps.accounts.names.USERNAME_VALIDATORS"
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Ownlog] "
ACCOUNT_FORMS = {
    "add_email": "apps.web.forms.NewAddressForm",
    "login": "apps.web.forms.SignInForm",
    "reset_password": "apps.web.forms.ResetForm",
    "signup": "apps.web.forms.SignUpForm",
}
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "apps.accounts.tokens.ResetTokens"
ACCOUNT_CHANGE_EMAIL = True  # one address; a new one replaces it once it is confirmed
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True  # of changes to how the account is opened: apps.web.adapter

# ── Signing in by others: what they are asked for is a constant in apps.accounts.providers ──
OWNLOG_GOOGLE_CLIENT_ID = env.secret("OWNLOG_GOOGLE_CLIENT_ID")
OWNLOG_GOOGLE_CLIENT_SECRET = env.secret("OWNLOG_GOOGLE_CLIENT_SECRET")
env.both_or_neither("OWNLOG_GOOGLE_CLIENT_ID", "OWNLOG_GOOGLE_CLIENT_SECRET")
OWNLOG_GOOGLE_ISSUER = env.server("OWNLOG_GOOGLE_ISSUER", default="https://accounts.google.com")
OWNLOG_GITHUB_CLIENT_ID = env.secret("OWNLOG_GITHUB_CLIENT_ID")
OWNLOG_GITHUB_CLIENT_SECRET = env.secret("OWNLOG_GITHUB_CLIENT_SECRET")
env.both_or_neither("OWNLOG_GITHUB_CLIENT_ID", "OWNLOG_GITHUB_CLIENT_SECRET")
OWNLOG_GITHUB_URL = env.server("OWNLOG_GITHUB_URL", default="https://github.com")
SOCIALACCOUNT_ADAPTER = "apps.web.social_adapter.SocialAdapter"
SOCIALACCOUNT_FORMS = {"signup": "apps.web.forms.NameForm"}
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_STORE_TOKENS = False

# ── Second factors and passkeys: sealed by apps.teams.factors ──
MFA_ADAPTER = "apps.web.mfa_adapter.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "login_webauthn": "apps.web.forms.PasskeySignInForm",
    "authenticate_webauthn": "apps.web.forms.PasskeyStepForm",
    "reauthenticate_webauthn": "apps.web.forms.PasskeyAgainForm",
    "add_webauthn": "apps.web.forms.NewPasskeyForm",
}
MFA_TOTP_TOLERANCE = 1  # clocks of phones are off by some seconds
# Whoever must not confirm an address cannot be asked to have done so.
MFA_ALLOW_UNVERIFIED_EMAIL = ACCOUNT_EMAIL_VERIFICATION == "none"

# ── Mail: none is sent, printed or kept until the operator names a server (docs/adr/0106) ──
EMAIL_HOST = env.text("OWNLOG_EMAIL_HOST")
EMAIL_PORT = env.integer("OWNLOG_EMAIL_PORT", default=587, least=1, most=65535)
EMAIL_HOST_USER = env.text("OWNLOG_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.secret("OWNLOG_EMAIL_PASSWORD")
EMAIL_USE_TLS = env.boolean("OWNLOG_EMAIL_TLS", default=True)
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend" if EMAIL_HOST else "apps.core.mail.NoMail"
if ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not EMAIL_HOST:
    raise env.BadSetting(
        "OWNLOG_EMAIL_VERIFICATION=mandatory takes a mail server: set OWNLOG_EMAIL_HOST too."
    )
EMAIL_TIMEOUT = 10  # seconds: a page waits for the server that takes its mail
DEFAULT_FROM_EMAIL = env.text("OWNLOG_EMAIL_FROM", "Ownlog <ownlog@localhost>")

# ── Webhooks: they lead to addresses that all the world reaches, and into these networks of the operator's own ──
OWNLOG_WEBHOOK_NETWORKS = env.networks("OWNLOG_WEBHOOK_NETWORKS")

# ── Background work ──
CELERY_BROKER_URL = env.text("OWNLOG_BROKER_URL", "memory://localhost/")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# A message is only a hint: better lost than a request that waits for the broker.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 2, "max_retries": 0}
# Beat keeps its clock in memory: a lost tick only means that a sweep comes one interval later.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "runs.sweep": {"task": "runs.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "blobs.sweep_orphans": {"task": "blobs.sweep_orphans", "schedule": 3600.0, "options": {"expires": 3600}},
    "vault.epoch": {"task": "vault.epoch", "schedule": 10.0, "options": {"expires": 10}},
    "vault.sweep_orphans": {"task": "vault.sweep_orphans", "schedule": 3600.0, "options": {"expires": 3600}},
    # Soon after each act its event is linked to the one before; once an hour all are looked at.
    "audit.sweep": {"task": "audit.sweep", "schedule": 10.0, "options": {"expires": 10}},
    "audit.sweep_everything": {
        "task": "audit.sweep_everything",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "erasure.watch": {"task": "erasure.watch", "schedule": 60.0, "options": {"expires": 60}},
    "erasure.sweep": {"task": "erasure.sweep", "schedule": 30.0, "options": {"expires": 30}},
    # Once an hour, though days are counted: an instance that is off at night does it too.
    "erasure.retention": {"task": "erasure.retention", "schedule": 3600.0, "options": {"expires": 3600}},
    "exports.sweep": {"task": "exports.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "imports.sweep": {"task": "imports.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "leaks.sweep": {"task": "leaks.sweep", "schedule": 30.0, "options": {"expires": 30}},
    # Once an hour, though it is done once a month: an instance that is off on the day does it later.
    "statistics.sweep": {"task": "statistics.sweep", "schedule": 3600.0, "options": {"expires": 3600}},
    "webhooks.sweep": {"task": "webhooks.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "teams.sweep": {"task": "teams.sweep", "schedule": 3600.0, "options": {"expires": 3600}},
    "plans.sweep": {"task": "plans.sweep", "schedule": 60.0, "options": {"expires": 60}},
    "files.sweep": {"task": "files.sweep", "schedule": 300.0, "options": {"expires": 300}},
    "artifacts.sweep": {"task": "artifacts.sweep", "schedule": 600.0, "options": {"expires": 600}},
    "accounts.sweep": {"task": "accounts.sweep", "schedule": 3600.0, "options": {"expires": 3600}},
}

# ── What goes over the wire ──
# The wandb client sends up to about 10 MiB in one request; each view bounds its own body.
DATA_UPLOAD_MAX_MEMORY_SIZE = 24 * 1024 * 1024
# No upload is ever written to a temporary file in the clear.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 24 * 1024 * 1024
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "apps.accounts.sessions"  # sealed under what the cookie holds (docs/adr/0071)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "ownlog_session"
CSRF_COOKIE_NAME = "ownlog_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "apps.web.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "media-src": ["'self'"],
        # Pages that runs log stand in frames, from an address of ours that gives them an origin of their own.
        "frame-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
if OWNLOG_TRUSTED_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Wrong guesses are counted for each address: seen as the proxy's, one stranger's would lock everybody out.
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
if OWNLOG_BASE_URL:
    CSRF_TRUSTED_ORIGINS = [OWNLOG_BASE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OWNLOG_BASE_URL.startswith("https://")

# ── The REST API ──
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.api.authentication.KeyAuthentication",
        "apps.api.authentication.SessionAuthentication",
    ],
    # The gate is asked by the queries and services; these classes would be a second place.
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["apps.api.wire.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["apps.api.wire.JsonRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["apps.api.throttling.PerAsker"],
    "EXCEPTION_HANDLER": "apps.api.errors.answer_exception",
    "UNAUTHENTICATED_USER": "apps.api.authentication.nobody",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Ownlog REST API",
    "DESCRIPTION": "Projects, runs, history and files, for scripts. How to use it: docs/rest-api.md.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "Visibility": "apps.access.policy.Visibility",
        "RunState": "apps.runs.types.RunState",
        # What an erasure is of; secrets have kinds, too.
        "KindEnum": [
            "files",
            "runs",
            "project",
            "team",
            "account",
            "org",
            "versions",
            "artifact",
            "part",
            "exports",
        ],
        # Keys have scopes and runs have states; exports have both.
        "ScopeEnum": ["read", "write", "admin"],
        "StateEnum": "apps.api.serializers.runs.STATES",
        "ExportScope": ["runs", "project", "entity"],
        "ExportState": ["queued", "running", "ready", "failed"],
    },
}

# ── Words and files of the pages ──
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語")]
LANGUAGE_COOKIE_NAME = "ownlog_language"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = OWNLOG_DATA / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns when it is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# ── Logs: times, levels, names of routes and ids; never a path, a body or a value ──
log_level = env.text("OWNLOG_LOG_LEVEL", "INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_content": {"()": "apps.core.logs.NoContent"}},
    "formatters": {"line": {"()": "apps.core.logs.LineFormatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["no_content"]},
    },
    # In their finest lines libraries tell what they read: the words in a picture, the body of a request. Only ours are that fine.
    "root": {"handlers": ["stderr"], "level": "INFO" if log_level in {"DEBUG", "NOTSET"} else log_level},
    "loggers": {
        **{name: {"level": log_level} for name in ("apps", "config", "ownlog")},
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Its messages quote the path; apps.core.middleware.RequestLog writes the route instead.
        "django.request": {"level": "CRITICAL", "propagate": True},
        "django.server": {"handlers": [], "level": "CRITICAL", "propagate": True},
        "celery": {"level": "WARNING", "propagate": True},
    },
}
