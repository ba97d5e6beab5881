/** Writes values as MessagePack, each in its shortest form, without extension types. */

/** JSON's values and bytes. A property that is `undefined` is left out. */
export class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #text = new TextEncoder();

  /** @throws TypeError for a value that is neither. */
  encode(value: unknown): Uint8Array {
    this.#length = 0;
    this.#value(value);
    return this.#bytes.slice(0, this.#length);
  }

  #value(value: unknown): void {
    if (value === null || value === undefined) this.#byte(0xc0);
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#string(value);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (Array.isArray(value)) this.#array(value);
    else if (typeof value === 'object') this.#map(value);
    else throw new TypeError(`MessagePack has no ${typeof value}`);
  }

  #number(value: number): void {
    if (!Number.isInteger(value)) this.#float(value);
    else if (value >= 0) this.#positive(value);
    else if (value >= -0x20) this.#byte(0x100 + value);
    else if (value >= -0x80) this.#byte(0xd0, 0x100 + value);
    else if (value >= -0x8000) this.#sized(0xd1, 2, value);
    else if (value >= -0x8000_0000) this.#sized(0xd2, 4, value);
    else this.#float(value);
  }

  #positive(value: number): void {
    if (value < 0x80) this.#byte(value);
    else if (value < 0x100) this.#byte(0xcc, value);
    else if (value < 0x1_0000) this.#sized(0xcd, 2, value);
    else if (value < 0x1_0000_0000) this.#sized(0xce, 4, value);
    // Offsets and times are larger; as floats they are exact, too.
    else this.#float(value);
  }

  #float(value: number): void {
    this.#grow(9);
    this.#view.setUint8(this.#length, 0xcb);
    this.#view.setFloat64(this.#length + 1, value);
    this.#length += 9;
  }

  #string(value: string): void {
    const bytes = this.#text.encode(value);
    if (bytes.length < 0x20) this.#byte(0xa0 + bytes.length);
    else this.#head(bytes.length, 0xd9);
    this.#append(bytes);
  }

  #binary(value: Uint8Array): void {
    this.#head(value.length, 0xc4);
    this.#append(value);
  }

  #array(values: readonly unknown[]): void {
    if (values.length < 0x10) this.#byte(0x90 + values.length);
    else this.#count(values.length, 0xdc);
    for (const value of values) this.#value(value);
  }

  #map(value: object): void {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    if (entries.length < 0x10) this.#byte(0x80 + entries.length);
    else this.#count(entries.length, 0xde);
    for (const [key, member] of entries) {
      this.#string(key);
      this.#value(member);
    }
  }

  /** A length in 1, 2 or 4 bytes; the types stand side by side. */
  #head(length: number, type: number): void {
    if (length < 0x100) this.#byte(type, length);
    else this.#count(length, type + 1);
  }

  #count(length: number, type: number): void {
    if (length < 0x1_0000) this.#sized(type, 2, length);
    else this.#sized(type + 1, 4, length);
  }

  #sized(type: number, size: 2 | 4, value: number): void {
    this.#byte(type);
    this.#grow(size);
    // A negative number wraps to its two's complement.
    if (size === 2) this.#view.setUint16(this.#length, value);
    else this.#view.setUint32(this.#length, value);
    this.#length += size;
  }

  #byte(...bytes: readonly number[]): void {
    this.#append(Uint8Array.from(bytes));
  }

  #append(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #grow(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
