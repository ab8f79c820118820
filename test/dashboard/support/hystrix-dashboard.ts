import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, get } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize } from "node:path";

import type { Page } from "playwright-core";

import { portOf } from "./backend.ts";

const require = createRequire(import.meta.url);
const webapp = join(dirname(require.resolve("hystrix-dashboard/package.json")), "webapp");
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
};

/** The web application of Netflix' Hystrix dashboard, as it was released, over one stream. */
export class HystrixDashboard implements AsyncDisposable {
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #streamUrl: string;

  private constructor(streamUrl: string) {
    this.#streamUrl = streamUrl;
  }

  static async start(streamUrl: string): Promise<HystrixDashboard> {
    const dashboard = new HystrixDashboard(streamUrl);
    dashboard.#server.listen(0, "127.0.0.1");
    await once(dashboard.#server, "listening");
    return dashboard;
  }

  /** Opens its monitor. */
  async open(page: Page): Promise<void> {
    // From elsewhere it loads one library alone, of which it uses two functions.
    await page.route("**/underscore-min.js", (route) =>
      route.fulfill({
        contentType: "text/javascript",
        body: "globalThis._ = { map: (list, f) => list.map(f), reduce: (list, f, first) => list.reduce(f, first) };",
      }),
    );
    await page.goto(`http://127.0.0.1:${portOf(this.#server)}/monitor/monitor.html?stream=shop&title=shop`);
  }

  /** What it draws of each circuit, by the titles and headings of its own. */
  async read(page: Page): Promise<readonly Readonly<Record<string, string>>[]> {
    return page.locator(".dependencies .monitor").evaluateAll((circuits) =>
      circuits.map((circuit) => {
        const text = (selector: string): string =>
          circuit.querySelector(selector)?.textContent.replaceAll(/\s+/gu, " ").trim() ?? "";
        const titled = (title: string): string => text(`[title^="${title}"]`);
        return {
          name: text("p.name"),
          status: text(".circuitStatus"),
          errors: titled("Error Percentage"),
          successes: titled("Successful"),
          failures: titled("Failure Request"),
          refused: titled("Short-circuited"),
          timeouts: titled("Timed-out"),
          rejected: titled("Semaphore Rejected"),
          perSecond: text(".ratePerSecond"),
          hosts: text(".tableRow .data"),
          median: text(".latencyMedian"),
          p99: text(".latency99"),
        };
      }),
    );
  }

  async #answer({ url = "/" }: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(url, "http://dashboard");
    if (pathname === "/proxy.stream") {
      // Its servlet does the same: the browser reads the stream from the dashboard's own origin.
      get(this.#streamUrl, (stream) => {
        response.writeHead(stream.statusCode ?? 502, { "content-type": stream.headers["content-type"] });
        stream.pipe(response);
        response.on("close", () => stream.destroy());
      });
      return;
    }
    const path = normalize(pathname);
    try {
      const content = await readFile(join(webapp, path));
      response
        .writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" })
        .end(content);
    } catch {
      response.writeHead(404).end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
