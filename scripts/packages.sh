#!/bin/sh
# Installs what is missing of Debian's packages: scripts/packages.sh [build|browser|check|all]
#   build  what ./quickstart needs      browser  and its form with a browser
#   check  and what ./check needs       all      and ./check --all
set -eu

level=${1:-build}
wanted="g++ make cmake ninja-build mold pkg-config ca-certificates sqlite3
  libmimalloc-dev libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libcap-dev libssl-dev
  libsodium-dev nlohmann-json3-dev libsimdjson-dev libcli11-dev libspdlog-dev
  robin-map-dev"
case $level in
  build) ;;
  browser) wanted="$wanted chromium" ;;
  check) wanted="$wanted libgtest-dev libgmock-dev clang-format-19 python3 chromium
    libnss3-tools openssl clang-19 libclang-rt-19-dev" ;;
  all) wanted="$wanted libgtest-dev libgmock-dev clang-format-19 python3 chromium
    libnss3-tools openssl clang-19 clang-tidy-19 libclang-rt-19-dev" ;;
  *) echo "usage: scripts/packages.sh [build|browser|check|all]" >&2; exit 2 ;;
esac
# npm fetches SQLite, node bundles the browser's client. Any will do; Debian's are installed only
# where there are none.
command -v npm >/dev/null || wanted="$wanted npm"
command -v node >/dev/null || wanted="$wanted nodejs"

command -v dpkg-query >/dev/null || {
  echo "This is not Debian. Please install the equivalents of:" $wanted >&2
  exit 1
}
missing=
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root="env"
elif command -v sudo >/dev/null; then
  as_root="sudo"
else
  echo "These packages are missing, and there is no sudo. As root, run:" >&2
  echo "  apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { $as_root apt-get update -q && $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
  tail -n 30 "$log" >&2
  echo "Installing packages failed (above)." >&2
  exit 1
fi
