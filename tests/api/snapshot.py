"""`python -m tests.api.snapshot`: writes docs/openapi.yaml as the REST API is now."""

from __future__ import annotations

import os

import django
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from tests.live import ROOT


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    django.setup()
    from apps.api.views.schema import schema

    validate_schema(schema())  # type: ignore[no-untyped-call]
    written = OpenApiYamlRenderer().render(schema())  # type: ignore[no-untyped-call]
    (ROOT / "docs/openapi.yaml").write_bytes(written)


if __name__ == "__main__":
    main()
