#!/usr/bin/env bash
# Makes this machine ready for Stillroom: the pinned Deno, and a software Vulkan driver where no GPU is found.
# Safe to run again; every step first looks whether there is anything to do, and says what it did.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

want=$(tr -d '[:space:]' < .deno-version)
say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

sudo_cmd=()
if [ "$(id -u)" -eq 0 ]; then admin=yes
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then admin=yes; sudo_cmd=(sudo -n)
else admin=no
fi

# --- Deno -----------------------------------------------------------------------------------------------------------
have_deno() { [ -n "${1:-}" ] && "$1" --version 2>/dev/null | head -n 1 | grep -q "^deno $want\b"; }

deno_bin=$(command -v deno || true)
[ -n "$deno_bin" ] || { [ -x "$HOME/.local/bin/deno" ] && deno_bin="$HOME/.local/bin/deno"; } || true
if have_deno "$deno_bin"; then
  say "Deno $want is here ($deno_bin)"
else
  [ -z "$deno_bin" ] || say "found $("$deno_bin" --version 2>/dev/null | head -n 1) at $deno_bin, but Stillroom is pinned to $want; installing that beside it"
  command -v npm >/dev/null 2>&1 || fail "npm was not found: install Node.js with npm (Debian: apt install npm), or Deno $want from deno.com, and run ./setup.sh again"
  if [ "$(id -u)" -eq 0 ]; then lib=/usr/local/lib/deno-$want bin=/usr/local/bin
  else lib=$HOME/.local/share/deno-$want bin=$HOME/.local/bin
  fi
  mkdir -p "$lib" "$bin"
  say "installing Deno $want from npm into $lib"
  # The npm launcher is a Node script around the real binary; linking the binary itself saves its start-up time.
  npm install --prefix "$lib" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "deno@$want" >/dev/null
  real=$(find "$lib/node_modules/@deno" -maxdepth 2 -type f -name deno | head -n 1)
  [ -n "$real" ] || fail "npm installed no Deno binary for $(uname -sm): get Deno $want from deno.com and run ./setup.sh again"
  chmod +x "$real"
  ln -sfn "$real" "$bin/deno"
  deno_bin=$bin/deno
  have_deno "$deno_bin" || fail "$deno_bin does not run here; try it by hand: $deno_bin --version"
  say "installed Deno $want as $deno_bin"
fi
bin_dir=$(dirname "$deno_bin")
if [ "$(command -v deno || true)" != "$deno_bin" ]; then
  say "add this line to your shell's start-up file (and run it now):"
  say "  export PATH=\"$bin_dir:\$PATH\""
  export PATH="$bin_dir:$PATH"
  hash -r
fi

# --- npm packages, fetched once so that nothing needs the network later ----------------------------------------------
"$deno_bin" install --quiet --frozen
say "npm packages of deno.lock are in the cache"
# deno bundle (it tells a changed constant from a changed comment) fetches its esbuild once; without it keys fall back to whole files.
warm=$(mktemp -d)
echo 'export const x = 1;' > "$warm/warm.ts"
if "$deno_bin" bundle --quiet --minify "$warm/warm.ts" >/dev/null 2>&1; then say "deno bundle works (stage keys ignore comments and formatting)"
else say "deno bundle could not be prepared (offline?): stage keys will compare whole files"
fi
rm -rf "$warm"

# --- a Vulkan device -------------------------------------------------------------------------------------------------
# Without a Vulkan driver Deno falls back on OpenGL, whose software driver lacks limits that the kernels need: ask for Vulkan.
adapter() {
  [ "$(uname -s)" != Linux ] || export DENO_WEBGPU_BACKEND=vulkan
  XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/tmp}" "$deno_bin" eval \
    'const a = await navigator.gpu?.requestAdapter(); console.log(a ? (a.info.description || a.info.device || a.info.vendor || "unnamed adapter") : "");' 2>/dev/null | tail -n 1
}
found=$(adapter || true)
if [ -z "$found" ] && [ "$(uname -s)" = Linux ]; then
  if [ "$admin" = yes ] && command -v apt-get >/dev/null 2>&1; then
    say "no Vulkan device found: installing Mesa's software driver (mesa-vulkan-drivers) from the distribution"
    export DEBIAN_FRONTEND=noninteractive
    "${sudo_cmd[@]}" apt-get update -qq || say "apt-get update failed; trying with the package lists at hand"
    . /etc/os-release 2>/dev/null || true
    installed=no
    if [ "${VERSION_CODENAME:-}" = bookworm ]; then
      # Mesa 25 of Debian's own backports trains about 20 % faster than Debian 12's 22.3 and has no limit on loop length. The
      # list is given for this one command only: the machine's own sources stay as they are.
      lists=$(mktemp -d); chmod 755 "$lists"
      printf 'deb http://deb.debian.org/debian %s main\n' bookworm bookworm-updates bookworm-backports > "$lists/stillroom.list"
      apt_once=(apt-get -qq -o "Dir::Etc::sourcelist=$lists/stillroom.list" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0)
      if "${sudo_cmd[@]}" "${apt_once[@]}" update >/dev/null 2>&1 &&
        "${sudo_cmd[@]}" "${apt_once[@]}" install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers >/dev/null 2>&1 &&
        "${sudo_cmd[@]}" "${apt_once[@]}" install -y --no-install-recommends libvulkan1 >/dev/null 2>&1; then
        installed=yes; say "installed Mesa from bookworm-backports"
      else say "bookworm-backports did not work; taking Debian's own Mesa"
      fi
      rm -rf "$lists"
    fi
    [ "$installed" = yes ] || "${sudo_cmd[@]}" apt-get install -y -qq --no-install-recommends mesa-vulkan-drivers libvulkan1 >/dev/null
    found=$(adapter || true)
  else
    say "no Vulkan device found, and this needs an administrator. Ask for exactly this:"
    say "  apt-get update && apt-get install -y mesa-vulkan-drivers libvulkan1   (Debian, Ubuntu)"
    say "  dnf install mesa-vulkan-drivers vulkan-loader                         (Fedora, RHEL)"
    say "then run ./setup.sh again"
  fi
fi
[ -n "$found" ] || fail "no WebGPU adapter: Stillroom can be installed, but nothing can be trained here yet"
say "WebGPU adapter: $found"
say "ready: deno task run experiments/quickstart.ts"
