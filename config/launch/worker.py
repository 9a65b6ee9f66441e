"""The background worker: four threads for tasks and one for the clock (Celery's beat), in one process.

Celery's own `-B` would start the clock as a second process: more memory, and nobody notices when it dies.
"""

from __future__ import annotations

import os
import signal
import threading
import warnings

# One at most is at exports, one at imports and one at webhooks, each for as long as somebody else likes; one is left to all other work.
THREADS = 4
# Whoever waits for an answer goes first: when two hundred runs end in one second, all of them are compacted at once.
NICENESS = 5


def main() -> None:
    from celery.exceptions import SecurityWarning

    from config import garbage
    from config.celery import app

    garbage.look_rarely()
    os.nice(NICENESS)
    # It warns of pickled messages taken as root; Ownlog's messages are JSON and hold only ids.
    warnings.simplefilter("ignore", SecurityWarning)
    threading.Thread(target=_keep_time, name="beat", daemon=True).start()
    app.worker_main(
        [
            "--quiet",
            "worker",
            "--pool=threads",
            f"--concurrency={THREADS}",
            f"--hostname=ownlog-{os.getpid()}@%h",  # there may be several on one machine
            "--loglevel=WARNING",
            # Talk between workers, which need none.
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )


def _keep_time() -> None:
    from celery.beat import EmbeddedService

    from config.celery import app

    try:
        # Named here: by itself it would keep its clock in a file in the working folder.
        EmbeddedService(app, thread=True, scheduler_cls=app.conf.beat_scheduler).run()
    finally:
        # A worker without a clock would leave due work lying. When this one goes, the launcher starts another.
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
