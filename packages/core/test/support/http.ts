import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A real HTTP server on a free loopback port. */
export interface TestServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Requests that arrived. */
  readonly requests: readonly IncomingMessage[];
  close(): Promise<void>;
}

export async function startServer(handler: RequestListener): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return { address: `127.0.0.1:${port}`, port, requests, close, [Symbol.asyncDispose]: close };
}

/** A loopback address that refuses connections: its port was free a moment ago. */
export async function refusedAddress(): Promise<string> {
  const server = await startServer(() => {});
  await server.close();
  return server.address;
}

/** Answers `{"ok":true}`. */
export const answerOk: RequestListener = (_, response) => {
  response.setHeader("content-type", "application/json");
  response.end('{"ok":true}');
};
