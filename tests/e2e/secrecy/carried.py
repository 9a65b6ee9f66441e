"""Which markers each field carries that is declared as content or as a person's, or why it carries none.

Said of every one of them: a test compares this with the declarations, so that a new field without a marker is seen, and asks the
instance that was lived through whether there was anything in it.
"""

from __future__ import annotations

from tests.e2e.secrecy import people

# By the field, the markers that stand in it, under their key or in the clear until their person is erased. An index carries what
# it is made from.
CARRIED: dict[str, tuple[str, ...]] = {
    "account.EmailAddress.email": ("name and address",),
    "accounts.ApiKey.sealed_name": ("key_name", "service_key_name"),
    "accounts.BrowserSession.sealed_place": (people.USER_AGENT,),
    "accounts.User.email": ("name and address",),
    "accounts.User.password": ("password",),
    "accounts.User.username": ("name and address",),
    "artifacts.Alias.alias_index": ("artifact_alias",),
    "artifacts.Alias.sealed_alias": ("artifact_alias", "hand_alias", "linked_alias"),
    "artifacts.Collection.name_index": ("artifact_name",),
    "artifacts.Collection.sealed_words": ("artifact_name", "artifact_type", "look_name", "hand_name", "linked_name"),
    "artifacts.Collection.type_index": ("artifact_type",),
    "artifacts.EntryPage.sealed_entries": ("artifact_path", "artifact_ref", "hand_file"),
    "artifacts.Promotion.sealed_alias": ("linked_alias",),
    "artifacts.Registry.sealed_words": ("registry_type", "protected_alias"),
    "artifacts.Version.sealed_words": (
        "artifact_words", "artifact_key", "artifact_value", "artifact_tag", "look_words", "hand_words", "hand_key",
        "hand_value", "hand_tag",
    ),
    "artifacts.WithheldArtifact.name_index": ("code_artifact",),
    "artifacts.WithheldArtifact.sealed_name": ("code_artifact",),
    "exports.ExportPiece.sealed_entries": ("team_project", "hand_file"),
    "files.RunFile.name_index": ("file_name",),
    "files.RunFile.sealed_name": ("file_name", "folder_name", "mlflow_file"),
    "files.WithheldFile.name_index": ("code_file",),
    "files.WithheldFile.sealed_name": ("code_file",),
    "imports.Import.sealed_words": ("bad_metric_name",),
    "leaks.Finding.sealed_spot": ("leak_place",),
    "leaks.Finding.spot_index": ("leak_place",),
    "mfa.Authenticator.data": ("secret of codes", "recovery code"),
    "plans.PlanRequest.sealed_address": ("plan_address",),
    "plans.PlanRequest.sealed_evidence": ("plan_evidence",),
    "plans.PlanRequest.sealed_reason": ("plan_reason",),
    "plans.PlanRequest.sealed_use": ("plan_use", "waiting_words"),
    "projects.Project.name_index": ("project",),
    "projects.Project.sealed_description": ("project_description", "registry_words"),
    "projects.Project.sealed_name": ("project", "team_project", "registry_name", "mlflow_experiment"),
    "projects.SavedView.sealed_name": ("view_name",),
    "projects.SavedView.sealed_table": ("view_words",),
    "projects.ShareLink.sealed_label": ("link_label",),
    "runs.Alert.sealed_words": ("alert_title", "alert_text"),
    "runs.Alert.title_index": ("alert_title",),
    "runs.Alert.words_index": ("alert_text",),
    "runs.Chunk.payload": ("metric_name", "metric_value", "text_value", "stdout", "stderr"),
    "runs.Run.name_index": ("run_id",),
    "runs.Run.sealed_config": (
        "config_key", "config_value", "config_nested", "config_list", "config_other", "config_number", "branch_config",
        "argument", "mlflow_parameter", "mlflow_value",
    ),
    "runs.Run.sealed_head": ("run_id", "display_name", "notes", "later_note", "tag", "api_tag", "group", "job_type", "mlflow_run"),
    "runs.Run.sealed_keys": ("metric_name", "nested_metric", "mlflow_metric"),
    "runs.Run.sealed_summary": ("summary_key", "summary_value", "summary_number"),
    "runs.Segment.sealed_facts": ("metric_name",),
    "sessions.Session.session_data": ("session",),
    "teams.Entity.name": ("name and address",),
    "teams.Invitation.sealed_email": ("invited_name",),
    "teams.Organisation.name": ("organisation",),
    "teams.ServiceAccount.sealed_name": ("service_name",),
    "webhooks.Hook.sealed_address": ("webhook_address",),
    "webhooks.Hook.sealed_secret": ("secret of a webhook",),
}  # fmt: skip
# Files, which no field holds: what stands in those of the store.
IN_FILES = (
    "file_bytes",
    "artifact_bytes",
    "look_spec",
    "hand_bytes",
    "html_text",
    "table_cell",
    "mlflow_bytes",
)
# Filled for a while only: of an erasure as long as it is under way, of words to an operator until they have decided.
PASSING = {
    "erasure.PartErasure.sealed_parts": ("metric_name",),
    "erasure.Rewritten.sealed_removed": ("metric_name",),
    "plans.RequestStep.sealed_text": ("plan_question", "plan_answer"),
}

