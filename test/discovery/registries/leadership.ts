/** A server of a cluster, as far as leadership goes. */
interface Member {
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
  /** Who led before and was taken away. */
  #gone: M | undefined;

  private constructor(cluster: Cluster<M>, leader: M) {
    this.#cluster = cluster;
    this.#leader = leader;
  }

  static async of<M extends Member>(cluster: Cluster<M>): Promise<Leadership<M>> {
    return new Leadership(cluster, await cluster.leader());
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
    restoreLeader(): Promise<void>;
  } {
    return {
      killLeader: () => this.#lose((leader) => leader.kill()),
      freezeLeader: () => this.#lose((leader) => leader.pause()),
      restoreLeader: async () => {
        const gone = this.#gone;
        if (gone === undefined) return;
        this.#gone = undefined;
        if (gone.isRunning) gone.resume();
        else await gone.restart();
        this.#leader = await this.#cluster.leader();
      },
    };
  }

  async #lose(work: (leader: M) => Promise<void>): Promise<void> {
    const gone = this.#leader;
    await work(gone);
    this.#gone = gone;
    this.#leader = await this.#cluster.leader(gone);
  }
}
