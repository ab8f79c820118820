import { isIPv4 } from "node:net";

import { decode, encode } from "dns-packet";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { makeQuestion, readMessage, udpPayloadBytes } from "../src/message.ts";
import type { Question } from "../src/message.ts";

const name = "_http._tcp.orders.prod.svc.cluster.local";

/** What a good server sends. */
function answerTo(question: Question, flags = 0): Buffer {
  const query = decode(question.bytes);
  return encode({
    type: "response",
    id: query.id,
    flags,
    questions: query.questions,
    answers: [
      { type: "A", name, ttl: 7, data: "10.0.0.1" },
      { type: "AAAA", name, ttl: 2 ** 32 - 1, data: "fd00::1" },
      { type: "SRV", name, ttl: 7, data: { target: "Host.X", port: 80, priority: 1, weight: 2 } },
      { type: "CNAME", name, ttl: 7, data: "other.x" },
      { type: "TXT", name, ttl: 7, data: "no matter" },
    ],
  });
}

describe("a question", () => {
  it("is never the same twice: its id and the case of its letters are drawn", () => {
    const made = Array.from({ length: 200 }, () => makeQuestion(name, "SRV", true));
    expect(new Set(made.map(({ bytes }) => bytes.readUInt16BE(0))).size).toBeGreaterThan(190);
    expect(new Set(made.map(({ bytes }) => bytes.toString("latin1", 12, 60))).size).toBe(200);
    for (const { bytes } of made) {
      const { questions, additionals } = decode(bytes);
      expect(questions?.[0]?.name.toLowerCase()).toBe(name);
      expect(additionals?.[0]).toMatchObject({ type: "OPT", udpPayloadSize: udpPayloadBytes });
    }
  });
});

describe("a reader of answers", () => {
  it("reads the records it knows, with names in lower case and broken times to live as 0", () => {
    const question = makeQuestion(name, "A", true);
    expect(readMessage(answerTo(question), question)).toMatchObject({
      kind: "reply",
      reply: {
        exists: true,
        isAuthoritative: false,
        answers: [
          { type: "A", name, ttl: 7, address: "10.0.0.1" },
          { type: "AAAA", name, ttl: 0, address: "fd00::1" },
          { type: "SRV", name, ttl: 7, target: "host.x", port: 80, priority: 1, weight: 2 },
          { type: "CNAME", name, ttl: 7, target: "other.x" },
        ],
      },
    });
  });

  it("tells apart what servers say", () => {
    const question = makeQuestion(name, "A", true);
    const kind = (flags: number): string => {
      const message = readMessage(answerTo(question, flags), question);
      return message.kind === "failed" ? message.code : message.kind;
    };
    expect([0, 1, 2, 3, 4, 5, 9, 11].map(kind)).toEqual([
      "reply",
      "no-edns",
      "SERVFAIL",
      "reply",
      "no-edns",
      "REFUSED",
      "NOTAUTH",
      "code 11",
    ]);
    expect(readMessage(answerTo(question, 3), question)).toMatchObject({ reply: { exists: false } });
    expect(kind(0x0200)).toBe("truncated");
  });

  it("takes no answer to another question, by id, name, type, case or kind", () => {
    fc.assert(
      fc.property(fc.constantFrom("id", "name", "type", "case", "query", "two", "none"), (what) => {
        const question = makeQuestion(name, "A", false);
        const bytes = Buffer.from(answerTo(question));
        if (what === "id") bytes.writeUInt16BE(bytes.readUInt16BE(0) ^ 1, 0);
        if (what === "name") bytes.write("x", 20, "latin1");
        if (what === "type") bytes.writeUInt16BE(28, 12 + name.length + 2);
        if (what === "case") bytes.write(String.fromCharCode((bytes[14] ?? 0) ^ 0x20), 14, "latin1");
        if (what === "query") bytes.writeUInt16BE(bytes.readUInt16BE(2) & 0x7fff, 2);
        if (what === "two") bytes.writeUInt16BE(2, 4);
        if (what === "none") bytes.writeUInt16BE(0, 4);
        expect(readMessage(bytes, question).kind).toBe(what === "case" ? "recased" : "foreign");
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it("never throws, and believes no forged bytes, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(readMessage(Buffer.from(bytes), makeQuestion(name, "A", true)).kind).toBe("foreign");
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  it("never throws on an answer that was damaged, and gives only addresses that are some", () => {
    fc.assert(
      fc.property(
        fc.nat(400),
        fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        (cut, changes) => {
          const question = makeQuestion(name, "A", true);
          const whole = Buffer.from(answerTo(question));
          for (const [at, value] of changes) if (at >= 60 && at < whole.length) whole[at] = value;
          const message = readMessage(whole.subarray(0, Math.max(cut, 60)), question);
          expect(["reply", "garbled"]).toContain(message.kind);
          const records = message.kind === "reply" ? message.reply.answers : [];
          const hosts = records.flatMap((each) => (each.type === "A" ? each.address : []));
          expect(hosts.filter((host) => !isIPv4(host))).toEqual([]);
        },
      ),
      { seed: 6, numRuns: 3000 },
    );
  });
});
