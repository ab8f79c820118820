import { isDeepStrictEqual } from "node:util";

import type { Clock } from "@proxyless/core";
import { inTurns, isRecord, SourceError } from "@proxyless/core/discovery";
import type { WantedEntry } from "@proxyless/core/discovery";

import { codeOf } from "./api-choice.ts";
import type { SpokenApi } from "./api-choice.ts";
import type { Connection } from "./connection.ts";
import { listRequest, readList } from "./list-answer.ts";
import { nacosError } from "./nacos-http.ts";
import type { NacosAnswer, NacosHttp, NacosRequest } from "./nacos-http.ts";
import { metadataOf } from "./registration-options.ts";
import type { ResolvedNacosInstance } from "./registration-options.ts";

type Wanted = WantedEntry<ResolvedNacosInstance>;

/** What `beat` and `remove` answer for an instance that is not known: in the newer API and in the older one. */
const unknownCodes = new Set<number | undefined>([21_003, 20_004, 20_404]);
const goodCodes = new Set<number | undefined>([undefined, 0, 200, 10_200]);
const paths = { v3: "/v3/client/ns/instance", v1: "/v1/ns/instance" } as const;

/** The requests that a registration makes. Each rejects with a `SourceError`, or the signal's reason. */
export class RegistrationCalls {
  readonly #http: NacosHttp;
  readonly #connection: Connection;
  readonly #beatMs: number;
  readonly #clock: Clock;

  constructor(http: NacosHttp, connection: Connection, beatMs: number, clock: Clock) {
    this.#http = http;
    this.#connection = connection;
    this.#beatMs = beatMs;
    this.#clock = clock;
  }

  /** Makes the instance known, or replaces what is known of it. */
  async register(wanted: Wanted, enabled: boolean, healthy: boolean, signal: AbortSignal): Promise<void> {
    const { instance } = wanted;
    const isTaken = await this.#ask("register", signal, (api) => ({
      method: "POST",
      path: paths[api],
      parameters: {
        ...this.#identity(api, wanted),
        weight: String(instance.weight),
        enabled: String(enabled),
        healthy: String(healthy),
        metadata: JSON.stringify(metadataOf(instance, this.#beatMs)),
      },
    }));
    if (!isTaken) throw new SourceError("transient", "register: Nacos took it for a question");
  }

  /** Says that the instance lives. @returns `false` when the server does not know it */
  beat(wanted: Wanted, signal: AbortSignal): Promise<boolean> {
    return this.#ask("beat", signal, (api) =>
      api === "v3"
        ? {
            method: "POST",
            path: paths.v3,
            parameters: { ...this.#identity(api, wanted), heartBeat: "true" },
          }
        : // Without the whole instance in `beat`, so that the server says when it does not know it.
          { method: "PUT", path: `${paths.v1}/beat`, parameters: this.#identity(api, wanted) },
    );
  }

  /** Removes the instance. @returns `false` when it was gone already */
  remove(wanted: Wanted, signal: AbortSignal): Promise<boolean> {
    return this.#ask("deregister", signal, (api) => ({
      method: "DELETE",
      path: paths[api],
      parameters: this.#identity(api, wanted),
    }));
  }

  /**
   * Looks whether others see the instance as it was written with {@link register}, enabled.
   * @returns `same`, `missing`, or how they see it instead
   */
  async look(wanted: Wanted, signal: AbortSignal): Promise<string> {
    const { instance, host } = wanted;
    const { service, cluster, port } = instance;
    const { response } = await this.#send(
      (api) => listRequest(api, service, [cluster], this.#connection),
      signal,
    );
    const isAnswer = response.status === 200;
    const time = { clock: this.#clock, signal };
    const list = isAnswer ? await inTurns(readList(`service ${service}`, response.pieces), time) : undefined;
    if (list === undefined) throw nacosError(`service ${service}`, response, this.#clock.wallNow());
    const entry = list.hosts.find((each) => isRecord(each) && each["ip"] === host && each["port"] === port);
    if (!isRecord(entry)) return "missing";
    // What a server does not say is no difference.
    const { weight = instance.weight, enabled = true, clusterName = cluster, metadata } = entry;
    const written = [instance.weight, true, cluster, metadataOf(instance, this.#beatMs)];
    const seen = [weight, enabled, clusterName, isRecord(metadata) ? metadata : {}];
    return isDeepStrictEqual(seen, written) ? "same" : JSON.stringify(seen);
  }

  #identity(api: SpokenApi, { instance, host }: Wanted): Readonly<Record<string, string>> {
    const { namespace, group } = this.#connection;
    const { service, port, cluster, ephemeral } = instance;
    return {
      namespaceId: namespace,
      groupName: group,
      serviceName: api === "v3" ? service : `${group}@@${service}`,
      ip: host,
      port: String(port),
      clusterName: cluster,
      ephemeral: String(ephemeral),
    };
  }

  async #ask(
    what: string,
    signal: AbortSignal,
    question: (api: SpokenApi) => NacosRequest,
  ): Promise<boolean> {
    const { response } = await this.#send(question, signal);
    const code = codeOf(response.body);
    if (unknownCodes.has(code)) return false;
    if (response.status === 200 && goodCodes.has(code)) return true;
    throw nacosError(what, response, this.#clock.wallNow());
  }

  /** To the server that answered last, and to the next ones when that one fails. */
  #send(question: (api: SpokenApi) => NacosRequest, signal: AbortSignal): Promise<NacosAnswer> {
    return this.#http.anywhere(signal, async () => {
      const answer = await this.#http.ask(question, "quick", this.#clock, signal);
      const { response } = answer;
      if (response.status >= 500 && codeOf(response.body) === undefined) {
        throw nacosError("Nacos", response, this.#clock.wallNow());
      }
      return answer;
    });
  }
}
