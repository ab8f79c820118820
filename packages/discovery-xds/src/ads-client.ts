import { sleep } from "@proxyless/core";
import type { Clock, Random, WatchContext } from "@proxyless/core";
import { Backoff, inTurns, SourceError, toSourceError } from "@proxyless/core/discovery";

import type { Node } from "./ads-messages.ts";
import type { AdsProtocol, AdsRequest, Received } from "./ads-protocol.ts";
import { AdsStream } from "./ads-stream.ts";
import type { AdsMethod } from "./ads-stream.ts";
import { AnswerReading } from "./answer-reading.ts";
import type { XdsServer } from "./bootstrap.ts";
import { prepareCodecs } from "./codec.ts";
import type { Messages } from "./messages.ts";
import type { Settings } from "./options.ts";
import { ResourceTable } from "./resource-table.ts";
import { ServerChoice } from "./server-choice.ts";

/** A variant of the protocol, complete. */
export interface AdsVariant<Response> {
  readonly method: AdsMethod<AdsRequest, Response>;
  readonly protocol: AdsProtocol<Response>;
  /** What is said in it. */
  readonly messages: readonly (keyof Messages)[];
}

type Stream<Response> = AdsStream<AdsRequest, Response>;

/** How a stream ended. */
interface Ending {
  /** At least one response came and was read. */
  readonly wasHeard: boolean;
  readonly error: SourceError;
}

/**
 * The conversation with a control plane: one stream for everything that is watched, for as long as anything is. A stream
 * that ends is followed by another one, with what is known kept; a server that cannot be reached by the next of the list.
 */
export class AdsClient<Response> {
  readonly #settings: Settings;
  readonly #node: Node;
  readonly #variant: AdsVariant<Response>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #choice: ServerChoice;
  readonly #backoff = new Backoff();
  readonly #stop = new AbortController();
  /** The resources; their watches are made through it. */
  readonly table: ResourceTable;
  #pause = new AbortController();
  #stream: Stream<Response> | undefined;
  #isUp = false;
  #hasSentNode = false;
  #hasBegun = false;
  #isFlushPlanned = false;
  #spokenTo: XdsServer | undefined;
  /** Ends the wait for a stream's end. */
  #moveOn: ((ending: Ending) => void) | undefined;

