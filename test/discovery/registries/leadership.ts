import type { RelayedPeers } from "../relayed-peers.ts";

/** A server of a cluster, as far as leadership goes. */
interface Member {
  readonly host: string;
  readonly pid: number | undefined;
  readonly isRunning: boolean;
  kill(): Promise<void>;
  restart(): Promise<unknown>;
  pause(): Promise<void>;
  resume(): void;
}

/** A cluster that can tell who leads it. */
interface Cluster<M extends Member> {
  readonly members: readonly M[];
  /** `except` is one that no longer counts. */
  leader(except?: M): Promise<M>;
}

/** Who leads a cluster of three, and what is done to it. */
export class Leadership<M extends Member> {
  readonly #cluster: Cluster<M>;
  #leader: M;
  readonly #peers: RelayedPeers | undefined;
  /** Brings back who led before and was taken away. */
  #restore: (() => Promise<void>) | undefined;

  private constructor(cluster: Cluster<M>, leader: M, peers: RelayedPeers | undefined) {
    this.#cluster = cluster;
    this.#leader = leader;
    this.#peers = peers;
  }

  /** @param peers the network between the members, where it can be cut */
  static async of<M extends Member>(cluster: Cluster<M>, peers?: RelayedPeers): Promise<Leadership<M>> {
    return new Leadership(cluster, await cluster.leader(), peers);
  }

  get leader(): M {
    return this.#leader;
  }

  /** All members, whoever leads first: a client asks that one first. */
  get order(): readonly M[] {
    return [this.#leader, ...this.#cluster.members.filter((member) => member !== this.#leader)];
  }

  /** What {@link RegistryUnderTest} promises of a cluster. */
  get abilities(): {
    killLeader(): Promise<void>;
    freezeLeader(): Promise<void>;
    cutOffLeader?(): Promise<void>;
    slowPeers?(delayMs: number): void;
    restoreLeader(): Promise<void>;
  } {
    const peers = this.#peers;
    return {
      killLeader: () =>
        this.#lose(async (leader) => {
          await leader.kill();
          return async () => {
            await leader.restart();
          };
        }),
      freezeLeader: () =>
        this.#lose(async (leader) => {
          await leader.pause();
          return async () => {
            leader.resume();
          };
        }),
      ...(peers === undefined
        ? {}
        : {
            cutOffLeader: () =>
              this.#lose(async (leader) => {
                peers.cutOff(leader);
                return async () => {
                  peers.heal();
                };
              }),
            slowPeers: (delayMs) => {
              peers.slow(delayMs);
            },
          }),
      restoreLeader: async () => {
        await this.#restore?.();
        this.#restore = undefined;
        this.#leader = await this.#cluster.leader();
      },
    };
  }

  /** @param work takes a leader away, and gives back how it returns */
  async #lose(work: (leader: M) => Promise<() => Promise<void>>): Promise<void> {
    const gone = this.#leader;
    this.#restore = await work(gone);
    this.#leader = await this.#cluster.leader(gone);
  }
}
