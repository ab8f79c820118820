import { sleep } from "@proxyless/core";
import type { Clock, Random } from "@proxyless/core";
import { Backoff, SourceError, toSourceError } from "@proxyless/core/discovery";
import type { RegistryTls } from "@proxyless/core/discovery";

import { ServerRing } from "./addresses.ts";
import type { ServerAddress } from "./addresses.ts";
import type { LinkOptions } from "./link-options.ts";
import { Link } from "./link.ts";

/** What a session is kept with. */
export interface SessionOptions {
  readonly servers: readonly ServerAddress[];
  readonly tls: RegistryTls | undefined;
  readonly sessionTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxFrameBytes: number;
  /** Take a server without a quorum too, which only reads. */
  readonly allowReadOnly: boolean;
  readonly isForeground: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly onEvent: LinkOptions["onEvent"];
  readonly onPong: () => void;
  /** A connection has a session: makes it ready for use (authentication, watches). What it throws gives the connection up. */
  readonly prepare: (link: Link) => Promise<void>;
  /** It is ready. */
  readonly onConnected: () => void;
  /** A connection that was ready is gone; the session may live on. */
  readonly onLost: (reason: SourceError) => void;
}

const noPassword = Buffer.alloc(16);
/** Clients that lost the same server come back spread over so long, in milliseconds; doubling up to the ceiling. */
const reconnectMs = 500;
const reconnectCeilingMs = 1000;
/** How long a server without a quorum is put up with before others are tried again, in milliseconds. */
const seekMs = 10_000;
const longestTimerMs = 2 ** 31 - 1;
/** How often all servers must have hung up on the hello before the client doubts that they will ever know what it has seen. */
const roundsOfRefusal = 2;

