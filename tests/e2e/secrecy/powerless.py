"""Runs a child for which file modes hold even when the tests run as root."""

from __future__ import annotations

import ctypes
import os
import sys

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2


def give_up_root_powers() -> None:
    """For `preexec_fn`: after the exec even root cannot open what its mode forbids."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for power in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        if libc.prctl(_PR_CAPBSET_DROP, power, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the power over file modes cannot be given up")


def is_possible() -> bool:
    return os.geteuid() != 0 or sys.platform == "linux"
