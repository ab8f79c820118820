import { join } from "node:path";

import { systemClock } from "@proxyless/core";
import type { DiscoverySource } from "@proxyless/core";
import { expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { Feed } from "../src/feed.ts";
import type { WatchFolder } from "../src/folder-watch.ts";
import { resolveOptions } from "../src/options.ts";
import { folder, list, swap } from "./support/files.ts";

it("a folder that cannot be watched is said once, and its files are read from time to time", async () => {
  const path = join(await folder(), "mesh.json");
  await swap(path, list("10.0.0.1:80"));
  let tries = 0;
  const exhausted: WatchFolder = () => {
    tries++;
    throw Object.assign(new Error("no watches are left"), { code: "ENOSPC" });
  };
  const feed = new Feed(resolveOptions({ path, pollMs: 50 }), [path], systemClock, exhausted);
  const source: DiscoverySource = {
    name: "file",
    key: ({ service }) => service,
    watch: ({ service }, sink, { signal }) => {
      const user = { service, sink, signal, told: undefined };
      feed.add(user);
      const aborted = new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      return { done: aborted.then(() => feed.remove(user)) };
    },
  };
  const watched = watching(source, "orders");
  await watched.untilAddresses(["10.0.0.1:80"]);
  await swap(path, list("10.0.0.2:80"));
  await watched.untilAddresses(["10.0.0.2:80"]);
  await watched.until("confirmations", () => watched.alives > 3);
  await watched.stop();
  expect(watched.errors).toEqual([
    {
      class: "transient",
      message: expect.stringMatching(/cannot watch .* \(ENOSPC\): the files are read every 50 ms/),
    },
  ]);
  expect(tries).toBe(1);
}, 20_000);
