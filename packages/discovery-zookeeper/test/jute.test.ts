import { SourceError } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { inChunks } from "../src/client/arming.ts";
import { FrameSplitter } from "../src/client/frame-splitter.ts";
import { JuteReader } from "../src/client/jute-reader.ts";
import { JuteWriter } from "../src/client/jute-writer.ts";
import {
  connectFrame,
  readConnectResponse,
  readReplyHeader,
  readStat,
  readWatchEvent,
  sizes,
} from "../src/client/protocol.ts";

const seed = 20_260_421;

/** A value of any kind, with how it is written and read. */
const value = fc.oneof(
  fc.integer().map((v) => ["int", v] as const),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((v) => ["long", v] as const),
  fc.boolean().map((v) => ["bool", v] as const),
  fc.uint8Array({ maxLength: 300 }).map((v) => ["buffer", Buffer.from(v)] as const),
  fc.string({ unit: "binary", maxLength: 80 }).map((v) => ["text", v] as const),
  fc.array(fc.string({ maxLength: 20 }), { maxLength: 20 }).map((v) => ["list", v] as const),
);

type Value = readonly [string, unknown];

function write(writer: JuteWriter, [kind, content]: Value): void {
  if (kind === "int") writer.int(Number(content));
  else if (kind === "long") writer.long(BigInt(String(content)));
  else if (kind === "bool") writer.bool(content === true);
  else if (kind === "buffer") writer.buffer(Buffer.isBuffer(content) ? content : Buffer.alloc(0));
  else if (kind === "text") writer.text(String(content));
  else if (Array.isArray(content)) writer.list(content, (into, text) => into.text(String(text)));
}

function read(reader: JuteReader, kind: string): unknown {
  if (kind === "int") return reader.int();
  if (kind === "long") return reader.long();
  if (kind === "bool") return reader.bool();
  if (kind === "buffer") return reader.buffer();
  if (kind === "text") return reader.text();
  return reader.list(4, (from) => from.text());
}

function failureOf(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("the record format", () => {
  it("reads what it wrote, and nothing is left", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 30 }), (values) => {
        const writer = new JuteWriter(16);
        for (const each of values) write(writer, each);
        const reader = new JuteReader(writer.bytes());
        for (const [kind, content] of values) expect(read(reader, kind)).toEqual(content);
        expect(reader.left).toBe(0);
      }),
      { seed, numRuns: 300 },
    );
  });

  it("refuses what was cut short, with class data and nothing else", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), fc.nat(), (values, cut) => {
        const writer = new JuteWriter();
        for (const each of values) write(writer, each);
        const whole = writer.bytes();
        const reader = new JuteReader(whole.subarray(0, cut % whole.length));
        expect(() => {
          for (const [kind] of values) read(reader, kind);
        }).toThrow(expect.objectContaining({ class: "data" }));
      }),
      { seed, numRuns: 300 },
    );
  });

  it("reads any bytes as any record without another error than data, and believes no length", () => {
    const records = [
      readConnectResponse,
      readReplyHeader,
      readStat,
      readWatchEvent,
      (reader: JuteReader): unknown => reader.list(4, (from) => from.text()),
      (reader: JuteReader): unknown => reader.buffer(),
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...records), (bytes, record) => {
        const failure = failureOf(() => record(new JuteReader(Buffer.from(bytes))));
        expect(failure === undefined || failure instanceof SourceError).toBe(true);
      }),
      { seed, numRuns: 1000 },
    );
    const hostile = new JuteWriter().int(0x7fff_ffff).bytes();
    expect(() => new JuteReader(hostile).list(4, (from) => from.text())).toThrow(
      /a list of 2147483647 in 0 bytes/,
    );
    expect(() => new JuteReader(hostile).buffer()).toThrow(/2147483647 bytes where 0 are left/);
    expect(() => new JuteReader(new JuteWriter().int(-2).bytes()).buffer()).toThrow(/a length of -2/);
    expect(() => new JuteReader(Buffer.from([2])).bool()).toThrow(/a truth value of 2/);
    expect(new JuteReader(new JuteWriter().int(-1).bytes()).buffer()).toHaveLength(0);
  });

  it("has the sizes that ZooKeeper's records have", () => {
    const frame = connectFrame({
      lastZxid: 7n,
      timeoutMs: 9000,
      sessionId: 0x1234n,
      password: Buffer.alloc(16, 1),
      allowReadOnly: true,
    });
    // Version, transaction, timeout, session, password with its length, read-only.
    expect(frame).toHaveLength(4 + 4 + 8 + 4 + 8 + 20 + 1);
    expect(frame.toString("hex")).toBe(
      `0000002d00000000000000000000000700002328000000000000123400000010${"01".repeat(16)}01`,
    );
    expect(() => readStat(new JuteReader(Buffer.alloc(sizes.stat - 1)))).toThrow(/bytes where/);
    const reader = new JuteReader(Buffer.alloc(sizes.stat));
    readStat(reader);
    expect(reader.left).toBe(0);
  });

  it("reads the answer of a server that says nothing about reading only", () => {
    const old = new JuteWriter().int(0).int(4000).long(5n).buffer(Buffer.alloc(16, 2)).bytes();
    expect(readConnectResponse(new JuteReader(old))).toEqual({
      timeoutMs: 4000,
      sessionId: 5n,
      password: Buffer.alloc(16, 2),
      isReadOnly: false,
    });
  });
});

describe("the splitter of frames", () => {
  it("gives the same frames however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 20 }),
        (contents, cuts) => {
          const stream = Buffer.concat(contents.map((bytes) => new JuteWriter().buffer(bytes).bytes()));
          const splitter = new FrameSplitter(1000);
          const frames: string[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = cuts[i % cuts.length] ?? 1;
            splitter.add(stream.subarray(at, at + size), (frame) => frames.push(frame.toString("hex")));
            at += size;
          }
          expect(frames).toEqual(contents.map((bytes) => Buffer.from(bytes).toString("hex")));
        },
      ),
      { seed, numRuns: 300 },
    );
  });

  it.each([
    ["a negative one", -1],
    ["one above the limit", 1001],
    ["the beginning of an HTTP answer", Buffer.from("HTTP").readInt32BE()],
  ])("refuses a length that is %s before the bytes come", (_, length) => {
    const splitter = new FrameSplitter(1000);
    expect(() => {
      splitter.add(new JuteWriter().int(length).bytes(), () => undefined);
    }).toThrow(expect.objectContaining({ class: "data" }));
  });
});

describe("watches that are set again", () => {
  it("go in parts, in order, none of them longer than the limit unless it is alone", () => {
    const entry = fc.tuple(fc.constantFrom("data", "children", "recursive"), fc.string({ maxLength: 60 }));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
        const parts = inChunks(entries, 128);
        expect(parts.flat()).toEqual(entries);
        for (const part of parts) {
          const bytes = part.reduce((sum, [, path]) => sum + Buffer.byteLength(path) + 4, 0);
          expect(part.length === 1 || bytes <= 128).toBe(true);
          expect(part.length).toBeGreaterThan(0);
        }
      }),
      { seed, numRuns: 200 },
    );
  });
});
