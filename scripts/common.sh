# Shared by the scripts in this folder: paths, pinned versions, messages, locks. Sourced, never run.
# Works with the bash 3.2 of macOS.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Tools and compiled dependencies live here, shared by every clone. MANICULE_CACHE moves it.
CACHE=${MANICULE_CACHE:-$HOME/.cache/manicule}

CARGO_DENY_VERSION=0.20.2
NODE_VERSION=24.21.0

# A folder per version, so that clones of different ages do not disturb each other.
BINDGEN_DIR=$CACHE/tools/bindgen-$(cat "$ROOT"/scripts/bindgen/Cargo.* "$ROOT"/scripts/bindgen/src/main.rs | cksum | cut -d " " -f 1)
CARGO_DENY_DIR=$CACHE/tools/cargo-deny-$CARGO_DENY_VERSION
NEXTEST_DIR=$CACHE/tools/cargo-nextest-0.9.148
# Calls a compiler that has the WASM target. Only present if the installed one lacks it (see setup-wasm).
WASM_TOOLCHAIN_BIN=$CACHE/wasm-toolchain/bin

# The homes of rustup and cargo, which a non-login shell may lack; wrangler and its companions; a test runner for
# machines without one.
[ -d "$HOME/.cargo/bin" ] && PATH=$HOME/.cargo/bin:$PATH
PATH=$ROOT/node_modules/.bin:$PATH:$NEXTEST_DIR/bin
export PATH
# The scripts need to know where build results are.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_TARGET
# A script has nobody at its terminal, and a build must not send anything anywhere.
export WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true CARGO_TERM_PROGRESS_WHEN=never npm_config_loglevel=error npm_config_update_notifier=false

# The time limit for every command and every lock, in seconds.
STEP_LIMIT=${STEP_LIMIT:-1800}

say() { printf '%s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# step TITLE COMMAND...: runs the command and shows for how long it has been running. Shows its output only if it fails
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
    if [ "$((SECONDS - started))" -ge "$STEP_LIMIT" ]; then
      kill "$pid" 2>/dev/null || true
      say "✗ $title did not end within $STEP_LIMIT s; given up (STEP_LIMIT=… waits longer)"
      tail -n 20 "$log" >&2
      rm -f "$log"
      return 124
    fi
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

# guarded COMMAND...: runs it in its own process group. The group is gone within a second after this script, or the
# process that started it, has ended in any way.
guarded() {
  local status=0 me=$$ caller=$PPID group
  set -m
  (
    while sleep 1; do [ "$(ps -o ppid= -p "$me" | tr -d ' ')" = "$caller" ] || kill -KILL 0; done &
    exec "$@"
  ) </dev/null &
  group=$!
  set +m
  wait "$group" || status=$?
  kill -KILL -- "-$group" 2>/dev/null || true
  return "$status"
}

# locked FILE COMMAND...: one at a time. Released by the kernel if the holder dies.
locked() {
  local file=$1 status=0
  shift
  mkdir -p "$(dirname "$file")"
  if command -v flock >/dev/null; then
    flock -w "$STEP_LIMIT" -E 75 "$file" "$@" || status=$?
  else
    perl -MFcntl=:flock -e '
      my ($limit, $file, @command) = @ARGV;
      open(my $lock, ">>", $file) or die "$file: $!\n";
      $SIG{ALRM} = sub { exit 75 };
      alarm $limit;
      flock($lock, LOCK_EX) or die "$file: $!\n";
      alarm 0;
      my $status = system(@command);
      exit($status & 127 ? 128 + ($status & 127) : $status >> 8)' "$STEP_LIMIT" "$file" "$@" || status=$?
  fi
  [ "$status" -ne 75 ] || say "error: waited $STEP_LIMIT s for another run of ours, which holds $file"
  return "$status"
}

# under_lock NAME COMMAND...: one at a time across all clones of this user.
under_lock() {
  local name=$1
  shift
  locked "$CACHE/locks/$name" "$@"
}

# Puts a compiler with the WASM target first, if the installed one lacks it.
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
