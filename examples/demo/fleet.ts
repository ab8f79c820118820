import { Instance } from "./instance.ts";

/** An instance that is silent for so long is critical to Consul; the shortest that the registrar allows. */
const ttlMs = 3000;

/** The instances of the service. */
export class Fleet {
  readonly #consul: { readonly url: string } | undefined;
  readonly #serving = new Map<string, Instance>();
  readonly #all: Instance[] = [];

  constructor(consul: { readonly url: string } | undefined) {
    this.#consul = consul;
  }

  /** Those that serve, and those that were killed and not replaced. */
  get instances(): readonly Instance[] {
    return [...this.#serving.values()];
  }

  get(name: string): Instance {
    const instance = this.#serving.get(name);
    if (instance === undefined) throw new Error(`there is no instance ${name}`);
    return instance;
  }

  /** Starts a process and lets it boot; it does not serve yet. */
  async boot(name: string): Promise<Instance> {
    const instance = new Instance({ name, seed: this.#all.length + 1, consul: this.#consul, ttlMs });
    this.#all.push(instance);
    await instance.booted();
    return instance;
  }

  /** Lets an instance serve, in place of a dead one of the same name. */
  async admit(instance: Instance): Promise<void> {
    await instance.serve();
    this.#serving.set(instance.name, instance);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((instance) => instance.stop()));
  }
}
