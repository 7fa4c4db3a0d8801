#!/bin/sh
# Installs what the JavaScript tests need (tests/package.json), unless it is there, and prints the
# path of Node 22. Debian's Node is older than the client's, and is used only to fetch this one.
set -eu
cd "$(dirname "$0")/../tests"

installed=node_modules/.package-lock.json
if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt "$installed" ]; then
  command -v npm >/dev/null || {
    echo "node.sh: npm is missing: scripts/packages.sh check" >&2
    exit 1
  }
  # node knows only its own authorities; where the system has others, it should know those, too.
  system_authorities=/etc/ssl/certs/ca-certificates.crt
  if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -f "$system_authorities" ]; then
    export NODE_EXTRA_CA_CERTS="$system_authorities"
  fi
  npm ci --loglevel=error --no-progress >&2
  touch "$installed"
fi
echo "$PWD/node_modules/.bin/node"
