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

/**
 * Asks servers until one says something about the name: the one that answered last, then the others, and those that kept
 * silent once more. What does not fit into a packet, or does not repeat the question's letters as they were, is asked again
 * over TCP.
 */
export class Resolver {
  /** Servers that do not understand EDNS. */
  readonly #plain = new Set<string>();
  #preferred = "";

  /** @throws SourceError `transient` or `data` when no server gave an answer; the signal's reason when it aborted */
  async ask(name: string, type: QuestionType, asking: Asking, context: ExchangeContext): Promise<Resolved> {
    let last: SourceError | undefined;
    let left = this.#inOrder(asking.servers);
    for (let round = 0; round < asking.tries && left.length > 0; round++) {
      const silent: ServerAddress[] = [];
      for (const server of left) {
        try {
          // eslint-disable-next-line no-await-in-loop -- the next server is asked when this one fails
          const resolved = await this.#askOne(name, type, server, asking.tcp, context);
          this.#preferred = showServer(server);
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

  async #askOne(
    name: string,
    type: QuestionType,
    server: ServerAddress,
    tcp: boolean,
    context: ExchangeContext,
  ): Promise<Resolved> {
    const where = showServer(server);
    const hasEdns = !this.#plain.has(where);
    const question = makeQuestion(name, type, hasEdns);
    const message = await (tcp ? askTcp : askUdp)(question, server, context);
    switch (message.kind) {
      case "reply":
        return { reply: message.reply, overTcp: tcp };
      case "truncated":
      case "recased":
        if (!tcp) return this.#askOne(name, type, server, true, context);
        break;
      case "no-edns":
        if (hasEdns) {
          this.#plain.add(where);
          return this.#askOne(name, type, server, tcp, context);
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
