#!/usr/bin/env bash
# Programs that tests need and Python cannot bring: installs the missing ones from Debian as root, or says the command.
#
#   scripts/need_debian.sh chromium ...     program and package have the same name; exit status 2 if one is not there
set -euo pipefail

missing=()
for program in "$@"; do
    command -v "$program" > /dev/null || missing+=("$program")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
    echo "Installing ${missing[*]} from Debian."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" > /dev/null
else
    echo "These tests need ${missing[*]}. Install with: sudo apt-get install ${missing[*]}" >&2
    exit 2
fi
