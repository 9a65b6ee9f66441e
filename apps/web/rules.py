"""Who may reach each page."""

from __future__ import annotations

from apps.access.policy import Permission
from apps.access.rules import ANYBODY, OPERATOR, SHARE_LINK, SIGNED_IN, declare_url

_READING = ("GET", "HEAD")
_FORM = ("GET", "HEAD", "POST")

# Pages before sign-in: nothing of anybody's behind them.
for name in (
    "account_login",
    "account_signup",
    "account_logout",
    "account_inactive",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    # Between a password and its second step, and between a provider and a name.
    "mfa_login_webauthn",
    "mfa_authenticate",
    "socialaccount_signup",
):
    declare_url(name, ANYBODY, methods=_FORM)

declare_url("provider-start", ANYBODY, methods=("POST",))
# What a provider sends back is good with a state that this browser's session knows.
for name in (
    "google_callback",
    "github_callback",
    "socialaccount_login_cancelled",
    "health",
    "health-erasures",  # counts, for a monitor
    "health-erasures-metrics",
    "pricing",
    "privacy",
    "terms",
    # What receipts are checked with and against.
    "receipt-key",
    "receipt-program",
):
    declare_url(name, ANYBODY, methods=_READING)
declare_url("language", ANYBODY, methods=("POST",))
declare_url("receipts", ANYBODY, methods=_FORM)  # of what is sent nothing is kept

# Examples of every part of the pages; nothing is stored.
for name in ("components", "components-series", "components-table-series", "components-csv-series"):
    declare_url(name, ANYBODY, methods=_READING)
for name in ("components-choice", "components-switch"):
    declare_url(name, ANYBODY, methods=("POST",))

# `home` sends whoever is not signed in to the pages above; `authorize` sends everybody on to the keys.
for name in ("home", "home-sparks", "find", "first-run", "authorize"):
    declare_url(name, SIGNED_IN, methods=_READING)
for name in (
    "account_change_password",
    "account_set_password",
    "account_email",
    "account_reauthenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_add_webauthn",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "api-keys",
    "appearance",
    "code-saving",
    "privacy-settings",
    "profile",
    "retention",
    "notifications",
    "statistics-settings",
    "system-metadata",
    "webhooks",
    "webhook",
):
    declare_url(name, SIGNED_IN, methods=_FORM)
for name in (
    "security",
    "mfa_index",
    "mfa_list_webauthn",
    "mfa_view_recovery_codes",
    "socialaccount_connections",
):
    declare_url(name, SIGNED_IN, methods=_READING)
for name in ("again-elsewhere", "my-data", "sessions", "statistics"):
    declare_url(name, SIGNED_IN, methods=_READING)
declare_url("code-erase", SIGNED_IN, methods=("POST",))
declare_url("team-code-erase", Permission.ENTITY_ADMIN, methods=("POST",))
for name in ("api-key-revoke", "session-end", "sessions-end", "unlink", "passkey-remove", "passkey-rename"):
    declare_url(name, SIGNED_IN, methods=("POST",))

# What one asks the operators for, where teams take a plan.
declare_url("plan-request", SIGNED_IN, methods=_FORM)
for name in ("plan-answer", "plan-withdraw"):
    declare_url(name, SIGNED_IN, methods=("POST",))

# Teams and organisations. Whoever makes one may be anybody signed in; the service asks for the entitlement.
declare_url("teams", SIGNED_IN, methods=_READING)
declare_url("organisation-registry-new", Permission.ENTITY_ADMIN, methods=_FORM)
for name in ("team-new", "organisation-new"):
    declare_url(name, SIGNED_IN, methods=_FORM)
for place in ("team", "organisation"):
    declare_url(place, Permission.ENTITY_READ, methods=_READING)
    declare_url(f"{place}-leave", Permission.ENTITY_READ, methods=("POST",))
    for act in ("hand-over", "invite", "invitation-revoke", "remove", "role"):
        declare_url(f"{place}-{act}", Permission.ENTITY_ADMIN, methods=("POST",))
