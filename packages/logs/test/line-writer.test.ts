import { once } from "node:events";
import { Writable } from "node:stream";

import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { LineWriter } from "../src/access/line-writer.ts";
import { Trouble } from "../src/trouble.ts";

/** A stream that takes what it is given only when it is told to. */
class SlowStream extends Writable {
  readonly taken: string[] = [];
  #release: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false });
  }

  override _write(chunk: string, _: BufferEncoding, done: (error?: Error) => void): void {
    this.taken.push(chunk);
    this.#release = done;
  }

  async take(): Promise<void> {
    const drained = once(this, "drain");
    this.#release?.();
    await drained;
  }
}

const lines = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `line ${i}\n`);

function writing(
  target: ConstructorParameters<typeof LineWriter>[0],
  maxLines = 10,
  onDropped: ((lines: number) => void) | undefined = () => undefined,
): { readonly writer: LineWriter; readonly trouble: Trouble } {
  const trouble = new Trouble("the access log of a test");
  return { writer: new LineWriter(target, maxLines, trouble, onDropped), trouble };
}

describe("lines to a stream", () => {
  it("wait while it takes none, in bounded numbers; what is dropped is counted and said", async () => {
    const stream = new SlowStream();
    const told: number[] = [];
    const { writer } = writing(stream, 3, (dropped) => told.push(dropped));
    for (const line of lines(10)) writer.write(line);
    expect(stream.taken).toEqual(["line 0\n"]);
    expect(writer.dropped).toBe(6);
    expect(told).toEqual([]);
    await stream.take();
    expect(told).toEqual([6]);
    expect(stream.taken).toEqual(["line 0\n", "line 1\nline 2\nline 3\n"]);
    await stream.take();
    writer.write("more\n");
    expect(stream.taken.at(-1)).toBe("more\n");
    expect(writer.dropped).toBe(6);
  });

  it("are dropped once it is gone, and its errors end no process", async () => {
    const stream = new SlowStream();
    const { trouble, writer } = writing(stream);
    for (const line of lines(3)) writer.write(line);
    stream.destroy(new Error("no space left"));
    await new Promise<unknown>((resolve) => {
      stream.on("close", resolve);
    });
    expect(trouble.count).toBe(1);
    expect(writer.dropped).toBe(2);
    writer.write("late\n");
    expect(writer.dropped).toBe(3);
    expect(stream.listenerCount("error")).toBe(0);
    expect(stream.listenerCount("drain")).toBe(0);
  });
});

describe("lines to a function", () => {
  it("come one by one, and while it works all that waits at once", async () => {
    const got: string[] = [];
    const work: (() => void)[] = [];
    const { writer } = writing((text) => {
      got.push(text);
      return new Promise<void>((resolve) => {
        work.push(resolve);
      });
    });
    for (const line of lines(3)) writer.write(line);
    expect(got).toEqual(["line 0\n"]);
    work.shift()?.();
    await settled();
    expect(got).toEqual(["line 0\n", "line 1\nline 2\n"]);
  });

  it("are lost, and counted as failures, where it fails", async () => {
    let calls = 0;
    const { trouble, writer } = writing(() => {
      calls++;
      if (calls === 1) throw new Error("broken");
      return Promise.reject(new Error("broken"));
    });
    writer.write("a\n");
    writer.write("b\n");
    await settled();
    writer.write("c\n");
    expect(calls).toBe(3);
    await settled();
    expect(trouble.count).toBe(3);
  });

  it("never come in pieces larger than a batch, unless one line is", async () => {
    const got: number[] = [];
    const { writer } = writing((text) => {
      got.push(text.length);
      return Promise.resolve();
    }, 1000);
    for (let i = 0; i < 100; i++) writer.write(`${"x".repeat(9_999)}\n`);
    writer.write(`${"x".repeat(99_999)}\n`);
    for (let i = 0; i < 40; i++) await settled();
    expect(got.reduce((sum, length) => sum + length, 0)).toBe(1_100_000);
    expect(Math.max(...got.slice(0, -1))).toBeLessThanOrEqual(65_536);
    expect(got.at(-1)).toBe(100_000);
  });
});

describe("the end of the lines", () => {
  it("waits for what is kept", async () => {
    const stream = new SlowStream();
    const clock = new ManualClock();
    const { writer } = writing(stream);
    for (const line of lines(3)) writer.write(line);
    const end = writer.end(clock, 2000);
    await stream.take();
    await stream.take();
    await end;
    expect(stream.taken.join("")).toBe(lines(3).join(""));
    expect(writer.dropped).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    expect(stream.listenerCount("drain")).toBe(0);
    expect(stream.writableEnded).toBe(false);
  });

  it("waits no longer than it may, and drops what is left", async () => {
    const stream = new SlowStream();
    const clock = new ManualClock();
    const told: number[] = [];
    const { writer } = writing(stream, 10, (dropped) => told.push(dropped));
    for (const line of lines(3)) writer.write(line);
    const end = writer.end(clock, 2000);
    await clock.advance(2000);
    await end;
    expect(writer.dropped).toBe(2);
    expect(told).toEqual([2]);
    expect(clock.pendingTimers).toBe(0);
  });
});

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
