#!/bin/sh
# Chromium and a Japanese font come from the system: installed when root, named in one line when not.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="chromium"
fc-list 2>/dev/null | grep -qi 'noto.*cjk' || missing="$missing fonts-noto-cjk"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq >/dev/null
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing fontconfig >/dev/null
else
    echo "The browser tests need:$missing. Ask an administrator for: apt-get install $missing" >&2
fi