declare_url("team-services", Permission.ENTITY_READ, methods=_READING)
declare_url("team-services", Permission.ENTITY_ADMIN, methods=("POST",))
declare_url("team-service", Permission.ENTITY_ADMIN, methods=_FORM)
for name in (
    "team-left-over-keys-revoke",
    "team-service-role",
    "team-service-remove",
    "team-service-key-revoke",
):
    declare_url(name, Permission.ENTITY_ADMIN, methods=("POST",))
for name in ("team-code-saving", "team-privacy", "team-retention", "team-system-metadata"):
    declare_url(name, Permission.ENTITY_READ, methods=_READING)
    declare_url(name, Permission.ENTITY_ADMIN, methods=("POST",))
for name in ("team-data", "organisation-data"):
    declare_url(name, Permission.ENTITY_ADMIN, methods=_READING)
for name in ("team-erase", "organisation-erase"):
    declare_url(name, Permission.ENTITY_ADMIN, methods=_FORM)
declare_url("account-erase", SIGNED_IN, methods=_FORM)
# The link that was mailed is what opens it: how far an erasure is, in counts and moments, and what takes the account back.
for name in ("closed-account", "closed-account-receipt"):
    declare_url(name, ANYBODY, methods=_READING)
for name in ("closed-account-now", "closed-account-restore"):
    declare_url(name, ANYBODY, methods=("POST",))
for name in ("team-webhooks", "team-webhook"):
    declare_url(name, Permission.ENTITY_ADMIN, methods=_FORM)
for name in ("organisation-settings", "organisation-add-team", "organisation-let-team-go"):
    declare_url(name, Permission.ENTITY_ADMIN, methods=("POST",))
# Its secret is what opens it: the page says a team's name. Accepting takes an account.
declare_url("invitation", ANYBODY, methods=_READING)
declare_url("invitation", SIGNED_IN, methods=("POST",))
for name in ("audit", "audit-export"):
    declare_url(name, SIGNED_IN, methods=_READING)
for name in ("team-audit", "team-audit-export", "organisation-audit", "organisation-audit-export"):
    declare_url(name, Permission.ENTITY_AUDIT, methods=_READING)

for name in (
    "entity",
    "project",
    "project-compare",
    "project-compare-csv",
    "project-rows",
    "project-ids",
    "project-live",
    "project-workspace",
    "project-views",
    "project-view",
    "project-series",
    "project-csv-series",
    "project-table-series",
):
    declare_url(name, Permission.PROJECT_READ, methods=_READING)
# To save, change or delete one.
for name in ("project-views", "project-view"):
    declare_url(name, Permission.PROJECT_WRITE, methods=("POST",))
for name in (
    "run",
    "run-charts",
    "run-system",
    "run-console",
    "run-lines",
    "run-line-search",
    "run-line-changes",
    "run-console-text",
    "run-console-raw",
    "run-live",
    "run-histogram",
    "run-histograms",
    "run-json",
    "run-ridge",
    "run-values",
    "project-alerts",
    "run-alerts",
    # By an id alone, from mails and webhooks, in which no name stands.
    "go-alert",
    "go-run",
    "run-series",
    "run-csv-series",
    "run-table-series",
):
    declare_url(name, Permission.RUN_READ, methods=_READING)
for name in (
    "project-artifacts",
    "artifact",
    "artifact-version",
    "artifact-compare",
    "artifact-lineage",
    "artifact-zip",
    "artifact-file",
    "artifact-file-preview",
    "artifact-file-image",
    "artifact-file-play",
    "artifact-file-html",
    "client-portfolio",
    "client-registry",
    "run-artifacts",
    "run-lineage",
    "project-compare-code",
    "run-code",
    "run-code-zip",
    "run-files",
    "run-file",
    "run-file-preview",
    "run-file-image",
    "run-file-play",
    "run-file-html",
    "run-file-plotly",
    "project-compare-media",
    "run-media",
    "run-media-look",
    "run-media-mask",
    "run-media-panel",
    "run-media-table",
):
    declare_url(name, Permission.FILE_READ, methods=_READING)
