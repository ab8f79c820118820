import type { CallEngine } from "../../engine/request.ts";
import { configError } from "../../errors.ts";
import type { TypedClient, TypedClientOptions } from "./client-types.ts";
import { clientOf } from "./client.ts";
import { ContractCaller } from "./contract-caller.ts";
import type { Contract, ContractOperation, ContractPaths } from "./contract-types.ts";
import { methods } from "./methods.ts";
import { PathTemplate } from "./path-template.ts";
import { isStandardSchema } from "./standard-schema.ts";

/**
 * A contract, checked and with its exact type.
 * @throws {ProxylessError} `ERR_PROXYLESS_CONFIG` naming what is no path, method, status or Standard Schema validator
 */
export function defineContract<const C extends Contract>(contract: C): C {
  operationsOf(contract);
  return contract;
}

/**
 * A client for `service` from a hand-written contract, with the calling convention of the typed client. Parameters and
 * bodies are validated (and transformed) before they are sent, answers before they are given to the caller. A call
 * rejects with `ERR_PROXYLESS_CONTRACT` when either breaks the contract, and when a 2xx status is not declared.
 * `data` of a call with `parseAs` other than `json` is not validated.
 * @throws {ProxylessError} `ERR_PROXYLESS_CONFIG` for an option out of its range or a malformed contract
 */
export function createContractClient<const C extends Contract>(
  engine: CallEngine,
  service: string,
  contract: C,
  options?: TypedClientOptions,
): TypedClient<ContractPaths<C>>;
export function createContractClient(
  engine: CallEngine,
  service: string,
  contract: Contract,
  options: TypedClientOptions = {},
): object {
  const caller = new ContractCaller(engine, service, operationsOf(contract), options);
  return clientOf((method, path, init) => caller.call(method, path, init));
}

const places = ["path", "query", "header", "cookie"] as const;

/** The operations by `METHOD /path`. */
function operationsOf(contract: Contract): ReadonlyMap<string, ContractOperation> {
  const operations = new Map<string, ContractOperation>();
  for (const [path, item] of entries(contract, "contract", "an object of paths")) {
    checkPath(path);
    for (const [method, operation] of entries(item, `contract["${path}"]`, "an object of methods")) {
      const field = `contract["${path}"].${method}`;
      if (!methods.has(method)) throw configError(field, `one of ${[...methods].join(", ")}`, method);
      if (operation === undefined) continue;
      checkOperation(field, operation);
      operations.set(`${method} ${path}`, operation);
    }
  }
  return operations;
}

function entries<T>(value: Readonly<Record<string, T>>, field: string, expected: string): [string, T][] {
  if (typeof value !== "object" || value === null) throw configError(field, expected, value);
  return Object.entries(value);
}

function checkPath(path: string): void {
  try {
    void new PathTemplate(path);
  } catch {
    throw configError("contract", "an object whose keys are paths such as /orders/{id}", path);
  }
}

function checkOperation(field: string, operation: ContractOperation): void {
  if (typeof operation !== "object" || operation === null) throw configError(field, "an object", operation);
  const { params, body, responses } = operation;
  for (const place of places) checkSchema(`${field}.params.${place}`, params?.[place]);
  checkSchema(`${field}.body`, body);
  const declared = entries(responses, `${field}.responses`, "an object of validators by status");
  if (declared.length === 0) {
    throw configError(`${field}.responses`, "an object of at least one validator by status", responses);
  }
  for (const [status, schema] of declared) {
    if (status !== "default" && !/^[2-5]\d\d$/.test(status)) {
      throw configError(`${field}.responses`, "keyed by statuses from 200 to 599 or default", status);
    }
    checkSchema(`${field}.responses.${status}`, schema);
  }
}

function checkSchema(field: string, schema: unknown): void {
  if (schema !== undefined && !isStandardSchema(schema)) {
    throw configError(field, "a Standard Schema validator (zod, valibot, ArkType…)", schema);
  }
}
