import type { ResponseHeaders } from "../../engine/request.ts";
import type { ResponseBody } from "./response-body.ts";
import { isDisturbed } from "./stream-state.ts";

/** What a response is made of. */
export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly headers: ResponseHeaders;
  /** The URL that answered, without fragment. */
  readonly url: string;
  readonly redirected: boolean;
}

/** What a fetched response's headers do when someone tries to change them. */
class Immutable {
  append(): never {
    throw new TypeError("immutable");
  }
  set(): never {
    throw new TypeError("immutable");
  }
  delete(): never {
    throw new TypeError("immutable");
  }

  static {
    Object.setPrototypeOf(this.prototype, Headers.prototype);
    Object.defineProperty(this.prototype, "constructor", { value: Headers });
  }
}

// The getters below replace those of the global class, which its type would not allow by name.
const NativeResponse: new (body: null) => object = Response;

/**
 * A global `Response` whose headers and stream are made only when touched. Reading it whole skips the stream, which
 * is most of what a fetch costs.
 */
class MeshResponse extends NativeResponse {
  readonly #head: ResponseHead;
  readonly #body: ResponseBody | null;
  #headers: Headers | undefined;
  #stream: ReadableStream<Uint8Array> | undefined;
  #consumed = false;

  constructor(head: ResponseHead, body: ResponseBody | null, stream?: ReadableStream<Uint8Array>) {
    super(null);
    this.#head = head;
    this.#body = body;
    this.#stream = stream;
  }

  get type(): Response["type"] {
    return "basic";
  }
  get url(): string {
    return this.#head.url;
  }
  get redirected(): boolean {
    return this.#head.redirected;
  }
  get status(): number {
    return this.#head.status;
  }
  get ok(): boolean {
    return this.#head.status >= 200 && this.#head.status <= 299;
  }
  get statusText(): string {
    return this.#head.statusText;
  }
  get headers(): Headers {
    this.#headers ??= createHeaders(this.#head.headers);
    return this.#headers;
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.#body === null) return null;
    this.#stream ??= this.#consumed ? usedStream() : this.#body.stream();
    return this.#stream;
  }
  get bodyUsed(): boolean {
    return this.#consumed || (this.#stream !== undefined && isDisturbed(this.#stream));
  }

  clone(): Response {
    if (this.bodyUsed || this.#stream?.locked === true) {
      throw new TypeError("Response.clone: Body has already been consumed.");
    }
    const { body } = this;
    if (body === null) return new MeshResponse(this.#head, null);
    const [mine, other] = body.tee();
    this.#stream = mine;
    return new MeshResponse(this.#head, this.#body, other);
  }

  text(): Promise<string> {
    return this.#read(toText) ?? this.#slowly((response) => response.text());
  }
  json(): Promise<any> {
    return this.#read(toJson) ?? this.#slowly((response) => response.json());
  }
  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#read(toArrayBuffer) ?? this.#slowly((response) => response.arrayBuffer());
  }
  bytes(): Promise<Uint8Array> {
    return this.#read(toBytes) ?? this.#slowly((response) => response.bytes());
  }
  blob(): Promise<Blob> {
    return this.#slowly((response) => response.blob());
  }
  formData(): Promise<FormData> {
    return this.#slowly((response) => response.formData());
  }

  /** Reads without a stream, as long as nobody has touched it. */
  #read<T>(convert: (chunks: readonly Buffer[]) => T): Promise<T> | undefined {
    if (this.#consumed) return Promise.reject(unusable());
    if (this.#stream !== undefined || this.#body === null) return undefined;
    this.#consumed = true;
    return this.#body.consume(convert);
  }

  // Async, so that a body that was used already rejects instead of throwing.
  async #slowly<T>(read: (response: Response) => Promise<T>): Promise<T> {
    if (this.#consumed) throw unusable();
    return read(this.#native());
  }

  /** The same body in an ordinary response, for what is rare. */
  #native(): Response {
    const type = this.headers.get("content-type");
    return new Response(this.body, { headers: type === null ? {} : { "content-type": type } });
  }

  static {
    // `new response.constructor(body, init)` is in use, and must make an ordinary one.
    Object.defineProperty(this.prototype, "constructor", {
      value: Response,
      writable: true,
      configurable: true,
    });
    // Methods that a newer Node adds (`textStream`) must see this body and not the empty one of the base.
    for (const name of Object.getOwnPropertyNames(Response.prototype)) {
      if (Object.hasOwn(this.prototype, name)) continue;
      const method: unknown = Reflect.get(Response.prototype, name, this.prototype);
      if (typeof method !== "function") continue;
      Object.defineProperty(this.prototype, name, {
        value(this: MeshResponse, ...args: unknown[]): unknown {
          return Reflect.apply(method, this.#native(), args);
        },
        writable: true,
        configurable: true,
      });
    }
  }
}

/**
 * Makes the response of a fetch: `instanceof` the global `Response`, headers immutable, body as in WHATWG.
 * @param body `null` where the status or method has none
 */
export function createResponse(head: ResponseHead, body: ResponseBody | null): Response {
  return new MeshResponse(head, body);
}

function unusable(): TypeError {
  return new TypeError("Body is unusable: Body has already been read");
}

function createHeaders(headers: ResponseHeaders): Headers {
  const pairs: [string, string][] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (typeof value === "string") pairs.push([name, value]);
    else if (value !== undefined) for (const one of value) pairs.push([name, one]);
  }
  return Reflect.construct(Headers, [pairs], Immutable);
}

function join(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
}

function toText(chunks: readonly Buffer[]): string {
  const text = join(chunks).toString("utf8");
  return text.charCodeAt(0) === 0xfe_ff ? text.slice(1) : text;
}

function toJson(chunks: readonly Buffer[]): unknown {
  return JSON.parse(toText(chunks));
}

function toBytes(chunks: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(join(chunks));
}

function toArrayBuffer(chunks: readonly Buffer[]): ArrayBuffer {
  return toBytes(chunks).buffer;
}

/** What `body` shows after the body was read whole: a stream that was read and stays locked. */
function usedStream(): ReadableStream<Uint8Array> {
  const stream = new ReadableStream({
    type: "bytes",
    start: (controller) => {
      controller.close();
    },
  });
  void stream.getReader().read();
  return stream;
}
