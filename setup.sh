#!/usr/bin/env bash
# Make a virtual environment with exactly the packages of requirements.lock. Called by the Makefile.
set -euo pipefail
venv=$1
python=${PYTHON:-python3.11}

fail() { echo "setup: error: $1" >&2; exit 1; }

# Every check comes before anything is installed.
if ! command -v "$python" >/dev/null || ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
  # A version manager's python3 may be the right one under another name.
  python=python3
  "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
    fail "Python 3.11 is needed and neither python3.11 nor python3 is one; install it, or say PYTHON=/path/to/python3.11"
fi
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python has no venv module; install python3.11-venv"
command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
  fail "a C++ compiler is needed to build llama.cpp; install g++ or clang"
command -v git >/dev/null || fail "git is needed by DVC; install git"

echo "setup: installing into $venv; llama.cpp is compiled, so this takes about 5 to 10 minutes, once"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
# PyTorch first and by its exact version: an open range would pull gigabytes of CUDA libraries.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$(grep '^torch==' requirements.lock)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.lock
echo "setup: done"
