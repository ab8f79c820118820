import type { HttpMethod } from "./openapi-types.ts";
import type { Exact } from "./openapi-types.ts";
import type { InferInput, InferOutput, StandardSchema } from "./standard-schema.ts";

/** One operation of a {@link Contract}: validators for what is sent and for what comes back. */
export interface ContractOperation {
  /** Validators of the parameters. Without one for `path`, the names in the path are required and any scalar fits. */
  readonly params?: {
    readonly path?: StandardSchema;
    readonly query?: StandardSchema;
    readonly header?: StandardSchema;
    readonly cookie?: StandardSchema;
  };
  readonly body?: StandardSchema;
  /** Validators by status. `default` stands for every status outside 2xx that is not listed. */
  readonly responses: { readonly [status: number]: StandardSchema; readonly default?: StandardSchema };
}

/** What a service promises, by path and method: `{ "/orders/{id}": { GET: { responses: { 200: schema } } } }`. */
export interface Contract {
  readonly [path: string]: { readonly [Method in Uppercase<HttpMethod>]?: ContractOperation };
}

/**
 * What `error` is when an answer outside 2xx has a status the contract does not declare, such as the page of a proxy:
 * `if (error instanceof UndeclaredResponse)`.
 */
export class UndeclaredResponse {
  readonly status: number;
  /** The body as it came: parsed when it is JSON, text otherwise, undefined when empty. */
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}

type Scalar = string | number | boolean | bigint | Date;

/** What fills a `{name}` that has no validator. */
export type PathValue = Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>;

type BareName<Name extends string> = Name extends `${"." | ";"}${infer Rest}`
  ? BareName<Rest>
  : Name extends `${infer Rest}*`
    ? Rest
    : Name;

/** The names in a path: `"/a/{b}/{c*}"` has `"b" | "c"`. */
type TemplateNames<Path> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? BareName<Name> | TemplateNames<Rest>
  : never;

type Part<Name extends string, Value> = {} extends Value
  ? { readonly [K in Name]?: Value | undefined }
  : { readonly [K in Name]: Value };

type SchemaPart<Params, Name extends string> = Name extends keyof Params
  ? Part<Name, InferInput<Params[Name]>>
  : unknown;

type PathPart<Path, Params> = "path" extends keyof Params
  ? Part<"path", InferInput<Params["path"]>>
  : [TemplateNames<Path>] extends [never]
    ? unknown
    : { readonly path: { readonly [Name in TemplateNames<Path>]: PathValue } };

type ParamsOf<Op> = Op extends { readonly params: infer Params } ? Params : {};

type Parameters<Path, Params> = PathPart<Path, Params> &
  SchemaPart<Params, "query"> &
  SchemaPart<Params, "header"> &
  SchemaPart<Params, "cookie">;

interface Json<Value> {
  content: { "application/json": Exact<Value> };
}

type RequestBodyPart<Op> = Op extends { readonly body: infer Schema }
  ? undefined extends InferInput<Schema>
    ? { requestBody?: Json<InferInput<Schema>> }
    : { requestBody: Json<InferInput<Schema>> }
  : unknown;

/** An error that is validated to `undefined` comes as its status line, so that it is never taken for a success. */
type ErrorOutput<Output> = undefined extends Output ? Exclude<Output, undefined> | string : Output;

type Responses<Declared> = {
  [Status in keyof Declared]: Json<
    `${Status & (string | number)}` extends `2${string}`
      ? InferOutput<Declared[Status]>
      : ErrorOutput<InferOutput<Declared[Status]>>
  >;
} & ("default" extends keyof Declared ? unknown : { undeclared: Json<UndeclaredResponse> });

type Operation<Path, Op> = RequestBodyPart<Op> & {
  parameters: Parameters<Path, ParamsOf<Op>>;
  responses: Op extends { readonly responses: infer Declared } ? Responses<Declared> : never;
};

/** A contract in the shape of openapi-typescript's `paths`, so that both kinds of client share their types. */
export type ContractPaths<C> = {
  [Path in keyof C]: {
    [Method in keyof C[Path] as Lowercase<Method & string>]: Operation<Path, C[Path][Method]>;
  };
};
