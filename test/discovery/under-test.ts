import type { DiscoverySource } from "@proxyless/core";

/** An endpoint as the suites write it into a registry. */
export interface WrittenEndpoint {
  /** Unique in its service; a registry that has no ids may ignore it. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

/** A real registry with a source on it, as the shared suites (chaos, propagation) need it. One file per registry makes one. */
export interface RegistryUnderTest {
  /** `consul`, `etcd`… */
  readonly name: string;
  /**
   * After a fault has ended, and when there is none, a change must be known within so many milliseconds: what
   * `docs/discovery.md` promises, see `promisedTo`.
   */
  readonly recoveryMs: number;
  /**
   * After so many milliseconds without a byte an impatient source has given up whatever it had: its connections, what it
   * asked, its session. 0 for what has no connection.
   */
  readonly patienceMs: number;
  /** The longest list that the protocol can carry; any where it is left out. */
  readonly mostEndpoints?: number;
  /** The port of every instance where addresses are all that can be written; each has an address of its own then. */
  readonly instancePort?: number;
  /** The address that sources use; a fault proxy is put in front of the port. */
  readonly host: string;
  readonly port: number;
  /** `udp` for DNS, which speaks TCP too; `none` for what has no connection (a file). Default: `tcp`. */
  readonly wire?: "tcp" | "udp" | "none";
  /**
   * A fresh source that asks `host:port`, with the timings that a user would have, except where no suite could wait.
   * @param isImpatient whether it finds out soon that a connection is dead, for cases that wait for nothing else; where that
   * comes of asking anew every so often, it would hide in others that a change was lost
   */
  source(host: string, port: number, isImpatient?: boolean): DiscoverySource;
  /** Makes exactly these the registry's list of the service, written to the server itself, as its users write. */
  put(service: string, endpoints: readonly WrittenEndpoint[]): Promise<void>;
  /** Takes one out of a service's list and puts another in, leaving the rest alone; where it is left out, the whole list is put. */
  swap?(service: string, gone: WrittenEndpoint, added: WrittenEndpoint): Promise<void>;
  /** Ends the server as a crash would (SIGKILL), keeping its data. */
  kill?(): Promise<void>;
  /** Brings it back on the same address; resolves when it answers. */
  restart?(): Promise<void>;
  /** Kills it and brings it back without any data. */
  restartEmpty?(): Promise<void>;
  /** Freezes it (SIGSTOP): connections stay open and nothing is answered. */
  pause?(): Promise<void>;
  resume?(): void;
  /** Makes the credentials that sources hold invalid once; they have to renew them by themselves. */
  expireAuth?(): Promise<void>;
  /** A member that was cut off from the others keeps who waits for its answer waiting, as one does that is dead. */
  readonly isSilentWhenCutOff?: boolean;
  /** Of a cluster: ends the server that leads (SIGKILL); resolves when the others have elected another one. */
  killLeader?(): Promise<void>;
  /** Freezes it (SIGSTOP), so that nobody can hear it; resolves when the others have elected another one. */
  freezeLeader?(): Promise<void>;
  /** Cuts it off from the others, not from clients; resolves when the others have elected another one. */
  cutOffLeader?(): Promise<void>;
  /** Every word between the members takes so much longer, in milliseconds; 0 ends that. */
  slowPeers?(delayMs: number): void;
  /** Brings back who led before; resolves when it follows the one that leads now. */
  restoreLeader?(): Promise<void>;
  /** Of files: does something to them. @returns how they are made well again */
  harm?(how: Harm): Promise<() => Promise<void>>;
  /** What makes no sense in this registry's protocol; a fault proxy answers with it. Default: random bytes. */
  readonly garbage?: Buffer;
  stop(): Promise<void>;
}

/**
 * What befalls a file. `nonsense`: it is overwritten with some. `half`: somebody writes it where it is, and gets no further than
 * half of it. `folder`: it goes with its folder. `link`: it becomes a link to nothing.
 */
export type Harm = "nonsense" | "half" | "folder" | "link";

/** Where {@link RegistryUnderTest} comes from. */
export type StartRegistry = () => Promise<RegistryUnderTest>;

/**
 * What not every registry can do or have done to it. `link`: there is a network to it, so that a fault
 * proxy stands in between; `datagrams`: it is asked by them.
 */
export type Ability =
  | "kill"
  | "restartEmpty"
  | "pause"
  | "link"
  | "datagrams"
  | "files"
  | "expireAuth"
  | "leader"
  | "partition";

/** A registry of the suites, and what it can. */
export interface RegistryEntry {
  readonly start: StartRegistry;
  readonly abilities: readonly Ability[];
}

/** What a started registry can, to be held against what was said of it. */
export function abilitiesOf(registry: RegistryUnderTest): readonly Ability[] {
  const can: Record<Ability, boolean> = {
    kill: registry.kill !== undefined && registry.restart !== undefined,
    restartEmpty: registry.restartEmpty !== undefined,
    pause: registry.pause !== undefined && registry.resume !== undefined,
    link: registry.wire !== "none",
    datagrams: registry.wire === "udp",
    files: registry.harm !== undefined,
    expireAuth: registry.expireAuth !== undefined,
    leader:
      registry.killLeader !== undefined &&
      registry.freezeLeader !== undefined &&
      registry.restoreLeader !== undefined,
    partition: registry.cutOffLeader !== undefined && registry.slowPeers !== undefined,
  };
  const all: readonly Ability[] = [
    "kill",
    "restartEmpty",
    "pause",
    "link",
    "datagrams",
    "files",
    "expireAuth",
    "leader",
    "partition",
  ];
  return all.filter((ability) => can[ability]);
}
