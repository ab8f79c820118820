/** The last few of what came, in the order in which it came. */
export class Kept<T extends { readonly id: number }> {
  readonly #max: number;
  #all: T[] = [];
  #lastId = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @param item its id is another one here */
  add(item: T): void {
    this.#all.push({ ...item, id: ++this.#lastId });
    if (this.#all.length > this.#max) this.#all.shift();
  }

  /** What came after the one with that id, the oldest first. */
  since(id: number): readonly T[] {
    return this.#all.filter((item) => item.id > id);
  }
}
