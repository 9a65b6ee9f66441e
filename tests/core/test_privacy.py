from __future__ import annotations

import pytest

from apps.core import privacy
from apps.projects.models import Project


def test_a_field_in_two_classes_is_refused() -> None:
    before = privacy.declared()[Project]

    with pytest.raises(ValueError, match="Project: a field is declared in two privacy classes"):
        privacy.declare(Project, sealed={"sealed_name"}, plain={"sealed_name"})

    assert privacy.declared()[Project] is before
