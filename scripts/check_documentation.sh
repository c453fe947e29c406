#!/usr/bin/env bash
# Fails where a public declaration has no doc comment. `swift format lint` sees those that say `public`; this sees the
# others too: cases of public enumerations, requirements of public protocols, members of public extensions.
set -euo pipefail
cd "$(dirname "$0")/.."

find Sources -name '*.swift' -print0 | sort -z | xargs -0 awk '
  FNR == 1 { depth = 0; documented = 0; ignored = 0; pending = ""; delete kind }
  # Only code counts braces and declares: strings and comments are cut away.
  { code = $0; gsub(/"([^"\\]|\\.)*"/, "\"\"", code); sub(/\/\/.*/, "", code) }
  /swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation/ { nextfile }
  /swift-format-ignore: AllPublicDeclarationsHaveDocumentation/ { ignored = depth + 1; next }
  /^ *\/\/\// { documented = 1; next }
  code ~ /^ *@[A-Za-z]+(\([^)]*\))? *$/ { next }
  {
    declares = code ~ /^ *((public|open|static|mutating|indirect|convenience|nonisolated|final|override) )*(func|var|let|init|subscript|typealias|associatedtype|struct|class|enum|protocol|actor)[ (<?!]/
    shown = code ~ /^ *(public|open) / && code !~ /^ *public (private|internal)?\(set\)? *$/ && code !~ /^ *(public|open) +extension/
    hidden = code ~ /^ *(private|fileprivate|internal|package) /
    inside = kind[depth]
    if (!documented && !ignored && ((declares && shown) || (!hidden && inside == "enum" && code ~ /^ *(indirect )?case /) \
      || (!hidden && declares && (inside == "protocol" || inside == "extension")))) {
      sub(/^ */, "", code); printf "%s:%d: no doc comment: %s\n", FILENAME, FNR, code; missing = 1
    }
    documented = 0
    opened = gsub(/\{/, "{", code); closed = gsub(/\}/, "}", code)
    for (i = 0; i < opened; i++) kind[++depth] = ""
    if (opened > closed) {
      if (code ~ /^ *(public|open) +(indirect +)?enum /) kind[depth] = "enum"
      else if (code ~ /^ *(public|open) +protocol /) kind[depth] = "protocol"
      else if (code ~ /^ *public +extension /) kind[depth] = "extension"
      # A declaration over several lines: what its brace opens is known from its first line.
      else if (pending != "") kind[depth] = pending
      pending = ""
    } else if (code ~ /^ *(public|open) +protocol /) pending = "protocol"
    else if (code ~ /^ *(public|open) +(indirect +)?enum /) pending = "enum"
    depth -= closed
    if (depth < ignored && closed) ignored = 0
  }
  END { exit missing }'
