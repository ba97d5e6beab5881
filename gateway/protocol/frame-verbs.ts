/** The commands that Azure's protocol and our own share (Azure §3.1), from the fields of a frame. */
import type { DecodeLimits } from './codec.ts';
import type { FrameField, FrameFields, FrameReader, StreamName } from './frame-fields.ts';
import { refused } from './frame-fields.ts';
import { MetadataError, parseMetadata } from './metadata.ts';
import type {
  ClientId64,
  Command,
  JoinGroup,
  Metadata,
  Payload,
  SendToGroup,
  StreamEnd,
  StreamStart,
} from './model.ts';
import { isClientId, isEventName, isGroupName } from './names.ts';
import { shown } from './shown.ts';
import type { Verbs } from './verb-table.ts';

const ttlSecondsMax = 300;
const idleTimeoutMsMax = 2 ** 31 - 1;

/** The properties that the commands of this file have. */
export const commonNames = [
  'type',
  'group',
  'event',
  'data',
  'dataType',
  'ackId',
  'noEcho',
  'ttlSeconds',
  'metadata',
  'stream',
  'streamId',
  'streamSequenceId',
  'error',
  'invocationId',
  'target',
] as const;

export type CommonName = (typeof commonNames)[number];

/** Reads the frame that its `FrameReader` has read last. Optional null counts as missing. */
export class FrameVerbs {
  readonly #frame: FrameReader<CommonName>;
  readonly #fields: FrameFields<CommonName>;
  readonly #limits: DecodeLimits;

  constructor(frame: FrameReader<CommonName>, limits: DecodeLimits) {
    this.#frame = frame;
    this.#fields = frame.fields;
    this.#limits = limits;
  }

  /** By `type`, in the order in which messages name them. Each throws ProtocolError. */
  readonly table = {
    sendToGroup: () => this.sendToGroup(),
    event: () => this.#sendEvent(),
    joinGroup: () => this.joinGroup(),
    leaveGroup: () => ({ kind: 'leaveGroup', group: this.group(), ackId: this.ackId() }),
    ping: () => ({ kind: 'ping' }),
    invoke: () => this.#invoke(),
    cancelInvocation: () => this.#cancelInvocation(),
    streamData: () => this.#streamData(),
    streamEnd: () => this.#streamEnd(),
  } satisfies Verbs;

  joinGroup(): JoinGroup {
    return { kind: 'joinGroup', group: this.group(), ackId: this.ackId() };
  }

  sendToGroup(): SendToGroup | StreamStart {
    const fields = this.#fields;
    const { field } = fields;
    const stream = this.#frame.stream(field.stream);
    if (stream !== undefined) return this.#streamStart(stream);
    const metadata = this.#metadata();
    return {
      kind: 'sendToGroup',
      group: this.group(),
      payload: this.#payload(metadata),
      ackId: this.ackId(),
      noEcho: fields.optionalBoolean(field.noEcho),
      ttlSeconds: fields.optionalInteger(field.ttlSeconds, 0, ttlSecondsMax),
      metadata,
    };
  }

  ackId(): ClientId64 | undefined {
    return this.#fields.optionalUint64(this.#fields.field.ackId);
  }

  group(): string {
    const group = this.#fields.text(this.#fields.field.group);
    const { nameLengthMax } = this.#limits;
    if (isGroupName(group, nameLengthMax)) return group;
    throw refused(
      `"group" must be 1 to ${nameLengthMax} characters of valid Unicode, not only white space, got ${shown(group)}`,
    );
  }

