import { BlockList, connect, isIPv6 } from "node:net";
import type { Socket } from "node:net";

import type { Clock } from "@proxyless/core";

/** What a race takes its time from, and what ends it. */
export interface RaceContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A host with addresses of both families. */
export interface Contest {
  readonly host: string;
  readonly port: number;
  /** The family that is preferred. */
  readonly first: readonly string[];
  readonly second: readonly string[];
}

/** The start that the preferred family has, in milliseconds: the Connection Attempt Delay of RFC 8305. */
const headStartMs = 250;
/** A race without a winner is over after so long, in milliseconds. */
const limitMs = 1000;
/** How long a result counts: "on the order of ten minutes" (RFC 6555, section 4.2). */
const keepMs = 600_000;
/** How long it counts that nobody won. */
const keepNobodyMs = 10_000;
/** Addresses of one family that are tried, one after the other. */
const maxAddresses = 3;

/** Where no connection is opened to, whatever DNS says: link-local (cloud metadata), unspecified and multicast addresses. */
const refused = new BlockList();
refused.addSubnet("169.254.0.0", 16);
refused.addSubnet("0.0.0.0", 8);
refused.addSubnet("224.0.0.0", 3);
refused.addSubnet("ff00::", 8, "ipv6");
refused.addAddress("::", "ipv6");
refused.addAddress("fd00:ec2::254", "ipv6");

interface Result {
  readonly winner: "first" | "second";
  readonly until: number;
}

/**
 * Finds out which family of a host's addresses can be reached, in the way of RFC 8305 ("happy eyeballs"): a connection is
 * opened over the preferred one, and over the other one after 250 ms or at the first's failure; who is connected first has
 * won. Nothing is sent over these connections.
 */
export class FamilyRace {
  readonly #results = new Map<string, Result>();

  /** Which family to use. Known results count for ten minutes; who cannot be connected to at all keeps the family it had. */
  async winner(contest: Contest, context: RaceContext): Promise<"first" | "second"> {
    const key = `${contest.host}:${contest.port}`;
    const before = this.#results.get(key);
    if (before !== undefined && context.clock.now() < before.until) return before.winner;
    const won = await race(contest, context);
    context.signal.throwIfAborted();
    const until = context.clock.now() + (won === undefined ? keepNobodyMs : keepMs);
    const winner = won ?? before?.winner ?? "first";
    this.#results.set(key, { winner, until });
    return winner;
  }

  /** The next question after a family is answered by a new race. */
  doubt(): void {
    for (const [key, result] of this.#results) this.#results.set(key, { ...result, until: -Infinity });
  }

  /** Forgets the hosts that are not in use any more. */
  keepOnly(hosts: ReadonlySet<string>): void {
    for (const key of this.#results.keys()) {
      if (!hosts.has(key.slice(0, key.lastIndexOf(":")))) this.#results.delete(key);
    }
  }
}

function race(
  { first, second, port }: Contest,
  { clock, signal }: RaceContext,
): Promise<"first" | "second" | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(undefined);
      return;
    }
    const sockets = new Set<Socket>();
    let isOver = false;
    let running = 1;
    const end = (winner: "first" | "second" | undefined): void => {
      if (isOver) return;
      isOver = true;
      clock.clearTimer(limit);
      clock.clearTimer(headStart);
      signal.removeEventListener("abort", onAbort);
      for (const socket of sockets) socket.destroy();
      resolve(winner);
    };
    const onAbort = (): void => {
      end(undefined);
    };
    const climb = (side: "first" | "second", addresses: readonly string[], failed: () => void): void => {
      const [address, ...others] = addresses;
      if (isOver) return;
      if (address === undefined) {
        failed();
        return;
      }
      if (refused.check(address, isIPv6(address) ? "ipv6" : "ipv4")) {
        climb(side, others, failed);
        return;
      }
      const socket = connect({ host: address, port });
      socket.unref();
      sockets.add(socket);
      socket.on("connect", () => {
        end(side);
      });
      socket.on("error", () => {
        sockets.delete(socket);
        socket.destroy();
        climb(side, others, failed);
      });
    };
    const lose = (): void => {
      if (--running === 0) end(undefined);
    };
    let hasSecond = false;
    const startSecond = (): void => {
      if (hasSecond || isOver) return;
      hasSecond = true;
      running++;
      climb("second", second.slice(0, maxAddresses), lose);
    };
    const limit = clock.setTimer(end, limitMs, undefined, true);
    const headStart = clock.setTimer(startSecond, headStartMs, undefined, true);
    signal.addEventListener("abort", onAbort, { once: true });
    climb("first", first.slice(0, maxAddresses), () => {
      startSecond();
      lose();
    });
  });
}
