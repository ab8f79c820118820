import { describe, expect, it } from "vitest";

import { codecs, zookeeper, zookeeperRegistrar } from "../src/index.ts";

const servers = "127.0.0.1:2181";

describe("options of a source", () => {
  it.each<readonly [string, object]>([
    ["servers", { servers: "" }],
    ["servers", {}],
    ["chroot", { servers: "a:1/x", chroot: "/y" }],
    ["chroot", { servers, chroot: "y" }],
    ["tls.ca", { servers, tls: { ca: "nonsense" } }],
    ["auth", { servers, auth: { user: "a:b", password: "c" } }],
    ["auth", { servers, auth: { user: "a" } }],
    ["auth", { servers, auth: "a:b" }],
    ["sessionTimeoutMs", { servers, sessionTimeoutMs: 999 }],
    ["requestTimeoutMs", { servers, requestTimeoutMs: 99 }],
    ["maxAnswerBytes", { servers, maxAnswerBytes: 1 }],
    ["codec", { servers, codec: { name: "x" } }],
    ["codec", { servers, codec: "curator" }],
    ["path", { servers, path: "/services" }],
    ["path", { servers, path: "services/{service}" }],
    ["path", { servers, path: "/services/{service}/" }],
    ["endpointName", { servers, endpointName: "" }],
    ["weightBase", { servers, weightBase: 0 }],
    ["watches", { servers, watches: "all" }],
    ["allowReadOnly", { servers, allowReadOnly: 1 }],
    ["resyncMs", { servers, resyncMs: 1 }],
    ["emptyHoldMs", { servers, emptyHoldMs: -1 }],
    ["server", { server: servers }],
  ])("names %s when it is wrong: %j", (field, options) => {
    // @ts-expect-error -- what a caller without types may give
    expect(() => zookeeper(options)).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field: expect.stringMatching(`^${field}`) }),
    );
  });

  it("show no secret, neither in errors nor in keys, and make keys that differ where answers would", () => {
    const secret = "s3cr3t-of-reader";
    expect(() => zookeeper({ servers, auth: { user: "", password: secret } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secret) }),
    );
    const key = (options: object, service = "web"): string =>
      zookeeper({ servers, ...options }).key({ service });
    const who = { user: "reader", password: secret };
    expect(key({ auth: { ...who, password: "another" } })).toBe(key({ auth: who }));
    const keys = [
      key({}),
      key({}, "api"),
      key({ auth: who }),
      key({ auth: { ...who, user: "writer" } }),
      key({ codec: codecs.serverset, path: "/services/{service}" }),
      key({ path: "/other/{service}" }),
      key({ chroot: "/apps" }),
      key({ servers: "127.0.0.1:2182" }),
      key({ endpointName: "http" }),
      key({ weightBase: 10 }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(key({})).toBe(key({}));
  });
});

describe("options of a registrar", () => {
  it.each<readonly [string, object]>([
    ["servers", { servers: 7 }],
    ["codec", { servers, codec: { name: "mine", path: "/{service}", decode: () => undefined } }],
    ["codec", { servers, codec: codecs.dubbo }],
    ["acl", { servers, acl: "creator" }],
    ["acl", { servers, acl: [] }],
    ["acl[0].permissions", { servers, acl: [{ scheme: "world", id: "anyone", permissions: 32 }] }],
    ["acl[0].scheme", { servers, acl: [{ scheme: "", id: "anyone", permissions: 1 }] }],
    ["acl[0].perms", { servers, acl: [{ scheme: "world", id: "anyone", perms: 1 }] }],
    ["watches", { servers, watches: "auto" }],
  ])("names %s when it is wrong: %j", (field, options) => {
    // @ts-expect-error -- what a caller without types may give
    expect(() => zookeeperRegistrar(options)).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field }),
    );
  });

  it("say why nothing is written for Dubbo's applications, and what its consumers read", () => {
    const make = (): unknown => zookeeperRegistrar({ servers, codec: codecs.dubbo });
    for (const word of ["dubboInterface", "springCloud", "by Dubbo's own RPC", '"dubbo"']) {
      expect(make).toThrow(word);
    }
  });
});
