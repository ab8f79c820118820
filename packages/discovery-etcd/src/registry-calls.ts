import type { Clock } from "@proxyless/core";
import { toSourceError, workAtOnce } from "@proxyless/core/discovery";

import { readRange } from "./answers.ts";
import type { KeyValue } from "./answers.ts";
import { base64 } from "./gateway.ts";
import type { EtcdGateway } from "./gateway.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The requests that a registration makes, each to whichever member takes it. They reject with a `SourceError`, or the signal's reason. */
export class Calls {
  readonly #gateway: EtcdGateway;
  readonly #clock: Clock;

  constructor(gateway: EtcdGateway, clock: Clock) {
    this.#gateway = gateway;
    this.#clock = clock;
  }

  /** Posts to one member after the other until one has an answer: all that is asked here may be asked twice. */
  async call(path: string, body: object, what: string, signal: AbortSignal): Promise<Fields> {
    for (let left = this.#gateway.addresses; ; left--) {
      const { base } = this.#gateway;
      try {
        // eslint-disable-next-line no-await-in-loop -- one address after the other
        return await this.#gateway.call(path, body, what, { clock: this.#clock, signal });
      } catch (error) {
        if (signal.aborted) throw error;
        const trouble = toSourceError(error);
        if (!trouble.isServerTrouble) throw trouble;
        this.#gateway.moveOn(base);
        if (left <= 1) throw trouble;
      }
    }
  }

  /** What a key holds, as a quorum knows it; `undefined` when there is no such key. */
  async get(key: string, signal: AbortSignal): Promise<KeyValue | undefined> {
    const answer = await this.call("/v3/kv/range", { key: base64(key) }, key, signal);
    return workAtOnce(readRange(answer, key)).kvs[0];
  }

  async put(key: string, value: string, lease: string, signal: AbortSignal): Promise<void> {
    await this.call("/v3/kv/put", { key: base64(key), value: base64(value), lease }, key, signal);
  }

  /** Writes a key that hangs on `lease`, or deletes it without a `value`. @returns whether it did hang on it */
  async change(key: string, lease: string, value: string | undefined, signal: AbortSignal): Promise<boolean> {
    const name = base64(key);
    const change =
      value === undefined
        ? { request_delete_range: { key: name } }
        : { request_put: { key: name, value: base64(value), lease } };
    const body = {
      compare: [{ key: name, target: "LEASE", result: "EQUAL", lease }],
      success: [change],
    };
    const answer = await this.call("/v3/kv/txn", body, key, signal);
    return answer["succeeded"] === true;
  }
}
