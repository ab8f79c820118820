/** A value of an extension type. */
export class Extension {
  readonly type: number;
  readonly bytes: Buffer;

  constructor(type: number, bytes: Buffer) {
    this.type = type;
    this.bytes = bytes;
  }
}

/** What was read, and where the next value begins. */
interface Read {
  readonly value: unknown;
  readonly next: number;
}

/** The bytes end before the value does. */
class Incomplete extends Error {}

/**
 * Reads one value of MessagePack, by the specification alone; nothing is shared with what writes it. Maps must have texts for
 * keys, each once; texts must be UTF-8.
 * @returns undefined where more bytes are needed
 * @throws Error for what is no MessagePack
 */
export function decodeOne(bytes: Buffer): Read | undefined {
  try {
    return new Reader(bytes).read(0, 0);
  } catch (error) {
    if (error instanceof Incomplete) return undefined;
    throw error;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

class Reader {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(at: number, depth: number): Read {
    if (depth > 32) throw new Error("too deep");
    const first = this.#uint(at, 1);
    const next = at + 1;
    if (first <= 0x7f) return { value: first, next };
    if (first <= 0x8f) return this.#map(next, first & 0x0f, depth);
    if (first <= 0x9f) return this.#array(next, first & 0x0f, depth);
    if (first <= 0xbf) return this.#text(next, first & 0x1f);
    if (first >= 0xe0) return { value: first - 0x100, next };
    switch (first) {
      case 0xc0:
        return { value: null, next };
      case 0xc2:
        return { value: false, next };
      case 0xc3:
        return { value: true, next };
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#sized(next, 1 << (first - 0xc4), (start, size) => this.#slice(start, size));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#sized(next, 1 << (first - 0xc7), (start, size) => this.#extension(start, size));
      case 0xca:
        return { value: this.#slice(next, 4).value.readFloatBE(), next: next + 4 };
      case 0xcb:
        return { value: this.#slice(next, 8).value.readDoubleBE(), next: next + 8 };
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf: {
        const size = 1 << (first - 0xcc);
        return { value: this.#uint(next, size), next: next + size };
      }
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3: {
        const size = 1 << (first - 0xd0);
        const value = BigInt.asIntN(size * 8, BigInt(`0x${this.#slice(next, size).value.toString("hex")}`));
        return { value: Number(value), next: next + size };
      }
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(next, 1 << (first - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#sized(next, 1 << (first - 0xd9), (start, size) => this.#text(start, size));
      case 0xdc:
      case 0xdd:
        return this.#sized(next, 2 << (first - 0xdc), (start, size) => this.#array(start, size, depth));
      case 0xde:
      case 0xdf:
        return this.#sized(next, 2 << (first - 0xde), (start, size) => this.#map(start, size, depth));
      default:
        throw new Error(`0x${first.toString(16)} begins nothing`);
    }
  }

  #sized(at: number, width: number, read: (start: number, size: number) => Read): Read {
    return read(at + width, this.#uint(at, width));
  }

  #array(at: number, size: number, depth: number): Read {
    const value: unknown[] = [];
    let next = at;
    for (let i = 0; i < size; i++) {
      const element = this.read(next, depth + 1);
      value.push(element.value);
      ({ next } = element);
    }
    return { value, next };
  }

  #map(at: number, size: number, depth: number): Read {
    const value: Record<string, unknown> = {};
    let next = at;
    for (let i = 0; i < size; i++) {
      const key = this.read(next, depth + 1);
      if (typeof key.value !== "string") throw new Error("a key that is no text");
      if (Object.hasOwn(value, key.value)) throw new Error(`the key ${key.value} comes twice`);
      const element = this.read(key.next, depth + 1);
      value[key.value] = element.value;
      ({ next } = element);
    }
    return { value, next };
  }

  #text(at: number, size: number): Read {
    const { next, value } = this.#slice(at, size);
    return { value: utf8.decode(value), next };
  }

  #extension(at: number, size: number): Read {
    const { next, value } = this.#slice(at + 1, size);
    return { value: new Extension(this.#bytes.readInt8(at), value), next };
  }

  #uint(at: number, size: number): number {
    return Number(BigInt(`0x${this.#slice(at, size).value.toString("hex")}`));
  }

  #slice(at: number, size: number): { readonly value: Buffer; readonly next: number } {
    if (at + size > this.#bytes.length) throw new Incomplete();
    return { value: this.#bytes.subarray(at, at + size), next: at + size };
  }
}
