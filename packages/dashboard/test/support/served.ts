import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage } from "node:http";

import { createMesh, memorySource } from "@proxyless/core";
import type { MemorySource, Mesh, MeshOptions } from "@proxyless/core";

import { createDashboard } from "../../src/index.ts";
import type { Dashboard, DashboardOptions } from "../../src/index.ts";

/** A dashboard on a real server. */
export interface Served extends AsyncDisposable {
  readonly mesh: Mesh;
  readonly discovery: MemorySource;
  readonly dashboard: Dashboard;
  readonly port: number;
  /** Asks for a path below the page's, and reads the whole answer. */
  ask(path: string, options?: AskOptions): Promise<Answer>;
  /** Asks for a stream, and does not read it. */
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<IncomingMessage>;
}

interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Serves the page of a mesh of `orders`. Its endpoints are not there: nobody calls them unless a test starts them. */
export async function serve(
  options: Partial<DashboardOptions> = {},
  meshOptions: Partial<MeshOptions> = {},
): Promise<Served> {
  const discovery = memorySource({ orders: ["127.0.0.1:1", "127.0.0.1:2"] });
  const mesh = createMesh({ discovery, ...meshOptions });
  await mesh.ready("orders");
  const dashboard = createDashboard({ mesh, ...options });
  const server = createServer((incoming, response) => {
    if (!dashboard.handle(incoming, response)) response.writeHead(404).end("not the page's");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const open = async (
    path: string,
    { headers = {}, method = "GET" }: AskOptions,
  ): Promise<IncomingMessage> => {
    const target = path.startsWith("/") ? path : `${dashboard.path}${path}`;
    const outgoing = request({ port, host: "127.0.0.1", path: target, method, headers, agent: false });
    outgoing.end();
    const [answer]: IncomingMessage[] = await once(outgoing, "response");
    if (answer === undefined) throw new Error("there was no answer");
    // A stream that a test drops, or the server, is no error of the test.
    outgoing.on("error", () => undefined);
    answer.on("error", () => undefined);
    return answer;
  };
  return {
    mesh,
    discovery,
    dashboard,
    port,
    ask: async (path, asked = {}) => {
      const answer = await open(path, asked);
      let body = "";
      for await (const chunk of answer.setEncoding("utf8")) body += String(chunk);
      return { status: answer.statusCode ?? 0, headers: answer.headers, body };
    },
    open: (path, headers = {}) => open(path, { headers }),
    [Symbol.asyncDispose]: async () => {
      await dashboard.close();
      server.close();
      server.closeAllConnections();
      await mesh.close();
    },
  };
}
