#!/usr/bin/env python3
from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    from config.env import BadSetting  # isort: skip  (first: it says how often garbage is looked for while all else is loaded)
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except BadSetting as reason:
        sys.exit(f"ownlog: cannot start: {reason}")


if __name__ == "__main__":
    main()