  constructor(
    settings: Settings,
    node: Node,
    variant: AdsVariant<Response>,
    { clock, random }: Pick<WatchContext, "clock" | "random">,
  ) {
    this.#settings = settings;
    this.#node = node;
    this.#variant = variant;
    this.#clock = clock;
    this.#random = random;
    this.#choice = new ServerChoice(settings, clock);
    this.table = new ResourceTable(clock, {
      added: (kind, name) => {
        variant.protocol.subscribe(kind, name);
        this.#planFlush();
        if (this.#isUp) this.table.startWaiting(this.#waitMs, this.#timerIsTransient);
      },
      abandoned: () => {
        this.#planFlush();
      },
      removed: (kind, name) => {
        variant.protocol.unsubscribe(kind, name);
      },
      dropped: (kind, name) => {
        variant.protocol.drop(kind, name);
      },
    });
  }

  /** Talks until {@link close}. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      await inTurns(prepareCodecs(this.#variant.messages), { clock: this.#clock, signal });
    } catch {
      // The end came first.
    }
    while (!signal.aborted) {
      // eslint-disable-next-line no-await-in-loop -- one stream after the other
      const { error, wasHeard } = await this.#converse();
      if (signal.aborted) return;
      // A stream that ends after it has brought something is how servers balance their clients, and no error (gRPC A57).
      if (!wasHeard) this.table.trouble(error);
      const delay = this.#backoff.failed(this.#clock.now(), this.#random);
      if (wasHeard) this.#choice.wasHeard();
      // Every server gets its chance before anyone waits.
      else if (!this.#choice.next()) continue;
      // eslint-disable-next-line no-await-in-loop -- as above
      await this.#wait(delay);
    }
  }

  /** Somebody doubts what is known: a pause is cut short. A stream that is up needs no hint. */
  refresh(): void {
    this.#pause.abort();
  }

  /** Ends the conversation and every timer of it; resolves when its sockets are closed. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#pause.abort();
    this.table.close();
    const stream = this.#stream;
    this.#moveOn?.({ wasHeard: true, error: new SourceError("transient", "closed") });
    await Promise.all([stream?.close(), this.#choice.lookNoMore()]);
  }

  get #waitMs(): number {
    return this.#timerIsTransient ? 2 * this.#settings.doesNotExistMs : this.#settings.doesNotExistMs;
  }

  get #timerIsTransient(): boolean {
    return this.#choice.current.timerIsTransient;
  }

  /** One stream from its beginning to its end. */
  async #converse(): Promise<Ending> {
    const server = this.#choice.current;
    const { method, protocol } = this.#variant;
    const isSame = this.#spokenTo === server;
    this.#spokenTo = server;
    this.#hasSentNode = false;
    this.#hasBegun = false;
    let wasHeard = false;
    const reading = new AnswerReading(protocol, this.#clock, {
      read: (received) => {
        wasHeard = true;
        this.#backoff.succeeded(this.#clock.now());
        if (received === undefined) return;
        this.#ask(received.reply);
        this.#spread(received, server);
      },
      ready: () => this.#stream?.resume(),
    });
    const stream = await new Promise<{ ending: Ending; stream: Stream<Response> }>((resolve) => {
      const made: Stream<Response> = new AdsStream(server, this.#settings, this.#clock, {
        up: () => {
          this.#connected();
        },
        response: (response) => reading.take(response),
        end: (error) => {
          resolve({ ending: { wasHeard, error }, stream: made });
        },
      });
      this.#stream = made;
      this.#moveOn = (ending) => {
        resolve({ ending, stream: made });
      };
      made
        .open(method, () => {
          this.#hasBegun = true;
          return protocol.begin(isSame).map((request) => this.#withNode(request));
        })
        .catch((error: unknown) => {
          resolve({ ending: { wasHeard: false, error: toSourceError(error) }, stream: made });
        });
    });
    reading.drop();
    this.#stream = undefined;
    this.#moveOn = undefined;
    this.#isUp = false;
    this.#hasBegun = false;
    this.table.stopWaiting();
    await Promise.all([stream.stream.close(), this.#choice.lookNoMore()]);
    return stream.ending;
  }

  #connected(): void {
    this.#isUp = true;
    this.table.streamIsUp();
    this.table.startWaiting(this.#waitMs, this.#timerIsTransient);
    this.#choice.lookForFirst(() => {
      this.#moveOn?.({ wasHeard: true, error: new SourceError("transient", "back to the first server") });
    });
  }

  #spread(received: Received, server: XdsServer): void {
    const { confirmsRest, failures, kind, removed, renewals, updates } = received;
    const from = `xDS server ${server.uri}`;
    this.table.update(kind, updates);
    for (const { name, ttlMs } of renewals) this.table.renew(kind, name, ttlMs);
    for (const failure of failures) {
      const what = `${from}: ${kind.noun} ${failure.resource ?? "without a name"}: ${failure.message}`;
      this.table.refused(kind, failure.resource, new SourceError("data", what));
    }
    for (const name of removed) {
      if (server.ignoresDeletion) {
        const kept = `${from}: ${kind.noun} ${name} was deleted, which ignore_resource_deletion says to ignore`;
        this.table.refused(kind, name, new SourceError("data", kept));
      } else {
        this.table.lose(kind, name);
      }
    }
    if (confirmsRest) this.table.confirmUnheard(kind);
  }

  /** What one turn of the event loop wants is asked for together. */
  #planFlush(): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    queueMicrotask(() => {
      this.#isFlushPlanned = false;
      this.table.sweep();
      // A stream that has not begun yet begins with everything.
      if (!this.#hasBegun) return;
      for (const request of this.#variant.protocol.flush()) this.#ask(request);
    });
  }

  #ask(request: AdsRequest): void {
    this.#stream?.send(this.#withNode(request));
  }

  /** The first message of a stream says who asks. */
  #withNode(request: AdsRequest): AdsRequest {
    if (this.#hasSentNode) return request;
    this.#hasSentNode = true;
    return { ...request, node: this.#node };
  }

  async #wait(ms: number): Promise<void> {
    this.#pause = new AbortController();
    if (this.#stop.signal.aborted) return;
    try {
      await sleep(this.#clock, ms, this.#pause.signal, true);
    } catch {
      // A refresh, or the end: the loop knows what to do.
    }
  }
}
