#!/usr/bin/env bash
# The numpy half for real: the wheel in a fresh environment without any extra, so without torch.
#
# Builds the wheel, installs it under the constraints somewhere else, imports every module below the torch line and runs
# the chain from planet to page. Leaves nothing behind.
#
#   scripts/try_numpy_half.sh [BIN]      BIN: where python and uv are (.venv/bin)
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
bin="$(cd "${1:-$root/.venv/bin}" && pwd)"
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT

"$bin/uv" build -q --wheel --out-dir "$place" "$root"
"$bin/uv" venv -q --python "$bin/python" "$place/venv"
"$bin/uv" pip install -q --python "$place/venv/bin/python" -c "$root/constraints.txt" "$place"/swath-*.whl

cd "$place" # so that the sources beside the script cannot stand in for what was installed
python="$place/venv/bin/python"
swath="$place/venv/bin/swath"
if "$python" -c 'import torch' 2> /dev/null; then
    echo "The plain install brings torch: it belongs to an extra." >&2
    exit 1
fi
"$python" -c 'import swath; print("swath", swath.__version__, "installed in", swath.__path__[0])'
"$python" "$root/scripts/check_numpy_half.py"
"$swath" --help > /dev/null
"$swath" demo > said
sed -n '1,/^$/p' said
echo "The numpy half works without torch."
