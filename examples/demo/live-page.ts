import { once } from "node:events";
import { createServer } from "node:http";

import type { Mesh } from "@proxyless/core";
import { createDashboard } from "@proxyless/dashboard";

/** The live page of the demo's mesh. */
export interface LivePage {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the page on a free port of this machine alone. */
export async function openLivePage(mesh: Mesh): Promise<LivePage> {
  const dashboard = createDashboard({ mesh, title: "demo" });
  const server = createServer((request, response) => {
    if (!dashboard.handle(request, response)) response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}${dashboard.path}`,
    close: async () => {
      await dashboard.close();
      server.close();
      server.closeAllConnections();
    },
  };
}
