import type { CallEngine, CallRequest, RequestBody } from "../../engine/request.ts";
import { configError, ProxylessError, show } from "../../errors.ts";
import { encodeForm, encodeJson, encodeSpecial } from "./body.ts";
import type { LooseInit, LooseResult, TypedClientOptions } from "./client-types.ts";
import type { ParseAs } from "./decode.ts";
import { requestError } from "./encode.ts";
import {
  applyCookieParams,
  applyHeaderParams,
  applyHeaders,
  headerOf,
  headerValue,
  setHeader,
} from "./headers.ts";
import { PathTemplate, PathTemplates } from "./path-template.ts";
import { querySerializer } from "./query.ts";
import type { QueryFunction } from "./query.ts";
import { StreamCall } from "./stream-call.ts";
import { WholeCall } from "./whole-call.ts";

const jsonType = "application/json";

/** Writes requests for one service and hands them to the engine; what the typed clients are made of. */
export class Caller {
  readonly service: string;
  readonly #engine: CallEngine;
  readonly #options: TypedClientOptions;
  readonly #keepEmptyErrors: boolean;
  readonly #templates: PathTemplates;
  readonly #writeQuery: QueryFunction;
  /** Headers of a call that adds none: ready-made lists that are never changed. */
  readonly #plainHeaders: readonly string[];
  readonly #jsonBodyHeaders: readonly string[];
  readonly #anyTypeHeaders: readonly string[];

  /**
   * @param keepEmptyErrors gives `undefined` for the body of an empty error answer instead of its status line
   * @throws {ProxylessError} `ERR_PROXYLESS_CONFIG` for an option out of its range
   */
  constructor(engine: CallEngine, service: string, options: TypedClientOptions, keepEmptyErrors: boolean) {
    this.service = service;
    this.#engine = engine;
    this.#options = options;
    this.#keepEmptyErrors = keepEmptyErrors;
    this.#templates = new PathTemplates(prefixOf(options.baseUrl));
    this.#writeQuery = querySerializer(options.querySerializer);
    if (options.bodySerializer !== undefined && typeof options.bodySerializer !== "function") {
      throw configError("bodySerializer", "a function", options.bodySerializer);
    }
    this.#plainHeaders = baseHeaders(jsonType, options);
    this.#anyTypeHeaders = baseHeaders("*/*", options);
    this.#jsonBodyHeaders = withContentType(this.#plainHeaders, jsonType);
  }

  call(method: string, path: string, init: LooseInit | undefined): Promise<LooseResult> {
    // What goes wrong while the request is written rejects the promise, as everything later does.
    return new Promise((resolve, reject) => {
      this.#send(method, path, init, resolve, reject);
    });
  }