for name in ("project-webhooks", "project-webhook"):
    declare_url(name, Permission.PROJECT_ADMIN, methods=_FORM)
# Of a whole team: ENTITY_ADMIN there.
declare_url("go-webhook", Permission.PROJECT_ADMIN, methods=_READING)
declare_url("go-version", Permission.FILE_READ, methods=_READING)
declare_url("share", SHARE_LINK, methods=_READING)
for name in ("project-settings", "project-publish"):
    declare_url(name, Permission.PROJECT_SHARE, methods=_FORM)
for name in (
    "project-description",
    "project-person",
    "project-person-remove",
    "project-link",
    "project-link-revoke",
    "project-retention",
):
    declare_url(name, Permission.PROJECT_SHARE, methods=("POST",))
declare_url("registry-rules", Permission.PROJECT_ADMIN, methods=("POST",))
# To make a project: PROJECT_CREATE in the entity that the form names.
declare_url("project-new", SIGNED_IN, methods=_FORM)
declare_url("run-new", Permission.RUN_CREATE, methods=_FORM)
for name in ("run-edit", "run-log"):
    declare_url(name, Permission.RUN_WRITE, methods=_FORM)
for name in ("project-tag", "project-stop", "run-stop", "run-log-rows", "run-log-summary", "run-state"):
    declare_url(name, Permission.RUN_WRITE, methods=("POST",))
declare_url("run-secrets", Permission.RUN_WRITE, methods=_READING)
declare_url("run-secret-dismiss", Permission.RUN_WRITE, methods=("POST",))
declare_url("run-secret-erase", Permission.FILE_ERASE, methods=("POST",))
declare_url("project-erase", Permission.PROJECT_ERASE, methods=_FORM)
# Of a selection each run is asked about: one's own, or all where one is admin.
for name in ("run-erase", "run-erase-parts", "project-erase-runs"):
    declare_url(name, Permission.RUN_ERASE, methods=_FORM)
for name in ("artifact-erase", "artifact-version-erase"):
    declare_url(name, Permission.FILE_ERASE, methods=_FORM)
for name in ("erasures", "erasure", "erasure-receipt"):
    declare_url(name, SIGNED_IN, methods=_READING)
# To ask for everything of an entity: PROJECT_EXPORT in each of its projects, which are taken by that.
declare_url("project-export", Permission.PROJECT_EXPORT, methods=_FORM)
declare_url("exports", SIGNED_IN, methods=_FORM)
for name in ("export", "export-archive"):
    declare_url(name, SIGNED_IN, methods=_READING)
for name in ("export-again", "export-erase"):
    declare_url(name, SIGNED_IN, methods=("POST",))
# To hand in a file: PROJECT_CREATE in the entity that the form names.
declare_url("imports", SIGNED_IN, methods=_FORM)
declare_url("import", SIGNED_IN, methods=_READING)
declare_url("import-stop", SIGNED_IN, methods=("POST",))
# Of what one may see whoever could erase the thing decides.
for name in ("erasure-restore", "erasure-now"):
    declare_url(name, SIGNED_IN, methods=("POST",))
for name in ("run-upload", "artifact-new", "artifact-edit", "artifact-version-edit", "artifact-link"):
    declare_url(name, Permission.FILE_WRITE, methods=_FORM)
declare_url("artifact-unlink", Permission.FILE_WRITE, methods=("POST",))

# Django's admin: sizes, states and dates, for whoever operates the instance.
declare_url("admin:login", ANYBODY, methods=_FORM)
for name in ("operators-sizes", "operators-jobs"):
    declare_url(name, OPERATOR, methods=_READING)
declare_url("admin:*", OPERATOR, methods=_FORM)
