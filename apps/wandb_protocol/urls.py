from __future__ import annotations

from django.urls import path, re_path

from apps.wandb_protocol import storage
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
    # The client stops sending its own telemetry when it is told that there is no place for it.
    re_path(r"^(?:sdk/otel|oidc|artifactsV2)/", no_such_service, name="no_such_service"),
]