_DIGEST = "a digest of bytes, under a key: nothing of theirs, and no words"
_DRAWN = "drawn by chance, by the client or here: it says nothing"
_MOMENT = "a moment"
_CHOICE = "one of a short list"
WITHOUT: dict[str, str] = {
    "accounts.ApiKey.last_used_at": _MOMENT,
    "accounts.BrowserSession.created_at": _MOMENT,
    "accounts.KeyNetwork.first_used_at": _MOMENT,
    "accounts.KeyNetwork.sealed_network": "all requests of a test come from one network, whose name stands in every log of a start",
    "accounts.KeyNetwork.told_at": _MOMENT,
    "accounts.User.density": _CHOICE,
    "accounts.User.has_single_keys": "yes or no",
    "accounts.User.idle_notices": "a count",
    "accounts.User.idle_told_at": _MOMENT,
    "accounts.User.idle_tried_at": _MOMENT,
    "accounts.User.language": _CHOICE,
    "accounts.User.last_login": _MOMENT,
    "accounts.User.theme": _CHOICE,
    "accounts.User.time_zone": _CHOICE,
    "artifacts.Collection.client_index": _DRAWN,
    "artifacts.Manifest.sealed_digest": _DIGEST,
    "artifacts.StoredFile.digest_index": _DIGEST,
    "artifacts.Version.client_index": _DRAWN,
    "artifacts.Version.digest_index": _DIGEST,
    "artifacts.Version.distributed_index": _DRAWN,
    "blobs.BlobPart.digest_index": _DIGEST,
    "files.RunFile.sealed_digests": _DIGEST,
    "imports.Import.fingerprint_index": _DIGEST,
    "imports.ImportItem.called_index": "as the key",
    "imports.ImportItem.edges_index": "as the key",
    "imports.ImportItem.key_index": "gone with the end of an import, whose names are markers where they went",
    "leaks.Scan.sealed_progress": "numbers of lines and of files",
    "mfa.Authenticator.created_at": _MOMENT,
    "mfa.Authenticator.last_used_at": _MOMENT,
    "runs.Alert.reached": "row numbers of people",
    "runs.Chunk.writer": _DRAWN,
    "runs.Segment.writer": _DRAWN,
    "runs.StreamPosition.writer": _DRAWN,
    "socialaccount.SocialAccount.date_joined": _MOMENT,
    "socialaccount.SocialAccount.extra_data": "emptied: the profile is a marker, and nobody keeps it",
    "socialaccount.SocialAccount.last_login": _MOMENT,
    "socialaccount.SocialAccount.uid": "a short number, which may stand anywhere by chance",
    "vault.Grant.secret": "a key, which no process has but in memory",
    "vault.Node.next_secrets": "as the other",
    "vault.Node.secrets": "keys, which no process has but in memory",
    "vault.Tombstone.name_index": "an index of the name of a run, which is a marker where it is written",
}

# Of each place that the settings name, what is planted there (leaks.py), or why nothing can be.
PLANTED: dict[str, tuple[str, ...] | str] = {
    "CACHES.default": ("row of the database", "database"),
    "CELERY_BROKER_URL": ("message", "key of the broker", "stream of the broker"),
    "DATABASES.default": ("row of the database", "row that was deleted", "database", "dead row", "log of the database"),
    "DATABASES.vault": ("row of the vault", "vault", "packed value"),
    "EMAIL_BACKEND": ("mail", "subject of a mail"),
    "FILE_UPLOAD_HANDLERS": ("temporary file", "upload that waits"),
    "LOGGING.handlers.stderr": ("log", "log, quoted"),
    "MESSAGE_STORAGE": "a cookie, in a browser",
    "OWNLOG_DATA/blobs": (
        "stored file", "name of a stored file", "object", "packed object", "older version of an object", "object that was deleted",
        "unfinished upload", "name of an object", "archive of an export",
    ),
    "OWNLOG_KEY_DIR": ("key folder",),
    "OWNLOG_VAULT_COPY": ("copy of the vault",),
    "SESSION_ENGINE": ("row of the database", "database"),
    "STORAGES.default": "no field uses it",
    "STORAGES.staticfiles": "written when the product is built",
}  # fmt: skip
# Beside what the settings name: where an operator puts them.
BACKUPS = ("database of a backup", "rows of a backup", "file of a backup")
