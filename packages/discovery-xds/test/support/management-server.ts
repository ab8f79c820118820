import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";

import { DeltaConversation } from "./delta-conversation.ts";
import { decodeRequest, encode } from "./messages.ts";
import { ServedState } from "./served-state.ts";
import type { Conversation, Heard, ServedResource, ServedType } from "./served-state.ts";
import { SotwConversation } from "./sotw-conversation.ts";

type Stream = ServerDuplexStream<Buffer, Buffer>;

export interface ManagementServerOptions {
  readonly credentials?: ServerCredentials;
  readonly port?: number;
  /** A unix socket instead. */
  readonly path?: string;
}

/**
 * A control plane for tests: it holds a list of clusters and one of endpoints, serves them to anybody in both variants of
 * ADS, and takes the protocol literally. Whatever a client may not do is written down in {@link violations}.
 */
export class ManagementServer {
  readonly #server: Server;
  readonly state = new ServedState((type) => {
    for (const conversation of this.#streams.values()) conversation.changed(type);
  });
  readonly #streams = new Map<Stream, Conversation>();
  /** How many streams were opened so far. */
  opened = 0;
  /** Every stream ends with this at once. */
  refuseWith: status | undefined;
  /** It hears nothing of what is said on the streams that are opened. */
  isDeaf = false;
  port = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.#serve("StreamAggregatedResources", (stream, id) => {
      const send = (json: object): void => void stream.write(encode("DiscoveryResponse", json));
      const conversation = new SotwConversation(this.state, id, send);
      stream.on("data", (bytes: Buffer) => {
        conversation.hear(decodeRequest("DiscoveryRequest", bytes));
      });
      return conversation;
    });
    this.#serve("DeltaAggregatedResources", (stream, id) => {
      const send = (json: object): void => void stream.write(encode("DeltaDiscoveryResponse", json));
      const conversation = new DeltaConversation(this.state, id, send);
      stream.on("data", (bytes: Buffer) => {
        conversation.hear(decodeRequest("DeltaDiscoveryRequest", bytes));
      });
      return conversation;
    });
  }

  static async start(options: ManagementServerOptions = {}): Promise<ManagementServer> {
    const server = new Server();
    const made = new ManagementServer(server);
    const address = options.path === undefined ? `127.0.0.1:${options.port ?? 0}` : `unix:${options.path}`;
    made.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, options.credentials ?? ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
    return made;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** How many streams are open. */
  get streams(): number {
    return this.#streams.size;
  }

  put(type: ServedType, name: string, resource: ServedResource): void {
    this.state.put(type, name, resource);
  }

  remove(type: ServedType, name: string): void {
    this.state.remove(type, name);
  }

  putService(name: string, endpoints: readonly { host: string; port: number }[]): void {
    this.state.putService(name, endpoints);
  }

  get heard(): readonly Heard[] {
    return this.state.heard;
  }

  get violations(): string[] {
    return this.state.violations;
  }

  /** Ends every stream with a status; OK ends it as servers do that shed clients. */
  endStreams(code: status = status.OK): void {
    for (const stream of this.#streams.keys()) {
      if (code === status.OK) stream.end();
      else stream.emit("error", { code, details: "as the test wants it" });
    }
    this.#streams.clear();
  }

  /** Sends bytes that are no message on every stream. */
  sendGarbage(bytes: Buffer): void {
    for (const stream of this.#streams.keys()) stream.write(bytes);
  }

  /** Cuts every connection and listens no longer. */
  stop(): void {
    this.#server.forceShutdown();
  }

  #serve(name: string, converse: (stream: Stream, id: number) => Conversation): void {
    const handle = (stream: Stream): void => {
      const id = ++this.opened;
      if (this.refuseWith !== undefined) {
        stream.emit("error", { code: this.refuseWith, details: "as the test wants it" });
        return;
      }
      this.#streams.set(stream, this.isDeaf ? ignore(stream) : converse(stream, id));
      const gone = (): void => void this.#streams.delete(stream);
      stream.on("end", () => {
        gone();
        stream.end();
      });
      stream.on("cancelled", gone);
      stream.on("error", gone);
    };
    const path = `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`;
    this.#server.register(path, handle, raw, raw, "bidi");
  }
}

function ignore(stream: Stream): Conversation {
  stream.resume();
  return { hear: () => undefined, changed: () => undefined, subscribed: () => [] };
}

function raw(bytes: Buffer): Buffer {
  return bytes;
}
