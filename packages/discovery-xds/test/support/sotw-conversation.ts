import { any } from "./messages.ts";
import type { RequestJson } from "./messages.ts";
import { servedTypeOf } from "./served-state.ts";
import type { Conversation, ServedState, ServedType } from "./served-state.ts";

interface TypeState {
  names: readonly string[];
  /** Every nonce that was sent, with its version; the last is the one that counts. */
  readonly sent: Map<string, string>;
  lastNonce: string;
  ackedVersion: string;
  answered: Set<string>;
  /** For each name the version of it that was sent last. */
  readonly told: Map<string, string>;
}

let nonces = 0;

/** One stream of the state-of-the-world variant, and everything that its client does wrong. */
export class SotwConversation implements Conversation {
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
    this.#checkNode(request.node);
    const names = request.resource_names ?? [];
    const nonce = request.response_nonce ?? "";
    const version = request.version_info ?? "";
    const error = request.error_detail;
    const before = this.#types.get(type);
    if (before === undefined) {
      if (nonce !== "") this.#wrong(`the first request for ${type} has the nonce ${nonce}`);
      if (names.length === 0)
        this.#wrong(`the first request for ${type} names nothing, which asks for everything`);
      if (error !== undefined) this.#wrong(`the first request for ${type} refuses something`);
    }
    const state: TypeState = before ?? {
      names: [],
      sent: new Map(),
      lastNonce: "",
      ackedVersion: version,
      answered: new Set(),
      told: new Map(),
    };
    this.#types.set(type, state);
    if (new Set(names).size !== names.length) this.#wrong(`${type} names something twice`);
    const said = {
      type,
      stream: this.#id,
      version,
      names,
      error: error?.message ?? "",
      node: request.node,
    };
    if (before !== undefined && nonce !== state.lastNonce) {
      if (nonce !== "" && !state.sent.has(nonce))
        this.#wrong(`the nonce ${nonce} was never sent on this stream`);
      if (nonce === "" && state.lastNonce !== "" && version !== state.ackedVersion) {
        this.#wrong(`a request without a nonce has the version ${version}, not ${state.ackedVersion}`);
      }
      // Stale: the client has not seen the last response yet, and will speak again.
      if (state.lastNonce !== "") {
        const wasSent = state.sent.get(nonce);
        if (error === undefined && version === wasSent) state.ackedVersion = version;
        if (version !== state.ackedVersion) {
          this.#wrong(
            `a late word on ${nonce} has the version ${version}, not ${state.ackedVersion} or ${wasSent}`,
          );
        }
        this.#rename(state, names);
        return;
      }
    }
    if (error !== undefined) {
      if ((error.message ?? "") === "") this.#wrong(`a refusal for ${type} does not say why`);
      if (version !== state.ackedVersion) {
        this.#wrong(`a refusal for ${type} has the version ${version}, not ${state.ackedVersion}`);
      }
      if (state.answered.has(nonce)) this.#wrong(`the nonce ${nonce} is answered twice`);
      state.answered.add(nonce);
      this.#server.heard.push({ kind: "nack", ...said });
    } else if (nonce !== "" && !state.answered.has(nonce)) {
      const expected = state.sent.get(nonce);
      if (version !== expected)
        this.#wrong(`${nonce} of ${type} is acknowledged with ${version}, not ${expected}`);
      state.answered.add(nonce);
      state.ackedVersion = version;
      this.#server.heard.push({ kind: "ack", ...said });
    } else {
      if (version !== state.ackedVersion) {
        this.#wrong(`a subscription for ${type} has the version ${version}, not ${state.ackedVersion}`);
      }
      this.#server.heard.push({ kind: "subscribe", ...said });
    }
    if (before === undefined && version !== "" && version === this.#server.versionOf(type)) {
      // It says that it has what is current, so there is nothing to say.
      for (const each of names) state.told.set(each, this.#server.resourceVersionOf(type, each));
      this.#rename(state, names);
      return;
    }
    const isNew = before === undefined || names.some((name) => !state.names.includes(name));
    this.#rename(state, names);
    if (isNew) this.#respond(type, state, before === undefined);
    // What changed while a response was under way.
    else if (names.some((name) => state.told.get(name) !== this.#server.resourceVersionOf(type, name))) {
      if (state.answered.has(state.lastNonce) && error === undefined) this.#respond(type, state, false);
    }
  }

  /** What is no longer wanted the client does not have any more. */
  #rename(state: TypeState, names: readonly string[]): void {
    state.names = names;
    for (const name of state.told.keys()) if (!names.includes(name)) state.told.delete(name);
  }

  changed(type: ServedType): void {
    const state = this.#types.get(type);
    if (state === undefined || state.names.length === 0) return;
    this.#respond(type, state, false);
  }

  subscribed(type: ServedType): readonly string[] {
    return [...(this.#types.get(type)?.names ?? [])].toSorted();
  }

  #respond(type: ServedType, state: TypeState, isFirst: boolean): void {
    const server = this.#server;
    const fresh = state.names.filter((name) => state.told.get(name) !== server.resourceVersionOf(type, name));
    // Endpoints come one by one; a list of clusters is always whole.
    const listed = type === "Cluster" || isFirst ? state.names : fresh;
    if (fresh.length === 0 && !isFirst) return;
    const there = listed.filter((name) => server.wire(type, name) !== undefined);
    if (type === "ClusterLoadAssignment" && there.length === 0) return;
    for (const name of listed) state.told.set(name, server.resourceVersionOf(type, name));
    const nonce = `n${++nonces}`;
    const version = server.versionOf(type);
    state.sent.set(nonce, version);
    state.lastNonce = nonce;
    const { ttlSeconds } = server;
    this.#send({
      version_info: version,
      type_url: there.length === 0 ? typeUrlOf(type) : server.wire(type, there[0] ?? "")?.type_url,
      nonce,
      resources: there.map((name) => {
        const resource = server.wire(type, name);
        return ttlSeconds === undefined
          ? resource
          : any("Resource", { name, resource, ttl: { seconds: ttlSeconds } });
      }),
    });
  }

  #checkNode(node: unknown): void {
    if (this.#node === undefined && node === undefined) this.#wrong("the first message has no node");
    if (this.#node !== undefined && node !== undefined) this.#wrong("a later message has a node");
    this.#node ??= node;
  }

  #wrong(what: string): void {
    this.#server.violations.push(`stream ${this.#id}: ${what}`);
  }
}

function typeUrlOf(type: ServedType): string {
  return any(type, {}).type_url;
}
