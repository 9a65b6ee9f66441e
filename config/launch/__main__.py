from __future__ import annotations

import sys

from config.launch.launcher import main

sys.exit(main(sys.argv[1:]))
