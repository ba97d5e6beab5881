/** The client subprotocol `json.webpubsub.azure.v1` (Azure §3): its frames to commands. */
import { closeCodes } from './close-codes.ts';
import type { Codec, DecodeLimits, Encoder } from './codec.ts';
import { ProtocolError } from './codec.ts';
import type { JsonField } from './json-fields.ts';
import { JsonFields, refused } from './json-fields.ts';
import { asBuffer, readPayload } from './json-payload.ts';
import { JsonWebPubSubEncoder } from './json-webpubsub-encoder.ts';
import { MetadataError, parseMetadata } from './metadata.ts';
import type { Command, Metadata, Payload, StreamEnd } from './model.ts';
import { isClientId, isEventName, isGroupName } from './names.ts';
import { shown } from './shown.ts';

export const jsonWebPubSubName = 'json.webpubsub.azure.v1';

const ttlSecondsMax = 300;
const idleTimeoutMsMax = 2 ** 31 - 1;

/** Messages that newer SDKs know and the gateway does not. */
const unsupportedTypes: ReadonlySet<string> = new Set([
  'setgroupstate',
  'subscribegroupstate',
  'unsubscribegroupstate',
]);

/**
 * Decodes one frame at a time: a command's payload is a view into the frame, everything else in it
 * is a copy. Optional properties that are null count as missing.
 */
