/**
 * What decoding a command needs of a frame, whatever encodes it: the known properties of its object,
 * each read as the type that it must have.
 */
import { closeCodes } from './close-codes.ts';
import { ProtocolError } from './codec.ts';
import type { ClientId64, Payload } from './model.ts';

/** Where the value of one property lies in the bytes that are being read. */
export class FrameField {
  readonly name: string;
  /** The name's bytes; names are ASCII. */
  readonly key: Uint8Array;
  /** -1: the property is missing. */
  start = -1;
  end = -1;

  constructor(name: string) {
    this.name = name;
    this.key = Buffer.from(name, 'latin1');
  }
}

/** The known properties of one object, as it was last read. Every reader throws ProtocolError. */
export interface FrameFields<Name extends string> {
  readonly field: Readonly<Record<Name, FrameField>>;
  /** False: the property is missing or null. */
  isPresent(field: FrameField): boolean;
  /** The string as it was sent. It must be there. */
  text(field: FrameField): string;
  /** Text that is no name; undefined: it is missing or null. */
  optionalText(field: FrameField): string | undefined;
  /** Missing is false. */
  optionalBoolean(field: FrameField): boolean;
  optionalUint64(field: FrameField): ClientId64 | undefined;
  optionalInteger(field: FrameField, min: number, max: number): number | undefined;
  /** The members of the object that is the value of `field`, all of which must be strings. */
  stringMembers(field: FrameField): [key: string, value: string][];
}

export type StreamName = 'streamId' | 'idleTimeoutMs';
export type ErrorName = 'message' | 'userErrorCode';
export type PositionName = 'epoch' | 'offset' | 'tag';

/** One command of a frame: its object, and the small objects that may be values in it. */
export interface FrameReader<Name extends string> {
  readonly fields: FrameFields<Name>;
  /** The object that is the value of `field`; undefined: missing or null. */
  stream(field: FrameField): FrameFields<StreamName> | undefined;
  error(field: FrameField): FrameFields<ErrorName> | undefined;
  position(field: FrameField): FrameFields<PositionName> | undefined;
  /** Of `data` and `dataType`; `data` must be there. */
  payload(): Payload;
}

/** A frame whose fault is its content. */
export function refused(message: string, options?: ErrorOptions): ProtocolError {
  return new ProtocolError(closeCodes.invalidMessage, message, options);
}
