import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { unpackDebian } from "./debian.ts";
import type { Recipe } from "./recipe.ts";

const binary = "bin/proxyless-chromium";
const variable = "PROXYLESS_CHROMIUM_BIN";

/** The browser without a window, and every library of it that a bare Debian lacks; glibc is the machine's own. */
const packages = `
  chromium-headless-shell chromium-common fonts-dejavu-core fonts-inter libasound2 libasyncns0
  libatk1.0-0 libatspi2.0-0 libblkid1 libbrotli1 libbsd0 libcap2 libdav1d6 libdbus-1-3
  libdouble-conversion3 libdrm2 libexpat1 libffi8 libflac12 libfontconfig1 libfreetype6 libgbm1
  libgcc-s1 libgcrypt20 libglib2.0-0 libgpg-error0 libgraphite2-3 libharfbuzz-subset0 libharfbuzz0b
  libjpeg62-turbo liblcms2-2 liblz4-1 liblzma5 libmd0 libminizip1 libmount1 libmp3lame0 libmpg123-0
  libnspr4 libnss3 libogg0 libopenh264-7 libopenjp2-7 libopus0 libpcre2-8-0 libpng16-16 libpulse0
  libselinux1 libsndfile1 libsqlite3-0 libstdc++6 libsystemd0 libudev1 libuuid1 libvorbis0a
  libvorbisenc2 libwayland-server0 libx11-6 libx11-xcb1 libxau6 libxcb-randr0 libxcb-shm0 libxcb1
  libxcomposite1 libxdamage1 libxdmcp6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxnvctrl0 libxrandr2
  libxrender1 libzstd1 zlib1g
`;

/** Starts the browser with the libraries and the fonts beside it, whatever the machine has: pictures look the same everywhere. */
const launcher = `#!/bin/sh
set -eu
tree=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
for each in "$tree"/usr/lib/*-linux-gnu; do libraries=$each:$each/pulseaudio; done
for each in "$tree"/lib/*-linux-gnu; do libraries=$libraries:$each; done
LD_LIBRARY_PATH=$libraries FONTCONFIG_FILE=$tree/fonts.conf exec "$tree/usr/lib/chromium/chromium-headless-shell" "$@"
`;

const fonts = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`;

/** Debian 12's Chromium; which version that is moves with Debian's security updates. */
export const chromiumRecipe: Recipe = {
  name: "chromium",
  version: "bookworm",
  variable,
  command: "chromium",
  binary,
  install: async (tree, scratch) => {
    const names = packages.trim().split(/\s+/);
    await unpackDebian({ suite: "bookworm", packages: names, sha256: {}, variable }, tree, scratch);
    const file = join(tree, binary);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(join(tree, "fonts.conf"), fonts);
    await writeFile(file, launcher);
    await chmod(file, 0o755);
  },
};
