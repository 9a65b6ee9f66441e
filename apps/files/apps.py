from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "apps.files"

    def ready(self) -> None:
        from apps.files.models import RunFile, Thumbnail, WithheldFile
        from apps.files.queries import DIGESTS_LABEL, NAME_LABEL, WITHHELD_LABEL
        from apps.projects.stored import stores
        from apps.runs.resealing import Index, lies_under_a_run, text_of

        import_module("apps.files.privacy")
        lies_under_a_run(
            RunFile,
            {"sealed_name": NAME_LABEL, "sealed_digests": DIGESTS_LABEL},
            Index("name_index", NAME_LABEL, text_of("sealed_name")),
        )
        lies_under_a_run(
            WithheldFile,
            {"sealed_name": WITHHELD_LABEL},
            Index("name_index", WITHHELD_LABEL, text_of("sealed_name")),
        )
        stores(RunFile, "blob__stored_size", owner="run__project__entity", are_files=True)
        stores(Thumbnail, "blob__stored_size", owner="file__run__project__entity")
