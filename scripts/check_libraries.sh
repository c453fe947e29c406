#!/usr/bin/env bash
# Fails if a library module mentions a command-line flag or a command of this program, or writes to the terminal: both
# belong to Sources/Program, which prints an error's `setting` as the flag that sets it. LayeredSettings parses flags, so
# it may name them; what talks to Slurm names its commands' options.
set -euo pipefail
cd "$(dirname "$0")/.."

violations=$(find Sources -name '*.swift' -not -path 'Sources/Program/*' -not -path 'Sources/Core/LayeredSettings/*' \
  -not -name 'Slurm*.swift' -print0 | sort -z | xargs -0 awk '
  { code = $0; sub(/^ *\/\/.*/, "", code) }
  # The command line of another program may be named.
  { gsub(/`hf download [^`]*`/, "", code) }
  code ~ /"[^"]*--[a-z][a-z_]+/ || code ~ /^[^"]*--[a-z][a-z_]+[=. ]/ || code ~ /lerobot-wm( |-)(train|eval|precompute|record|replay|matrix|report|probe|scratch)/ {
    printf "%s:%d: names a flag or a command: %s\n", FILENAME, FNR, $0
  }
  code ~ /(^|[^A-Za-z.])(print|debugPrint|fputs|puts)\(/ || code ~ /FileHandle\.standard(Output|Error)|(^|[^A-Za-z])(stdout|stderr)([^A-Za-z]|$)/ {
    printf "%s:%d: writes to the terminal: %s\n", FILENAME, FNR, $0
  }')
if [ -n "$violations" ]; then
  printf '%s\n' "$violations"
  exit 1
fi
