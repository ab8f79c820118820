import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

import { until } from "../../scripts/servers/index.ts";
import type { EtcdMember } from "../../scripts/servers/index.ts";
import type { AtEnd } from "../support/watching.ts";

/** A relay before a real etcd that can hold requests of one path back. */
export class Gate {
  #held: (() => void)[] | undefined;
  #path = "";
  url = "";

  static async before(member: EtcdMember, atEnd: AtEnd): Promise<Gate> {
    const gate = new Gate();
    const server = createServer((request, response) => {
      if (gate.#held !== undefined && request.url === gate.#path) {
        gate.#held.push(() => {
          relay(member, request, response);
        });
      } else relay(member, request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    atEnd(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    if (typeof address === "object") gate.url = `http://127.0.0.1:${address?.port}`;
    return gate;
  }

  /** Resolves when a request is held back. */
  async untilHeld(): Promise<void> {
    await until("a request is held back", 15_000, async () => this.#held?.at(0));
  }

  /** From now on requests of this path wait. */
  hold(path: string): void {
    this.#path = path;
    this.#held = [];
  }

  /** Lets them go, and everything that follows. */
  open(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const go of held) go();
  }
}

function relay(member: EtcdMember, request: IncomingMessage, response: ServerResponse): void {
  const { host, port } = member;
  const { url: path, method, headers } = request;
  const outgoing = httpRequest({ host, port, path, method, headers, agent: false }, (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, incoming.headers);
    incoming.pipe(response);
    incoming.on("error", () => response.destroy());
  });
  outgoing.on("error", () => response.destroy());
  response.on("close", () => outgoing.destroy());
  request.pipe(outgoing);
}
