"""Who may reach each address of this door."""

from __future__ import annotations

from apps.access.policy import Permission
from apps.access.rules import ANYBODY, SIGNED_IN, declare_url

_READING = ("GET", "HEAD")

# What the API can do is no secret; it stands in the repository as well.
for name in ("schema", "docs", "receipt-key"):
    declare_url(f"api:{name}", ANYBODY, methods=_READING)
declare_url("api:nothing-here", ANYBODY, methods=(*_READING, "POST", "PUT", "PATCH", "DELETE"))

declare_url("api:entity-audit", Permission.ENTITY_AUDIT, methods=_READING)

# One's own keys. To make or end one takes a key that was given all rights; the service says so.
declare_url("api:keys", SIGNED_IN, methods=(*_READING, "POST"))
declare_url("api:key-revoke", SIGNED_IN, methods=("POST",))
declare_url("api:services", Permission.ENTITY_READ, methods=_READING)
declare_url("api:services", Permission.ENTITY_ADMIN, methods=("POST",))
declare_url("api:service-keys", Permission.ENTITY_ADMIN, methods=(*_READING, "POST"))
for name in ("service-remove", "service-key-revoke"):
    declare_url(f"api:{name}", Permission.ENTITY_ADMIN, methods=("POST",))

# To make a project: PROJECT_CREATE in the entity that the body names.
declare_url("api:projects", SIGNED_IN, methods=(*_READING, "POST"))
declare_url("api:project", Permission.PROJECT_READ, methods=_READING)
# PROJECT_SHARE to change who may see it.
declare_url("api:project", Permission.PROJECT_WRITE, methods=("PATCH",))

# How its table is looked at.
for name in ("project-views", "project-view"):
    declare_url(f"api:{name}", Permission.PROJECT_READ, methods=_READING)
declare_url("api:project-views", Permission.PROJECT_WRITE, methods=("POST",))
declare_url("api:project-view", Permission.PROJECT_WRITE, methods=("PATCH", "DELETE"))

# Erasing: of the project, of a run or a file of it, of an artifact, of a team or an organisation. What one asked for oneself,
# and what was in one's entities.
declare_url("api:project", Permission.PROJECT_ERASE, methods=("DELETE",))
for name in ("run", "runs"):
    declare_url(f"api:{name}", Permission.RUN_ERASE, methods=("DELETE",))
declare_url("api:run-parts", Permission.RUN_ERASE, methods=(*_READING, "DELETE"))
declare_url("api:run-file", Permission.FILE_ERASE, methods=("DELETE",))
for name in ("artifact", "artifact-version"):
    declare_url(f"api:{name}", Permission.FILE_ERASE, methods=("DELETE",))
for name in ("team", "organisation"):
    declare_url(f"api:{name}", Permission.ENTITY_ADMIN, methods=("DELETE",))
for name in ("erasures", "erasure", "erasure-receipt", "receipt-log"):
    declare_url(f"api:{name}", SIGNED_IN, methods=_READING)
# One's own account: the service asks for a key with all rights, the view for the password.
declare_url("api:account-erase", SIGNED_IN, methods=("POST",))
for name in ("erasure-restore", "erasure-now"):
    declare_url(f"api:{name}", SIGNED_IN, methods=("POST",))

# Figures of the whole instance, and what one adds to them oneself.
for name in ("statistics", "own-statistics"):
    declare_url(f"api:{name}", SIGNED_IN, methods=_READING)

# Exports that one asked for oneself, and those of one's entities; to ask takes PROJECT_EXPORT in each project, and to fetch
# the archive takes it again.
declare_url("api:exports", SIGNED_IN, methods=(*_READING, "POST"))
declare_url("api:export", SIGNED_IN, methods=(*_READING, "DELETE"))
declare_url("api:export-archive", SIGNED_IN, methods=_READING)

# Imports that one asked for oneself, and those into one's entities; to ask takes PROJECT_CREATE in the entity, at each turn anew.
declare_url("api:imports", SIGNED_IN, methods=(*_READING, "POST"))
declare_url("api:import", SIGNED_IN, methods=(*_READING, "DELETE"))

declare_url("api:runs", Permission.RUN_READ, methods=_READING)
declare_url("api:runs", Permission.RUN_CREATE, methods=("POST",))
for name in (
    "run",
    "run-config",
    "run-summary",
    "run-history",
    "run-history-keys",
    "run-events",
    "run-console",
    "project-alerts",
    "run-alerts",
):
    declare_url(f"api:{name}", Permission.RUN_READ, methods=_READING)
declare_url("api:run", Permission.RUN_WRITE, methods=("PATCH",))
for name in ("run-config", "run-summary"):
    declare_url(f"api:{name}", Permission.RUN_WRITE, methods=("PUT",))
for name in ("run-history", "run-stop"):
    declare_url(f"api:{name}", Permission.RUN_WRITE, methods=("POST",))

declare_url("api:run-secrets", Permission.RUN_WRITE, methods=_READING)
declare_url("api:run-secrets-dismiss", Permission.RUN_WRITE, methods=("POST",))

for name in ("run-files", "run-file"):
    declare_url(f"api:{name}", Permission.FILE_READ, methods=_READING)
declare_url("api:run-file", Permission.FILE_WRITE, methods=("PUT",))

for place, rule in (("entity", Permission.ENTITY_ADMIN), ("project", Permission.PROJECT_ADMIN)):
    declare_url(f"api:{place}-webhooks", rule, methods=(*_READING, "POST"))
    declare_url(f"api:{place}-webhook", rule, methods=(*_READING, "PATCH", "DELETE"))
    declare_url(f"api:{place}-webhook-deliveries", rule, methods=_READING)
    declare_url(f"api:{place}-webhook-test", rule, methods=("POST",))
