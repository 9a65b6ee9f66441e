from __future__ import annotations

from django.urls import path

from apps.api.views import console, documents, files, history, projects, runs, schema

app_name = "api"
_PROJECT = "projects/<str:entity>/<str:project>"
_RUN = f"{_PROJECT}/runs/<str:run>"

urlpatterns = [
    path("schema", schema.SchemaView.as_view(), name="schema"),
    path("docs", schema.docs, name="docs"),
    path("projects", projects.ProjectListView.as_view(), name="projects"),
    path(_PROJECT, projects.ProjectView.as_view(), name="project"),
    path(f"{_PROJECT}/runs", runs.RunListView.as_view(), name="runs"),
    path(_RUN, runs.RunView.as_view(), name="run"),
    path(f"{_RUN}/stop", runs.RunStopView.as_view(), name="run-stop"),
    path(f"{_RUN}/config", documents.ConfigView.as_view(), name="run-config"),
    path(f"{_RUN}/summary", documents.SummaryView.as_view(), name="run-summary"),
    path(f"{_RUN}/history", history.HistoryView.as_view(), name="run-history"),
    path(f"{_RUN}/history/keys", history.KeysView.as_view(), name="run-history-keys"),
    path(f"{_RUN}/events", history.EventsView.as_view(), name="run-events"),
    path(f"{_RUN}/console", console.ConsoleView.as_view(), name="run-console"),
    path(f"{_RUN}/files", files.FileListView.as_view(), name="run-files"),
    path(f"{_RUN}/files/<path:name>", files.FileView.as_view(), name="run-file"),
    path("<path:url>", schema.NothingHere.as_view(), name="nothing-here"),
]
