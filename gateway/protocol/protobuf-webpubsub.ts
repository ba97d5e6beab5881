/** The client subprotocol `protobuf.webpubsub.azure.v1` (Azure §5): its frames to commands. */
import { closeCodes } from './close-codes.ts';
import { readState } from './client-state.ts';
import type { Codec, DecodeLimits, Encoder } from './codec.ts';
import { ProtocolError } from './codec.ts';
import type { FrameField, FrameFields, FrameReader, StreamName } from './frame-fields.ts';
import { refused } from './frame-fields.ts';
import { commonNames, FrameVerbs, type CommonName } from './frame-verbs.ts';
import { groupStateVerbs } from './group-state-verbs.ts';
import { asBuffer } from './json-payload.ts';
import type { Command, Payload } from './model.ts';
import type { ClientState } from './presence-model.ts';
import { ProtobufFields, type MessageShape } from './protobuf-fields.ts';
import { readOneof, type OneofShape } from './protobuf-oneof.ts';
import { readMessageData } from './protobuf-payload.ts';
import { protobufSource } from './protobuf-scanner.ts';
import { ProtobufWebPubSubEncoder } from './protobuf-webpubsub-encoder.ts';

export const protobufWebPubSubName = 'protobuf.webpubsub.azure.v1';

type Name = CommonName | 'sequenceId' | 'state';
type Shape = MessageShape<Name>;

const groupShape: Shape = new Map([
  [1, ['group', 'text']],
  [2, ['ackId', 'integer']],
]);

/** A member of UpstreamMessage. */
interface Member {
  readonly name: string;
  readonly shape: Shape;
}

const members: ReadonlyMap<number, Member> = new Map<number, Member>([
  [
    1,
    {
      name: 'sendToGroup',
      shape: new Map([
        [1, ['group', 'text']],
        [2, ['ackId', 'integer']],
        [3, ['data', 'message']],
        [4, ['noEcho', 'integer']],
        [5, ['ttlSeconds', 'integer']],
        [6, ['metadata', 'entries']],
        [7, ['stream', 'message']],
      ]),
    },
  ],
  [
    5,
    {
      name: 'event',
      shape: new Map([
        [1, ['event', 'text']],
        [2, ['data', 'message']],
        [3, ['ackId', 'integer']],
        [4, ['metadata', 'entries']],
        [5, ['stream', 'message']],
      ]),
    },
  ],
  [6, { name: 'joinGroup', shape: groupShape }],
  [7, { name: 'leaveGroup', shape: groupShape }],
  [8, { name: 'sequenceAck', shape: new Map([[1, ['sequenceId', 'integer']]]) }],
  [9, { name: 'ping', shape: new Map() }],
  [
    15,
    {
      name: 'setGroupState',
      shape: new Map([
        [1, ['group', 'text']],
        [2, ['ackId', 'integer']],
        [3, ['state', 'message']],
      ]),
    },
  ],
  [16, { name: 'subscribeGroupState', shape: groupShape }],
  [17, { name: 'unsubscribeGroupState', shape: groupShape }],
]);

const upstream: OneofShape = new Map(
  Array.from(members, ([number, { name }]) => [number, { name, isMessage: true }]),
);

const streamShape: MessageShape<StreamName> = new Map([
  [1, ['streamId', 'text']],
  [2, ['idleTimeoutMs', 'integer']],
]);

/** A message around a map, so that an empty state is none that is missing. */
const stateShape: MessageShape<'state'> = new Map([[1, ['state', 'entries']]]);

const nothing = protobufSource(Buffer.alloc(0));

/**
 * Decodes one frame at a time: a command's payload is a view into the frame, everything else in it
 * is a copy.
 */
export class ProtobufWebPubSubCodec implements Codec {
  readonly name: string = protobufWebPubSubName;
  readonly subprotocol: string = protobufWebPubSubName;
  readonly encoder: Encoder = new ProtobufWebPubSubEncoder(protobufWebPubSubName);
  // Scratch of the frame being decoded; nothing in it outlives the call.
  readonly #frame: ProtobufFrame;
  readonly #verbs: ReadonlyMap<string, () => Command>;

