import { SourceError } from "@proxyless/core/discovery";

import { armAgain } from "./arming.ts";
import type { Link } from "./link.ts";
import { ops } from "./protocol.ts";
import type { WatchEvent } from "./protocol.ts";
import { WatchRegister } from "./watch-register.ts";
import type { TreeListener } from "./watch-register.ts";
import { isRefusal, zkCodes } from "./zookeeper-error.ts";

/** Which watches are asked for. `auto`: persistent ones where the server knows them. */
export type WatchMode = "auto" | "persistent" | "one-shot";

const anyWatch = 3;
const recursiveMode = 1;

/**
 * The watches of one client, kept through all its connections: one persistent recursive watch for each node that somebody
 * listens at, or, where the server does not know such, those that shoot once and are set by every read.
 */
export class TreeWatches {
  readonly #mode: WatchMode;
  readonly #register = new WatchRegister();
  /** The nodes whose recursive watch the present connection has. */
  readonly #armed = new Set<string>();
  #isOneShot: boolean;

  constructor(mode: WatchMode) {
    this.#mode = mode;
    this.#isOneShot = mode === "one-shot";
  }

  /** Whether watches shoot once, so that every read has to set them. */
  get isOneShot(): boolean {
    return this.#isOneShot;
  }

  add(path: string, listener: TreeListener): void {
    this.#register.add(path, listener);
  }

  /** @param link the connection that is told, if there is one */
  delete(path: string, listener: TreeListener, link: Link | undefined): void {
    if (!this.#register.delete(path, listener) || !this.#armed.delete(path)) return;
    // Nobody waits for it: a watch that stays would only tell what nobody hears.
    void link
      ?.request(ops.removeWatches, `forget ${path}`, (writer) => writer.text(path).int(anyWatch))
      .catch(() => undefined);
  }

  /** A read has set a watch that shoots once. */
  wasRead(kind: "data" | "exists" | "children", path: string): void {
    this.#register.oneShot[kind].add(path);
  }

  dispatch(event: WatchEvent): void {
    if (event.path !== "") this.#register.dispatch(event);
  }

  /** Sees to it that the connection tells of a node and its children; with one-shot watches the reads do that. */
  async arm(path: string, link: Link): Promise<void> {
    if (this.#isOneShot || this.#armed.has(path)) return;
    try {
      await link.request(ops.addWatch, `watch ${path}`, (writer) => writer.text(path).int(recursiveMode));
      this.#armed.add(path);
    } catch (error) {
      throw this.#understood(error);
    }
  }

  /** Tells a new connection of everything that is watched. */
  async armAll(link: Link, lastZxid: bigint): Promise<void> {
    this.#armed.clear();
    const paths = this.#isOneShot ? [] : this.#register.paths;
    try {
      await armAgain(link, lastZxid, this.#register.oneShot, paths);
    } catch (error) {
      throw this.#understood(error);
    }
    for (const path of paths) this.#armed.add(path);
  }

  /** A server before 3.6 knows no persistent watches, and hangs up when it is asked for one. */
  #understood(error: unknown): unknown {
    if (!isRefusal(error, zkCodes.unimplemented) || this.#mode !== "auto") return error;
    this.#isOneShot = true;
    const what = "ZooKeeper knows no persistent watches here; one-shot ones are used";
    return new SourceError("protocol-reset", what);
  }
}
