import type { ServerResponse } from "node:http";

import type { Watching } from "@proxyless/core/testing";
import type { KubernetesOptions } from "@proxyless/discovery-kubernetes";
import { afterEach, beforeEach, onTestFinished } from "vitest";

import { until } from "../../scripts/servers/index.ts";
import { statusJson } from "./api-answers.ts";
import { ApiServer } from "./api-server.ts";
import type { Served } from "./api-server.ts";
import { pods, sliceJson } from "./slices.ts";
import { watched } from "./watched.ts";

/** What the tests of a file need: a scripted API server for each of them, and a watch of the service `web` on it. */
export class Room {
  #server: ApiServer | undefined;

  constructor() {
    beforeEach(async () => {
      this.#server = await ApiServer.start({ streamsLists: false });
    });
    afterEach(async () => {
      await this.server.stop();
    });
  }

  get server(): ApiServer {
    if (this.#server === undefined) throw new Error("no test runs");
    return this.#server;
  }

  /** Makes `count` pods the service, the first numbered `from`. */
  put(count: number, from = 1): void {
    this.server.put(sliceJson({ name: "web-1", service: "web", pods: pods(count, from) }));
  }

  watch(options: KubernetesOptions = {}, time: Parameters<typeof watched>[2] = {}): Watching {
    const made = watched({ url: this.server.url, watchList: "never", ...options }, "web", time);
    onTestFinished(() => made.stop());
    return made;
  }

  /** A watch that is open and knows two endpoints. */
  async following(options: KubernetesOptions = {}): Promise<Watching> {
    this.put(2);
    const made = this.watch(options);
    await made.until("two endpoints", () => made.endpoints.length === 2);
    await until("its watch is open", 10_000, async () => (this.server.watching === 1 ? true : undefined));
    return made;
  }

  /** Answers the next request that passes with a status. */
  refuseNext(test: (served: Served) => boolean, code: number, message: string, headers: object = {}): void {
    this.answerNext(test, (response) => {
      response.writeHead(code, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(statusJson(code, message)));
    });
  }

  answerNext(test: (served: Served) => boolean, answer: (response: ServerResponse) => void): void {
    this.server.script = (served, response) => {
      if (!test(served)) return false;
      this.server.script = undefined;
      answer(response);
      return true;
    };
  }
}

/** Whether a request is for a watch. */
export function isWatch({ url }: Served): boolean {
  return url.searchParams.get("watch") === "true";
}

/** One line of a watch. */
export function event(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}
