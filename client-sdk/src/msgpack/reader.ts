/** Reads MessagePack values, one after the other; extension types are refused. */

/** Far deeper than anything the protocol has. */
const depthMax = 100;

const text = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true });

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #depth = 0;

  constructor(data: ArrayBuffer) {
    this.#bytes = new Uint8Array(data);
    this.#view = new DataView(data);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next value; integers of 64 bits as numbers. @throws RangeError, TypeError. */
  value(): unknown {
    const type = this.#unsigned(1);
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type - 0x80);
    if (type < 0xa0) return this.#array(type - 0x90);
    if (type < 0xc0) return this.#string(type - 0xa0);
    if (type >= 0xe0) return type - 0x100;
    return this.#typed(type);
  }

  #typed(type: number): unknown {
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return type === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#unsigned(2 ** (type - 0xc4))).slice();
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.#unsigned(2 ** (type - 0xcc));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#skip(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#unsigned(2 ** (type - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(2 ** (type - 0xdb)));
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(2 ** (type - 0xdd)));
      default:
        throw new TypeError(`MessagePack type 0x${type.toString(16)} is not allowed here`);
    }
  }

  #unsigned(size: number): number {
    const at = this.#skip(size);
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    return Number(this.#view.getBigUint64(at));
  }

  #string(length: number): string {
    return text.decode(this.#take(length));
  }

  #array(length: number): unknown[] {
    // Grows as values are there: a length that lies takes no memory.
    const values: unknown[] = [];
    this.#enter();
    for (let index = 0; index < length; index += 1) values.push(this.value());
    this.#depth -= 1;
    return values;
  }

  #map(length: number): Readonly<Record<string, unknown>> {
    const entries: [string, unknown][] = [];
    this.#enter();
    for (let index = 0; index < length; index += 1) {
      const key = this.value();
      if (typeof key !== 'string') throw new TypeError('a key of a map must be a string');
      entries.push([key, this.value()]);
    }
    this.#depth -= 1;
    // Makes properties of its own, also of `__proto__`.
    return Object.fromEntries(entries);
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new RangeError(`more than ${depthMax} levels`);
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Where the next bytes begin. */
  #skip(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new RangeError('the MessagePack frame ends early');
    this.#at += length;
    return at;
  }
}
