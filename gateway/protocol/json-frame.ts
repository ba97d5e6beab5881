/** One command of a JSON frame: the scratch that a JSON codec reads it into. */
import type {
  ErrorName,
  FrameField,
  FrameFields,
  FrameReader,
  PositionName,
  StreamName,
} from './frame-fields.ts';
import { JsonFields } from './json-fields.ts';
import { asBuffer, readPayload } from './json-payload.ts';
import type { Payload } from './model.ts';

/** One per codec; nothing of a frame is left in it after `release`. */
export class JsonFrame<Name extends string> implements FrameReader<Name | 'data' | 'dataType'> {
  readonly fields: JsonFields<Name | 'data' | 'dataType'>;
  readonly #stream: JsonFields<StreamName>;
  readonly #error: JsonFields<ErrorName>;
  readonly #position: JsonFields<PositionName>;

  constructor(names: readonly (Name | 'data' | 'dataType')[], depthMax: number) {
    this.fields = new JsonFields(names, depthMax);
    this.#stream = new JsonFields(['streamId', 'idleTimeoutMs'], depthMax);
    this.#error = new JsonFields(['message', 'userErrorCode'], depthMax);
    this.#position = new JsonFields(['epoch', 'offset', 'tag'], depthMax);
  }

  /**
   * Reads a whole frame, which must be one object.
   * @throws ProtocolError
   */
  readSole(bytes: Uint8Array): void {
    this.fields.readSole(asBuffer(bytes));
  }

  /**
   * Reads the object that begins at `start`, white space in front of it included.
   * @returns the index after its last byte.
   * @throws ProtocolError
   */
  readNext(bytes: Uint8Array, start: number): number {
    return this.fields.readNext(asBuffer(bytes), start);
  }

  /** Lets go of the bytes that were read. */
  release(): void {
    this.fields.release();
    this.#stream.release();
    this.#error.release();
    this.#position.release();
  }

  stream(field: FrameField): FrameFields<StreamName> | undefined {
    return this.#stream.readNested(this.fields, field) ? this.#stream : undefined;
  }

  error(field: FrameField): FrameFields<ErrorName> | undefined {
    return this.#error.readNested(this.fields, field) ? this.#error : undefined;
  }

  position(field: FrameField): FrameFields<PositionName> | undefined {
    return this.#position.readNested(this.fields, field) ? this.#position : undefined;
  }

  payload(): Payload {
    return readPayload<Name>(this.fields);
  }
}
