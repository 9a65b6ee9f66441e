from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ArtifactsConfig(AppConfig):
    name = "apps.artifacts"

    def ready(self) -> None:
        from apps.artifacts.models import Manifest, StoredFile, WithheldArtifact
        from apps.artifacts.queries.code import versions_shown_by
        from apps.artifacts.queries.lineage import WITHHELD_LABEL
        from apps.projects.showing import shows
        from apps.projects.stored import stores
        from apps.runs.resealing import Index, lies_under_a_run, text_of

        import_module("apps.artifacts.privacy")
        stores(StoredFile, "blob__stored_size", owner="project__entity", are_files=True)
        stores(Manifest, "blob__stored_size", owner="version__collection__project__entity")
        shows(versions_shown_by)
        lies_under_a_run(
            WithheldArtifact,
            {"sealed_name": WITHHELD_LABEL},
            Index("name_index", WITHHELD_LABEL, text_of("sealed_name")),
        )
