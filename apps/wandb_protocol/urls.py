from __future__ import annotations

from django.urls import path, re_path

from apps.wandb_protocol import artifact_storage, storage
from apps.wandb_protocol.filestream.view import file_stream
from apps.wandb_protocol.graphql.view import graphql
from apps.wandb_protocol.views import no_such_service

app_name = "wandb_protocol"

urlpatterns = [
    path("graphql", graphql, name="graphql"),
    path("files/<str:entity>/<str:project>/<str:run>/file_stream", file_stream, name="file_stream"),
    path("storage/put/<str:token>", storage.upload, name="upload"),
    path("storage/get/<str:token>", storage.signed_download, name="signed_download"),
    path("storage/files/<str:file_id>", storage.download, name="download"),
    path("storage/entry/put/<str:token>", artifact_storage.upload_entry, name="upload_entry"),
    path("storage/entry/get/<str:token>", artifact_storage.download_entry, name="download_entry"),
    path("storage/part/put/<str:token>", artifact_storage.upload_part, name="upload_part"),
    path("storage/manifest/put/<str:token>", artifact_storage.upload_manifest, name="upload_manifest"),
    path("storage/manifest/get/<str:token>", artifact_storage.download_manifest, name="download_manifest"),
    path(
        "artifactsV2/<str:region>/<str:entity>/<str:project>/<str:collection>/<path:rest>",
        artifact_storage.download_by_digest,
        name="download_by_digest",
    ),
    # The client stops sending its own telemetry when it is told that there is no place for it.
    re_path(r"^(?:sdk/otel|oidc)/", no_such_service, name="no_such_service"),
]
