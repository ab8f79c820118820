import { ManualClock } from "@proxyless/core/testing";
import { expect, it } from "vitest";

import { Resolver } from "../src/resolver.ts";
import type { Resolved } from "../src/resolver.ts";
import type { FakeDns, Script } from "./support/fake-dns.ts";
import { hosts, name, server } from "./support/watched-names.ts";

const clock = new ManualClock();

function asker(fake: FakeDns): () => Promise<Resolved> {
  const resolver = new Resolver();
  const asking = { servers: [{ host: "127.0.0.1", port: fake.port }], tcp: false, tries: 1 };
  const context = { clock, signal: new AbortController().signal, timeoutMs: 5000 };
  return () => resolver.ask(name, "A", asking, context);
}

/** Whether EDNS was in each question since the last look. */
function extended(fake: FakeDns): boolean[] {
  return fake.asked.splice(0).map(({ hasEdns }) => hasEdns);
}

const plainOnly: Script = (asked) => (asked.hasEdns ? { code: 1 } : hosts(["10.0.0.1"])(asked));

it("asks a server that knows no EDNS without it for ten minutes, then looks whether it does by now", async () => {
  const fake = await server(plainOnly);
  const ask = asker(fake);
  await ask();
  await clock.advance(599_000);
  await ask();
  expect(extended(fake)).toEqual([true, false, false]);
  await clock.advance(1000);
  await ask();
  expect(extended(fake)).toEqual([true, false]);
  fake.script = hosts(["10.0.0.1"]);
  await clock.advance(600_000);
  await ask();
  await ask();
  expect(extended(fake)).toEqual([true, true]);
});

it.each([1, 4])(
  "takes code %i for no sign of EDNS where the plain question is not answered either",
  async (code) => {
    const fake = await server(() => ({ code }));
    const ask = asker(fake);
    await expect(ask()).rejects.toMatchObject({ class: "data" });
    fake.script = hosts(["10.0.0.1"]);
    await ask();
    expect(extended(fake)).toEqual([true, false, true]);
  },
);

it("goes on without EDNS over TCP", async () => {
  const fake = await server((asked) =>
    asked.hasEdns ? { code: 1 } : hosts(["10.0.0.1"], { truncated: asked.over === "udp" })(asked),
  );
  const { overTcp } = await asker(fake)();
  expect(overTcp).toBe(true);
  expect(extended(fake)).toEqual([true, false, false]);
});
