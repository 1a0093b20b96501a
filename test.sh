#!/usr/bin/env bash
# Builds everything once and runs every test project. Needs a Linux machine with the .NET 10 SDK, and root or sudo; what else the tests need
# is installed if it is missing, and said.
#
#   ./test.sh                              the quick tier
#   ./test.sh --long                       also the tests with the trait Tier=long
#   ./test.sh --project Sluice.Tests       one project
#   ./test.sh --prepare                    only installs what is missing
#   ./test.sh --built                      builds nothing: it was built before
#   ./test.sh --filter-class '*GateTests'  any option of the test platform
#
# The last line is `N passed, N failed`. Exit 1 when a test failed or was skipped, or when a project ran none.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1
HANG_TIMEOUT=10m

long=no prepare=no built=no only= filtered=no options=()
while [ $# -gt 0 ]; do
  case "$1" in
    --long) long=yes ;;
    --prepare) prepare=yes ;;
    --built) built=yes ;;
    --project) only=${2:?--project needs a name}; shift ;;
    *) options+=("$1"); filtered=yes ;;
  esac
  shift
done
[ "$long" = yes ] || options+=(--filter-not-trait Tier=long)

fail() {
  echo "$*" >&2
  echo "0 passed, 1 failed"
  exit 1
}

# command → Debian package, and why
needed=(
  "python3 python3 the tutorial's clients and independent encoders"
  "strace strace system calls that fail when told to"
  "prlimit util-linux running out of descriptors"
  "setpriv util-linux what another user may not do"
  "mount mount small file systems"
  "kill procps signals"
  "clang clang the native command (AOT)"
  "systemd-socket-activate systemd sockets that are passed as systemd passes them"
)

install_what_is_missing() {
  local missing=() entry command package why
  for entry in "${needed[@]}"; do
    read -r command package why <<<"$entry"
    if ! command -v "$command" >/dev/null; then
      echo "test.sh: needs $command ($why)"
      missing+=("$package")
    fi
  done
  if ! ls /usr/include/zlib.h >/dev/null 2>&1; then
    echo "test.sh: needs zlib.h (the native command, AOT)"
    missing+=(zlib1g-dev)
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "test.sh: install ${missing[*]}: there is no apt-get here"
  local sudo=
  if [ "$(id -u)" -ne 0 ]; then
    sudo="sudo -n"
  fi
  echo "test.sh: installs ${missing[*]}"
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null || fail "test.sh: apt-get update failed"
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null || fail "test.sh: cannot install ${missing[*]}"
}

command -v dotnet >/dev/null || fail "test.sh: needs the .NET 10 SDK (https://dot.net); none is on the PATH"
: "${DOTNET_ROOT:=$(dirname "$(readlink -f "$(command -v dotnet)")")}"
export DOTNET_ROOT
install_what_is_missing
[ "$prepare" = no ] || exit 0

[ "$built" = yes ] || dotnet build Sluice.slnx -c Release -clp:NoSummary </dev/null || fail "test.sh: the build failed"

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
passed=0 failed=0 ran=0
for project in tests/*/*.csproj; do
  name=$(basename "$project" .csproj)
  # The others are libraries of tests, and programs that tests start.
  case "$name" in *Tests) ;; *) continue ;; esac
  [ -z "$only" ] || [ "$only" = "$name" ] || continue
  echo
  echo "== $name"
  dotnet test --project "$project" -c Release --no-build --no-progress --no-ansi --report-trx --report-trx-filename "$name.trx" \
    --results-directory "$results" --hangdump --hangdump-timeout "$HANG_TIMEOUT" --hangdump-type None "${options[@]}" </dev/null
  code=$?
  if [ -f "$results/$name.trx" ]; then
    counters=$(grep -m1 -o '<Counters [^>]*>' "$results/$name.trx")
    count() { sed -E "s/.* $1=\"([0-9]+)\".*/\1/" <<<"$counters"; }
    total=$(count total) good=$(count passed)
  else
    total=0 good=0
  fi
  ran=$((ran + total))
  passed=$((passed + good))
  failed=$((failed + total - good))
  if [ "$total" -eq 0 ] && [ "$filtered" = no ]; then
    echo "$name: no test ran" >&2
    failed=$((failed + 1))
  elif [ "$code" -ne 0 ] && [ "$total" -eq "$good" ] && [ "$total" -gt 0 ]; then
    echo "$name: every test passed, and the program still ended with $code" >&2
    failed=$((failed + 1))
  elif [ "$code" -ne 0 ] && [ "$code" -ne 8 ] && [ "$total" -eq 0 ]; then
    echo "$name: ended with $code" >&2
    failed=$((failed + 1))
  fi
done

[ "$ran" -gt 0 ] || fail "test.sh: no test ran"
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
