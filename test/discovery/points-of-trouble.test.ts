import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { createMesh, sleep, systemClock } from "@proxyless/core";
import {
  Backoff,
  RegistryHttp,
  resolveUrls,
  SourceError,
  TokenHolder,
  watchLoop,
} from "@proxyless/core/discovery";
import { fakeEndpoint, ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { bound, ending, list, record, rig, serving } from "../../packages/core/test/discovery/rig.ts";
import { at, served, until } from "./support/endpoints.ts";
import { ToyRegistry, toySource } from "./support/toy-registry.ts";

describe("what every client of a registry must stand", () => {
  it("point 3: the registry is down at the start and comes up later", async () => {
    await using registry = await ToyRegistry.start();
    await registry.kill();
    registry.put("orders", at("a"));
    await using mesh = createMesh({ discovery: toySource(registry.url), directory: { initTimeoutMs: 300 } });
    await expect(mesh.ready("orders")).rejects.toMatchObject({
      code: "ERR_PROXYLESS_DISCOVERY",
      message: expect.stringContaining("no answer within 300 ms, last error"),
    });
    await registry.listen();
    await until(() => served(mesh) === "a");
    await mesh.ready("orders");
  });

  it("point 4: a hundred drops in the middle of a watch lead to a bounded number of requests", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const times: number[] = [];
    const handle = watchLoop(
      { snapshot: () => {}, alive: () => {}, error: () => {} },
      { clock, random: () => 0.5, signal: abort.signal },
      {
        round: async (round) => {
          times.push(clock.now());
          // It connects, is well for a moment, and breaks.
          round.good();
          await sleep(clock, 1, round.signal);
          throw new SourceError("transient", "dropped");
        },
      },
    );
    await clock.advance(60_000);
    expect(times.length).toBeLessThan(15);
    await clock.advance(3_600_000);
    expect(times.length).toBeGreaterThan(100);
    abort.abort();
    await handle.done;
  });

  it("point 5: a connection that is open and dead is noticed", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", at("a"));
    await using mesh = createMesh({ discovery: toySource(registry.url, { timeoutMs: 300 }) });
    await mesh.ready("orders");
    registry.answer = () => {};
    registry.touch();
    await until(() => mesh.inspect().discovery[0]?.error !== undefined);
    expect(mesh.inspect().discovery[0]?.error?.message).toContain("no answer within 300 ms");
    expect(served(mesh)).toBe("a");
    registry.answer = undefined;
    await until(() => mesh.inspect().discovery[0]?.stale === false);
  });

  it("point 8: rights that are gone empty nothing, and a token that was renewed is used", async () => {
    const filtered = rig();
    const orders = filtered.directory.subscribe("orders");
    filtered.source.put("orders", list("a", "b"));
    filtered.source.push("orders", bound([], { trust: "suspect" }));
    filtered.source.fail("orders", { class: "auth", message: "403" });
    await filtered.clock.advance(600_000);
    expect(serving(orders)).toBe("a b");

    const folder = await mkdtemp(join(tmpdir(), "proxyless-token-"));
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "old-token\n");
    const holder = new TokenHolder({ tokenFile });
    expect(await holder.current()).toBe("old-token");
    expect(await holder.renew()).toBe(false);
    await writeFile(tokenFile, "new-token\n");
    expect(await holder.renew()).toBe(true);
    expect(await holder.current()).toBe("new-token");
    await writeFile(tokenFile, "no token\n");
    const said = await ending(holder.renew());
    expect(said).toMatchObject({ error: { class: "auth" } });
    expect(JSON.stringify(said)).not.toContain("no token\n");
    await rm(folder, { recursive: true });
  });

  it("point 19: a registry that is asked too much is left alone for as long as it says", async () => {
    await using registry = await ToyRegistry.start();
    registry.answer = (_, response) => response.writeHead(429, { "retry-after": "1" }).end();
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    mesh.service("orders");
    await until(() => mesh.inspect().discovery[0]?.error !== undefined);
    const asked = registry.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(registry.requests.length).toBe(asked);
    expect(mesh.inspect().discovery[0]?.error).toMatchObject({ class: "transient" });
    expect(new Backoff().failed(0, () => 0, 60_000)).toBe(60_000);
  });

  it("point 20: an answer that is endless, also once it is unpacked, or is not what its coding says is an error of class data", async () => {
    await using registry = await ToyRegistry.start();
    await using mesh = createMesh({ discovery: toySource(registry.url, { maxBodyBytes: 1_000 }) });
    registry.answer = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("none");
    mesh.service("orders");
    await until(() => mesh.inspect().discovery[0]?.error?.message.includes("gzip") === true);
    expect(mesh.inspect().discovery[0]?.error?.class).toBe("data");
    registry.answer = (_, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("x".repeat(1_000_000)));
    await until(() => mesh.inspect().discovery[0]?.error?.message.includes("1000 bytes") === true);
    registry.answer = (_, response) => response.writeHead(200, { "content-encoding": "zip" }).end("x");
    await until(() => mesh.inspect().discovery[0]?.error?.message.includes("zip") === true);
    registry.answer = (_, response) => response.end("x".repeat(1_000_000));
    await until(() => mesh.inspect().discovery[0]?.error?.message.includes("1000 bytes") === true);
    expect(mesh.inspect().discovery[0]?.error?.class).toBe("data");
    await until(() => registry.open <= 1);
  });

  it("point 21: an answer in chunks that end inside a character, and a stream of lines in chunks that end inside a line, are read whole", async () => {
    await using registry = await ToyRegistry.start();
    const known = fakeEndpoint("grüße", { version: "🜚" });
    const drip = async (body: string, response: ServerResponse): Promise<void> => {
      for (const byte of Buffer.from(body)) {
        response.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    };
    registry.answer = (_, response) => void drip(JSON.stringify([known]), response);
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    await mesh.ready("orders");
    expect(mesh.inspect().discovery[0]?.endpoints).toEqual([
      expect.objectContaining({ id: "grüße", version: "🜚" }),
    ]);

    const wanted = ["grüße", "🜚", '{"a":1}'];
    registry.answer = (_, response) => void drip(wanted.map((line) => `${line}\n`).join(""), response);
    const http = new RegistryHttp({
      urls: resolveUrls(registry.url),
      watchConnections: 1,
      maxBodyBytes: 1_000,
    });
    const lines: string[] = [];
    await http.stream(
      { method: "GET", path: "/lines", deadlineMs: 5_000, lane: "watch" },
      { line: (text) => lines.push(text), silenceMs: 5_000 },
      systemClock,
      new AbortController().signal,
    );
    http.close();
    expect(lines).toEqual(wanted);
  });

  it("point 23: a listener that throws stops nobody", async () => {
    const { directory, source } = rig();
    const thrown = new Promise((resolve) => {
      const listeners = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.once("uncaughtException", (error) => {
        for (const listener of listeners) process.on("uncaughtException", listener);
        resolve(error);
      });
    });
    const orders = directory.subscribe("orders");
    orders.onChange(() => {
      throw new Error("a listener's mistake");
    });
    const lines = record(directory.subscribe("orders"));
    source.put("orders", list("a"));
    expect(await thrown).toMatchObject({ message: "a listener's mistake" });
    expect(lines).toEqual(["bound +a"]);
  });
});
