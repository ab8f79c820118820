import type { Watching } from "@proxyless/core/testing";
import { consulKv } from "@proxyless/discovery-consul";
import type { ConsulKvOptions } from "@proxyless/discovery-consul";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { watchById } from "./watch.ts";

let agent: ConsulAgent;

beforeAll(async () => {
  agent = await startConsul({ acl: true });
}, 120_000);

afterAll(() => agent.stop());

beforeEach(async () => {
  await agent.call("DELETE", "/v1/kv/?recurse");
});

const write = (key: string, value: unknown): Promise<unknown> => agent.call("PUT", `/v1/kv/${key}`, value);
const remove = (key: string): Promise<unknown> => agent.call("DELETE", `/v1/kv/${key}`);

function watch(options: Partial<ConsulKvOptions> = {}, service = "web"): Watching {
  const token = agent.token ?? "";
  const made = watchById(
    consulKv({ url: agent.url, token, prefix: "upstreams/{service}/", ...options }),
    service,
  );
  onTestFinished(() => made.stop());
  return made;
}

/** `host:port weight` of each endpoint. */
function addresses(web: Watching): string[] {
  const endpoints = web.snapshots.at(-1)?.endpoints ?? [];
  return endpoints.map(({ host, port, weight }) => `${host}:${port} ${weight}`).toSorted();
}

async function untilAddresses(web: Watching, ...wanted: readonly string[]): Promise<void> {
  await web.until(wanted.join(", "), () => addresses(web).join() === wanted.join());
}

describe("a real key-value store", { timeout: 30_000 }, () => {
  it("is read as APISIX writes it, through additions, changes and deletions, up to none and back", async () => {
    const web = watch({ codec: "apisix" });
    await web.until("absent", () => web.snapshots.at(-1)?.kind === "absent");
    await write("upstreams/web/10.0.0.1:80", '{"weight": 1, "max_fails": 2, "fail_timeout": 1}');
    await untilAddresses(web, "10.0.0.1:80 1");
    await write("upstreams/web/10.0.0.2:80", "");
    await untilAddresses(web, "10.0.0.1:80 1", "10.0.0.2:80 1");
    await write("upstreams/web/10.0.0.1:80", '{"weight": 5}');
    await untilAddresses(web, "10.0.0.1:80 5", "10.0.0.2:80 1");
    await remove("upstreams/web/10.0.0.1:80");
    await untilAddresses(web, "10.0.0.2:80 1");
    await remove("upstreams/web/10.0.0.2:80");
    await web.until("absent again", () => web.snapshots.at(-1)?.kind === "absent");
    await write("upstreams/web/10.0.0.3:80", '{"weight": 1}');
    await untilAddresses(web, "10.0.0.3:80 1");
    expect(web.snapshots.at(-1)?.endpoints[0]?.id).toBe("upstreams/web/10.0.0.3:80");
    expect(web.errors).toEqual([]);
  });

  it("is read as JSON: one key for each instance, or one for all", async () => {
    await write("services/web", '["10.0.0.1:80", {"host": "10.0.0.2", "port": 81, "zone": "z1"}]');
    await write("services/web/extra", '{"address": "[fd00::1]:82", "weight": 2, "health": "draining"}');
    const web = watch({ prefix: "services/{service}" });
    await untilAddresses(web, "10.0.0.1:80 1", "10.0.0.2:81 1", "fd00::1:82 2");
    expect(web.snapshots.at(-1)?.endpoints).toContainEqual({
      id: "services/web/extra",
      host: "fd00::1",
      port: 82,
      weight: 2,
      priority: 0,
      health: "draining",
      metadata: {},
    });
  });

  it("bug 5, a prefix without a separator: keeps a service apart from one whose name begins alike", async () => {
    await write("upstreams/web-v2/10.0.0.9:80", '"10.0.0.9:80"');
    await write("upstreams/web/a", '"10.0.0.1:80"');
    const below = watch();
    const key = watch({ prefix: "upstreams/{service}" });
    const other = watch({}, "web-v2");
    await untilAddresses(below, "10.0.0.1:80 1");
    await untilAddresses(key, "10.0.0.1:80 1");
    await untilAddresses(other, "10.0.0.9:80 1");
    expect([...below.errors, ...key.errors, ...other.errors]).toEqual([]);
  });

  it("skips and counts a bad entry, does not count a folder, and calls only bad ones bad data", async () => {
    await write("upstreams/web/", "");
    await write("upstreams/web/a", "10.0.0.1:80");
    await write("upstreams/web/b", "\u0000nonsense");
    const web = watch();
    await untilAddresses(web, "10.0.0.1:80 1");
    expect(web.snapshots.at(-1)?.skipped).toBe(1);
    await remove("upstreams/web/a");
    await web.until("an error", () => web.errors.length > 0);
    expect(web.errors.at(-1)).toMatchObject({
      class: "data",
      message: "key upstreams/web/: none of 1 entries could be read",
    });
    expect(addresses(web)).toEqual(["10.0.0.1:80 1"]);
  });

  it("takes a codec of the user's", async () => {
    const codec = {
      name: "semicolons",
      decode: ({ value }: { value: string }) =>
        value.split(";").map((item) => ({ host: item.split(" ")[0] ?? "", port: 80 })),
    };
    await write("upstreams/web/all", "a.example 1;b.example 2");
    const web = watch({ codec });
    await untilAddresses(web, "a.example:80 1", "b.example:80 1");
    expect(web.snapshots.at(-1)?.endpoints.map(({ id }) => id)).toEqual([
      "upstreams/web/all#a.example:80",
      "upstreams/web/all#b.example:80",
    ]);
  });

  it("is not believed to be empty by a token that may not read it", async () => {
    await write("upstreams/web/a", "10.0.0.1:80");
    const blind = watch({
      token: await agent.createToken("blind", 'key_prefix "other/" { policy = "read" }'),
    });
    await blind.until("an error", () => blind.errors.length > 0);
    expect(blind.errors[0]).toMatchObject({ class: "auth" });
    expect(blind.snapshots.every(({ trust }) => trust === "suspect")).toBe(true);
    const token = await agent.createToken("reads", 'key_prefix "upstreams/" { policy = "read" }');
    await untilAddresses(watch({ token }), "10.0.0.1:80 1");
  });
});
