/** The protocol vectors of test/vectors, from JSON to the values that codecs take and give. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DecodeLimits } from '../../gateway/protocol/codec.ts';
import type { Message, Reply } from '../../gateway/protocol/model.ts';
import { projectRoot } from './source-tree.ts';

interface FrameVector {
  readonly name: string;
  /** A text frame. */
  readonly frame?: string;
  /** Or any frame, in base64 or in hexadecimal digits. */
  readonly base64?: string;
  readonly hex?: string;
  readonly isBinary?: boolean;
}

/** What is accepted has `command` where it is one, else `commands`. */
interface AcceptedVector extends FrameVector {
  readonly command?: unknown;
  readonly commands?: readonly unknown[];
}

export interface VectorFile {
  readonly limits: DecodeLimits;
  readonly accepted: readonly AcceptedVector[];
  readonly refused: readonly (FrameVector & {
    readonly closeCode: number;
    readonly reason: string;
  })[];
  readonly replies: readonly (FrameVector & { readonly reply: unknown })[];
  /** `skip` is the frame in the place of the message where it is not for the receiver. */
  readonly messages: readonly (FrameVector & {
    readonly message: unknown;
    readonly skip?: string;
  })[];
  readonly packs?: readonly (FrameVector & { readonly frames: readonly string[] })[];
}

export function readVectors(file: string): VectorFile {
  const text = readFileSync(join(projectRoot(), 'test', 'vectors', file), 'utf8');
  // The file is ours; the tests that run it are the check of its shape.
  return JSON.parse(text) as VectorFile;
}

export function frameOf(vector: FrameVector): { bytes: Buffer; isBinary: boolean } {
  const { frame, base64 = '', hex, isBinary = hex !== undefined } = vector;
  if (hex !== undefined) return { bytes: Buffer.from(hex, 'hex'), isBinary };
  const bytes = frame === undefined ? Buffer.from(base64, 'base64') : Buffer.from(frame, 'utf8');
  return { bytes, isBinary };
}

/** What the decoder must make of an accepted frame, in order. */
export function commandsOf(vector: AcceptedVector): unknown[] {
  return (vector.commands ?? [vector.command]).map(valueOf);
}

/** The value that the vector writes down: payloads become bytes, `uint64` a bigint. */
export function valueOf(written: unknown): unknown {
  if (typeof written !== 'object' || written === null) return written;
  if (Array.isArray(written)) return written.map(valueOf);
  const entries = Object.entries(written);
  const { uint64, dataType, text, base64 } = Object.fromEntries<unknown>(entries);
  if (typeof uint64 === 'string') return BigInt(uint64);
  if (typeof text === 'string') return { dataType, bytes: Buffer.from(text, 'utf8') };
  if (typeof base64 === 'string') return { dataType, bytes: Buffer.from(base64, 'base64') };
  return Object.fromEntries(entries.map(([key, value]) => [key, valueOf(value)]));
}

export function messageOf(written: unknown): Message {
  // As in readVectors; what is left out is undefined, which reads the same.
  return valueOf(written) as Message;
}

export function replyOf(written: unknown): Reply {
  // As in messageOf.
  return valueOf(written) as Reply;
}

/** The same value without what is undefined, and with payload bytes as copies of one class. */
export function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(comparable);
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.map(([key, member]) => [key, comparable(member)]));
}