/**
 * Keeps a session with an ensemble for as long as it may live, and gets a new one when it is gone. Disconnected is not
 * expired: for so long the ensemble keeps the session, its watches and its ephemeral nodes, and the next connection takes
 * it up again.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #ring: ServerRing;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<PromiseWithResolvers<Link>>();
  readonly #backoff = new Backoff(reconnectMs, reconnectCeilingMs);
  #link: Link | undefined;
  #isReady = false;
  #id = 0n;
  #password: Buffer = noPassword;
  #timeoutMs: number;
  #lastZxid = 0n;
  /** When the session was last known to live. */
  #aliveAt = 0;
  /** Connections in a row that came to nothing. */
  #failures = 0;
  #refusals = 0;
  #loop: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#ring = new ServerRing(options.servers, options.random);
    this.#timeoutMs = options.sessionTimeoutMs;
  }

  /** Names the session; 0 while there is none. */
  get id(): bigint {
    return this.#id;
  }

  get lastZxid(): bigint {
    return this.#lastZxid;
  }

  /** The connection, while there is one that is ready. */
  get link(): Link | undefined {
    return this.#isReady && this.#link?.isOpen === true ? this.#link : undefined;
  }

  /** Resolves with the connection as soon as there is one; rejects with the reason when the next attempt fails. */
  async ready(signal: AbortSignal): Promise<Link> {
    signal.throwIfAborted();
    if (this.#stop.signal.aborted) throw new SourceError("transient", "the ZooKeeper client is closed");
    this.#loop ??= this.#run();
    if (this.link !== undefined) return this.link;
    const { clock, isForeground } = this.#options;
    const waiter = Promise.withResolvers<Link>();
    // The pause between two connections does not keep the process alive; whoever waits for the next one does.
    const hold = clock.setTimer(() => undefined, longestTimerMs, undefined, !isForeground);
    const onAbort = (): void => {
      waiter.reject(signal.reason);
    };
    this.#waiters.add(waiter);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await waiter.promise;
    } finally {
      this.#waiters.delete(waiter);
      clock.clearTimer(hold);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Ends the session and its connection; resolves when the socket is gone. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#link?.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { clock, random } = this.#options;
    while (!signal.aborted) {
      // eslint-disable-next-line no-await-in-loop -- the loop is the session
      const pauses = await this.#connection();
      if (signal.aborted) break;
      if (pauses) {
        const delay = this.#backoff.failed(clock.now(), random);
        // eslint-disable-next-line no-await-in-loop -- as above
        await sleep(clock, delay, signal, true).catch(() => undefined);
      }
    }
    this.#tell(new SourceError("transient", "the ZooKeeper client is closed"));
  }

  /** One connection from its beginning to its end. @returns whether to pause before the next */
  async #connection(): Promise<boolean> {
    this.#forgetExpired();
    const link = this.#open();
    this.#link = link;
    try {
      const { timeoutMs, sessionId, password, isReadOnly } = await link.opened;
      this.#refusals = 0;
      if (timeoutMs <= 0) {
        // The ensemble has given the session up, and gives a new one at once.
        const hadOne = this.#id !== 0n;
        this.#forget();
        link.destroy(new SourceError("transient", "the ZooKeeper session expired"));
        await link.ended;
        return !hadOne;
      }
      this.#timeoutMs = timeoutMs;
      // What a server without a quorum gives is known to nobody else.
      if (!isReadOnly) {
        this.#id = sessionId;
        this.#password = password;
      }
      await this.#options.prepare(link);
      await this.#use(link, isReadOnly);
      // Everybody who was on that server comes now: nobody comes at once.
      return true;
    } catch (error) {
      link.destroy(toSourceError(error));
      const reason = await link.ended;
      if (link.wasRefused) this.#refused();
      this.#failures++;
      this.#tell(reason);
      return this.#failures % this.#ring.size === 0;
    } finally {
      this.#isReady = false;
      this.#note(link);
    }
  }

  #open(): Link {
    const { sessionTimeoutMs, clock, tls, requestTimeoutMs, maxFrameBytes, isForeground } = this.#options;
    return new Link({
      server: this.#ring.next(),
      tls,
      hello: {
        lastZxid: this.#lastZxid,
        timeoutMs: sessionTimeoutMs,
        sessionId: this.#id,
        password: this.#password,
        allowReadOnly: this.#options.allowReadOnly,
      },
      clock,
      // All servers are to be tried while the session lives.
      connectTimeoutMs: Math.max(1000, Math.min(5000, sessionTimeoutMs / this.#ring.size)),
      requestTimeoutMs,
      maxFrameBytes,
      isForeground,
      onEvent: this.#options.onEvent,
      onPong: this.#options.onPong,
    });
  }

  async #use(link: Link, isReadOnly: boolean): Promise<void> {
    const { clock } = this.#options;
    this.#isReady = true;
    this.#failures = 0;
    this.#backoff.succeeded(clock.now());
    for (const waiter of this.#waiters) waiter.resolve(link);
    this.#options.onConnected();
    const noQuorum = new SourceError("transient", "ZooKeeper has no quorum here; others are tried");
    const seeking = isReadOnly
      ? clock.setTimer(() => link.destroy(noQuorum), seekMs, undefined, true)
      : undefined;
    const reason = await link.ended;
    if (seeking !== undefined) clock.clearTimer(seeking);
    this.#isReady = false;
    this.#options.onLost(reason);
  }

  #note(link: Link): void {
    if (link.lastZxid > this.#lastZxid) this.#lastZxid = link.lastZxid;
    if (link.hadSession) this.#aliveAt = Math.max(this.#aliveAt, link.heardAt);
  }

  /**
   * A server hangs up on a client that has seen more than itself, and on everybody while there is no quorum. If all of them
   * do it again and again, the ensemble has lost its data and will never know what was seen: seeing starts anew.
   */
  #refused(): void {
    this.#refusals++;
    if (this.#refusals >= this.#ring.size * roundsOfRefusal) this.#lastZxid = 0n;
  }

  /** After four thirds of its timeout without a word the session is gone, whether or not anyone is there to say so. */
  #forgetExpired(): void {
    const silentMs = this.#options.clock.now() - this.#aliveAt;
    if (this.#id !== 0n && silentMs >= (this.#timeoutMs * 4) / 3) {
      this.#forget();
      this.#lastZxid = 0n;
    }
  }

  #forget(): void {
    this.#id = 0n;
    this.#password = noPassword;
  }

  #tell(reason: SourceError): void {
    for (const waiter of this.#waiters) waiter.reject(reason);
  }
}
