import { describe, expect, it } from "vitest";

import { codecs, etcd, etcdRegistrar } from "../src/index.ts";
import type { EtcdOptions } from "../src/index.ts";

const url = "http://127.0.0.1:2379";

function refusal(options: object): string {
  try {
    etcd({ url, ...options });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

describe("the options of a source", () => {
  it.each([
    [{ url: "ftp://x" }, "url"],
    [{ url: [] }, "url"],
    [{ url: "http://user:secret@127.0.0.1" }, "url"],
    [{ tls: {} }, "url"],
    [{ username: "a" }, "password"],
    [{ password: "b" }, "username"],
    [{ username: "a", password: "" }, "password"],
    [{ username: "a", password: "b", passwordFile: "/c" }, "passwordFile"],
    [{ requestTimeoutMs: 99 }, "requestTimeoutMs"],
    [{ resyncMs: 999 }, "resyncMs"],
    [{ weightBase: 0 }, "weightBase"],
    [{ maxBodyBytes: 1 }, "maxBodyBytes"],
    [{ emptyHoldMs: -1 }, "emptyHoldMs"],
    [{ prefix: 7 }, "prefix"],
    [{ codec: "kratos" }, "codec"],
    [{ codec: { name: "own", base: "" } }, "codec"],
    [{ codec: { ...codecs.plain, encode: 7 } }, "codec"],
    [{ prefx: "/" }, "prefx"],
  ])("%j are refused, naming %s", (options, field) => {
    expect(refusal(options)).toContain(field);
    expect(refusal(options)).not.toContain("secret");
  });

  it("never quote a password", () => {
    expect(refusal({ password: "top-secret-word" })).not.toContain("top-secret-word");
    expect(refusal({ username: "a", password: "top-secret-word", passwordFile: "/c" })).not.toContain(
      "top-secret",
    );
  });

  it("make the key of a watch: everything that changes the answer, and no password", () => {
    const key = (options: Partial<EtcdOptions>): string => etcd({ url, ...options }).key({ service: "web" });
    const user = { username: "a", password: "b" };
    const keys = [
      {},
      { prefix: "/x/" },
      { codec: codecs.kratos },
      { weightBase: 2 },
      user,
      { url: "http://127.0.0.2:2379" },
    ].map(key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(key({ ...user, password: "c" })).toBe(key(user));
    expect(key({})).toBe(key({}));
  });

  it("have defaults that are said in the docs", () => {
    expect(etcd({ url })).toMatchObject({ name: "etcd", emptyHoldMs: 30_000, debounceMs: 2 });
  });
});

describe("the options of a registrar", () => {
  it.each([
    [{ codec: codecs.auto }, "codec"],
    [{ ttlMs: 1999 }, "ttlMs"],
    [{ ttlMs: 2500 }, "ttlMs"],
    [{ resyncMs: 5000 }, "resyncMs"],
  ])("%j are refused, naming %s", (options, field) => {
    expect(() => etcdRegistrar({ url, ...options })).toThrow(field);
  });

  it("refuse an id that would stand below another service", async () => {
    const registrar = etcdRegistrar({ url });
    const register = registrar.register({ service: "web", id: "a/b", host: "10.0.0.1", port: 80 });
    await expect(register).rejects.toMatchObject({ code: "ERR_PROXYLESS_CONFIG" });
  });
});
