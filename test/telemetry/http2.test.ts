import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { TLSSocket } from "node:tls";

import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { createMesh, staticSource } from "@proxyless/core";
import type { MeshEvent } from "@proxyless/core";
import { afterEach, expect, it } from "vitest";

import { makeCertificates } from "../../packages/core/test/support/certs.ts";
import { listening } from "./support/listening.ts";
import { Sdk } from "./support/sdk.ts";

const certificates = makeCertificates();
const cleanup: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end();
});

/** Where a TLS server stands that speaks HTTP/1.1 and, unless it is plain, HTTP/2. */
async function tlsServer(isPlain: boolean): Promise<string> {
  if (isPlain) {
    const server = createHttpsServer(certificates.server, (_, response) => void response.end("{}"));
    cleanup.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `127.0.0.1:${await listening(server)}`;
  }
  const server = createSecureServer(
    { ...certificates.server, allowHTTP1: true },
    (_, response) => void response.end("{}"),
  );
  const sockets = new Set<TLSSocket>();
  server.on("secureConnection", (socket) => sockets.add(socket));
  cleanup.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${await listening(server)}`;
}

it.each([
  ["2", true, false],
  ["1.1", true, true],
  ["1.1", false, false],
] as const)(
  "HTTP/%s is what spans and events say where HTTP/2 is allowed: %s, and the server has no other: %s",
  async (version, http2, isPlain) => {
    const sdk = new Sdk(new AlwaysOnSampler());
    cleanup.push(() => {
      sdk.end();
    });
    const mesh = createMesh({
      discovery: staticSource({ orders: [await tlsServer(isPlain)] }),
      services: { orders: { transport: { http2, tls: { ca: certificates.ca } } } },
    });
    cleanup.push(() => mesh.close());
    const events: MeshEvent[] = [];
    for (const type of ["attempt.completed", "call.completed"] as const)
      mesh.on(type, (event) => events.push(event));
    await mesh.service("orders").GET("/x");
    expect(events).toMatchObject([
      { type: "attempt.completed", protocol: version },
      { type: "call.completed", protocol: version },
    ]);
    const attempt = sdk.spans.find(({ name }) => name === "GET attempt");
    expect(attempt?.attributes).toMatchObject({ "network.protocol.version": version });
  },
);
