import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { build } from "./debian-build.ts";
import { unpackDebian } from "./debian.ts";

/** Debian's newest Go, unpacked for one build, with the sources that the build needs. */
export interface GoToolchain {
  /** Compiles the main package in `folder` to `output`, from unpacked sources alone: nothing is asked of any network. */
  build(folder: string, output: string): Promise<void>;
}

const version = "1.26";

/**
 * Unpacks Go and Debian's development packages of Go libraries into `scratch`; the system is not touched.
 * @param libraries names of the packages, dependencies included as far as the build needs them
 * @param variable what to set to use a binary of one's own; named in errors
 */
export async function unpackGo(
  libraries: readonly string[],
  variable: string,
  scratch: string,
): Promise<GoToolchain> {
  const tree = join(scratch, "go");
  const download = join(scratch, "download");
  const home = join(scratch, "home");
  for (const folder of [tree, download, home]) await mkdir(folder, { recursive: true });
  // sid's versions move, so there is nothing to compare their hashes with but the archive's signature.
  const packages = [`golang-${version}-go`, `golang-${version}-src`, ...libraries];
  await unpackDebian({ suite: "sid", packages, sha256: {}, variable }, tree, download);
  const root = join(tree, `usr/lib/go-${version}`);
  return {
    build: (folder, output) =>
      build([join(root, "bin/go"), "build", "-p", "2", "-o", output, "."], {
        cwd: folder,
        env: {
          GOROOT: root,
          GOPATH: join(tree, "usr/share/gocode"),
          GO111MODULE: "off",
          GOFLAGS: "",
          GOTOOLCHAIN: "local",
          GOPROXY: "off",
          CGO_ENABLED: "0",
          GOCACHE: join(home, "cache"),
          HOME: home,
        },
      }),
  };
}
