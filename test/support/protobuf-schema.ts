/**
 * The messages of Azure's protobuf subprotocols as a schema for the whole of the library, of which
 * the gateway uses the wire level only: another reader and writer of the frames. Values are those of
 * the JSON mapping of protobuf: numbers of 64 bits are strings of digits, bytes are base64.
 */
import {
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

const scalars: Readonly<Record<string, string>> = {
  string: 'TYPE_STRING',
  bytes: 'TYPE_BYTES',
  bool: 'TYPE_BOOL',
  uint32: 'TYPE_UINT32',
  uint64: 'TYPE_UINT64',
};

/**
 * Fields by number: name and type. A type with `?` has presence, `oneof` is in the one oneof of its
 * message, `map` a map of strings; with `*` there may be several.
 */
const messages: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  UpstreamMessage: {
    1: 'send_to_group SendToGroup oneof',
    5: 'event Event oneof',
    6: 'join_group JoinGroup oneof',
    7: 'leave_group JoinGroup oneof',
    8: 'sequence_ack SequenceAck oneof',
    9: 'ping Empty oneof',
    15: 'set_group_state SetGroupState oneof',
    16: 'subscribe_group_state JoinGroup oneof',
    17: 'unsubscribe_group_state JoinGroup oneof',
  },
  SendToGroup: {
    1: 'group string',
    2: 'ack_id uint64?',
    3: 'data MessageData',
    4: 'no_echo bool?',
    5: 'ttl_seconds uint32?',
    6: 'metadata map',
    7: 'stream Stream',
  },
  Stream: { 1: 'stream_id string', 2: 'idle_timeout_ms uint32?' },
  Event: {
    1: 'event string',
    2: 'data MessageData',
    3: 'ack_id uint64?',
    4: 'metadata map',
    5: 'stream Stream',
  },
  JoinGroup: { 1: 'group string', 2: 'ack_id uint64?' },
  SetGroupState: { 1: 'group string', 2: 'ack_id uint64?', 3: 'state GroupState' },
  GroupState: { 1: 'values map' },
  SequenceAck: { 1: 'sequence_id uint64' },
  Empty: {},
  MessageData: {
    1: 'text_data string oneof',
    2: 'binary_data bytes oneof',
    3: 'protobuf_data Any oneof',
    4: 'json_data string oneof',
  },
  Any: { 1: 'type_url string', 2: 'value bytes' },
  DownstreamMessage: {
    1: 'ack Ack oneof',
    2: 'data Data oneof',
    3: 'system System oneof',
    4: 'pong Empty oneof',
    9: 'group_state_update GroupStates oneof',
    10: 'group_state_snapshot GroupStates oneof',
  },
  GroupStates: { 1: 'group string', 2: 'items GroupStateItem*' },
  GroupStateItem: {
    1: 'connection_id string',
    2: 'user_id string?',
    3: 'state GroupState',
    4: 'updated_at uint64',
  },
  Ack: { 1: 'ack_id uint64', 2: 'success bool', 3: 'error Error' },
  Error: { 1: 'name string', 2: 'message string' },
  Data: {
    1: 'from string',
    2: 'group string?',
    3: 'data MessageData',
    4: 'sequence_id uint64?',
    5: 'metadata map',
  },
  System: { 1: 'connected Connected oneof', 2: 'disconnected Disconnected oneof' },
  Connected: { 1: 'connection_id string', 2: 'user_id string', 3: 'reconnection_token string' },
  Disconnected: { 2: 'reason string' },
};

/** The type of the only map in a message; the library does not mind what it is called. */
const entry = {
  name: 'MetadataEntry',
  field: ['key', 'value'].map((name, index) => ({
    ...{ name, number: index + 1, label: 'LABEL_OPTIONAL', type: 'TYPE_STRING' },
  })),
  options: { mapEntry: true },
};

const registry = createFileRegistry(
  fromJson(FileDescriptorProtoSchema, {
    name: 'webpubsub.proto',
    package: 'azure.webpubsub',
    syntax: 'proto3',
    messageType: Object.entries(messages).map(([name, fields]) => messageOf(name, fields)),
  }),
  () => undefined,
);

export const upstreamMessage = schemaOf('UpstreamMessage');
export const downstreamMessage = schemaOf('DownstreamMessage');
export const anyMessage = schemaOf('Any');

/** @throws Error: the bytes are no such message. */
export function readProtobuf(schema: DescMessage, bytes: Uint8Array): JsonObject {
  const json = toJson(schema, fromBinary(schema, bytes));
  // A message is an object.
  return json as JsonObject;
}

export function writeProtobuf(schema: DescMessage, value: JsonValue): Uint8Array {
  return toBinary(schema, fromJson(schema, value));
}

function schemaOf(name: string): DescMessage {
  const schema = registry.getMessage(`azure.webpubsub.${name}`);
  if (schema === undefined) throw new Error(`there is no message ${name}`);
  return schema;
}

function messageOf(message: string, fields: Readonly<Record<number, string>>): JsonObject {
  const oneofs = [];
  if (Object.values(fields).some((field) => field.endsWith(' oneof'))) {
    oneofs.push({ name: 'content' });
  }
  const field: JsonObject[] = [];
  for (const [number, text] of Object.entries(fields)) {
    const [name = '', written = ''] = text.split(' ');
    const isOptional = written.endsWith('?');
    const isMany = written.endsWith('*');
    const type = written.replace(/[?*]/, '');
    const oneof = text.endsWith(' oneof') ? { oneofIndex: 0 } : {};
    const presence = isOptional ? { proto3Optional: true, oneofIndex: oneofs.length } : {};
    if (isOptional) oneofs.push({ name: `_${name}` });
    field.push({
      ...{ name, number: Number(number), ...oneof, ...presence },
      jsonName: name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
      label: type === 'map' || isMany ? 'LABEL_REPEATED' : 'LABEL_OPTIONAL',
      ...typeOf(message, type),
    });
  }
  const nestedType = Object.values(fields).some((text) => text.endsWith(' map')) ? [entry] : [];
  return { name: message, field, nestedType, oneofDecl: oneofs };
}

function typeOf(message: string, type: string): JsonObject {
  const scalar = scalars[type];
  if (scalar !== undefined) return { type: scalar };
  const name = type === 'map' ? `${message}.MetadataEntry` : type;
  return { type: 'TYPE_MESSAGE', typeName: `.azure.webpubsub.${name}` };
}
