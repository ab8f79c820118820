import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";

import { Agent, request } from "undici";

import type { CallEngine, CallRequest, ResponseSink } from "../../../src/engine/request.ts";

/** An engine with nothing in it but HTTP, to one local server. */
export class HttpEngine implements CallEngine, AsyncDisposable {
  /** The requests as the door wrote them. */
  readonly requests: CallRequest[] = [];
  /** How often a sink paused and resumed the socket. */
  pauses = 0;
  resumes = 0;
  readonly #agent = new Agent();
  readonly #origin: string;
  readonly #stop: () => Promise<void>;

  constructor(origin: string, stop: () => Promise<void>) {
    this.#origin = origin;
    this.#stop = stop;
  }

  send(_service: string, call: CallRequest, sink: ResponseSink): void {
    this.requests.push(call);
    this.#send(call, sink).catch((error: unknown) => {
      sink.fail(error);
    });
  }

  async #send(call: CallRequest, sink: ResponseSink): Promise<void> {
    const { body } = call;
    const opened = typeof body === "function" ? body() : body;
    const answer = await request(`${this.#origin}${call.path}`, {
      dispatcher: this.#agent,
      method: call.method,
      headers: [...call.headers],
      body:
        opened === null || typeof opened === "string" || opened instanceof Uint8Array
          ? opened
          : Readable.from(opened, { objectMode: false }),
      signal: call.signal ?? null,
    });
    const { statusCode, statusText, headers, body: source } = answer;
    if (sink.mode === "whole") {
      const chunks: Buffer[] = [];
      for await (const chunk of source) chunks.push(chunk);
      sink.done(statusCode, headers, statusText, chunks);
      return;
    }
    sink.head(statusCode, headers, statusText, {
      pause: () => {
        this.pauses++;
        source.pause();
      },
      resume: () => {
        this.resumes++;
        source.resume();
      },
      abort: (reason) => {
        source.on("error", () => {});
        source.destroy(reason);
      },
    });
    source.on("data", (chunk: Buffer) => {
      sink.data(chunk);
    });
    source.on("end", () => {
      sink.end({});
    });
    source.on("error", (error) => {
      sink.fail(error);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
    await this.#stop();
  }
}

/** Starts a server on a free port and an engine that calls it. */
export async function startEngine(listener: RequestListener): Promise<HttpEngine> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return new HttpEngine(`http://127.0.0.1:${address.port}`, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
}

/** What the server saw of a request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** Answers with what it saw, as JSON. */
export const echo: RequestListener = (incoming, outgoing) => {
  void echoBack(incoming, outgoing);
};

async function echoBack(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = await readAll(incoming);
  const { method = "", url = "", headers, rawHeaders } = incoming;
  const seen: Seen = { method, url, headers, rawHeaders, body: body.toString() };
  outgoing.setHeader("content-type", "application/json");
  outgoing.end(JSON.stringify(seen));
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}
