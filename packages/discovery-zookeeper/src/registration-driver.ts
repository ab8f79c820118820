import { SourceError } from "@proxyless/core/discovery";
import type { RegistrationDriver, RegistrationStatus, WantedEntry } from "@proxyless/core/discovery";

import { isPart } from "./client/addresses.ts";
import type { ZookeeperClient } from "./client/zookeeper-client.ts";
import { pathOf } from "./options.ts";
import { OwnNode } from "./own-node.ts";
import type { WantedNode } from "./own-node.ts";
import type { RegistrarSettings } from "./registration-options.ts";

/** What a driver is made of. */
export interface DriverParts {
  readonly client: ZookeeperClient;
  readonly settings: RegistrarSettings;
  /** The entry may be gone: look now. */
  readonly lost: () => void;
  /** When the instance was registered, in milliseconds since the Unix epoch. */
  readonly registeredAt: number;
}

/** Keeps one instance in ZooKeeper as one ephemeral node of one session. */
export class ZookeeperRegistrationDriver implements RegistrationDriver {
  readonly periodMs: number;
  readonly patienceMs: number;
  readonly #parts: DriverParts;
  readonly #node: OwnNode;
  readonly #unlisten: () => void;

  constructor(parts: DriverParts) {
    const { client, settings, lost } = parts;
    const { sessionTimeoutMs } = settings.client;
    this.#parts = parts;
    this.#node = new OwnNode(client, settings.acl, lost);
    this.#unlisten = client.listen({ connected: lost });
    this.periodMs = sessionTimeoutMs / 3;
    this.patienceMs = sessionTimeoutMs;
  }

  async apply(wanted: WantedEntry, signal: AbortSignal): Promise<void> {
    const node = this.#encode(wanted, wanted.status);
    if (node === undefined) await this.#node.remove(this.#namedPath(wanted), signal);
    else await this.#node.keep(node, signal);
  }

  async drain(wanted: WantedEntry, signal: AbortSignal): Promise<boolean> {
    const node = this.#encode(wanted, "out-of-service");
    // Where the format has no word for it, those who watch hear of it by the node's end.
    if (node === undefined) return this.#node.remove(this.#namedPath(wanted), signal);
    await this.#node.keep(node, signal);
    return true;
  }

  async remove(wanted: WantedEntry, signal: AbortSignal): Promise<void> {
    await this.#node.remove(this.#namedPath(wanted), signal);
  }

  async close(): Promise<void> {
    this.#unlisten();
    await this.#parts.client.close();
  }

  #encode({ instance, host }: WantedEntry, status: RegistrationStatus): WantedNode | undefined {
    const { codec, path: template } = this.#parts.settings;
    const { service, id, port, scheme, weight, version, zone, metadata } = instance;
    const { registeredAt } = this.#parts;
    const directory = pathOf(template, service);
    if (directory === undefined) {
      throw new SourceError(
        "config",
        `the service ${JSON.stringify(service)} cannot be part of a path in ZooKeeper`,
      );
    }
    const written = codec.encode({
      service,
      id,
      host,
      port,
      scheme,
      weight,
      version,
      zone,
      metadata,
      status,
      registeredAt,
    });
    if (written === undefined) return undefined;
    if (!isPart(written.name)) {
      throw new SourceError(
        "config",
        `${JSON.stringify(written.name)} cannot be the name of a node in ZooKeeper`,
      );
    }
    return {
      path: `${directory}/${written.name}`,
      isSequential: written.isSequential === true,
      data: Buffer.from(written.data, "utf8"),
    };
  }

  /** Where the node is when it has a name of its own. */
  #namedPath(wanted: WantedEntry): string | undefined {
    const node = this.#encode(wanted, "up");
    return node === undefined || node.isSequential ? undefined : node.path;
  }
}
