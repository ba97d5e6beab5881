/**
 * The bytes that carry a publication over a backplane: a fixed binary header, then the strings, an
 * optional MessagePack part for what is rare, and the payload last. Written once by the publishing
 * node; every receiving node reads only the offsets that it needs.
 *
 * Layout, version 1, little endian:
 * ```
 *  0 u8  version = 1        1 u8  type              2 u8  data type      3 u8  flags
 *  4 u8  destination kind   5 u8  id length         6 u8  node length    7 u8  hub length
 *  8 u16 sender connection length                  10 u16 sender user length
 * 12 u16 destination name length                   14 u16 1: handed on, else 0
 * 16 u32 data length       20 u32 extension length 24 u32 expiry (s since 2020, 0 never)
 * 28 u32 counter, low      32 u32 counter, high
 * 36 id | node | hub | sender connection | sender user | destination name | extension | data
 * ```
 */
import { readExtension, writeExtension, type Extension } from './envelope-extension.ts';

export const envelopeVersion = 1;
const headerBytes = 36;
const handedOnAt = 14;
/** 2020-01-01T00:00:00Z in seconds since 1970: expiry fits 32 bits until 2156. */
const expiryBase = 1_577_836_800;

/**
 * `command`: what nodes say to each other; the rest of such an envelope is the router's. `stored`: a
 * publication with its place in a stream (stored-envelope.ts). `loss`: loss-mark.ts.
 */
export const envelopeTypes = { publication: 1, command: 2, stored: 3, loss: 4 } as const;

const dataTypes = ['json', 'text', 'binary', 'protobuf'] as const;
export type EnvelopeDataType = (typeof dataTypes)[number];

const kinds = ['all', 'user', 'group', 'connection'] as const;
export type EnvelopeKind = (typeof kinds)[number];

const flags = { noEcho: 1, extension: 2, hasSender: 4, hasUser: 8, hasChosenId: 16 } as const;

/** What the publishing node says. Lengths in bytes of UTF-8. */
export interface EnvelopeFields {
  /** Publication id, at most 255 bytes. */
  readonly id: string;
  /** True: who published chose the id, so that a repeat has it again. Absent: the node made it. */
  readonly hasChosenId?: boolean;
  /** The publishing node, at most 255 bytes. */
  readonly nodeId: string;
  /**
   * Counts this node's publications on this key upwards. A node that has forgotten some of its
   * counters goes on at a multiple of 2^32: `counterBegins` tells.
   */
  readonly counter: number;
  readonly hub: string;
  readonly kind: EnvelopeKind;
  /** Name of the user, group or connection; empty for `all`. */
  readonly name: string;
  readonly dataType: EnvelopeDataType;
  readonly data: Uint8Array;
  readonly senderConnectionId: string | undefined;
  readonly senderUserId: string | undefined;
  readonly noEcho: boolean;
  /** Seconds since 1970 after which it must not be delivered; 0: never. */
  readonly expiresAtSeconds: number;
  readonly extension: Extension | undefined;
}

/** Bytes that are no envelope of a version this node knows. Never thrown for our own envelopes. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

/** The same envelope, marked as handed on by the node that served its connection. */
export function handedOn(bytes: Uint8Array): Uint8Array {
  const marked = Buffer.from(bytes);
  marked.writeUInt16LE(1, handedOnAt);
  return marked;
}

/** Whether counting began (again) with this counter: nothing is missing before it. */
export function counterBegins(counter: number): boolean {
  return counter % 2 ** 32 === 1;
}

/** Encodes a publication into bytes of its own. @throws EnvelopeError when a string is too long. */
export function encodeEnvelope(fields: EnvelopeFields): Buffer {
  const { id, nodeId, hub, name, data } = fields;
  const sender = fields.senderConnectionId ?? '';
  const user = fields.senderUserId ?? '';
  const extension = fields.extension === undefined ? undefined : writeExtension(fields.extension);
  const idLength = short(id, 0xff);
  const nodeLength = short(nodeId, 0xff);
  const hubLength = short(hub, 0xff);
  const senderLength = short(sender, 0xffff);
  const userLength = short(user, 0xffff);
  const nameLength = short(name, 0xffff);
  const extensionLength = extension?.length ?? 0;
  const strings = idLength + nodeLength + hubLength + senderLength + userLength + nameLength;
  const bytes = Buffer.allocUnsafe(headerBytes + strings + extensionLength + data.length);

  bytes[0] = envelopeVersion;
  bytes[1] = envelopeTypes.publication;
  bytes[2] = dataTypes.indexOf(fields.dataType);
  bytes[3] = flagsOf(fields);
  bytes[4] = kinds.indexOf(fields.kind);
  bytes[5] = idLength;
  bytes[6] = nodeLength;
  bytes[7] = hubLength;
  bytes.writeUInt16LE(senderLength, 8);
  bytes.writeUInt16LE(userLength, 10);
  bytes.writeUInt16LE(nameLength, 12);
  bytes.writeUInt16LE(0, 14);
  bytes.writeUInt32LE(data.length, 16);
  bytes.writeUInt32LE(extensionLength, 20);
  const expires = fields.expiresAtSeconds;
  bytes.writeUInt32LE(expires === 0 ? 0 : expiryOf(expires), 24);
  bytes.writeUInt32LE(fields.counter % 2 ** 32, 28);
  bytes.writeUInt32LE(Math.floor(fields.counter / 2 ** 32), 32);

  let at = headerBytes;
  at += bytes.write(id, at);
  at += bytes.write(nodeId, at);
  at += bytes.write(hub, at);
  at += bytes.write(sender, at);
  at += bytes.write(user, at);
  at += bytes.write(name, at);
  if (extension !== undefined) {
    bytes.set(extension, at);
    at += extensionLength;
  }
  bytes.set(data, at);
  return bytes;
}