export class JsonWebPubSubCodec implements Codec {
  readonly name: string = jsonWebPubSubName;
  readonly subprotocol: string = jsonWebPubSubName;
  readonly encoder: Encoder = new JsonWebPubSubEncoder(jsonWebPubSubName);
  readonly #limits: DecodeLimits;
  // Scratch of the frame being decoded; nothing in it outlives the call.
  readonly #frame = new JsonFields([
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
    'sequenceId',
  ]);
  readonly #stream = new JsonFields(['streamId', 'idleTimeoutMs']);
  readonly #error = new JsonFields(['message', 'userErrorCode']);
  readonly #readers: ReadonlyMap<string, () => Command> = new Map<string, () => Command>([
    ['sendToGroup', () => this.#sendToGroup()],
    ['event', () => this.#sendEvent()],
    ['joinGroup', () => this.#membership('joinGroup')],
    ['leaveGroup', () => this.#membership('leaveGroup')],
    ['ping', () => ({ kind: 'ping' })],
    ['sequenceAck', () => this.#sequenceAck()],
    ['invoke', () => this.#invoke()],
    ['cancelInvocation', () => this.#cancelInvocation()],
    ['streamData', () => this.#streamData()],
    ['streamEnd', () => this.#streamEnd()],
  ]);
  /** The same by the folded name, for the rare client that writes it differently. */
  readonly #foldedReaders = new Map(
    Array.from(this.#readers, ([type, reader]) => [type.toLowerCase(), reader]),
  );

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
  }

  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void {
    if (isBinary) {
      const message = `${this.name} has text frames only, got a binary one; send JSON as text`;
      throw new ProtocolError(closeCodes.unsupportedData, message);
    }
    let command: Command;
    try {
      this.#frame.readFrame(asBuffer(bytes), this.#limits.jsonDepthMax);
      command = this.#reader()();
    } finally {
      this.#frame.release();
      this.#stream.release();
      this.#error.release();
    }
    onCommand(command);
  }

  #reader(): () => Command {
    const type = this.#frame.text(this.#frame.field.type);
    const reader = this.#readers.get(type) ?? this.#foldedReaders.get(type.toLowerCase());
    if (reader !== undefined) return reader;
    if (unsupportedTypes.has(type.toLowerCase())) {
      throw refused(`"type" ${shown(type)} is not supported yet; do not send it`);
    }
    const known = Array.from(this.#readers.keys()).join(', ');
    throw refused(`"type" ${shown(type)} is unknown; use one of ${known}`);
  }

  #membership(kind: 'joinGroup' | 'leaveGroup'): Command {
    return { kind, group: this.#group(), ackId: this.#ackId() };
  }

  #sendToGroup(): Command {
    const frame = this.#frame;
    const { field } = frame;
    if (frame.isPresent(field.stream)) return this.#streamStart();
    const metadata = this.#metadata();
    return {
      kind: 'sendToGroup',
      group: this.#group(),
      payload: this.#payload(metadata),
      ackId: this.#ackId(),
      noEcho: frame.optionalBoolean(field.noEcho),
      ttlSeconds: frame.optionalInteger(field.ttlSeconds, 0, ttlSecondsMax),
      metadata,
    };
  }

  #sendEvent(): Command {
    const metadata = this.#metadata();
    return {
      kind: 'event',
      event: this.#event(),
      payload: this.#payload(metadata),
      ackId: this.#ackId(),
      metadata,
    };
  }

  #sequenceAck(): Command {
    const { sequenceId: field } = this.#frame.field;
    const sequenceId = this.#frame.optionalUint64(field);
    if (sequenceId === undefined) throw refused('"sequenceId" is missing; it must be an integer');
    return { kind: 'sequenceAck', sequenceId };
  }

  #invoke(): Command {
    const target = this.#frame.optionalText(this.#frame.field.target);
    if (target !== undefined && target.toLowerCase() !== 'event') {
      throw refused(`"target" must be "event", got ${shown(target)}`);
    }
    return {
      kind: 'invoke',
      invocationId: this.#id(this.#frame, this.#frame.field.invocationId),
      event: this.#event(),
      // The SDK leaves `data` out when the application gives none.
      payload: this.#frame.field.data.start === -1 ? emptyText() : readPayload(this.#frame),
    };
  }

  #cancelInvocation(): Command {
    const invocationId = this.#id(this.#frame, this.#frame.field.invocationId);
    return { kind: 'cancelInvocation', invocationId };
  }

  #streamStart(): Command {
    const { field } = this.#frame;
    for (const name of ['data', 'dataType', 'ackId', 'ttlSeconds', 'metadata'] as const) {
      if (!this.#frame.isPresent(field[name])) continue;
      throw refused(
        `"${name}" cannot stand beside "stream"; start the stream, then send streamData`,
      );
    }
    const noEcho = this.#frame.optionalBoolean(field.noEcho);
    const group = this.#group();
    this.#stream.readNested(this.#frame, field.stream, this.#limits.jsonDepthMax);
    const { streamId, idleTimeoutMs } = this.#stream.field;
    return {
      kind: 'streamStart',
      group,
      noEcho,
      streamId: this.#id(this.#stream, streamId),
      idleTimeoutMs: this.#stream.optionalInteger(idleTimeoutMs, 1, idleTimeoutMsMax),
    };
  }

  #streamData(): Command {
    const frame = this.#frame;
    const { field } = frame;
    const streamId = this.#id(frame, field.streamId);
    const sequence = frame.optionalInteger(field.streamSequenceId, 1, Number.MAX_SAFE_INTEGER);
    const hasData = field.data.start !== -1;
    if (hasData !== (sequence !== undefined)) {
      throw refused(
        '"data" and "streamSequenceId" go together; send both, or neither to keep alive',
      );
    }
    const payload = hasData ? readPayload(frame) : undefined;
    return { kind: 'streamData', streamId, streamSequenceId: sequence, payload };
  }

  #streamEnd(): Command {
    const streamId = this.#id(this.#frame, this.#frame.field.streamId);
    return { kind: 'streamEnd', streamId, error: this.#streamError() };
  }

  #streamError(): StreamEnd['error'] {
    const depthMax = this.#limits.jsonDepthMax;
    const isThere = this.#error.readNested(this.#frame, this.#frame.field.error, depthMax);
    if (!isThere) return undefined;
    const message = this.#error.optionalText(this.#error.field.message);
    const userErrorCode = this.#error.optionalText(this.#error.field.userErrorCode);
    return {
      ...(message === undefined ? {} : { message }),
      ...(userErrorCode === undefined ? {} : { userErrorCode }),
    };
  }

  #ackId(): Extract<Command, { kind: 'joinGroup' }>['ackId'] {
    return this.#frame.optionalUint64(this.#frame.field.ackId);
  }

  #group(): string {
    const group = this.#frame.text(this.#frame.field.group);
    const { nameLengthMax } = this.#limits;
    if (isGroupName(group, nameLengthMax)) return group;
    throw refused(
      `"group" must be 1 to ${nameLengthMax} characters of valid Unicode, not only white space, got ${shown(group)}`,
    );
  }

  #event(): string {
    const event = this.#frame.text(this.#frame.field.event);
    if (isEventName(event)) return event;
    throw refused(
      `"event" must be a letter, then up to 127 of letters, digits, _ . -, got ${shown(event)}`,
    );
  }

  #id(owner: JsonFields<string>, field: JsonField): string {
    const id = owner.text(field);
    const { nameLengthMax } = this.#limits;
    if (isClientId(id, nameLengthMax)) return id;
    throw refused(
      `"${field.name}" must be 1 to ${nameLengthMax} characters of valid Unicode, got ${shown(id)}`,
    );
  }

  #metadata(): Metadata | undefined {
    const { metadata: field } = this.#frame.field;
    if (!this.#frame.isPresent(field)) return undefined;
    const pairs = this.#frame.stringMembers(field, this.#limits.jsonDepthMax);
    try {
      return parseMetadata(pairs, this.#limits.metadataBytesMax);
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      throw new ProtocolError(closeCodes.invalidMessage, error.message, { cause: error });
    }
  }

  /** With metadata there may be no data (Azure §3.1): then it is empty text. */
  #payload(metadata: Metadata | undefined): Payload {
    if (metadata === undefined || this.#frame.field.data.start !== -1) {
      return readPayload(this.#frame);
    }
    return emptyText();
  }
}

function emptyText(): Payload {
  return { dataType: 'text', bytes: new Uint8Array(0) };
}
