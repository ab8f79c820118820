import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { json } from "node:stream/consumers";

/** One alert as Alertmanager tells of it. */
export interface Told {
  readonly status: "firing" | "resolved";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A receiver of Alertmanager's. */
export class Webhook implements AsyncDisposable {
  readonly #server: Server;
  readonly #tell: (alert: Told) => void;

  private constructor(tell: (alert: Told) => void) {
    this.#tell = tell;
    this.#server = createServer((request, response) => {
      void this.#read(request).finally(() => response.end());
    });
  }

  /** @param tell is called for each alert, whenever it begins or ends */
  static async start(tell: (alert: Told) => void): Promise<Webhook> {
    const webhook = new Webhook(tell);
    webhook.#server.listen(0, "127.0.0.1");
    await once(webhook.#server, "listening");
    return webhook;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
  }

  async #read(request: IncomingMessage): Promise<void> {
    const body = await json(request);
    if (isTale(body)) for (const alert of body.alerts) this.#tell(alert);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function isTale(body: unknown): body is { readonly alerts: readonly Told[] } {
  return typeof body === "object" && body !== null && "alerts" in body && Array.isArray(body.alerts);
}
