import { describe, expect, it } from "vitest";

import { readWatchLine } from "../src/answers.ts";
import { readRefusal, refusalOf } from "../src/etcd-error.ts";

function refused(status: number, body: string, headers = {}): unknown {
  const {
    class: kind,
    message,
    code,
    isTokenTrouble,
  } = refusalOf("web/", { status, headers, body, pieces: [] }, 0);
  return { kind, message, code, isTokenTrouble };
}

describe("a refusal", () => {
  it.each([
    ["3.4", '{"error":"etcdserver: permission denied","message":"etcdserver: permission denied","code":7}'],
    ["3.5", '{"code":7,"message":"etcdserver: permission denied"}'],
    ["3.6", '{"code":7,"message":"etcdserver: permission denied","details":[]}'],
  ])("is understood as %s writes it", (_, body) => {
    expect(refused(403, body)).toEqual({
      kind: "auth",
      code: 7,
      isTokenTrouble: false,
      message: 'web/: etcd answered 403 "etcdserver: permission denied"',
    });
  });

  it.each([
    [401, 16, "etcdserver: invalid auth token", "auth", true],
    [400, 3, "etcdserver: user name is empty", "auth", true],
    [400, 3, "etcdserver: revision of auth store is old", "auth", true],
    [400, 3, "etcdserver: authentication failed, invalid user ID or password", "auth", false],
    [400, 3, "etcdserver: key is not provided", "config", false],
    [400, 11, "etcdserver: mvcc: required revision has been compacted", "protocol-reset", false],
    [404, 5, "etcdserver: requested lease not found", "config", false],
    [400, 9, "etcdserver: authentication is not enabled", "config", false],
    [501, 12, "Not Implemented", "config", false],
    [503, 14, "etcdserver: no leader", "transient", false],
    [500, 2, "context deadline exceeded", "transient", false],
    [504, 4, "context deadline exceeded", "transient", false],
    [429, 8, "etcdserver: too many requests", "transient", false],
    [500, 13, "etcdserver: corrupt", "transient", false],
  ])("of %i, code %i (%s) is %s", (status, code, message, kind, isTokenTrouble) => {
    expect(refused(status, JSON.stringify({ code, message }))).toMatchObject({ kind, code, isTokenTrouble });
  });

  it.each([
    [404, "404 page not found\n", "config", /JSON gateway turned off/],
    [502, "<html><h1>Bad Gateway</h1></html>", "transient", /Bad Gateway/],
    [429, "", "transient", /429/],
    [401, "who are you", "auth", /who are you/],
    [302, "", "transient", /302/],
  ])("of %i that is not etcd's own (%j) is %s", (status, body, kind, said) => {
    expect(refused(status, body)).toMatchObject({ kind, message: expect.stringMatching(said) });
  });

  it("asks for patience as long as it says", () => {
    const answer = {
      status: 503,
      headers: { "retry-after": "7" },
      body: '{"code":14,"message":"busy"}',
      pieces: [],
    };
    expect(refusalOf("web/", answer, 0).retryAfterMs).toBe(7000);
  });

  it("inside a stream has its code under another name", () => {
    expect(readRefusal({ grpc_code: 14, http_code: 503, message: "no leader" })).toEqual({
      code: 14,
      message: "no leader",
    });
    expect(readRefusal("nonsense")).toBeUndefined();
  });
});

describe("a line of a watch", () => {
  it("keeps numbers beyond 2^53 exact", () => {
    const header = { cluster_id: "14841639068965178418", revision: "9223372036854775807" };
    const message = readWatchLine(JSON.stringify({ result: { header, created: true } }), "web/");
    expect(message.header).toEqual({ clusterId: "14841639068965178418", revision: 9223372036854775807n });
  });
});
