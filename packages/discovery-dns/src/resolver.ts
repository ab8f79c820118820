import { SourceError, toSourceError } from "@proxyless/core/discovery";

import { askTcp, askUdp, NoAnswer } from "./exchange.ts";
import type { ExchangeContext } from "./exchange.ts";
import { makeQuestion } from "./message.ts";
import type { QuestionType, Reply } from "./message.ts";
import { showServer } from "./server-address.ts";
import type { ServerAddress } from "./server-address.ts";

/** Whom to ask. */
export interface Asking {
  readonly servers: readonly ServerAddress[];
  readonly tcp: boolean;
  readonly tries: number;
}

/** A reply, and how it came. */
export interface Resolved {
  readonly reply: Reply;
  readonly overTcp: boolean;
}

/** One question to one server. */
interface Asked {
  readonly name: string;
  readonly type: QuestionType;
  readonly server: ServerAddress;
  readonly tcp: boolean;
  readonly edns: boolean;
}

/** So long a server is asked without EDNS, in milliseconds: another may stand behind the same address by then. */
const plainMs = 600_000;

/**
 * Asks servers until one says something about the name: the one that answered last, then the others, and those that kept
 * silent once more. What does not fit into a packet, or does not repeat the question's letters as they were, is asked again
 * over TCP.
 */
export class Resolver {
  /** Until when servers that do not understand EDNS are asked without it. */
  readonly #plainUntil = new Map<string, number>();
  #preferred = "";

  /** @throws SourceError `transient` or `data` when no server gave an answer; the signal's reason when it aborted */
  async ask(name: string, type: QuestionType, asking: Asking, context: ExchangeContext): Promise<Resolved> {
    let last: SourceError | undefined;
    let left = this.#inOrder(asking.servers);
    for (let round = 0; round < asking.tries && left.length > 0; round++) {
      const silent: ServerAddress[] = [];
      for (const server of left) {
        const where = showServer(server);
        const edns = context.clock.now() >= (this.#plainUntil.get(where) ?? -Infinity);
        try {
          // eslint-disable-next-line no-await-in-loop -- the next server is asked when this one fails
          const resolved = await this.#askOne({ name, type, server, tcp: asking.tcp, edns }, context);
          this.#preferred = where;
          return resolved;
        } catch (error) {
          if (context.signal.aborted) throw error;
          last = toSourceError(error);
          // What was said at once is said again at once; only silence may have been chance.
          if (last instanceof NoAnswer) silent.push(server);
        }
      }
      left = silent;
    }
    throw last ?? new SourceError("config", "there is no DNS server to ask");
  }

  async #askOne(asked: Asked, context: ExchangeContext): Promise<Resolved> {
    const { name, type, server, tcp, edns } = asked;
    const where = showServer(server);
    const question = makeQuestion(name, type, edns);
    const message = await (tcp ? askTcp : askUdp)(question, server, context);
    switch (message.kind) {
      case "reply":
        return { reply: message.reply, overTcp: tcp };
      case "truncated":
      case "recased":
        if (!tcp) return this.#askOne({ ...asked, tcp: true }, context);
        break;
      case "no-edns":
        if (edns) {
          const resolved = await this.#askOne({ ...asked, edns: false }, context);
          // Only now is it known that EDNS was to blame.
          this.#plainUntil.set(where, context.clock.now() + plainMs);
          return resolved;
        }
        break;
      case "failed":
        throw new SourceError("transient", `${type} of ${name}: ${where} answered ${message.code}`);
      case "garbled":
        throw new SourceError("data", `${type} of ${name}: ${where} answered nonsense: ${message.problem}`);
      case "foreign":
        break;
    }
    throw new SourceError("data", `${type} of ${name}: ${where} does not understand the question`);
  }

  #inOrder(servers: readonly ServerAddress[]): readonly ServerAddress[] {
    const at = servers.findIndex((server) => showServer(server) === this.#preferred);
    return at <= 0 ? servers : [...servers.slice(at), ...servers.slice(0, at)];
  }
}
