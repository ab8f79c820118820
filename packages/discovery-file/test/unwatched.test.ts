import { watch } from "node:fs";
import { join } from "node:path";

import { systemClock } from "@proxyless/core";
import type { DiscoverySource } from "@proxyless/core";
import { expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { Feed } from "../src/feed.ts";
import type { WatchFolder } from "../src/folder-watch.ts";
import { resolveOptions } from "../src/options.ts";
import { folder, list, swap } from "./support/files.ts";

it("a folder that cannot be watched is said once, and its files are read from time to time until it can", async () => {
  const path = join(await folder(), "mesh.json");
  await swap(path, list("10.0.0.1:80"));
  let isExhausted = true;
  let opened = 0;
  const scarce: WatchFolder = (each, options) => {
    if (isExhausted) throw Object.assign(new Error("no watches are left"), { code: "ENOSPC" });
    opened++;
    return watch(each, options);
  };
  const feed = new Feed(resolveOptions({ path, pollMs: 50 }), [path], systemClock, scarce);
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
  isExhausted = false;
  await watched.until("watches on the folder and the one above", () => opened === 2);
  const { alives } = watched;
  await watched.until("more confirmations", () => watched.alives > alives + 3);
  await watched.stop();
  expect(watched.errors).toEqual([
    {
      class: "transient",
      message: expect.stringMatching(/cannot watch .* \(ENOSPC\): the files are read every 50 ms/),
    },
  ]);
  // Once there is one it is kept.
  expect(opened).toBe(2);
}, 20_000);
