import { typeUrls } from "./messages.ts";
import type { RequestJson } from "./messages.ts";
import { servedTypeOf } from "./served-state.ts";
import type { Conversation, ServedState, ServedType } from "./served-state.ts";

interface TypeState {
  readonly names: Set<string>;
  /** The version of each resource that the client is taken to have. */
  readonly told: Map<string, string>;
  readonly open: Set<string>;
}

let nonces = 0;

/** One stream of the incremental variant, and everything that its client does wrong. */
export class DeltaConversation implements Conversation {
  readonly #server: ServedState;
  readonly #id: number;
  readonly #send: (response: object) => void;
  readonly #types = new Map<ServedType, TypeState>();
  #node: unknown;

  constructor(server: ServedState, id: number, send: (response: object) => void) {
    this.#server = server;
    this.#id = id;
    this.#send = send;
  }

  hear(request: RequestJson): void {
    const type = servedTypeOf(request.type_url);
    if (type === undefined) return this.#wrong(`a type that is not served: ${request.type_url}`);
    const { node } = request;
    if (this.#node === undefined && node === undefined) this.#wrong("the first message has no node");
    if (this.#node !== undefined && node !== undefined) this.#wrong("a later message has a node");
    this.#node ??= node;
    const subscribe = request.resource_names_subscribe ?? [];
    const unsubscribe = request.resource_names_unsubscribe ?? [];
    const initial = request.initial_resource_versions ?? {};
    const nonce = request.response_nonce ?? "";
    const error = request.error_detail;
    const before = this.#types.get(type);
    if (before === undefined) {
      if (nonce !== "") this.#wrong(`the first request for ${type} has the nonce ${nonce}`);
      if (subscribe.length === 0)
        this.#wrong(`the first request for ${type} names nothing, which asks for everything`);
    } else if (Object.keys(initial).length > 0) {
      this.#wrong(`a later request for ${type} has initial versions`);
    }
    const state = before ?? { names: new Set(), told: new Map(), open: new Set() };
    this.#types.set(type, state);
    if (nonce !== "" && !state.open.delete(nonce)) this.#wrong(`the nonce ${nonce} is not to be answered`);
    if (error !== undefined && (nonce === "" || (error.message ?? "") === "")) {
      this.#wrong(`a refusal for ${type} without a nonce or a reason`);
    }
    for (const name of unsubscribe) {
      if (!state.names.delete(name)) this.#wrong(`${type} ${name} is not subscribed`);
      state.told.delete(name);
    }
    for (const [name, version] of Object.entries(initial)) {
      if (!subscribe.includes(name)) this.#wrong(`an initial version of ${name}, which is not subscribed`);
      state.told.set(name, version);
    }
    for (const name of subscribe) {
      // Who asks for what it has wants it again.
      if (state.names.has(name)) state.told.delete(name);
      state.names.add(name);
    }
    this.#server.heard.push({
      kind: error !== undefined ? "nack" : nonce === "" ? "subscribe" : "ack",
      type,
      stream: this.#id,
      version: "",
      names: [...state.names],
      error: error?.message ?? "",
      node,
    });
    this.#respond(type, state, subscribe);
  }

  changed(type: ServedType): void {
    const state = this.#types.get(type);
    if (state !== undefined) this.#respond(type, state, []);
  }

  subscribed(type: ServedType): readonly string[] {
    return [...(this.#types.get(type)?.names ?? [])].toSorted();
  }

  /** @param asked names of which it is said where they do not exist */
  #respond(type: ServedType, state: TypeState, asked: readonly string[]): void {
    const server = this.#server;
    const resources: object[] = [];
    const removed: string[] = [];
    for (const name of state.names) {
      const version = server.resourceVersionOf(type, name);
      const had = state.told.get(name);
      if (version !== "" && version === had) continue;
      if (version === "") {
        if (had !== undefined || asked.includes(name)) removed.push(name);
        state.told.delete(name);
        continue;
      }
      state.told.set(name, version);
      const ttl = server.ttlSeconds === undefined ? {} : { ttl: { seconds: server.ttlSeconds } };
      resources.push({ name, version, resource: server.wire(type, name), ...ttl });
    }
    if (resources.length === 0 && removed.length === 0) return;
    const nonce = `d${++nonces}`;
    state.open.add(nonce);
    this.#send({
      system_version_info: server.versionOf(type),
      type_url: typeUrls[type],
      nonce,
      resources,
      removed_resources: removed,
    });
  }

  #wrong(what: string): void {
    this.#server.violations.push(`stream ${this.#id}: ${what}`);
  }
}
