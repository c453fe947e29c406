#!/usr/bin/env bash
# Prints where LIBERO's scene assets are, a folder or a tar file; fails with one sentence if there are none.
#
# Usage: oracle/environment/libero_assets.sh
#
# Looks at WM_LIBERO_ASSETS, else at hf-libero's own download, else at those beside the checkout for development.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
assets=${WM_LIBERO_ASSETS:-}
for place in "$HOME/.cache/libero/assets" "$root/../shared/libero-assets.tar.xz"; do
  if [ -z "$assets" ] && [ -e "$place" ]; then assets=$place; fi
done
[ -n "$assets" ] || { echo "there are no assets; WM_LIBERO_ASSETS names a folder or a tar file of them" >&2; exit 1; }
[ -e "$assets" ] || { echo "WM_LIBERO_ASSETS=$assets does not exist" >&2; exit 1; }
echo "$assets"
