#!/bin/sh
# Configures and builds a preset, quietly: scripts/build.sh PRESET [TARGET...]
# Progress goes to the terminal if there is one; errors are shown in any case.
set -eu
cd "$(dirname "$0")/.."
preset=$1
shift

mkdir -p "build/$preset"
log=build/$preset/build.log
finished=false
trap '$finished || { tail -n 40 "$log"; echo "Building failed; all of it is in $log"; } >&2' EXIT
cmake --preset "$preset" >"$log" 2>&1
if [ -t 1 ]; then
  echo "Building (some minutes the first time)"
  cmake --build --preset "$preset" ${1:+--target "$@"}
else
  cmake --build --preset "$preset" ${1:+--target "$@"} >>"$log" 2>&1
fi
finished=true
