#!/bin/sh
# Tests `heap_dump check`: test/check/run.sh [PATH/OF/heap_dump]. Ends with "N passed, N failed".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec ruby "$here/cases.rb" "${1:-$here/../../build/heap_dump}"
