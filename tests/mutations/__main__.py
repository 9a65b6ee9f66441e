"""`make mutations`: takes the gate calls out of the code one by one, and writes down which check sees it.

`make mutations ONLY=apps.teams` looks at a part. Exits 1 if one is taken out unseen that is not in EQUAL with the reason why.
"""

from __future__ import annotations

import logging
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")


def main(only: str) -> int:
    import django

    django.setup()
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from tests.matrix.world import undone
    from tests.mutations import switches

    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        with undone(), switches.installed():
            return look(only)
    finally:
        teardown_databases(databases, verbosity=0)


def look(only: str) -> int:
    from tests.matrix.measure import Measure
    from tests.matrix.world import make_world
    from tests.mutations import switches
    from tests.mutations.checks import Checks
    from tests.mutations.recorded import AGAIN, EQUAL, read_seen, write_seen
    from tests.mutations.sites import sites

    logging.disable(logging.CRITICAL)
    numbers = {str(site): number for number, site in enumerate(sites())}
    began, checks = time.monotonic(), Checks(Measure(make_world()))
    reaching: dict[int, list[str]] = {}
    before, seen, unseen = read_seen(), {}, 0
    # Some have their turn on another day; those that saw something before are asked all the same.
    names = list(
        dict.fromkeys([*checks.searched(), *(each for each in before.values() if each in checks.all)])
    )
    for name in names:
        switches.reached.clear()
        if wrong := checks.wrong(name):
            print(f"Wrong before anything is taken out: {name}: {wrong}")
            return 1
        for number in switches.reached:
            reaching.setdefault(number, []).append(name)
    print(f"{len(names)} checks passed in {time.monotonic() - began:.0f} s", flush=True)
    for number, site in enumerate(sites()):
        if not str(site).startswith(only):
            if str(site) in before:
                seen[site] = before[str(site)]
            continue
        out = [number, *([numbers[AGAIN[str(site)]]] if str(site) in AGAIN else [])]
        if found := first_red(checks, out, reaching.get(number, []), known=before.get(str(site), "")):
            seen[site] = found
            print(f"seen     {site}\n         by {found}", flush=True)
        elif str(site) in EQUAL:
            print(f"equal    {site}\n         {EQUAL[str(site)]}", flush=True)
        else:
            unseen += 1
            print(f"UNSEEN   {site} ({len(reaching.get(number, []))} checks ask it)", flush=True)
    write_seen(seen)
    equal = sum(str(site) in EQUAL for site in sites())
    print(
        f"{len(seen)} of {len(sites())} seen, {len(AGAIN)} of them together with what asks again; "
        f"{equal} equal, {unseen} unseen; {time.monotonic() - began:.0f} s"
    )
    return 1 if unseen else 0


def first_red(checks, out: list[int], names: list[str], *, known: str) -> str:  # type: ignore[no-untyped-def]
    """The first check that is wrong while this call is taken out: the one that was, or those of people who are refused."""
    from tests.mutations import switches
    from tests.mutations.checks import red

    names = [each for each in names if each == known] + sorted(
        names, key=lambda each: not each.startswith(("call", "answer"))
    )
    with switches.off(*out):
        return next((each for each in names if red(checks, each)), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
