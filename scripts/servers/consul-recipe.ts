import { unpackDebian } from "./debian.ts";
import type { Recipe } from "./recipe.ts";

/** Consul 1.8.7, the newest version that Debian carries: one static binary. */
export const consulRecipe: Recipe = {
  name: "consul",
  version: "1.8.7",
  variable: "PROXYLESS_CONSUL_BIN",
  command: "consul",
  binary: "usr/bin/consul",
  install: async (tree, scratch) => {
    await unpackDebian(
      {
        suite: "bullseye",
        packages: ["consul"],
        sha256: {
          "consul_1.8.7+dfsg1-2+b3_amd64.deb":
            "e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9",
        },
        variable: "PROXYLESS_CONSUL_BIN",
      },
      tree,
      scratch,
    );
  },
};
