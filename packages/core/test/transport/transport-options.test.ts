import { describe, expect, it } from "vitest";

import { ProxylessError } from "../../src/errors.ts";
import type { TransportOptions } from "../../src/transport/transport-options.ts";
import { resolveTransport } from "../../src/transport/transport-options.ts";
import { makeCertificates } from "../support/certs.ts";

const { ca, client, stranger } = makeCertificates();

function refusal(tls: unknown): unknown {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- wrong on purpose, as untyped code would be
    resolveTransport({ tls } as TransportOptions, "orders", "transport");
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("TLS options", () => {
  it("are taken when TLS can use them", () => {
    expect(refusal({})).toBeUndefined();
    expect(
      refusal({ ca, ...client, serverName: "orders", minVersion: "TLSv1.2", maxVersion: "TLSv1.3" }),
    ).toBe(undefined);
    expect(refusal({ ca: [ca, Buffer.from(ca)], rejectUnauthorized: false })).toBeUndefined();
    expect(refusal({ ...client, key: [{ pem: client.key }] })).toBeUndefined();
    expect(refusal({ ciphers: "ECDHE-RSA-AES128-GCM-SHA256" })).toBeUndefined();
  });

  it.each([
    [true, "tls"],
    [{ rejectUnauthorised: false }, "tls.rejectUnauthorised"],
    [{ rejectUnauthorized: 0 }, "tls.rejectUnauthorized"],
    [{ checkServerIdentity: "no" }, "tls.checkServerIdentity"],
    [{ serverName: "a\nb" }, "tls.serverName"],
    [{ serverName: "127.0.0.1" }, "tls.serverName"],
    [{ serverName: "::1" }, "tls.serverName"],
    [{ serverName: 7 }, "tls.serverName"],
    [{ minVersion: "TLSv9" }, "tls.minVersion"],
    [{ maxVersion: 1.3 }, "tls.maxVersion"],
    [{ minVersion: "TLSv1.3", maxVersion: "TLSv1.2" }, "tls.minVersion"],
    [{ ciphers: [] }, "tls.ciphers"],
    [{ ciphers: "NONE-SUCH" }, "tls.ciphers"],
    [{ ca: true }, "tls.ca"],
    [{ ca: [ca, null] }, "tls.ca"],
    [{ cert: "nonsense" }, "tls.cert"],
    [{ cert: client.cert, key: "nonsense" }, "tls.key"],
    [{ pfx: Buffer.from("nonsense") }, "tls.pfx"],
    [{ passphrase: 1234 }, "tls.passphrase"],
    [{ cert: client.cert, key: stranger.key }, "tls"],
  ])("are refused at start when they are like %j, naming the option", (tls, field) => {
    const error = refusal(tls);
    expect(error).toBeInstanceOf(ProxylessError);
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field: `transport.${field}` });
  });

  it("never appear in the error when they are secret", () => {
    const secret = 8_675_309;
    const tls = [
      { key: secret },
      { passphrase: secret },
      { pfx: secret },
      { key: [{ pem: client.key, passphrase: secret }] },
      { key: `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----` },
    ];
    for (const options of tls) {
      const error = refusal(options);
      expect(error).toBeInstanceOf(ProxylessError);
      expect(String(error)).not.toContain(String(secret));
      expect(error).not.toHaveProperty("cause");
    }
  });
});
