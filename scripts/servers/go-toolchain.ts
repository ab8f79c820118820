import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { build, unpackWithDependencies } from "./debian-build.ts";
import { unpackDebian } from "./debian.ts";

/** The development packages of Debian that a build needs. */
export interface GoLibraries {
  readonly names: readonly string[];
  /** Whether they bring what they depend on; otherwise they are unpacked alone, which is a fraction of it. */
  readonly withDependencies: boolean;
}

/** Debian's newest Go, unpacked for one build, with the sources that the build needs. */
export interface GoToolchain {
  /** Compiles a program of one `file` to `output`, from unpacked sources alone: nothing is asked of any network. */
  buildFile(file: string, output: string): Promise<void>;
}

const version = "1.26";

/**
 * Unpacks Go and Debian's development packages of Go libraries into `scratch`; the system is not touched.
 * @param variable what to set to use a binary of one's own; named in errors
 */
export async function unpackGo(
  { names, withDependencies }: GoLibraries,
  variable: string,
  scratch: string,
): Promise<GoToolchain> {
  const tree = join(scratch, "go");
  const download = join(scratch, "download");
  const home = join(scratch, "home");
  for (const folder of [tree, download, home]) await mkdir(folder, { recursive: true });
  // sid's versions move, so there is nothing to compare their hashes with but the archive's signature.
  const packages = [`golang-${version}-go`, `golang-${version}-src`, ...(withDependencies ? [] : names)];
  await unpackDebian({ suite: "sid", packages, sha256: {}, variable }, tree, download);
  if (withDependencies) {
    const wanted = { suite: "sid", variable };
    await unpackWithDependencies(names, ["golang-"], wanted, tree, join(scratch, "dependencies"));
  }
  const root = join(tree, `usr/lib/go-${version}`);
  return {
    buildFile: async (file, output) => {
      const source = join(scratch, "source");
      await mkdir(source, { recursive: true });
      await copyFile(file, join(source, "main.go"));
      await mkdir(dirname(output), { recursive: true });
      await build([join(root, "bin/go"), "build", "-p", "2", "-o", output, "."], {
        cwd: source,
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
      });
    },
  };
}
