import type { CallEngine } from "../../engine/request.ts";
import { ProxylessError } from "../../errors.ts";
import { isRecord } from "../../is-record.ts";
import { Caller } from "./caller.ts";
import type { LooseInit, LooseResult, TypedClientOptions } from "./client-types.ts";
import { describeIssues } from "./contract-issues.ts";
import { UndeclaredResponse } from "./contract-types.ts";
import type { ContractOperation } from "./contract-types.ts";
import { requestError } from "./encode.ts";
import { statusLine } from "./response.ts";
import type { StandardSchema, StandardSchemaResult } from "./standard-schema.ts";

/** The secrets of a request travel in its headers, so nothing a validator says about those is repeated. */
const secretPlaces: ReadonlySet<string> = new Set(["header", "cookie"]);

/** Calls one service by a contract: validates, calls, validates. */
export class ContractCaller {
  readonly #caller: Caller;
  readonly #operations: ReadonlyMap<string, ContractOperation>;

  /** @param operations by `METHOD /path` */
  constructor(
    engine: CallEngine,
    service: string,
    operations: ReadonlyMap<string, ContractOperation>,
    options: TypedClientOptions,
  ) {
    this.#caller = new Caller(engine, service, options, true);
    this.#operations = operations;
  }

  async call(method: string, path: string, init: LooseInit | undefined): Promise<LooseResult> {
    const name = `${method} ${path}`;
    const operation = this.#operations.get(name);
    if (operation === undefined) throw requestError(`the contract has no ${name}`);
    const result = await this.#caller.call(method, path, await this.#input(name, operation, init));
    return this.#output(name, operation, result, init?.parseAs ?? "json");
  }

  async #input(
    name: string,
    operation: ContractOperation,
    init: LooseInit | undefined,
  ): Promise<LooseInit | undefined> {
    const { params, body } = operation;
    if (params === undefined && body === undefined) return init;
    const given = init?.params;
    const [path, query, header, cookie, sentBody] = await Promise.all([
      this.#place(name, "path", params?.path, given?.path),
      this.#place(name, "query", params?.query, given?.query),
      this.#place(name, "header", params?.header, given?.header),
      this.#place(name, "cookie", params?.cookie, given?.cookie),
      body === undefined ? init?.body : this.#sent(name, "body", body, init?.body),
    ]);
    return { ...init, params: { path, query, header, cookie }, body: sentBody };
  }

  /** Parameters of one place; none at all are validated as `{}`, so that defaults apply. */
  async #place(
    name: string,
    place: string,
    schema: StandardSchema | undefined,
    given: Readonly<Record<string, unknown>> | undefined,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    if (schema === undefined) return given;
    const value = await this.#sent(name, place, schema, given ?? {});
    if (isRecord(value)) return value;
    throw this.#broken(`${name} was not sent: the validator of its ${place} gave no object`);
  }

  async #sent(name: string, place: string, schema: StandardSchema, value: unknown): Promise<unknown> {
    const result = await this.#validate(schema, value, `${name} was not sent: the validator of its ${place}`);
    if (result.issues === undefined) return result.value;
    const why = describeIssues(result.issues, value, secretPlaces.has(place));
    throw this.#broken(`${name} was not sent: its ${place} breaks the contract: ${why}`);
  }

  async #output(
    name: string,
    operation: ContractOperation,
    result: LooseResult,
    parseAs: string,
  ): Promise<LooseResult> {
    const { response } = result;
    const { ok, status } = response;
    const { responses } = operation;
    if (ok && parseAs !== "json") return result;
    const schema = responses[status] ?? (ok ? fallbackForSuccess(responses) : responses.default);
    if (schema === undefined) {
      if (!ok) return { data: undefined, error: new UndeclaredResponse(status, result.error), response };
      const declared = Object.keys(responses).join(", ");
      throw this.#broken(`${name} answered ${status}, which the contract does not declare (${declared})`);
    }
    const body = ok ? result.data : result.error;
    const checked = await this.#validate(
      schema,
      body,
      `${name} answered ${status}: the validator of its body`,
    );
    if (checked.issues !== undefined) {
      const why = describeIssues(checked.issues, body, false);
      throw this.#broken(`${name} answered ${status} with a body that breaks the contract: ${why}`);
    }
    return ok
      ? { data: checked.value, error: undefined, response }
      : { data: undefined, error: checked.value ?? statusLine(status, response.statusText), response };
  }

  async #validate(
    schema: StandardSchema,
    value: unknown,
    who: string,
  ): Promise<StandardSchemaResult<unknown>> {
    try {
      return await schema["~standard"].validate(value);
    } catch (error) {
      throw this.#broken(`${who} threw`, error);
    }
  }

  #broken(message: string, cause?: unknown): ProxylessError {
    const { service } = this.#caller;
    const details = cause === undefined ? { service } : { service, cause };
    return new ProxylessError("ERR_PROXYLESS_CONTRACT", `${service}: ${message}`, details);
  }
}

/** `default` usually is the shape of an error, so it speaks for a 2xx only where the contract lists none. */
function fallbackForSuccess(responses: ContractOperation["responses"]): StandardSchema | undefined {
  return Object.keys(responses).some((status) => status.startsWith("2")) ? undefined : responses.default;
}
