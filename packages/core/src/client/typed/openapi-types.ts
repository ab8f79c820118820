import type { ParseAs } from "./decode.ts";

/** The operations of a path item, as openapi-typescript spells them. */
export type HttpMethod = "get" | "put" | "post" | "delete" | "options" | "head" | "patch" | "trace";

/** The shape of `paths` when none is given: any path, any parameters, nothing known of the answers. */
export type AnyPaths = Record<string, Record<HttpMethod, AnyOperation>>;

interface AnyOperation {
  parameters: {
    query?: Record<string, unknown>;
    header?: Record<string, unknown>;
    path?: Record<string, unknown>;
    cookie?: Record<string, unknown>;
  };
  requestBody?: { content: { "application/json": unknown } };
  responses: {
    200: { content: { "application/json": unknown } };
    default: { content: { "application/json": unknown } };
  };
}

/** The paths that have an operation for the method. */
export type PathsWithMethod<Paths, Method extends HttpMethod> = {
  [Path in keyof Paths & string]: Paths[Path] extends { [M in Method]: unknown } ? Path : never;
}[keyof Paths & string];

/** Keys of `T` that must be present. */
export type RequiredKeys<T> = { [K in keyof T]-?: {} extends Pick<T, K> ? never : K }[keyof T];

type JsonMedia = `${string}/json${"" | `;${string}`}`;
type JsonSuffixMedia = `${string}+json${"" | `;${string}`}`;

/** What a body of this content holds: the JSON media type when there is one, any of them otherwise. */
type MediaBody<Content> = [keyof Content & JsonMedia] extends [never]
  ? [keyof Content & JsonSuffixMedia] extends [never]
    ? Content[keyof Content]
    : Content[keyof Content & JsonSuffixMedia]
  : Content[keyof Content & JsonMedia];

type ResponseBody<Response, Empty> = Response extends { content: infer Content }
  ? [keyof Content] extends [never]
    ? Empty
    : MediaBody<Content>
  : Empty;

type StatusKey = string | number;
type SuccessStatus<Responses> = {
  [S in keyof Responses]: `${S & StatusKey}` extends `2${string}` ? S : never;
}[keyof Responses];

type DefaultBody<Responses> = Responses extends { default: infer R } ? ResponseBody<R, undefined> : unknown;

/** The body of a 2xx answer; `default` stands in when no 2xx is declared. */
type SuccessBody<Op> = Op extends { responses: infer Responses }
  ? [SuccessStatus<Responses>] extends [never]
    ? DefaultBody<Responses>
    : { [S in SuccessStatus<Responses>]: ResponseBody<Responses[S], undefined> }[SuccessStatus<Responses>]
  : unknown;

/** The body of any other answer; one without content comes as its status line. */
export type ErrorBody<Op> = Op extends { responses: infer Responses }
  ? [Exclude<keyof Responses, SuccessStatus<Responses>>] extends [never]
    ? unknown
    : {
        [S in Exclude<keyof Responses, SuccessStatus<Responses>>]: ResponseBody<Responses[S], string>;
      }[Exclude<keyof Responses, SuccessStatus<Responses>>]
  : unknown;

/** What openapi-typescript writes for `readOnly` with `--read-write-markers`. */
interface ReadMarker<T> {
  readonly $read: T;
}

/** What it writes for `writeOnly`. */
interface WriteMarker<T> {
  readonly $write: T;
}

/** A type that is taken as it is, whatever is inside. */
export interface Exact<T> {
  readonly $exact: T;
}

type Primitive = string | number | boolean | bigint | symbol | null | undefined;
type Opaque = Primitive | Blob | Date | ArrayBuffer | ArrayBufferView | ((...args: never) => unknown);
type IsAny<T> = 0 extends 1 & T ? true : false;

/** A schema as an answer holds it: without what is write-only. */
export type Readable<T> =
  IsAny<T> extends true
    ? T
    : T extends Exact<infer Inner>
      ? Inner
      : T extends ReadMarker<infer Inner>
        ? Readable<Inner>
        : T extends WriteMarker<unknown>
          ? never
          : T extends Opaque
            ? T
            : T extends readonly unknown[]
              ? { [K in keyof T]: Readable<T[K]> }
              : T extends object
                ? {
                    [
                      K in keyof T as NonNullable<T[K]> extends WriteMarker<unknown>
                        ? IsAny<T[K]> extends true
                          ? K
                          : never
                        : K
                    ]: Readable<T[K]>;
                  }
                : T;

/** A schema as a request holds it: without what is read-only. */
type Writable<T> =
  IsAny<T> extends true
    ? T
    : T extends Exact<infer Inner>
      ? Inner
      : T extends WriteMarker<infer Inner>
        ? Writable<Inner>
        : T extends ReadMarker<unknown>
          ? never
          : T extends Opaque
            ? T
            : T extends readonly unknown[]
              ? { [K in keyof T]: Writable<T[K]> }
              : T extends object
                ? {
                    [
                      K in keyof T as NonNullable<T[K]> extends ReadMarker<unknown>
                        ? IsAny<T[K]> extends true
                          ? K
                          : never
                        : K
                    ]: Writable<T[K]>;
                  }
                : T;

/** A body that is sent as bytes: once, or again on a retry when a function opens it. */
type StreamBody =
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | (() => AsyncIterable<Uint8Array | string> | Promise<AsyncIterable<Uint8Array | string>>);

type BodyOfMedia<Media, Body> = Media extends JsonMedia | JsonSuffixMedia
  ? Writable<Body>
  : Media extends "multipart/form-data"
    ? Writable<Body> | FormData
    : Media extends "application/x-www-form-urlencoded"
      ? Writable<Body> | URLSearchParams
      : Writable<Body> | StreamBody;

type BodyOfContent<Request> = Request extends { content: infer Content }
  ? { [Media in keyof Content]: BodyOfMedia<Media, Content[Media]> }[keyof Content]
  : unknown;

/** What `body` takes. */
export type RequestBodyOf<Op> = Op extends { requestBody?: infer Request }
  ? BodyOfContent<NonNullable<Request>>
  : never;

/** `params` of an operation, required when something in it is. */
export type ParamsOption<Op> = Op extends { parameters: infer Parameters }
  ? [RequiredKeys<Parameters>] extends [never]
    ? { readonly params?: Parameters | undefined }
    : { readonly params: Parameters }
  : { readonly params?: { readonly query?: Record<string, unknown> } | undefined };

/** `body` of an operation, required when the operation says so, refused when it takes none. */
export type BodyOption<Op> = "requestBody" extends keyof Op
  ? [NonNullable<Op["requestBody"]>] extends [never]
    ? NoBody
    : {} extends Pick<Op, "requestBody">
      ? { readonly body?: RequestBodyOf<Op> | undefined }
      : { readonly body: RequestBodyOf<Op> }
  : NoBody;

interface NoBody {
  readonly body?: undefined;
}

/** The query parameters of an operation. */
export type QueryOf<Op> = Op extends { parameters: { query?: infer Query } }
  ? NonNullable<Query>
  : Record<string, unknown>;

/** What `parseAs` makes of a successful body. */
interface ParsedBodies {
  text: string;
  arrayBuffer: ArrayBuffer;
  blob: Blob;
  stream: ReadableStream<Uint8Array>;
}

/** `data` of a successful call. */
export type DataAs<Op, As extends ParseAs> = As extends keyof ParsedBodies
  ? ParsedBodies[As]
  : Readable<SuccessBody<Op>>;
