#!/bin/sh
# What the container does: web (default), worker, or any command of manage.py.
set -eu

case "${1:-web}" in
  web)
    # Only the web server prepares: the worker waits for it to be healthy.
    python -m config.launch.prepare
    exec python -m config.launch.web
    ;;
  worker)
    exec python -m config.launch.worker
    ;;
  *)
    exec python manage.py "$@"
    ;;
esac
