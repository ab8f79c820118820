import { Readable } from "node:stream";

import fc from "fast-check";
import { FormData as UndiciFormData } from "undici";
import { afterEach, describe, expect, it } from "vitest";

import { encodeMultipart } from "../../../src/client/multipart.ts";
import { createTypedClient } from "../../../src/client/typed/client.ts";
import type { CallEngine } from "../../../src/engine/request.ts";
import { wellFormedText } from "./any-text.ts";
import { echo, startEngine } from "./http-engine.ts";
import type { HttpEngine } from "./http-engine.ts";

let engine: HttpEngine | undefined;
afterEach(async () => {
  await engine?.[Symbol.asyncDispose]();
  engine = undefined;
});

async function sent(
  body: unknown,
  headers?: Record<string, string | null>,
): Promise<[type: unknown, text: unknown]> {
  engine ??= await startEngine(echo);
  const { data } = await createTypedClient(engine, "orders").POST("/x", { body, headers });
  const seen: { headers?: Record<string, unknown>; body?: unknown } = Object(data);
  return [seen.headers?.["content-type"], seen.body];
}

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const text of texts) yield Buffer.from(text);
}

describe("a body", () => {
  const octets = "application/octet-stream";
  it.each<[string, unknown, string, string]>([
    [
      "an object",
      { a: 1, b: undefined, at: new Date(0) },
      "application/json",
      '{"a":1,"at":"1970-01-01T00:00:00.000Z"}',
    ],
    ["a list", [1, null], "application/json", "[1,null]"],
    ["null", null, "application/json", "null"],
    ["a number", 5, "application/json", "5"],
    ["false", false, "application/json", "false"],
    ["an instance with toJSON", new URL("http://x/"), "application/json", '"http://x/"'],
    ["text", "hé", "text/plain;charset=UTF-8", "hé"],
    ["empty text", "", "text/plain;charset=UTF-8", ""],
    ["bytes", Buffer.from("b"), octets, "b"],
    ["a view of bytes", new DataView(Buffer.from("bytes").buffer, 0, 0), octets, ""],
    ["an ArrayBuffer", Uint8Array.from([104, 105]).buffer, octets, "hi"],
    [
      "URLSearchParams",
      new URLSearchParams({ a: "1 2" }),
      "application/x-www-form-urlencoded;charset=UTF-8",
      "a=1+2",
    ],
    ["a Blob", new Blob(["hi"], { type: "text/csv" }), "text/csv", "hi"],
    ["a Blob without type", new Blob(["hi"]), octets, "hi"],
    ["a stream", new Blob(["hi"]).stream(), octets, "hi"],
    ["a node stream", Readable.from([Buffer.from("h"), "i"]), octets, "hi"],
    ["an async iterable", pieces("h", "i"), octets, "hi"],
    ["a function that opens a stream", () => pieces("h", "i"), octets, "hi"],
    ["a function that opens one later", async () => pieces("h", "i"), octets, "hi"],
  ])("that is %s is sent as what it is", async (_what, body, type, text) => {
    expect(await sent(body)).toEqual([type, text]);
  });

  it("keeps the content type the caller sets", async () => {
    expect(await sent('{"a":1}', { "Content-Type": "application/json" })).toEqual([
      "application/json",
      '{"a":1}',
    ]);
    expect(await sent({ a: 1 }, { "content-type": "application/merge-patch+json" })).toEqual([
      "application/merge-patch+json",
      '{"a":1}',
    ]);
    expect(await sent({ a: 1 }, { "content-type": null })).toEqual([undefined, '{"a":1}']);
    expect(
      await sent(
        { a: "1 2", b: [1, 2], c: undefined },
        { "content-type": "application/x-www-form-urlencoded" },
      ),
    ).toEqual(["application/x-www-form-urlencoded", "a=1+2&b=1&b=2"]);
  });

  it("can be read as the form it is, with and without files, and of either FormData class", async () => {
    for (const Form of [FormData, UndiciFormData]) {
      for (const file of [undefined, new Blob(["x\r\n--y"], { type: "text/csv" })]) {
        const form = new Form();
        form.append('a"b\n', "1\n2");
        if (file !== undefined) form.append("file", file, 'f"1.csv');
        // oxlint-disable-next-line no-await-in-loop -- one server serves all
        const [type, text] = await sent(form, { "content-type": "multipart/form-data" });
        // oxlint-disable-next-line no-await-in-loop -- one server serves all
        const read = await new Response(String(text), {
          headers: { "content-type": String(type) },
        }).formData();
        expect(read.get('a"b\r\n')).toBe("1\r\n2");
        const back = read.get("file");
        // oxlint-disable-next-line no-await-in-loop -- one server serves all
        expect(back instanceof File ? [back.name, back.type, await back.text()] : undefined).toEqual(
          file === undefined ? undefined : ['f"1.csv', "text/csv", "x\r\n--y"],
        );
      }
    }
  });

  it("that is a form reads back as what was put in, whatever it holds", async () => {
    const text = wellFormedText.map((value) => value.replace(/\r\n?|\n/g, "\r\n"));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text)), async (fields) => {
        fc.pre(fields.length > 0);
        const form = new FormData();
        for (const [name, value] of fields) form.append(name, value);
        const { body, contentType } = encodeMultipart(form);
        const written = typeof body === "string" ? body : "";
        const answer = new Response(written, { headers: { "content-type": contentType ?? "" } });
        expect([...(await answer.formData())]).toEqual(fields);
      }),
      { seed: 5, numRuns: 50 },
    );
  });

  const circular: { self?: unknown } = {};
  circular.self = circular;
  it.each<[string, unknown, string]>([
    ["a bigint", 5n, "got 5n"],
    ["a symbol", Symbol("s"), "got Symbol(s)"],
    ["a circular object", circular, "cannot be written as JSON: Converting circular structure to JSON"],
    [
      "an object with a bigint",
      { a: 5n },
      "cannot be written as JSON: Do not know how to serialize a BigInt",
    ],
    ["an object that turns into nothing", { toJSON: () => undefined }, "cannot be written as JSON"],
    ["a promise", Promise.resolve({}), "got a Promise"],
    ["a map", new Map(), "got a Map"],
    ["a set", new Set(), "got a Set"],
    [
      "a function that returns nothing",
      () => {},
      "body function must return an async iterable of bytes, got undefined",
    ],
    ["a function that returns data", () => ({ a: 1 }), "got an object"],
    [
      "a stream of something else",
      Readable.from([{ a: 1 }]),
      "body stream must hold bytes or text, got an object",
    ],
  ])("that is %s is refused", async (_what, body, message) => {
    await expect(sent(body)).rejects.toMatchObject({
      code: "ERR_PROXYLESS_REQUEST",
      message: expect.stringContaining(message),
    });
  });

  it("of a form content type must be a form", async () => {
    await expect(sent({ a: 1 }, { "content-type": "multipart/form-data" })).rejects.toThrow(
      "must be a FormData",
    );
    await expect(sent({ a: {} }, { "content-type": "application/x-www-form-urlencoded" })).rejects.toThrow(
      'form field "a" must be text',
    );
  });

  it("may be written by a serialiser, the call's before the client's", async () => {
    engine = await startEngine(echo);
    const client = createTypedClient(engine, "orders", { bodySerializer: (body) => `client ${typeof body}` });
    expect((await client.POST("/x", { body: 1 })).data).toMatchObject({
      body: "client number",
      headers: { "content-type": "application/json" },
    });
    const bodySerializer = (): URLSearchParams => new URLSearchParams("a=1");
    expect((await client.POST("/x", { body: 1, bodySerializer })).data).toMatchObject({
      body: "a=1",
      headers: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" },
    });
    expect((await client.POST("/x")).data).toMatchObject({ body: "" });
  });

  it("that is a stream is ended when the call fails before reading it", async () => {
    const failing: CallEngine = { send: (_service, _request, sink) => sink.fail(new Error("no")) };
    const client = createTypedClient(failing, "orders");
    let cancelled = 0;
    const web = new ReadableStream({ cancel: () => void cancelled++ });
    const node = Readable.from([]);
    for (const body of [web, node]) {
      // oxlint-disable-next-line no-await-in-loop -- order does not matter, brevity does
      await expect(client.POST("/x", { body })).rejects.toThrow("no");
    }
    expect(cancelled).toBe(1);
    expect(node.destroyed).toBe(true);
  });

  it("that can be opened again is, for each attempt", async () => {
    const read: string[] = [];
    const twice: CallEngine = {
      send: (_service, { body }, sink) => {
        const once = async (): Promise<void> => {
          if (typeof body !== "function") throw new Error("cannot be sent again");
          for await (const chunk of body()) read.push(Buffer.from(chunk).toString());
        };
        once()
          .then(once)
          .catch(() => {})
          .finally(() => sink.fail(new Error("over")));
      },
    };
    const form = new FormData();
    form.append("f", new Blob(["file"]));
    const client = createTypedClient(twice, "orders");
    for (const body of [() => pieces("a"), new Blob(["b"]), form]) {
      // oxlint-disable-next-line no-await-in-loop -- the order is what is checked
      await expect(client.POST("/x", { body })).rejects.toThrow("over");
    }
    expect(read.filter((text) => ["a", "b", "file"].includes(text))).toEqual([
      "a",
      "a",
      "b",
      "b",
      "file",
      "file",
    ]);
  });
});