  constructor(limits: DecodeLimits) {
    this.#frame = new ProtobufFrame(limits.jsonDepthMax);
    const common = new FrameVerbs(this.#frame, limits);
    const { event, joinGroup, leaveGroup, ping, sendToGroup } = common.table;
    this.#verbs = new Map<string, () => Command>(
      Object.entries({
        sendToGroup,
        event: () => {
          this.#refuseStream();
          return event();
        },
        joinGroup,
        leaveGroup,
        sequenceAck: () => this.#sequenceAck(),
        ping,
        ...groupStateVerbs(common, () => this.#frame.state()),
      }),
    );
  }

  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void {
    if (!isBinary) {
      const message = `${protobufWebPubSubName} has binary frames only, got a text one; send protobuf`;
      throw new ProtocolError(closeCodes.unsupportedData, message);
    }
    let command: Command;
    try {
      command = this.#verb(this.#frame.read(asBuffer(bytes)))();
    } finally {
      this.#frame.release();
    }
    onCommand(command);
  }

  #verb(name: string): () => Command {
    const verb = this.#verbs.get(name);
    if (verb !== undefined) return verb;
    throw new Error(`there is no reader for '${name}'`);
  }

  #refuseStream(): void {
    const { fields } = this.#frame;
    if (!fields.isPresent(fields.field.stream)) return;
    throw refused('"stream" of an event is not supported yet; do not send it');
  }

  /** A number that is missing is 0, as proto3 has it, and acknowledges nothing. */
  #sequenceAck(): Command {
    const { fields } = this.#frame;
    const sequenceId = fields.optionalUint64(fields.field.sequenceId) ?? 0;
    return { kind: 'sequenceAck', sequenceId };
  }
}

/** One UpstreamMessage. Payloads are read in place. */
class ProtobufFrame implements FrameReader<Name> {
  readonly fields = new ProtobufFields<Name>([...commonNames, 'sequenceId', 'state']);
  readonly #state = new ProtobufFields<'state'>(['state']);
  readonly #stream = new ProtobufFields<StreamName>(['streamId', 'idleTimeoutMs']);
  readonly #jsonDepthMax: number;
  #source = nothing;

  constructor(jsonDepthMax: number) {
    this.#jsonDepthMax = jsonDepthMax;
  }

  /**
   * @returns the name of the message that the frame carries.
   * @throws ProtocolError
   */
  read(bytes: Buffer): string {
    this.#source = protobufSource(bytes);
    const range = { start: 0, end: bytes.length };
    const member = readOneof(this.#source, range, upstream);
    if (member === undefined) {
      const known = Array.from(members, ([number, { name }]) => `${number} ${name}`).join(', ');
      throw refused(`the frame has none of the messages ${known}`);
    }
    const shape = members.get(member.number)?.shape;
    if (shape !== undefined) this.fields.read(this.#source, member, shape);
    return member.name;
  }

  release(): void {
    this.fields.release();
    this.#stream.release();
    this.#state.release();
    this.#source = nothing;
  }

  stream(field: FrameField): FrameFields<StreamName> | undefined {
    if (!this.fields.isPresent(field)) return undefined;
    this.#stream.read(this.#source, field, streamShape);
    return this.#stream;
  }

  /** undefined: the message has none. */
  state(): ClientState | undefined {
    const { state: field } = this.fields.field;
    if (!this.fields.isPresent(field)) return undefined;
    this.#state.read(this.#source, field, stateShape);
    return readState(this.#state, this.#state.field.state) ?? [];
  }

  /** Messages that have one have no number. */
  error(): undefined {
    return undefined;
  }

  position(): undefined {
    return undefined;
  }

  payload(): Payload {
    const { data } = this.fields.field;
    if (data.start === -1) {
      throw refused('"data" is missing; send an empty text_data if there is nothing');
    }
    return readMessageData(this.#source, data, this.#jsonDepthMax);
  }
}
