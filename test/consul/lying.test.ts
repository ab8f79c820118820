import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import { consul } from "@proxyless/discovery-consul";
import { describe, it } from "vitest";

import { entry, FakeConsul } from "../../packages/discovery-consul/test/support/fake-consul.ts";
import { instance, Traffic } from "./traffic.ts";

interface Lie {
  readonly name: string;
  /** Makes the fake lie from now on. */
  readonly begin: (fake: FakeConsul) => void;
  /** What the operator must be able to read: type, class or reason, how many stay, message. */
  readonly said: RegExp;
}

/** Every request is answered alike. */
const always =
  (answer: (response: ServerResponse) => void) =>
  (fake: FakeConsul): void => {
    fake.script = (_, response) => {
      answer(response);
      return true;
    };
  };

const body = (status: number, text: string, headers: Record<string, string> = {}): Lie["begin"] =>
  always((response) => {
    response.writeHead(status, { "x-consul-index": "99", ...headers }).end(text);
  });

const becomesEmpty = (fake: FakeConsul): void => {
  fake.services.set("orders", []);
};

const lies: readonly Lie[] = [
  {
    name: "garbage",
    begin: body(200, "<html>"),
    said: /^error data 2: .*no JSON/mu,
  },
  {
    name: "JSON of another shape",
    begin: body(200, '{"Nodes":7}'),
    said: /^error data 2: .*no list/mu,
  },
  {
    name: "a list of rubbish",
    begin: body(200, '[7,{"Service":{"ID":"a","Port":-1}}]'),
    said: /^error data 2: .*none of 2 entries/mu,
  },
  {
    name: "half an answer",
    begin: always((response) => {
      response.writeHead(200, { "content-length": "100" }).write("[", () => response.destroy());
    }),
    said: /^error transient 2: .+/mu,
  },
  {
    name: "500",
    begin: body(500, "rpc error: no path"),
    said: /^error transient 2: .*500 "rpc error: no path"/mu,
  },
  {
    name: "403",
    begin: body(403, "ACL not found"),
    said: /^error auth 2: .*403 "ACL not found"/mu,
  },
  {
    name: "an empty list and that access rules filtered it",
    begin: (fake) => {
      becomesEmpty(fake);
      fake.headers["x-consul-results-filtered-by-acls"] = "true";
    },
    said: /^protected suspect 2[^]*^error auth 2: .*service:read/mu,
  },
  {
    name: "an empty list and, only when asked, that access rules filtered it",
    begin: (fake) => {
      becomesEmpty(fake);
      fake.script = ({ path }, response) => {
        if (path !== "/v1/internal/acl/authorize") return false;
        response.writeHead(200).end('[{"Resource":"service","Allow":false}]');
        return true;
      };
    },
    said: /^protected suspect 2[^]*^error auth 2: .*service:read/mu,
  },
  {
    name: "an empty list",
    begin: becomesEmpty,
    said: /^protected absent 2/mu,
  },
  {
    name: "an older list with a lower index to whoever waits",
    begin: (fake) => {
      const older = JSON.stringify(fake.services.get("orders")?.slice(0, 1));
      fake.script = ({ query }, response) => {
        if (query.get("index") === null) return false;
        fake.answer(response, older, { "x-consul-index": "7" });
        return true;
      };
    },
    said: /^protected suspect 1[^]*^error protocol-reset 2: .*went back from \d+ to 7/mu,
  },
  {
    name: "a list of one and that it knows no leader",
    begin: (fake) => {
      fake.services.set("orders", (fake.services.get("orders") ?? []).slice(0, 1));
      fake.headers["x-consul-knownleader"] = "false";
    },
    said: /^protected suspect 1[^]*^error transient 2: .*no leader/mu,
  },
  {
    name: "nothing, and hangs up",
    begin: always((response) => response.destroy()),
    said: /^error transient 2: .+/mu,
  },
  {
    name: "nothing, ever",
    begin: always(() => undefined),
    said: /^error transient 2: .*\d+ ms/mu,
  },
];

describe("a Consul that answers", { concurrent: true, timeout: 60_000 }, () => {
  it.for(lies)(
    "$name costs no call, and the event says why",
    async ({ begin, said }, { expect, onTestFinished }) => {
      const fake = await FakeConsul.start();
      onTestFinished(() => fake.close());
      const ports = [await instance(onTestFinished), await instance(onTestFinished)];
      const listed = (port: number): object =>
        entry(`orders-${port}`, { service: { Address: "127.0.0.1", Port: port } });
      fake.put("orders", ports.map(listed));
      const mesh = createMesh({
        discovery: consul({ url: fake.url, waitMs: 1000, requestTimeoutMs: 1000 }),
      });
      onTestFinished(() => mesh.close());
      const heard: string[] = [];
      mesh.on("discovery.error", (event) =>
        heard.push(`error ${event.class} ${event.serving}: ${event.message}`),
      );
      mesh.on("discovery.protected", (event) => heard.push(`protected ${event.reason} ${event.kept}`));
      const traffic = new Traffic(mesh, "orders", onTestFinished);
      await expect.poll(() => traffic.answerers, { timeout: 10_000 }).toHaveLength(2);

      const truth = { ...fake.headers };
      begin(fake);
      fake.touch();
      await expect.poll(() => heard.join("\n"), { timeout: 15_000 }).toMatch(said);
      traffic.forget();
      await sleep(1000);
      await expect.poll(() => traffic.answers, { timeout: 15_000 }).toBeGreaterThan(20);
      expect(traffic.failures).toEqual([]);
      expect(mesh.inspect().services[0]?.endpoints).toHaveLength(2);

      fake.script = undefined;
      fake.headers = truth;
      const late = await instance(onTestFinished);
      fake.put("orders", [...ports, late].map(listed));
      await expect.poll(() => traffic.answerers, { timeout: 30_000 }).toContain(late);
      await traffic.end();
      expect(traffic.failures).toEqual([]);
    },
  );
});
