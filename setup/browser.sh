#!/usr/bin/env bash
# Installs Debian's Chromium for the tests of the report page.
set -euo pipefail
[ -x /usr/bin/chromium ] && exit
command -v apt-get >/dev/null || { echo "install chromium with your system's package manager" >&2; exit 1; }
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "run as root: apt-get install chromium" >&2; exit 1; }
  as_root=(sudo)
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
