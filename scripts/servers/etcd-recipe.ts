import { unpackDebian } from "./debian.ts";
import type { Recipe } from "./recipe.ts";

/** The lines of etcd that there are packages of. */
export type EtcdLine = "3.4" | "3.5";

function recipe(line: EtcdLine, version: string, suite: string, sha256: Record<string, string>): Recipe {
  const variable = `PROXYLESS_ETCD${line.replace(".", "")}_BIN`;
  return {
    name: `etcd-${line}`,
    version,
    variable,
    // A plain `etcd` on PATH may be of any line, and tests ask for this one.
    command: `etcd-${line}`,
    binary: "usr/bin/etcd",
    install: async (tree, scratch) => {
      await unpackDebian(
        { suite, packages: ["etcd-server", "etcd-client"], sha256, variable },
        tree,
        scratch,
      );
    },
  };
}

/** etcd 3.4 and 3.5, each from the Debian release that carries it, with `etcdctl` beside it: two static binaries. */
export const etcdRecipes: Readonly<Record<EtcdLine, Recipe>> = {
  "3.4": recipe("3.4", "3.4.23", "bookworm", {
    "etcd-server_3.4.23-4+b4_amd64.deb": "3a9445d4560ad6de1c375756b2a17d97713df44cbd20a658c871fe108af7ef5d",
  }),
  "3.5": recipe("3.5", "3.5.16", "trixie", {}),
};
