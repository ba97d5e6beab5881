/** One command of a frame, in whatever encoding: the scratch that a codec reads it into. */
import type {
  ErrorName,
  FrameField,
  FrameFields,
  FrameReader,
  PositionName,
  StreamName,
} from './frame-fields.ts';
import type { Payload } from './model.ts';

/** The fields of an object that can lie inside another one. */
export interface NestableFields<Name extends string> extends FrameFields<Name> {
  /** What was read last. */
  readonly bytes: Buffer;
  /**
   * Reads the object that is the value of `parent` in `bytes`.
   * @throws ProtocolError: it is not an object.
   */
  readNested(bytes: Buffer, parent: FrameField): void;
  /** Lets go of the bytes that were read. */
  release(): void;
}

export interface CommandFrameOptions<Name extends string, Fields extends NestableFields<Name>> {
  readonly fields: Fields;
  readonly nested: <Inner extends string>(names: readonly Inner[]) => NestableFields<Inner>;
  /** @throws ProtocolError: `data` is missing or not of its type. */
  readonly readPayload: (fields: Fields) => Payload;
}

/** One per codec; nothing of a frame is left in it after `release`. */
export class CommandFrame<
  Name extends string,
  Fields extends NestableFields<Name>,
> implements FrameReader<Name> {
  readonly fields: Fields;
  readonly #readPayload: (fields: Fields) => Payload;
  readonly #stream: NestableFields<StreamName>;
  readonly #error: NestableFields<ErrorName>;
  readonly #position: NestableFields<PositionName>;

  constructor({ fields, nested, readPayload }: CommandFrameOptions<Name, Fields>) {
    this.fields = fields;
    this.#readPayload = readPayload;
    this.#stream = nested(['streamId', 'idleTimeoutMs']);
    this.#error = nested(['message', 'userErrorCode']);
    this.#position = nested(['epoch', 'offset', 'tag']);
  }

  /** Lets go of the bytes that were read. */
  release(): void {
    this.fields.release();
    this.#stream.release();
    this.#error.release();
    this.#position.release();
  }

  stream(field: FrameField): FrameFields<StreamName> | undefined {
    return this.#nested(field, this.#stream);
  }

  error(field: FrameField): FrameFields<ErrorName> | undefined {
    return this.#nested(field, this.#error);
  }

  position(field: FrameField): FrameFields<PositionName> | undefined {
    return this.#nested(field, this.#position);
  }

  payload(): Payload {
    return this.#readPayload(this.fields);
  }

  #nested<Inner extends string>(
    field: FrameField,
    into: NestableFields<Inner>,
  ): FrameFields<Inner> | undefined {
    if (!this.fields.isPresent(field)) return undefined;
    into.readNested(this.fields.bytes, field);
    return into;
  }
}
