import { describe, expect, it } from "vitest";

import { StreamReader } from "../../../src/engine/around/stream-reader.ts";
import type { ResponseControl, StreamSink } from "../../../src/engine/request.ts";

function readerOf(over: (control: ResponseControl, heard: string[]) => Partial<StreamSink>): {
  readonly reader: StreamReader;
  readonly heard: string[];
} {
  const heard: string[] = [];
  const control: ResponseControl = {
    pause: () => {
      reader.pause();
    },
    resume: () => {
      reader.resume();
    },
    abort: (reason) => {
      reader.abort(reason);
    },
  };
  const sink: StreamSink = {
    mode: "stream",
    head: (status) => heard.push(`head ${status}`),
    data: (chunk) => heard.push(`data ${chunk.toString()}`),
    end: () => heard.push("end"),
    fail: (error) => heard.push(String(error)),
    ...over(control, heard),
  };
  const reader = new StreamReader(sink, {
    readerPaused: (isPaused) => heard.push(isPaused ? "paused" : "flows"),
    readerGone: (reason) => heard.push(`gone: ${reason.message}`),
  });
  return { reader, heard };
}

const chunk = (text: string): Buffer => Buffer.from(text);

describe("a stream reader", () => {
  it("keeps what comes during a pause, and hands it on before anything later", () => {
    const { heard, reader } = readerOf(() => ({}));
    reader.head(200, {}, "");
    reader.pause();
    reader.data(chunk("a"));
    reader.data(chunk("b"));
    reader.resume();
    reader.data(chunk("c"));
    reader.end({});
    expect(heard).toEqual(["head 200", "paused", "data a", "data b", "flows", "data c", "end"]);
  });

  it("hands nothing on inside of what it is handing on", () => {
    const { heard, reader } = readerOf((control, list) => ({
      data: (piece) => {
        list.push(`begin ${piece.toString()}`);
        control.pause();
        control.resume();
        list.push(`end ${piece.toString()}`);
      },
    }));
    reader.pause();
    reader.data(chunk("a"));
    reader.data(chunk("b"));
    reader.resume();
    expect(heard.filter((word) => word.includes(" "))).toEqual(["begin a", "end a", "begin b", "end b"]);
  });

  it("stops where the sink gives up in the middle, and says so once", () => {
    const { heard, reader } = readerOf((control) => ({
      data: () => {
        control.abort(new Error("enough"));
        control.abort(new Error("again"));
      },
    }));
    reader.head(200, {}, "");
    reader.data(chunk("a"));
    reader.data(chunk("b"));
    reader.end({});
    reader.fail(new Error("broke"));
    expect(heard).toEqual(["head 200", "gone: enough"]);
  });

  it("tells of a broken stream at once, and drops what it kept", () => {
    const { heard, reader } = readerOf(() => ({}));
    reader.head(200, {}, "");
    reader.pause();
    reader.data(chunk("a"));
    reader.fail(new Error("broke"));
    reader.resume();
    reader.end({});
    expect(heard).toEqual(["head 200", "paused", "Error: broke"]);
  });
});
