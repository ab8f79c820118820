import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, it } from "vitest";

import { installServer } from "../../scripts/servers/index.ts";
import { findJava } from "../../scripts/servers/zookeeper-java.ts";
import { hasNamespaces, ownNetwork } from "./namespace-link.ts";

const run = promisify(execFile);
const program = join(import.meta.dirname, "support/link-down-process.ts");
const way = hasNamespaces() ? "link" : "relay";
const words = { link: "a link between network namespaces", relay: "a relay, for want of network namespaces" };

describe.concurrent(`with ${words[way]}, a mesh`, () => {
  it.for([
    { registry: "consul", install: () => installServer("consul") },
    { registry: "etcd", install: () => installServer("etcd-3.5") },
    { registry: "zookeeper", install: () => Promise.all([installServer("zookeeper"), findJava()]) },
  ])(
    "loses no call and follows again when the link to its $registry is down, briefly or until nobody waits",
    { timeout: 180_000 },
    async ({ install, registry }, { expect }) => {
      // A network of one's own leads to no mirror.
      await install();
      const command = [process.execPath, program, registry, way];
      const [file = "", ...args] = way === "link" ? ["unshare", ...ownNetwork, ...command] : command;
      const { stdout } = await run(file, args, { timeout: 170_000 });
      expect(JSON.parse(stdout)).toEqual([]);
    },
  );
});
