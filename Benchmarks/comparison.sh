# What the comparisons with other programs share: figures of a line of JSON, and verdicts against bars. Sourced.
failed=0
# figure NAME FILE: a number of a line of JSON
figure() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p" "$2"; }
# program FILE: who took the figures
program() { sed -n 's/.*"\(program\|loader\)": *"\([^"]*\)".*/\2/p' "$1"; }
# quotient A B
quotient() { awk -v a="$1" -v b="$2" 'BEGIN { print a / b }'; }
# verdict WHAT RATIO BAR COMPARISON: prints a row, and counts a missed bar
verdict() {
  local holds
  holds=$(awk -v ratio="$2" -v bar="$3" "BEGIN { print (ratio $4 bar) ? \"\" : \", missed\" }")
  printf '%-86s %7.2f (bar: %s %s)%s\n' "$1" "$2" "$4" "$3" "$holds"
  [ -z "$holds" ] || failed=1
}
# quietly LOG COMMAND…: runs it, and shows the end of its errors if it fails
quietly() {
  local log=$1
  shift
  "$@" 2>"$log" || { tail -n 20 "$log" >&2; exit 1; }
}
