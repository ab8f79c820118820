import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { SecureServerOptions } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";

import { describe, expect, it } from "vitest";

import { makeCertificates } from "../support/certs.ts";
import { closing, meshOf, rejection } from "../support/mesh.ts";

const certificates = makeCertificates();

/** An HTTPS server that speaks HTTP/1.1 and HTTP/2 and tells what it saw. */
async function tlsServer(
  options: SecureServerOptions = {},
): Promise<{ readonly address: string; readonly sockets: Set<unknown> }> {
  const sockets = new Set<unknown>();
  const server = createSecureServer(
    { ...certificates.server, allowHTTP1: true, ...options },
    (request, response) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TLS server has TLS sockets
      const socket = (request.stream?.session?.socket ?? request.socket) as TLSSocket & {
        readonly servername?: string;
      };
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          version: request.httpVersion,
          host: request.headers.host ?? request.headers[":authority"],
          servername: socket.servername,
          authorized: socket.authorized,
        }),
      );
    },
  );
  server.on("secureConnection", (socket) => sockets.add(socket));
  server.on("sessionError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing({
    close: async () => {
      for (const socket of sockets)
        if (
          typeof socket === "object" &&
          socket !== null &&
          "destroy" in socket &&
          typeof socket.destroy === "function"
        )
          socket.destroy();
      server.close();
    },
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

describe("TLS to an endpoint", () => {
  it("verifies the service's name, sends it as SNI and as host, though discovery gave an IP address", async () => {
    const { address } = await tlsServer();
    const { mesh } = meshOf([address], { transport: { tls: { ca: certificates.ca } } });
    const { data } = await mesh.service("orders").GET("/x");
    expect(data).toMatchObject({ version: "1.1", host: "orders", servername: "orders" });
  });

  it("verifies another name where one is set for the service or the endpoint", async () => {
    const { address } = await tlsServer();
    const forService = meshOf([address], {
      transport: { tls: { ca: certificates.ca, serverName: "payments.internal" } },
    });
    expect((await forService.mesh.service("orders").GET("/x")).data).toMatchObject({
      host: "orders",
      servername: "payments.internal",
    });
    const [host = "", port = ""] = address.split(":");
    const wrong = meshOf([], { transport: { tls: { ca: certificates.ca } }, retry: false });
    wrong.source.set("orders", [{ host, port: Number(port), serverName: "evil.example" }]);
    expect(await rejection(wrong.mesh.service("orders").GET("/x"))).toMatchObject({
      code: "ERR_PROXYLESS_CONNECT",
      phase: "connect",
    });
  });

  it("refuses a certificate that nobody trusts, and says so", async () => {
    const { address } = await tlsServer(certificates.stranger);
    const { mesh } = meshOf([address], { transport: { tls: { ca: certificates.ca } }, retry: false });
    const error = await rejection(mesh.service("orders").POST("/x", { body: {} }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONNECT", flag: "UF" });
    expect(String(error)).toMatch(/self-signed certificate/u);
  });

  it("shows a client certificate to a server that asks for one", async () => {
    const { address } = await tlsServer({ ca: certificates.ca, requestCert: true, rejectUnauthorized: true });
    const tls = { ca: certificates.ca, ...certificates.client };
    const { mesh } = meshOf([address], { transport: { tls } });
    expect((await mesh.service("orders").GET("/x")).data).toMatchObject({ authorized: true });
  });

  it("speaks HTTP/2 where asked to, many calls over one connection", async () => {
    const { address, sockets } = await tlsServer();
    const { mesh } = meshOf([address], { transport: { http2: true, tls: { ca: certificates.ca } } });
    const client = mesh.service("orders");
    await client.GET("/x");
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.GET("/x")));
    for (const { data } of answers) expect(data).toMatchObject({ version: "2.0", host: "orders" });
    expect(sockets.size).toBe(1);
  });
});
