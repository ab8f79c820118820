import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { createMesh, staticSource } from "@proxyless/core";
import { afterEach, describe, expect, it } from "vitest";

interface Backend {
  readonly child: ChildProcess;
  readonly address: string;
  received: number;
}

const cleanup: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end();
});

/** A number out of a message of a backend. */
function field(message: unknown, name: string): number {
  return Number(new Map(Object.entries(message ?? {})).get(name));
}

async function startBackend(): Promise<Backend> {
  const child = fork(new URL("backend.ts", import.meta.url), { execArgv: [] });
  cleanup.push(() => {
    child.kill("SIGKILL");
  });
  const [ready]: unknown[] = await once(child, "message");
  const backend = { child, address: `127.0.0.1:${field(ready, "port")}`, received: 0 };
  child.on("message", (message) => {
    backend.received = field(message, "received");
  });
  return backend;
}

describe("kill -9 of one of three instances", () => {
  it("fails no GET of 500 per second", async () => {
    const backends = await Promise.all([startBackend(), startBackend(), startBackend()]);
    const mesh = createMesh({ discovery: staticSource({ orders: backends.map(({ address }) => address) }) });
    cleanup.push(() => mesh.close());
    const client = mesh.service("orders");
    const pids = new Set<unknown>();
    const failures: unknown[] = [];
    const calls: Promise<void>[] = [];
    const startedAt = performance.now();
    const total = 1_500;
    while (calls.length < total) {
      const due = Math.min(total, Math.floor((performance.now() - startedAt) / 2));
      while (calls.length < due) {
        if (calls.length === 500) backends[0].child.kill("SIGKILL");
        calls.push(
          client.GET("/orders").then(
            ({ data }) => void pids.add(JSON.stringify(data)),
            (error: unknown) => void failures.push(error),
          ),
        );
      }
      await sleep(1);
    }
    await Promise.all(calls);
    expect(failures).toEqual([]);
    expect(pids.size).toBe(3);
  });
});

describe("an instance that dies after it received a POST", () => {
  it("is not followed by a second one: the instances count a single request", async () => {
    const backends = await Promise.all([startBackend(), startBackend()]);
    const mesh = createMesh({ discovery: staticSource({ orders: backends.map(({ address }) => address) }) });
    cleanup.push(() => mesh.close());
    await expect(mesh.service("orders").POST("/die", { body: { amount: 1 } })).rejects.toMatchObject({
      code: "ERR_PROXYLESS_RESET",
      phase: "sent",
    });
    await sleep(100);
    expect(backends[0].received + backends[1].received).toBe(1);
  });
});
