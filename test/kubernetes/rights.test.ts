import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { describe, expect, it, onTestFinished } from "vitest";

import type { Verb } from "./api-server.ts";
import { Room } from "./room.ts";

const room = new Room();

describe("point 8, rights", { timeout: 30_000 }, () => {
  const reader = "reader-0123456789abcdef";
  const other = "other-0123456789abcdef";
  const all: readonly Verb[] = ["list", "watch"];

  async function tokenFile(token: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "proxyless-token-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "token");
    await writeFile(file, token);
    return file;
  }

  it("that are missing are named", async () => {
    room.server.tokens = new Map([[reader, []]]);
    const made = room.watch({ token: reader });
    await made.until("the error", () => made.errors.length > 0);
    expect(made.errors[0]?.class).toBe("auth");
    expect(made.errors[0]?.message).toContain('forbidden: User "test" cannot list resource "endpointslices"');
    expect(made.errors[0]?.message).toContain(
      "it needs the verb list on endpointslices of discovery.k8s.io in namespace default",
    );
    room.server.tokens = new Map([[reader, ["list"]]]);
    await made.until("the other", () =>
      made.errors.some(({ message }) => message.includes("needs the verb watch")),
    );
    expect(made.snapshots.some(({ endpoints }) => endpoints.length === 0)).toBe(true);
  });

  it("of a token that nobody knows are refused, and the token is not told", async () => {
    room.server.tokens = new Map([[other, all]]);
    const made = room.watch({ token: reader });
    await made.until("the error", () => made.errors.length > 0);
    expect(made.errors[0]).toMatchObject({ class: "auth", message: expect.stringContaining("401") });
    expect(JSON.stringify(made.errors)).not.toContain(reader);
    expect(kubernetes({ url: room.server.url, token: reader }).key({ service: "web" })).not.toContain(reader);
  });

  it("come back by themselves when the file has a new token: it is read again and the question asked once more", async () => {
    room.server.tokens = new Map([[reader, all]]);
    const file = await tokenFile(reader);
    const made = await room.following({ tokenFile: file });
    await writeFile(file, other);
    room.server.tokens = new Map([[other, all]]);
    room.server.breakWatches();
    room.put(3);
    await made.until("three endpoints", () => made.endpoints.length === 3);
    // The refusal was nobody's trouble.
    expect(made.errors.every((error) => error.class === "transient")).toBe(true);
  });

  it("are used from the file within a minute, before the old token ends", async () => {
    room.server.tokens = new Map([
      [reader, all],
      [other, all],
    ]);
    room.put(2);
    const file = await tokenFile(reader);
    const clock = new ManualClock();
    const made = room.watch({ tokenFile: file }, { clock, random: seededRandom(1) });
    await made.until("two endpoints", () => made.endpoints.length === 2);
    await expect.poll(() => room.server.watching).toBe(1);
    await writeFile(file, other);
    await clock.advance(30_000);
    room.server.endWatches();
    await expect.poll(() => room.server.watching).toBe(0);
    await clock.advance(1000);
    await expect.poll(() => room.server.watching).toBe(1);
    expect(room.server.served.at(-1)?.token).toBe(reader);
    await clock.advance(31_000);
    room.server.endWatches();
    await expect.poll(() => room.server.watching).toBe(0);
    await clock.advance(1000);
    await expect.poll(() => room.server.watching).toBe(1);
    expect(room.server.served.at(-1)?.token).toBe(other);
  });
});
