import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ServerCredentials } from "@grpc/grpc-js";
import { xds } from "@proxyless/discovery-xds";
import type { XdsSource } from "@proxyless/discovery-xds";
import { beforeAll, afterAll, describe, expect, it, onTestFinished } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { ManagementServer } from "./support/management-server.ts";

let folder: string;

/** Two authorities, and of each a certificate for the server and one for a client. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "proxyless-xds-tls-"));
  const run = (...args: string[]): void =>
    void execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const ca of ["old", "new"]) {
    run(
      "req",
      "-x509",
      ...key,
      "-keyout",
      `${ca}-ca.key`,
      "-out",
      `${ca}-ca.pem`,
      "-days",
      "2",
      "-subj",
      `/CN=${ca}`,
    );
    for (const name of ["server", "client"]) {
      const made = `${ca}-${name}`;
      run("req", ...key, "-keyout", `${made}.key`, "-out", `${made}.csr`, "-subj", `/CN=${name}`);
      writeFileSync(join(folder, "ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
      const authority = ["-CA", `${ca}-ca.pem`, "-CAkey", `${ca}-ca.key`, "-CAcreateserial"];
      run(
        "x509",
        "-req",
        "-in",
        `${made}.csr`,
        ...authority,
        "-days",
        "2",
        "-out",
        `${made}.pem`,
        "-extfile",
        "ext",
      );
    }
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A server that wants a certificate of this authority from its clients. */
async function server(ca: "old" | "new", port = 0): Promise<ManagementServer> {
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const pair = { private_key: read(`${ca}-server.key`), cert_chain: read(`${ca}-server.pem`) };
  const credentials = ServerCredentials.createSsl(read(`${ca}-ca.pem`), [pair], true);
  const made = await ManagementServer.start({ credentials, port });
  onTestFinished(() => {
    made.stop();
  });
  return made;
}

/** Puts an authority's certificates where the source looks for them, as an agent does that renews them. */
function issue(ca: "old" | "new", into: string): void {
  copyFileSync(join(folder, `${ca}-ca.pem`), join(into, "ca.pem"));
  copyFileSync(join(folder, `${ca}-client.pem`), join(into, "cert.pem"));
  copyFileSync(join(folder, `${ca}-client.key`), join(into, "key.pem"));
}

function source(port: number, files: string, through: "channel_creds" | "certificate_providers"): XdsSource {
  const config = {
    ca_certificate_file: join(files, "ca.pem"),
    certificate_file: join(files, "cert.pem"),
    private_key_file: join(files, "key.pem"),
    refresh_interval: "1s",
  };
  const isOwn = through === "channel_creds";
  return xds({
    bootstrap: {
      xds_servers: [
        {
          server_uri: `localhost:${port}`,
          channel_creds: [{ type: "google_default" }, isOwn ? { type: "tls", config } : { type: "tls" }],
        },
      ],
      node: { id: "shop-1" },
      certificate_providers: { default: { plugin_name: "file_watcher", config } },
    },
    ...(isOwn ? {} : { certificateProvider: "default" }),
  });
}

describe("a control plane that wants certificates", { timeout: 30_000 }, () => {
  it.each(["channel_creds", "certificate_providers"] as const)(
    "is spoken to with those of %s, and with the new ones when they are renewed",
    async (through) => {
      const files = mkdtempSync(join(folder, "issued-"));
      issue("old", files);
      const first = await server("old");
      const { port } = first;
      first.putService("orders", [{ host: "10.0.0.1", port: 1001 }]);
      const orders = watching(source(port, files, through), "orders");
      await orders.untilAddresses(["10.0.0.1:1001"]);
      first.stop();
      const second = await server("new", port);
      second.putService("orders", [{ host: "10.0.0.1", port: 1002 }]);
      // The old ones do not fit the new server, and that is said as what it is.
      await orders.until("it is refused", () => orders.errors.some((error) => error.class === "auth"));
      expect(orders.addresses).toEqual(["10.0.0.1:1001"]);
      issue("new", files);
      orders.refresh();
      await orders.untilAddresses(["10.0.0.1:1002"], 20_000);
    },
  );

  it("is not spoken to without, nor when its name is another", async () => {
    const made = await server("old");
    made.putService("orders", [{ host: "10.0.0.1", port: 1001 }]);
    const none = watching(
      xds({
        bootstrap: {
          xds_servers: [
            {
              server_uri: `localhost:${made.port}`,
              channel_creds: [{ type: "tls", config: { ca_certificate_file: join(folder, "old-ca.pem") } }],
            },
          ],
          node: { id: "shop-1" },
        },
      }),
      "orders",
    );
    await none.until("an error", () => none.errors.length > 0);
    expect(none.snapshots).toEqual([]);
    const missing = watching(source(made.port, join(folder, "nowhere"), "channel_creds"), "orders");
    await missing.until("an error", () => missing.errors.length > 0);
    expect(missing.errors[0]).toMatchObject({
      class: "auth",
      message: expect.stringContaining("cannot read the certificate file"),
    });
  });
});
