from __future__ import annotations

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session

from apps.accounts.models import ApiKey, BrowserSession, KeyNetwork, Replay, Tally, User
from apps.core.privacy import declare, owe

declare(
    User,
    personal={
        "username",
        "email",
        "password",
        "last_login",
        "language",
        "theme",
        "density",
        "has_single_keys",
        "time_zone",
        "idle_notices",
        "idle_told_at",
        "idle_tried_at",
    },
    plain={
        "id",
        "public_id",
        "is_service",
        "is_active",
        "is_staff",
        "is_superuser",
        "created_at",
        "erased_at",
        "was_active",
        "groups",
        "user_permissions",
    },
)
declare(
    ApiKey,
    sealed={"sealed_name"},
    personal={"last_used_at"},
    plain={
        "id",
        "public_id",
        "user",
        "secret_sha256_hex",
        "hint",
        "scope",
        "only_entity",
        "created_at",
        "expires_at",
        "revoked_at",
    },
    goes_with="user",
)
declare(
    KeyNetwork,
    sealed={"sealed_network"},
    personal={"first_used_at", "told_at"},
    plain={"id", "row", "key", "network_hmac_hex"},
    goes_with="key",
)
declare(
    Replay,
    plain={"id", "user", "key_hash", "request_hash", "status", "subject", "number", "created_at"},
    goes_with="user",
)

declare(
    BrowserSession,
    sealed={"sealed_place"},
    personal={"created_at"},
    plain={"id", "row", "public_id", "user", "session_row"},
    goes_with="user",
)
declare(Tally, plain={"id", "name", "value", "expires_at"})

# Tables of libraries: what they keep of a person ends with the account.
declare(EmailAddress, personal={"email"}, plain={"id", "user", "verified", "primary"}, goes_with="user")
# `data` is sealed under the person's own key before it is written (teams.factors).
declare(
    Authenticator,
    personal={"data", "created_at", "last_used_at"},
    plain={"id", "user", "type"},
    goes_with="user",
)
declare(
    SocialAccount,
    personal={"uid", "extra_data", "last_login", "date_joined"},
    plain={"id", "user", "provider"},
    goes_with="user",
)
# Never a row: clients come from the environment, tokens are dropped on arrival.
declare(SocialApp, plain={"id", "provider", "provider_id", "name", "client_id", "secret", "key", "settings"})
declare(
    SocialToken, plain={"id", "app", "account", "token", "token_secret", "expires_at"}, goes_with="account"
)
declare(EmailConfirmation, plain={"id", "email_address", "created", "sent", "key"}, goes_with="email_address")
declare(
    LogEntry,
    plain={
        "id",
        "action_time",
        "user",
        "content_type",
        "object_id",
        "object_repr",
        "action_flag",
        "change_message",
    },
    goes_with="user",
)
# Sealed under the browser's cookie rather than under a key of the vault (accounts.sessions).
declare(Session, personal={"session_data"}, plain={"session_key", "expire_date"})
declare(Group, plain={"id", "name", "permissions"})
declare(Permission, plain={"id", "name", "content_type", "codename"})
declare(ContentType, plain={"id", "app_label", "model"})

_SECRET = "whoever has it can sign in as you, or try to"
_NO_ROW = "never a row here"
owe(
    User,
    "person",
    person="id",
    told=(
        "public_id", "username", "email", "created_at", "last_login", "language", "theme", "density", "has_single_keys",
        "time_zone", "is_active", "is_staff", "is_superuser", "idle_notices", "idle_told_at", "idle_tried_at",
    ),
    withheld={
        "password": "a hash, of which passwords can be tried",
        "is_service": "no person is one",
        "erased_at": "of an account that is being erased, and exports nothing",
        "was_active": "of an account that is being erased, and exports nothing",
        "groups": _NO_ROW,
        "user_permissions": _NO_ROW,
    },
)  # fmt: skip
owe(EmailAddress, "email-addresses", told=("email", "verified", "primary"))
owe(
    EmailConfirmation,
    person="email_address__user",
    withheld=dict.fromkeys(["created", "sent", "key"], _NO_ROW),
)
owe(
    SocialAccount,
    "linked-accounts",
    told=("provider", "uid", "extra_data", "date_joined", "last_login"),
)
owe(
    SocialToken,
    person="account__user",
    withheld=dict.fromkeys(["app", "token", "token_secret", "expires_at"], _NO_ROW),
)
owe(
    Authenticator,
    "second-factors",
    told=("type", "created_at", "last_used_at"),
    withheld={"data": _SECRET},
)
owe(
    ApiKey,
    "api-keys",
    told=(
        "public_id", "sealed_name", "hint", "scope", "created_at", "last_used_at", "expires_at", "revoked_at",
        "only_entity",
    ),
    withheld={"secret_sha256_hex": "a hash of the key, of which nobody learns anything"},
)  # fmt: skip
owe(
    KeyNetwork,
    "key-networks",
    person="key__user",
    told=("key", "sealed_network", "first_used_at", "told_at"),
    withheld={"network_hmac_hex": "the same network, under the key's secret"},
)
owe(
    BrowserSession,
    "devices",
    told=("public_id", "sealed_place", "created_at"),
    withheld={"session_row": "where the session lies"},
)
owe(
    Session,
    person="",
    withheld={
        "session_data": "sealed under a key that your browser's cookie holds: nobody here opens it",
        "session_key": "where the session lies",
        "expire_date": "two weeks after the session began",
    },
)
owe(
    Replay,
    "repeated-requests",
    told=("status", "subject", "number", "created_at"),
    withheld=dict.fromkeys(["key_hash", "request_hash"], "a hash of what a program of yours sent"),
)
owe(
    LogEntry,
    "admin-log",
    told=("action_time", "action_flag", "object_repr", "object_id", "change_message"),
    withheld={"content_type": "the number of a table"},
)
