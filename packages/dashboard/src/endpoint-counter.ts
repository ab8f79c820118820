/** How many looks attempts are counted over. */
const windowLooks = 10;

interface Count {
  readonly looks: Uint32Array;
  now: number;
  sum: number;
}

/** How a service's attempts were spread over its endpoints during the last ten looks. */
export class EndpointCounter {
  readonly #counts = new Map<string, Count>();
  #at = 0;
  #total = 0;

  record(address: string): void {
    const count = this.#counts.get(address);
    if (count !== undefined) count.now++;
    else this.#counts.set(address, { looks: new Uint32Array(windowLooks), now: 1, sum: 0 });
  }

  /** Ends a look. What was not called during the whole window is forgotten. */
  turn(): void {
    this.#at = (this.#at + 1) % windowLooks;
    this.#total = 0;
    for (const [address, count] of this.#counts) {
      count.sum += count.now - count.looks[this.#at]!;
      count.looks[this.#at] = count.now;
      count.now = 0;
      this.#total += count.sum;
      if (count.sum === 0) this.#counts.delete(address);
    }
  }

  /** Attempts that the shares are of. */
  get total(): number {
    return this.#total;
  }

  /** The part of the attempts that went to an endpoint, 0 to 1. */
  share(address: string): number {
    const sum = this.#counts.get(address)?.sum;
    return sum === undefined ? 0 : sum / this.#total;
  }
}
