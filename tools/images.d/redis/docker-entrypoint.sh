#!/bin/sh
# The interface of the official image's entrypoint: options or a file alone mean redis-server, which runs
# as the user redis and accepts clients from other containers.
set -e

case ${1:-} in -* | *.conf) set -- redis-server "$@" ;; esac

if [ "$1" = redis-server ] && [ "$#" -le 2 ]; then
  case ${2:-} in -v | --version | -h | --help) exec "$@" ;; esac
fi
if [ "$1" = redis-server ]; then
  # The official build is compiled with protected mode off.
  case " $* " in *" --protected-mode "*) ;; *) set -- "$@" --protected-mode no ;; esac
  if [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis '{}' +
    exec setpriv --reuid=redis --regid=redis --init-groups -- "$@"
  fi
fi
exec "$@"
