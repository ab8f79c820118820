import { systemClock } from "@proxyless/core";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { resolveConnection } from "../src/connection.ts";
import { ConsulHttp } from "../src/consul-http.ts";
import { decodeEntry } from "../src/health-entry.ts";
import { ListedAnswers } from "../src/listed-answers.ts";
import { entry, FakeConsul } from "./support/fake-consul.ts";

const request = { method: "GET", path: "/v1/health/service/web", deadlineMs: 5000, lane: "quick" } as const;
const never = new AbortController().signal;

/** Sees which entry an answer is expected to begin with. */
class PeekingHttp extends ConsulHttp {
  expected: Buffer | undefined;

  override list(...args: Parameters<ConsulHttp["list"]>): ReturnType<ConsulHttp["list"]> {
    this.expected = args[1].expected;
    return super.list(...args);
  }
}

let fake: FakeConsul;
let http: ConsulHttp;
let parsed: number;
let answers: ListedAnswers;

beforeEach(async () => {
  fake = await FakeConsul.start();
  http = new ConsulHttp(resolveConnection({}, [fake.url]), 1, 1_000_000);
  parsed = 0;
  answers = new ListedAnswers({
    subject: "service web",
    decode: (json) => {
      parsed++;
      return decodeEntry(json, { weightBase: 1 });
    },
    answer: ({ endpoints, nodes, skipped }) => ({
      snapshot: { kind: "bound", endpoints, trust: "authoritative", skipped },
      nodes,
    }),
  });
});

afterEach(async () => {
  http.close();
  await fake.close();
});

/** Asks once. @returns the ids of the list, whether it is the kept one again, and how many entries were parsed for it */
async function ask(): Promise<[string, boolean, number]> {
  const before = parsed;
  await answers.fetch(http, request, systemClock, never);
  const ids = answers.read().snapshot.endpoints.map(({ id }) => id.split("/").at(-1));
  const { isRepeated } = answers;
  answers.keep();
  return [ids.join(""), isRepeated, parsed - before];
}

describe("the answers of a list", () => {
  it("parse only the entries that the one before did not have", async () => {
    fake.put(
      "web",
      ["a", "b", "c"].map((id) => entry(id)),
    );
    expect(await ask()).toEqual(["abc", false, 3]);
    expect(await ask()).toEqual(["abc", true, 0]);
    fake.put("web", [entry("a"), entry("b", { service: { Port: 9 } }), entry("c")]);
    expect(await ask()).toEqual(["abc", false, 1]);
    expect(answers.read().snapshot.endpoints.map(({ port }) => port)).toEqual([8080, 9, 8080]);
  });

  it("differ when only their order does, or an entry is there twice, or one is gone", async () => {
    fake.put("web", [entry("a"), entry("b")]);
    await ask();
    fake.put("web", [entry("b"), entry("a")]);
    expect(await ask()).toEqual(["ba", false, 0]);
    fake.put("web", [entry("b"), entry("a"), entry("a")]);
    expect(await ask()).toEqual(["ba", false, 0]);
    expect(answers.read().snapshot.skipped).toBe(1);
    fake.put("web", [entry("b")]);
    expect(await ask()).toEqual(["b", false, 0]);
  });

  it("remember no more than the last one", async () => {
    fake.put("web", [entry("a"), entry("b")]);
    await ask();
    fake.put("web", [entry("b")]);
    await ask();
    fake.put("web", [entry("a"), entry("b")]);
    expect(await ask()).toEqual(["ab", false, 1]);
  });

  it("parse what the one before did not have, in whatever order it comes, and also after one that broke off", async () => {
    const ids = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), { maxLength: 14 });
    const step = fc.record({ ids, isCut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        let before = new Set<string>();
        fake.put("web", []);
        await ask();
        for (const one of steps) {
          const entries = one.ids.map((id) => entry(id));
          fake.put("web", entries);
          if (one.isCut)
            fake.once((_, response) => fake.answer(response, JSON.stringify(entries).slice(0, -1)));
          const cut = one.isCut ? await ask().catch((error: unknown) => error) : { class: "data" };
          expect(cut).toMatchObject({ class: "data" });
          const distinct = new Set(one.ids);
          const [told, , read] = await ask();
          expect(told).toBe([...distinct].join(""));
          expect(read).toBe([...distinct].filter((id) => !before.has(id)).length);
          before = distinct;
        }
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  it("stay as they were after one that is no list", async () => {
    fake.put("web", [entry("a")]);
    await ask();
    fake.once((_, response) => fake.answer(response, `[${JSON.stringify(entry("b"))},`));
    await expect(ask()).rejects.toMatchObject({ class: "data" });
    expect(await ask()).toEqual(["a", true, 0]);
    fake.put("web", [entry("b")]);
    expect(await ask()).toEqual(["b", false, 1]);
  });

  it("keep the bytes of an entry, and none that they came with", async () => {
    const peeking = new PeekingHttp(resolveConnection({}, [fake.url]), 1, 1_000_000);
    fake.put("web", [entry("a"), entry("b")]);
    for (let asked = 0; asked < 2; asked++) await answers.fetch(peeking, request, systemClock, never);
    peeking.close();
    expect(peeking.expected?.toString()).toBe(JSON.stringify(entry("a")));
    expect(peeking.expected?.buffer.byteLength).toBe(peeking.expected?.length);
  });

  it("count when they were kept, and not before", async () => {
    fake.put("web", [entry("a")]);
    await answers.fetch(http, request, systemClock, never);
    await answers.fetch(http, request, systemClock, never);
    expect(answers.isRepeated).toBe(false);
    answers.keep();
    await answers.fetch(http, request, systemClock, never);
    expect(answers.isRepeated).toBe(true);
    expect(answers.bytes).toBe(JSON.stringify(entry("a")).length);
  });
});