  #sendEvent(): Command {
    const metadata = this.#metadata();
    return {
      kind: 'event',
      event: this.#event(),
      payload: this.#payload(metadata),
      ackId: this.ackId(),
      metadata,
    };
  }

  #invoke(): Command {
    const { field } = this.#fields;
    const target = this.#fields.optionalText(field.target);
    if (target !== undefined && target.toLowerCase() !== 'event') {
      throw refused(`"target" must be "event", got ${shown(target)}`);
    }
    return {
      kind: 'invoke',
      invocationId: this.#id(this.#fields, field.invocationId),
      event: this.#event(),
      // The SDK leaves `data` out when the application gives none.
      payload: field.data.start === -1 ? emptyText() : this.#frame.payload(),
    };
  }

  #cancelInvocation(): Command {
    const invocationId = this.#id(this.#fields, this.#fields.field.invocationId);
    return { kind: 'cancelInvocation', invocationId };
  }

  #streamStart(stream: FrameFields<StreamName>): StreamStart {
    const { field } = this.#fields;
    for (const name of ['data', 'dataType', 'ackId', 'ttlSeconds', 'metadata'] as const) {
      if (!this.#fields.isPresent(field[name])) continue;
      throw refused(
        `"${name}" cannot stand beside "stream"; start the stream, then send streamData`,
      );
    }
    const noEcho = this.#fields.optionalBoolean(field.noEcho);
    const { streamId, idleTimeoutMs } = stream.field;
    return {
      kind: 'streamStart',
      group: this.group(),
      noEcho,
      streamId: this.#id(stream, streamId),
      idleTimeoutMs: stream.optionalInteger(idleTimeoutMs, 1, idleTimeoutMsMax),
    };
  }

  #streamData(): Command {
    const fields = this.#fields;
    const { field } = fields;
    const streamId = this.#id(fields, field.streamId);
    const sequence = fields.optionalInteger(field.streamSequenceId, 1, Number.MAX_SAFE_INTEGER);
    const hasData = field.data.start !== -1;
    if (hasData !== (sequence !== undefined)) {
      throw refused(
        '"data" and "streamSequenceId" go together; send both, or neither to keep alive',
      );
    }
    const payload = hasData ? this.#frame.payload() : undefined;
    return { kind: 'streamData', streamId, streamSequenceId: sequence, payload };
  }

  #streamEnd(): Command {
    const streamId = this.#id(this.#fields, this.#fields.field.streamId);
    return { kind: 'streamEnd', streamId, error: this.#streamError() };
  }

  #streamError(): StreamEnd['error'] {
    const error = this.#frame.error(this.#fields.field.error);
    if (error === undefined) return undefined;
    const message = error.optionalText(error.field.message);
    const userErrorCode = error.optionalText(error.field.userErrorCode);
    return {
      ...(message === undefined ? {} : { message }),
      ...(userErrorCode === undefined ? {} : { userErrorCode }),
    };
  }

  #event(): string {
    const event = this.#fields.text(this.#fields.field.event);
    if (isEventName(event)) return event;
    throw refused(
      `"event" must be a letter, then up to 127 of letters, digits, _ . -, got ${shown(event)}`,
    );
  }

  #id<Name extends string>(owner: FrameFields<Name>, field: FrameField): string {
    const id = owner.text(field);
    const { nameLengthMax } = this.#limits;
    if (isClientId(id, nameLengthMax)) return id;
    throw refused(
      `"${field.name}" must be 1 to ${nameLengthMax} characters of valid Unicode, got ${shown(id)}`,
    );
  }

  #metadata(): Metadata | undefined {
    const { metadata: field } = this.#fields.field;
    if (!this.#fields.isPresent(field)) return undefined;
    const pairs = this.#fields.stringMembers(field);
    try {
      return parseMetadata(pairs, this.#limits.metadataBytesMax);
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      throw refused(error.message, { cause: error });
    }
  }

  /** With metadata there may be no data (Azure §3.1): then it is empty text. */
  #payload(metadata: Metadata | undefined): Payload {
    if (metadata === undefined || this.#fields.field.data.start !== -1) {
      return this.#frame.payload();
    }
    return emptyText();
  }
}

function emptyText(): Payload {
  return { dataType: 'text', bytes: new Uint8Array(0) };
}
