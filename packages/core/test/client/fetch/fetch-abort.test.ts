import { getEventListeners } from "node:events";

import { afterEach, beforeEach, expect, test } from "vitest";

import { createFetch } from "../../../src/client/fetch/create-fetch.ts";
import type { MeshFetch } from "../../../src/client/fetch/fetch-init.ts";
import { Backends, until } from "./pool-engine.ts";

let backends: Backends;
let fetch: MeshFetch;
// A new one for each test: what a server of the test before still reports must not count.
let counts: { received: number; closed: number };

beforeEach(async () => {
  backends = new Backends();
  fetch = createFetch(backends);
  const seen = { received: 0, closed: 0 };
  counts = seen;
  await backends.serve("orders", (request, response) => {
    seen.received++;
    response.on("close", () => seen.closed++);
    if (request.url === "/body") response.write("x");
    else if (request.url === "/done") response.end("done");
  });
});

afterEach(async () => {
  await backends[Symbol.asyncDispose]();
});

test("a signal aborted beforehand rejects with its reason and sends nothing", async () => {
  const reason = { any: "value" };
  await expect(fetch("http://orders/", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const request = new Request("http://orders/", { signal: AbortSignal.abort(reason) });
  await expect(fetch(request)).rejects.toBe(reason);
  expect(counts.received).toBe(0);
});

test("an abort while the answer is awaited rejects with the reason and drops the connection", async () => {
  const aborter = new AbortController();
  const sent = fetch("http://orders/", { signal: aborter.signal });
  await until(() => counts.received === 1);
  aborter.abort();
  await expect(sent).rejects.toMatchObject({ name: "AbortError" });
  await until(() => counts.closed === 1);
});

test("a timeout keeps its own reason", async () => {
  await expect(fetch("http://orders/", { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
    name: "TimeoutError",
  });
});

test("the signal of a Request counts, and one in init replaces it", async () => {
  const own = new AbortController();
  const other = new AbortController();
  const request = new Request("http://orders/", { signal: own.signal });
  const sent = fetch(request, { signal: other.signal });
  own.abort();
  await until(() => counts.received === 1);
  other.abort("other");
  await expect(sent).rejects.toBe("other");
  const second = new AbortController();
  const direct = fetch(new Request("http://orders/", { signal: second.signal }));
  await until(() => counts.received === 2);
  second.abort("own");
  await expect(direct).rejects.toBe("own");
});

test("an abort during the body errors whoever reads it", async () => {
  const readers: ((response: Response) => Promise<unknown>)[] = [
    (response) => response.text(),
    (response) =>
      response
        .body!.getReader()
        .read()
        .then(() => response.body!.cancel()),
    (response) => response.blob(),
    (response) => response.clone().text(),
  ];
  for (const read of [readers[0]!, readers[2]!, readers[3]!]) {
    const aborter = new AbortController();
    // eslint-disable-next-line no-await-in-loop -- one after the other
    const response = await fetch("http://orders/body", { signal: aborter.signal });
    const result = read(response);
    aborter.abort("stop");
    // eslint-disable-next-line no-await-in-loop -- one after the other
    await expect(result).rejects.toBe("stop");
  }
  await until(() => counts.closed === 3);
});

test("a waiting read of the stream gets the reason, and so does its closed promise", async () => {
  const aborter = new AbortController();
  const response = await fetch("http://orders/body", { signal: aborter.signal });
  const reader = response.body!.getReader();
  await reader.read();
  const read = reader.read();
  aborter.abort("stop");
  await expect(read).rejects.toBe("stop");
  await expect(reader.closed).rejects.toBe("stop");
});

test("an abort after the last byte still spoils what was not read", async () => {
  const aborter = new AbortController();
  const response = await fetch("http://orders/done", { signal: aborter.signal });
  const streamed = await fetch("http://orders/done", { signal: aborter.signal });
  const { body } = streamed;
  await until(() => counts.closed === 2);
  aborter.abort("late");
  await expect(response.text()).rejects.toBe("late");
  await expect(body!.getReader().read()).rejects.toBe("late");
});

test("an abort after the body was read changes nothing", async () => {
  const aborter = new AbortController();
  const response = await fetch("http://orders/done", { signal: aborter.signal });
  expect(await response.text()).toBe("done");
  aborter.abort();
  expect(response.ok).toBe(true);
});

test("no listener stays on the signal", async () => {
  const aborter = new AbortController();
  const { signal } = aborter;
  backends.decideLater("late", { kind: "service", service: "orders" });
  await (await fetch("http://orders/done", { signal })).text();
  await (await fetch("http://late/done", { signal })).text();
  await fetch("http://nobody/", { signal }).catch(() => undefined);
  const response = await fetch("http://orders/body", { signal });
  await response.body!.cancel();
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("an abort cancels a request body that is being sent", async () => {
  const aborter = new AbortController();
  let cancelled: unknown;
  const body = new ReadableStream({
    pull: async (controller) => {
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
      controller.enqueue(new Uint8Array(10));
    },
    cancel: (reason) => {
      cancelled = reason ?? "cancelled";
    },
  });
  const sent = fetch("http://orders/", { method: "POST", body, duplex: "half", signal: aborter.signal });
  await until(() => counts.received === 1);
  aborter.abort("stop");
  await expect(sent).rejects.toBe("stop");
  await until(() => cancelled !== undefined);
});
