from __future__ import annotations

from django.urls import path

from apps.api.later import Later

app_name = "api"
_PROJECT = "projects/<str:entity>/<str:project>"
_RUN = f"{_PROJECT}/runs/<str:run>"
_SERVICES = "entities/<str:entity>/service-accounts"
_SERVICE = f"{_SERVICES}/<str:account>"
# Below an entity and below a project: what follows, the view, and how the name of the address ends.
_HOOKS = (
    ("", "HookListView", "s"),
    ("/<str:hook>", "HookView", ""),
    ("/<str:hook>/deliveries", "HookDeliveriesView", "-deliveries"),
    ("/<str:hook>/test", "HookTestView", "-test"),
)

urlpatterns = [
    path("schema", Later("schema.SchemaView"), name="schema"),
    path("docs", Later("schema.docs"), name="docs"),
    path("projects", Later("projects.ProjectListView"), name="projects"),
    path("keys", Later("keys.KeyListView"), name="keys"),
    path("keys/<str:key>/revoke", Later("keys.KeyRevokeView"), name="key-revoke"),
    path(_SERVICES, Later("services.ServiceListView"), name="services"),
    path(f"{_SERVICE}/remove", Later("services.ServiceRemoveView"), name="service-remove"),
    path(f"{_SERVICE}/keys", Later("services.ServiceKeyListView"), name="service-keys"),
    path(
        f"{_SERVICE}/keys/<str:key>/revoke",
        Later("services.ServiceKeyRevokeView"),
        name="service-key-revoke",
    ),
    *(
        path(f"{place}/webhooks{end}", Later(f"webhooks.{kind}{view}"), name=f"{kind.lower()}-webhook{name}")
        for kind, place in (("Entity", "entities/<str:entity>"), ("Project", _PROJECT))
        for end, view, name in _HOOKS
    ),
    path("account/erase", Later("account.AccountEraseView"), name="account-erase"),
    path("erasures", Later("erasures.ErasureListView"), name="erasures"),
    path("erasures/<str:erasure>", Later("erasures.ErasureView"), name="erasure"),
    path("erasures/<str:erasure>/restore", Later("erasures.ErasureRestoreView"), name="erasure-restore"),
    path("erasures/<str:erasure>/now", Later("erasures.ErasureNowView"), name="erasure-now"),
    path("erasures/<str:erasure>/receipt", Later("erasures.ReceiptView"), name="erasure-receipt"),
    path("exports", Later("exports.ExportListView"), name="exports"),
    path("exports/<str:export>", Later("exports.ExportView"), name="export"),
    path("exports/<str:export>/archive", Later("exports.ArchiveView"), name="export-archive"),
    path("imports", Later("imports.ImportListView"), name="imports"),
    path("imports/<str:job>", Later("imports.ImportView"), name="import"),
    path("receipts/log", Later("erasures.ReceiptLogView"), name="receipt-log"),
    path("receipts/key", Later("erasures.ReceiptKeyView"), name="receipt-key"),
    path("statistics", Later("statistics.StatisticsView"), name="statistics"),
    path("statistics/mine", Later("statistics.OwnStatisticsView"), name="own-statistics"),
    path("teams/<str:entity>", Later("teams.TeamView"), name="team"),
    path("organisations/<str:organisation>", Later("teams.OrganisationView"), name="organisation"),
    path("entities/<str:entity>/audit", Later("record.RecordView"), name="entity-audit"),
    path(_PROJECT, Later("projects.ProjectView"), name="project"),
    path(f"{_PROJECT}/alerts", Later("alerts.ProjectAlertsView"), name="project-alerts"),
    path(f"{_PROJECT}/views", Later("saved_views.ViewListView"), name="project-views"),
    path(f"{_PROJECT}/views/<str:view>", Later("saved_views.OneView"), name="project-view"),
    path(f"{_PROJECT}/artifacts/<str:collection>", Later("artifacts.ArtifactView"), name="artifact"),
    path(
        f"{_PROJECT}/artifacts/<str:collection>/versions/<str:version>",
        Later("artifacts.ArtifactVersionView"),
        name="artifact-version",
    ),
    path(f"{_PROJECT}/runs", Later("runs.RunListView"), name="runs"),
    path(_RUN, Later("runs.RunView"), name="run"),
    path(f"{_RUN}/alerts", Later("alerts.RunAlertsView"), name="run-alerts"),
    path(f"{_RUN}/stop", Later("runs.RunStopView"), name="run-stop"),
    path(f"{_RUN}/config", Later("documents.ConfigView"), name="run-config"),
    path(f"{_RUN}/summary", Later("documents.SummaryView"), name="run-summary"),
    path(f"{_RUN}/history", Later("history.HistoryView"), name="run-history"),
    path(f"{_RUN}/history/keys", Later("history.KeysView"), name="run-history-keys"),
    path(f"{_RUN}/events", Later("history.EventsView"), name="run-events"),
    path(f"{_RUN}/console", Later("console.ConsoleView"), name="run-console"),
    path(f"{_RUN}/secrets", Later("secrets.SecretListView"), name="run-secrets"),
    path(f"{_RUN}/secrets/dismiss", Later("secrets.SecretDismissView"), name="run-secrets-dismiss"),
    path(f"{_RUN}/parts", Later("parts.PartsView"), name="run-parts"),
    path(f"{_RUN}/files", Later("files.FileListView"), name="run-files"),
    path(f"{_RUN}/files/<path:name>", Later("files.FileView"), name="run-file"),
    path("<path:url>", Later("schema.NothingHere"), name="nothing-here"),
]