  #send(
    method: string,
    path: string,
    init: LooseInit | undefined,
    resolve: (result: LooseResult) => void,
    reject: (reason: unknown) => void,
  ): void {
    const template = this.#templates.get(path);
    const parseAs = init?.parseAs ?? "json";
    const request: CallRequest =
      init === undefined
        ? {
            method,
            path: template.fill(undefined),
            headers: this.#plainHeaders,
            body: null,
            template: template.text,
            signal: undefined,
            timeoutMs: undefined,
            retry: undefined,
            idempotencyKey: undefined,
            hashKey: undefined,
            criticality: undefined,
            rateLimitKey: undefined,
            endpoint: undefined,
            explain: undefined,
          }
        : this.#write(method, template, init, parseAs);
    const source = init?.body;
    this.#engine.send(
      this.service,
      request,
      parseAs === "stream"
        ? new StreamCall(resolve, reject, this.service, request, this.#keepEmptyErrors, source)
        : new WholeCall(resolve, reject, this.service, request, parseAs, this.#keepEmptyErrors, source),
    );
  }

  #write(method: string, template: PathTemplate, init: LooseInit, parseAs: ParseAs): CallRequest {
    if (typeof init !== "object" || init === null) {
      throw requestError(`options of ${method} ${template.text} must be an object, got ${show(init)}`);
    }
    if (!parsers.has(parseAs)) {
      throw requestError(`parseAs must be json, text, arrayBuffer, blob or stream, got ${show(parseAs)}`);
    }
    const { params, idempotencyKey, signal } = init;
    if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal)) {
      throw requestError(`signal must be an AbortSignal, got ${show(signal)}`);
    }
    const sent = this.#content(init, parseAs === "json" ? this.#plainHeaders : this.#anyTypeHeaders);
    if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey, sent.headers);
    return {
      method,
      path: params === undefined ? template.fill(undefined) : this.#target(template, init),
      headers: sent.headers,
      body: sent.body,
      template: template.text,
      signal: signal ?? undefined,
      timeoutMs: init.timeoutMs,
      retry: init.retry,
      idempotencyKey,
      hashKey: init.hashKey,
      criticality: init.criticality,
      rateLimitKey: init.rateLimitKey,
      endpoint: init.endpoint,
      explain: init.explain,
    };
  }

  #target(template: PathTemplate, init: LooseInit): string {
    const path = template.fill(init.params?.path);
    const query = init.params?.query;
    if (query === undefined || query === null) return path;
    const write =
      init.querySerializer === undefined
        ? this.#writeQuery
        : querySerializer(init.querySerializer, this.#options.querySerializer);
    const written = write(query);
    if (written === "") return path;
    return `${path}${template.hasQuery ? "&" : "?"}${written}`;
  }

  /** Body and headers together, because each decides about the other. */
  #content(
    init: LooseInit,
    base: readonly string[],
  ): { readonly headers: readonly string[]; readonly body: RequestBody | null } {
    const { params, body } = init;
    const header = params?.header;
    const cookie = params?.cookie;
    const custom = init.headers !== undefined || header !== undefined || cookie !== undefined;
    if (body === undefined && !custom) return { headers: base, body: null };

    const serializer = init.bodySerializer ?? this.#options.bodySerializer;
    const data = serializer === undefined || body === undefined ? body : serializer(body);
    const special = encodeSpecial(data);
    if (body !== undefined && special === undefined && !custom && base === this.#plainHeaders) {
      if (headerOf(base, "content-type") === undefined) {
        return { headers: this.#jsonBodyHeaders, body: encodeJson(data) };
      }
    }

    const list = base.slice();
    if (body !== undefined && headerOf(list, "content-type") === undefined) {
      // A serialiser that returns text has made JSON of its own, unless the caller says otherwise.
      const isOwnJson = special === undefined || (serializer !== undefined && typeof data === "string");
      const type = isOwnJson ? jsonType : special.contentType;
      if (type !== undefined) list.push("content-type", type);
    }
    if (init.headers !== undefined && init.headers !== null) applyHeaders(list, init.headers);
    if (header !== undefined && header !== null) applyHeaderParams(list, header);
    if (cookie !== undefined && cookie !== null) applyCookieParams(list, cookie);
    if (body === undefined) return { headers: list, body: null };
    if (special === undefined)
      return { headers: list, body: encodeData(data, headerOf(list, "content-type")) };
    if (special.typeIsPartOfBody === true && special.contentType !== undefined) {
      setHeader(list, "content-type", special.contentType);
    }
    return { headers: list, body: special.body };
  }
}

function checkIdempotencyKey(key: string, headers: readonly string[]): void {
  if (headerValue("idempotency-key", key) === "") throw requestError("idempotencyKey must not be empty");
  if (headerOf(headers, "idempotency-key") !== undefined) {
    throw requestError('"idempotency-key" is given twice, by idempotencyKey and by headers');
  }
}

const parsers: ReadonlySet<string> = new Set(["json", "text", "arrayBuffer", "blob", "stream"]);

/** Plain data in the content type the headers name. */
function encodeData(data: unknown, contentType: string | undefined): string {
  if (contentType?.startsWith("application/x-www-form-urlencoded") === true && typeof data === "object") {
    return encodeForm(data ?? {});
  }
  if (contentType?.startsWith("multipart/") === true) {
    throw requestError(
      `body for content type ${contentType.slice(0, 60)} must be a FormData, got ${show(data)}`,
    );
  }
  return encodeJson(data);
}

function baseHeaders(accept: string, options: TypedClientOptions): string[] {
  const list = ["accept", accept];
  if (options.headers === undefined) return list;
  try {
    applyHeaders(list, options.headers);
  } catch (error) {
    // At creation time a header that cannot be sent is a mistake in the options, not in a request.
    const why = error instanceof Error ? error.message : "they cannot be read";
    throw new ProxylessError("ERR_PROXYLESS_CONFIG", `headers must be sendable: ${why}`, {
      field: "headers",
    });
  }
  return list;
}

function withContentType(base: readonly string[], type: string): readonly string[] {
  return headerOf(base, "content-type") === undefined ? [...base, "content-type", type] : base;
}

function prefixOf(baseUrl: string | undefined): string {
  if (baseUrl === undefined || baseUrl === "" || baseUrl === "/") return "";
  if (typeof baseUrl !== "string" || !baseUrl.startsWith("/") || baseUrl.startsWith("//")) {
    throw configError("baseUrl", "a path that begins with one / (the host is the service)", baseUrl);
  }
  try {
    if (!new PathTemplate(baseUrl).hasQuery) return baseUrl.endsWith("/") ? baseUrl.slice(0, -1) : baseUrl;
  } catch {
    // Reported below as what it is here: an option out of its range.
  }
  throw configError("baseUrl", "a path without a query, spaces or dot segments", baseUrl);
}
