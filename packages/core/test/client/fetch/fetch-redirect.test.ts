import type { IncomingHttpHeaders } from "node:http";
import { inspect } from "node:util";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createFetch } from "../../../src/client/fetch/create-fetch.ts";
import type { MeshFetch } from "../../../src/client/fetch/fetch-init.ts";
import { Backends, readAll } from "./pool-engine.ts";

interface Seen {
  at: string;
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let backends: Backends;
let fetch: MeshFetch;
let seen: Seen[];
let external: string;

beforeEach(async () => {
  backends = new Backends();
  fetch = createFetch(backends);
  seen = [];
  const record = (at: string) => async (request: Parameters<typeof readAll>[0]) => {
    const body = await readAll(request);
    seen.push({
      at,
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body: String(body),
    });
  };
  const recordOrders = record("orders");
  await backends.serve("orders", (request, response) => {
    const recorded = recordOrders(request);
    request.on("end", () => {
      const match = /^\/(\d{3})\/(.*)$/.exec(request.url ?? "");
      if (match === null) {
        void recorded.then(() => response.end("arrived"));
        return;
      }
      response.writeHead(Number(match[1]), { location: decodeURIComponent(match[2] ?? "") });
      void recorded.then(() => response.end("moved"));
    });
  });
  const recordPayments = record("payments");
  await backends.serve("payments", (request, response) => {
    void recordPayments(request).then(() => response.end("paid"));
  });
  const recordExternal = record("external");
  external = await backends.listen((request, response) => {
    if (request.url === "/back") response.writeHead(302, { location: "http://orders/home" });
    void recordExternal(request).then(() => response.end("outside"));
  });
});

afterEach(async () => {
  await backends[Symbol.asyncDispose]();
});

function via(status: number, location: string): string {
  return `http://orders/${status}/${encodeURIComponent(location)}`;
}

describe("following", () => {
  test("goes on to a path of the same service and says so", async () => {
    const response = await fetch(via(302, "/home?x=1#top"));
    expect(response).toMatchObject({ redirected: true, url: "http://orders/home?x=1", status: 200 });
    expect(await response.text()).toBe("arrived");
  });

  test.each([
    [301, "POST", "GET", ""],
    [302, "POST", "GET", ""],
    [302, "PUT", "PUT", "data"],
    [303, "PUT", "GET", ""],
    [307, "POST", "POST", "data"],
    [308, "PUT", "PUT", "data"],
  ])("%i turns %s into %s", async (status, method, then, body) => {
    await fetch(via(status, "/home"), {
      method,
      body: "data",
      headers: { "content-type": "a/b", "x-a": "1" },
    });
    expect(seen[1]).toMatchObject({ method: then, body, headers: { "x-a": "1" } });
    expect(seen[1]?.headers["content-type"]).toBe(body === "" ? undefined : "a/b");
    expect(seen[1]?.headers["content-length"]).toBe(body === "" ? undefined : "4");
  });

  test("303 leaves HEAD alone", async () => {
    await fetch(via(303, "/home"), { method: "HEAD" });
    expect(seen[1]?.method).toBe("HEAD");
  });

  test("sends forms and blobs again", async () => {
    await fetch(via(307, "/home"), { method: "POST", body: new Blob(["blob"]) });
    expect(seen.map(({ body }) => body)).toEqual(["blob", "blob"]);
  });

  test("does not pretend to send a stream again", async () => {
    const body = new Blob(["x"]).stream();
    const sent = fetch(via(307, "/home"), { method: "POST", body, duplex: "half" });
    await expect(sent).rejects.toMatchObject({
      code: "ERR_PROXYLESS_PROTOCOL",
      message: expect.stringContaining("stream"),
    });
    expect(seen).toHaveLength(1);
    const again = new Blob(["x"]).stream();
    const response = await fetch(via(303, "/home"), { method: "POST", body: again, duplex: "half" });
    expect(await response.text()).toBe("arrived");
  });

  test("a redirect without location, or with another status, is the answer", async () => {
    expect(await fetch("http://orders/304/x")).toMatchObject({ status: 304, redirected: false });
    expect(await fetch("http://orders/300/%2Fhome")).toMatchObject({ status: 300 });
  });

  test("stops after twenty", async () => {
    let location = "/end";
    for (let i = 0; i < 20; i++) location = `/302/${encodeURIComponent(location)}`;
    expect(await (await fetch(`http://orders${location}`)).text()).toBe("arrived");
    seen = [];
    const sent = fetch(`http://orders/302/${encodeURIComponent(location)}`);
    await expect(sent).rejects.toMatchObject({
      code: "ERR_PROXYLESS_PROTOCOL",
      message: "orders answered 302, after 20 redirects",
    });
    expect(seen).toHaveLength(21);
  });

  test("stops when the caller aborts on the way", async () => {
    const aborter = new AbortController();
    const sent = fetch(via(302, via(302, "/home")), { signal: aborter.signal });
    aborter.abort("stop");
    await expect(sent).rejects.toBe("stop");
  });
});

describe("leaving the service", () => {
  const secrets = { authorization: "Bearer x", cookie: "a=1", "proxy-authorization": "y", "x-a": "1" };

  test("leads to another known service, without credentials", async () => {
    const response = await fetch(via(307, "http://payments/pay"), {
      method: "POST",
      body: "b",
      headers: secrets,
    });
    expect(response).toMatchObject({ url: "http://payments/pay", redirected: true });
    expect(seen[1]).toMatchObject({ at: "payments", body: "b", headers: { host: "payments", "x-a": "1" } });
    for (const name of ["authorization", "cookie", "proxy-authorization"]) {
      expect(seen[0]?.headers[name]).toBeDefined();
      expect(seen[1]?.headers[name]).toBeUndefined();
    }
  });

  test("keeps credentials within the service, named in full or not", async () => {
    await fetch(via(302, "http://orders/home"), { headers: secrets });
    expect(seen[1]?.headers.authorization).toBe("Bearer x");
  });

  test("is refused where the host is neither service nor allowed", async () => {
    await expect(fetch(via(302, `${external}/x`))).rejects.toMatchObject({
      code: "ERR_PROXYLESS_UNKNOWN_SERVICE",
      message: expect.stringMatching(/^orders answered 302, a redirect to http:\/\/127\.0\.0\.1:\d+: /),
    });
    expect(seen).toHaveLength(1);
  });

  test("leads outside where that is allowed, and back", async () => {
    backends.allowExternal();
    const response = await fetch(via(302, `${external}/back`), { headers: secrets });
    expect(response).toMatchObject({ url: "http://orders/home", redirected: true });
    expect(seen.map(({ at }) => at)).toEqual(["orders", "external", "orders"]);
    expect(seen[1]?.headers.authorization).toBeUndefined();
    expect(await response.text()).toBe("arrived");
  });

  test.each(["http://user:pw@orders/", "ftp://orders/", "data:text/plain,x", "http://[/", "http://[/?pw"])(
    "to %s is an error",
    async (location) => {
      const error: unknown = await fetch(via(302, location)).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: "ERR_PROXYLESS_PROTOCOL" });
      expect(inspect(error)).not.toContain("pw");
    },
  );
});

describe("not following", () => {
  test("manual gives the redirect itself", async () => {
    const response = await fetch(via(302, "/home"), { redirect: "manual" });
    expect(response).toMatchObject({ status: 302, redirected: false });
    expect(response.headers.get("location")).toBe("/home");
    expect(await response.text()).toBe("moved");
  });

  test("error rejects, also when a Request says it", async () => {
    const want = { code: "ERR_PROXYLESS_PROTOCOL", service: "orders" };
    await expect(fetch(via(302, "/home"), { redirect: "error" })).rejects.toMatchObject(want);
    await expect(fetch(new Request(via(302, "/home"), { redirect: "error" }))).rejects.toMatchObject(want);
  });
});
