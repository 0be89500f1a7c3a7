# What the scripts beside this one share: paths, pinned versions, messages, locks. Sourced, never run.
# Works with the bash 3.2 of macOS.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Tools and compiled dependencies live here, shared by every clone. MANICULE_CACHE moves it.
CACHE=${MANICULE_CACHE:-$HOME/.cache/manicule}

# Must be the wasm-bindgen of Cargo.toml, which pairs with worker 0.8.7.
WASM_BINDGEN_VERSION=0.2.129
CARGO_DENY_VERSION=0.20.2

# A folder per version, so that clones of different ages do not disturb each other.
WASM_BINDGEN_DIR=$CACHE/tools/wasm-bindgen-cli-$WASM_BINDGEN_VERSION
CARGO_DENY_DIR=$CACHE/tools/cargo-deny-$CARGO_DENY_VERSION
# Calls a compiler that has the WASM target; only there when the installed one lacks it (see setup-wasm).
WASM_TOOLCHAIN_BIN=$CACHE/wasm-toolchain/bin

# Homes of rustup and cargo that a non-login shell may have missed; then the pinned Node and wrangler.
[ -d "$HOME/.cargo/bin" ] && PATH=$HOME/.cargo/bin:$PATH
PATH=$ROOT/node_modules/.bin:$PATH
export PATH
# The scripts know where things are built.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_TARGET
# Nobody is at the terminal of a script, and a build sends nothing anywhere.
export WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true CARGO_TERM_PROGRESS_WHEN=never npm_config_loglevel=error npm_config_update_notifier=false

say() { printf '%s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# step TITLE COMMAND...: runs the command, shows how long it has been at it, and its output only when it fails
# (or always, with VERBOSE=1).
step() {
  local title=$1 started=$SECONDS log pid status=0 tick=0
  shift
  if [ -n "${VERBOSE:-}" ]; then
    say "… $title"
    "$@" >&2
    say "✓ $title ($((SECONDS - started)) s)"
    return
  fi
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    tick=$((tick + 1))
    if [ -t 2 ]; then
      printf '\r… %s (%d s)' "$title" "$((SECONDS - started))" >&2
    elif [ $((tick % 75)) -eq 0 ]; then
      say "… $title ($((SECONDS - started)) s): $(tail -n 1 "$log" | cut -c 1-100)"
    fi
  done
  wait "$pid" || status=$?
  [ -t 2 ] && printf '\r\033[K' >&2
  if [ "$status" -ne 0 ]; then
    tail -n 200 "$log" >&2
    rm -f "$log"
    say "✗ $title failed after $((SECONDS - started)) s (status $status)"
    return "$status"
  fi
  rm -f "$log"
  say "✓ $title ($((SECONDS - started)) s)"
}

# under_lock NAME COMMAND...: one at a time over all clones of this user. Released by the kernel if the holder dies.
under_lock() {
  local name=$1
  shift
  mkdir -p "$CACHE/locks"
  if command -v flock >/dev/null; then
    flock "$CACHE/locks/$name" "$@"
  else
    perl -MFcntl=:flock -e 'open(my $f, ">>", shift) or die; flock($f, LOCK_EX) or die; exit(system(@ARGV) >> 8)' \
      "$CACHE/locks/$name" "$@"
  fi
}

# Puts a compiler with the WASM target first, when the installed one lacks it.
use_wasm_toolchain() {
  if [ -e "$WASM_TOOLCHAIN_BIN/rustc" ] && ! has_wasm_std rustc; then
    PATH=$WASM_TOOLCHAIN_BIN:$PATH
  fi
}

# has_wasm_std RUSTC: whether that compiler's standard library for the WASM target is installed.
has_wasm_std() {
  local lib
  lib=$("$1" --print target-libdir --target wasm32-unknown-unknown 2>/dev/null) || return 1
  ls "$lib"/libstd-*.rlib >/dev/null 2>&1
}

# hash_of FILE...: one hash of the contents.
hash_of() { cat "$@" | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c 1-16; }

# hash_of_tree PATH...: one hash of the names and contents of all files below the paths that exist (in $ROOT).
hash_of_tree() {
  (
    cd "$ROOT"
    for path in "$@"; do [ -e "$path" ] && find "$path" -type f ! -name '.*.sw?'; done | LC_ALL=C sort | tr '\n' '\0' |
      xargs -0 sh -c '{ sha256sum "$@" 2>/dev/null || shasum -a 256 "$@"; }' sh
  ) | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c 1-16
}
