import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { AnswerPacer } from "../src/answer-pacer.ts";

/** An answer of a few instances. */
const short = 5_000;
/** What Consul says of ten thousand instances. */
const long = 9_600_000;

/** Runs a loop whose answers come `answerMs` after each query, for `totalMs`; counts its queries. */
function storm(totalMs: number, answerMs: number, changed: boolean, bytes = short): number {
  const pacer = new AnswerPacer();
  let queries = 1;
  for (let now = answerMs; now < totalMs; queries++) now += pacer.next(now, changed, bytes) + answerMs;
  return queries;
}

describe("the pacer", () => {
  it("lets two queries follow each other at once, and makes the third wait a little", () => {
    const pacer = new AnswerPacer();
    expect([pacer.next(1, true, short), pacer.next(2, true, short)]).toEqual([0, 0]);
    const third = pacer.next(3, true, short);
    expect(third).toBeGreaterThan(0);
    expect(third).toBeLessThanOrEqual(20);
  });

  it("never makes a change wait that comes after a pause", () => {
    const pacer = new AnswerPacer();
    for (let now = 0; now < 300_000; now += 1000) {
      expect([pacer.next(now, true, short), pacer.next(now + 5, true, short)]).toEqual([0, 0]);
    }
  });

  it("follows a deployment of a hundred instances in ten seconds without a wait", () => {
    const pacer = new AnswerPacer();
    for (let now = 0; now < 10_000; now += 100) expect(pacer.next(now, true, short)).toBe(0);
  });

  it("bounds a lasting storm of changes to two queries a second", () => {
    expect(storm(60_000, 1, true)).toBeLessThan(330);
    expect(storm(600_000, 1, true) - storm(300_000, 1, true)).toBeLessThan(610);
  });

  it("bounds a lasting storm of answers without change to one query in five seconds", () => {
    expect(storm(60_000, 1, false)).toBeLessThan(35);
    expect(storm(600_000, 1, false) - storm(300_000, 1, false)).toBeLessThan(62);
  });

  it("lets a change through at once after a storm and a short quiet", () => {
    const pacer = new AnswerPacer();
    let now = 0;
    while (now < 60_000) now += pacer.next(now, true, short) + 1;
    now += 2000;
    expect([pacer.next(now, true, short), pacer.next(now + 1, true, short)]).toEqual([0, 0]);
  });

  it("reads ten thousand instances every other second when it lasts", () => {
    expect(storm(60_000, 100, true, long)).toBeGreaterThan(22);
    expect(storm(60_000, 100, true, long)).toBeLessThanOrEqual(32);
  });

  it("never makes a change of ten thousand instances wait that comes after a pause of three seconds", () => {
    const pacer = new AnswerPacer();
    // What is waited for after an answer is over before the next change comes.
    for (let now = 0; now < 300_000; now += 3000) expect(pacer.next(now, true, long)).toBeLessThan(2500);
  });

  it("makes nobody wait for the length of an answer of less than a megabyte", () => {
    const pacer = new AnswerPacer();
    for (let now = 0; now < 10_000; now += 250) expect(pacer.next(now, true, 900_000)).toBe(0);
  });

  it("never asks for a negative or endless wait, whatever comes when", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20_000), fc.boolean(), fc.nat(1_000_000_000))), (answers) => {
        const pacer = new AnswerPacer();
        let now = 0;
        for (const [gap, changed, bytes] of answers) {
          now += gap;
          const wait = pacer.next(now, changed, bytes);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(5000);
          now += wait;
        }
      }),
      { seed: 3 },
    );
  });
});