/** The same bytes with the methods of a buffer. */
export function asBuffer(source: Uint8Array): Buffer {
  if (Buffer.isBuffer(source)) return source;
  return Buffer.from(source.buffer, source.byteOffset, source.length);
}

/**
 * Reads an envelope in place. Construction checks every length against the buffer; the getters
 * decode what they are asked for, each time anew. Valid as long as the bytes are unchanged.
 */
export class EnvelopeView {
  readonly #bytes: Buffer;
  readonly #senderAt: number;
  readonly #extensionAt: number;

  /** @throws EnvelopeError for another version, another type, or lengths that do not fit. */
  constructor(source: Uint8Array) {
    const bytes = asBuffer(source);
    if (bytes.length < headerBytes) {
      throw new EnvelopeError(`Envelope of ${bytes.length} bytes is shorter than its header`);
    }
    if (bytes[0] !== envelopeVersion || bytes[1] !== envelopeTypes.publication) {
      throw new EnvelopeError(`Envelope of version ${bytes[0]}, type ${bytes[1]} is not known`);
    }
    const length = bytes.length;
    this.#bytes = bytes;
    this.#senderAt = headerBytes + this.#u8(5) + this.#u8(6) + this.#u8(7);
    this.#extensionAt =
      this.#senderAt + bytes.readUInt16LE(8) + bytes.readUInt16LE(10) + bytes.readUInt16LE(12);
    const end = this.#extensionAt + bytes.readUInt32LE(20) + bytes.readUInt32LE(16);
    if (end !== length || this.#u8(2) >= dataTypes.length || this.#u8(4) >= kinds.length) {
      throw new EnvelopeError(`Envelope of ${length} bytes does not match its header`);
    }
  }

  /** Size of the whole envelope in bytes. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** The same envelope over bytes of its own, to be kept beyond the call that brought it. */
  retained(): EnvelopeView {
    const owned = Buffer.allocUnsafeSlow(this.#bytes.length);
    owned.set(this.#bytes);
    return new EnvelopeView(owned);
  }

  get id(): string {
    return this.#text(headerBytes, this.#u8(5));
  }

  /** False: no other publication has its id. */
  get hasChosenId(): boolean {
    return this.#has(flags.hasChosenId);
  }

  get nodeId(): string {
    return this.#text(headerBytes + this.#u8(5), this.#u8(6));
  }

  get hub(): string {
    return this.#text(headerBytes + this.#u8(5) + this.#u8(6), this.#u8(7));
  }

  get counter(): number {
    return this.#bytes.readUInt32LE(28) + this.#bytes.readUInt32LE(32) * 2 ** 32;
  }

  /** True: the node that served its connection has it, too, and sent it to the next one. */
  get isHandedOn(): boolean {
    return this.#bytes.readUInt16LE(handedOnAt) !== 0;
  }

  get kind(): EnvelopeKind {
    return kinds[this.#u8(4)] ?? 'all';
  }

  get name(): string {
    const length = this.#bytes.readUInt16LE(12);
    return this.#text(this.#extensionAt - length, length);
  }

  get senderConnectionId(): string | undefined {
    if (!this.#has(flags.hasSender)) return undefined;
    return this.#text(this.#senderAt, this.#bytes.readUInt16LE(8));
  }

  get senderUserId(): string | undefined {
    if (!this.#has(flags.hasUser)) return undefined;
    return this.#text(this.#senderAt + this.#bytes.readUInt16LE(8), this.#bytes.readUInt16LE(10));
  }

  get noEcho(): boolean {
    return this.#has(flags.noEcho);
  }

  /** Seconds since 1970; 0: never. */
  get expiresAtSeconds(): number {
    const expiry = this.#bytes.readUInt32LE(24);
    return expiry === 0 ? 0 : expiry + expiryBase;
  }

  get dataType(): EnvelopeDataType {
    return dataTypes[this.#u8(2)] ?? 'binary';
  }

  /** A view, not a copy. */
  get data(): Uint8Array {
    return this.#bytes.subarray(this.#bytes.length - this.#bytes.readUInt32LE(16));
  }

  /** @throws EnvelopeError when it is not what `writeExtension` writes. */
  get extension(): Extension | undefined {
    if (!this.#has(flags.extension)) return undefined;
    const end = this.#extensionAt + this.#bytes.readUInt32LE(20);
    try {
      return readExtension(this.#bytes.subarray(this.#extensionAt, end));
    } catch (cause) {
      throw new EnvelopeError('Envelope has an extension that cannot be read', { cause });
    }
  }

  #has(flag: number): boolean {
    return (this.#u8(3) & flag) !== 0;
  }

  #u8(at: number): number {
    return this.#bytes[at] ?? 0;
  }

  #text(at: number, length: number): string {
    return this.#bytes.toString('utf8', at, at + length);
  }
}

function flagsOf(fields: EnvelopeFields): number {
  return (
    (fields.noEcho ? flags.noEcho : 0) |
    (fields.extension === undefined ? 0 : flags.extension) |
    (fields.senderConnectionId === undefined ? 0 : flags.hasSender) |
    (fields.senderUserId === undefined ? 0 : flags.hasUser) |
    (fields.hasChosenId === true ? flags.hasChosenId : 0)
  );
}

/** Rounded up, so that nothing expires early; kept within what the field can say. */
function expiryOf(seconds: number): number {
  return Math.min(0xffff_ffff, Math.max(1, Math.ceil(seconds - expiryBase)));
}

function short(text: string, max: number): number {
  const length = Buffer.byteLength(text);
  if (length > max) throw new EnvelopeError(`String of ${length} bytes is over ${max}`);
  return length;
}
