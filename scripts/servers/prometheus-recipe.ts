import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { unpackDebian } from "./debian.ts";
import type { Recipe } from "./recipe.ts";

const prometheusVariable = "PROXYLESS_PROMETHEUS_BIN";
const alertmanagerVariable = "PROXYLESS_ALERTMANAGER_BIN";

/** Prometheus 2.42.0 as Debian carries it; `promtool` stands beside it. */
export const prometheusRecipe: Recipe = {
  name: "prometheus",
  version: "2.42.0",
  variable: prometheusVariable,
  command: "prometheus",
  binary: "usr/bin/prometheus",
  install: async (tree, scratch) => {
    await unpackDebian(
      {
        suite: "bookworm",
        packages: ["prometheus"],
        sha256: {
          "prometheus_2.42.0+ds-5+deb12u1_amd64.deb":
            "81d59a24fce84f7fbe97a45a4f2914b6a5881b5cd1db2a6a0e129e515e1a5f55",
        },
        variable: prometheusVariable,
      },
      tree,
      scratch,
    );
  },
};

/** Where Debian's Alertmanager looks for its templates, and the same seen from the tree; both are as long. */
const templates = Buffer.from("/usr/share/prometheus/alertmanager");
const templatesInTree = Buffer.from("usr/share/prometheus/alertmanager/");

const alertmanagerBinary = "bin/prometheus-alertmanager";

/** Runs in the tree, for that is where the templates are. */
const launcher = `#!/bin/sh
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
exec usr/bin/prometheus-alertmanager "$@"
`;

/** Alertmanager 0.25.0 as Debian carries it, with `amtool`; it finds its templates in its own tree instead of in the system's. */
export const alertmanagerRecipe: Recipe = {
  name: "alertmanager",
  version: "0.25.0",
  variable: alertmanagerVariable,
  command: "prometheus-alertmanager",
  binary: alertmanagerBinary,
  install: async (tree, scratch) => {
    await unpackDebian(
      {
        suite: "bookworm",
        packages: ["prometheus-alertmanager"],
        sha256: {
          "prometheus-alertmanager_0.25.0-1+b4_amd64.deb":
            "4fb9aed15cfe8e0c32408e643ab32a1e41ee87d2cc26f18aeba928b1b0b98ae7",
        },
        variable: alertmanagerVariable,
      },
      tree,
      scratch,
    );
    const binary = join(tree, "usr/bin/prometheus-alertmanager");
    const code = await readFile(binary);
    for (let at = code.indexOf(templates); at !== -1; at = code.indexOf(templates, at + 1)) {
      templatesInTree.copy(code, at);
    }
    await writeFile(binary, code);
    const file = join(tree, alertmanagerBinary);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, launcher);
    await chmod(file, 0o755);
  },
};
