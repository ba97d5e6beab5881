/**
 * What must hold for every frame that a client could send, well-formed or hostile. The reference is
 * JSON.parse: a decoder that reads a frame differently can be made to say what nobody sent.
 */
import assert from 'node:assert/strict';
import type { Codec, Frame } from '../../gateway/protocol/codec.ts';
import { ProtocolError } from '../../gateway/protocol/codec.ts';
import type {
  Command,
  Message,
  Metadata,
  Payload,
  StreamPosition,
} from '../../gateway/protocol/model.ts';
import type { ClientState } from '../../gateway/protocol/presence-model.ts';

/** An object of a frame, as the reference reads it. */
export type Parsed = Readonly<Record<string, unknown>>;

const sender = 'the "real" sender';

/**
 * Decodes one text frame and compares what came out with the reference.
 * @returns the kind of command, or undefined when the frame was refused.
 * @throws when anything else than a ProtocolError was thrown, or the readings differ.
 */
export function checkFrame(codec: Codec, frame: Uint8Array): Command['kind'] | undefined {
  return checkObjects(codec, frame, (bytes) => [bytes])?.[0];
}

/** The same of a frame with several objects, each on lines of its own. */
export function checkLines(codec: Codec, frame: Uint8Array): Command['kind'][] | undefined {
  return checkObjects(codec, frame, objectsOf);
}

function checkObjects(
  codec: Codec,
  frame: Uint8Array,
  split: (frame: Uint8Array) => Uint8Array[],
): Command['kind'][] | undefined {
  // Guards around the frame: what lies beside it in memory is nobody's business.
  const memory = Buffer.from(`"data":9,${'x'.repeat(frame.length)}"data":9}`, 'latin1');
  memory.set(frame, 9);
  const bytes = memory.subarray(9, 9 + frame.length);
  const commands: Command[] = [];
  const isAccepted = isDecoded(codec, { bytes, isBinary: false }, (command) =>
    commands.push(command),
  );
  if (!isAccepted && commands.length === 0) return undefined;
  assert.ok(Buffer.from(frame).equals(bytes), 'the frame was not changed');
  const objects = split(frame);
  if (isAccepted) assert.equal(commands.length, objects.length);
  commands.forEach((command, index) => {
    const object = objects[index];
    assert.ok(object !== undefined, 'the reference has that object');
    checkCommand(command, parseStrictly(object), checkPayload);
    if (command.kind === 'sendToGroup') checkReceived(codec, command, object);
  });
  return isAccepted ? commands.map(({ kind }) => kind) : undefined;
}

/** False: it was refused, as a frame must be. */
export function isDecoded(
  codec: Codec,
  { bytes, isBinary }: Frame,
  onCommand: (command: Command) => void,
): boolean {
  try {
    codec.decode(bytes, isBinary, onCommand);
    return true;
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `threw ${String(error)}`);
    assert.equal(error.closeCode, 1007);
    assert.ok(error.message.length < 400, 'the message is bounded');
    return false;
  }
}

/** Lines, as many together as JSON.parse needs for an object; what follows a fault is left out. */
function objectsOf(frame: Uint8Array): Uint8Array[] {
  const objects: Uint8Array[] = [];
  let start = 0;
  for (let end = 0; end <= frame.length; end++) {
    if (end < frame.length && frame[end] !== 0x0a) continue;
    const lines = frame.subarray(start, end);
    if (!isJson(lines)) continue;
    objects.push(lines);
    start = end + 1;
  }
  return objects;
}

function isJson(bytes: Uint8Array): boolean {
  try {
    parseStrictly(bytes);
    return true;
  } catch {
    return false;
  }
}

/** As JSON.parse reads it, over a decoding that refuses invalid UTF-8. */
export function parseStrictly(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
}

/** The command says what the reference has read. */
export function checkCommand(
  command: Command,
  parsed: unknown,
  checkPayloadOf: (payload: Payload, parsed: Parsed) => void,
): void {
  assert.ok(isObject(parsed), 'the frame is an object');
  const type = wellFormed(parsed['type']).toLowerCase();
  const { kind } = command;
  assert.ok(typesOf(kind).includes(type), `${kind} is called ${type}`);
  if ('group' in command) assert.equal(command.group, parsed['group']);
  if ('event' in command) assert.equal(command.event, parsed['event']);
  if ('invocationId' in command) assert.equal(command.invocationId, parsed['invocationId']);
  if ('noEcho' in command) assert.equal(command.noEcho, parsed['noEcho'] ?? false);
  if ('ttlSeconds' in command)
    assert.equal(command.ttlSeconds ?? null, parsed['ttlSeconds'] ?? null);
  if ('ackId' in command && command.ackId !== undefined) {
    assert.equal(Number(command.ackId), parsed['ackId']);
  }
  checkStreamCommand(command, parsed);
  if ('metadata' in command) checkMetadata(command.metadata, parsed);
  if ('payload' in command && command.payload !== undefined) {
    checkPayloadOf(command.payload, parsed);
  }
}

/** In lower case; Azure has other words than ours for presence. */
function typesOf(kind: Command['kind']): readonly string[] {
  switch (kind) {
    case 'streamStart':
      return ['sendtogroup'];
    case 'setState':
      return ['setstate', 'setgroupstate'];
    case 'watchPresence':
      return ['watchpresence', 'subscribegroupstate'];
    case 'unwatchPresence':
      return ['unwatchpresence', 'unsubscribegroupstate'];
    default:
      return [kind.toLowerCase()];
  }
}

function checkState(state: ClientState | undefined, sent: unknown): void {
  if (state === undefined) return assert.ok(sent === undefined || sent === null);
  assert.ok(isObject(sent));
  assert.deepEqual(Object.fromEntries(state), Object.fromEntries(Object.entries(sent)));
}

/** What only our own subprotocols have, and presence. */
function checkStreamCommand(command: Command, parsed: Parsed): void {
  if ('id' in command) assert.equal(command.id, parsed['id']);
  if ('token' in command) assert.equal(command.token, wellFormed(parsed['token']));
  if ('since' in command) checkPosition(command.since, parsed['since']);
  if ('state' in command) checkState(command.state, parsed['state']);
  if (command.kind === 'resume') assert.equal(command.to, parsed['to']);
  if ('to' in command && typeof command.to === 'object') {
    const { to } = command;
    assert.equal(to.kind === 'group' ? to.name : to.kind, parsed['group'] ?? parsed['to']);
  }
  if (command.kind !== 'history') return;
  checkPosition(command.after, parsed['after']);
  assert.equal(command.before ?? null, parsed['before'] ?? null);
  assert.equal(command.reverse, parsed['reverse'] ?? false);
  assert.equal(command.limit, parsed['limit'] ?? 100);
}

function checkPosition(position: StreamPosition | undefined, sent: unknown): void {
  if (position === undefined) return assert.ok(sent === undefined || sent === null);
  assert.ok(isObject(sent));
  assert.deepEqual(position, { epoch: sent['epoch'], offset: sent['offset'], tag: sent['tag'] });
}

/** As it was sent, and fit to become HTTP headers. */
function checkMetadata(metadata: Metadata | undefined, parsed: Parsed): void {
  assert.deepEqual(metadata ?? null, parsed['metadata'] ?? null);
  for (const [key, value] of Object.entries(metadata ?? {})) {
    assert.match(key, /^(?!__proto__$)[\w!#$%&'*+.^`|~-]+$/);
    assert.match(value, /^[\t -~]*$/);
  }
}

function checkPayload(payload: Payload, parsed: Parsed): void {
  const { dataType, bytes } = payload;
  const data = parsed['data'];
  if (!Object.hasOwn(parsed, 'data')) {
    assert.equal(dataType, 'text');
    assert.equal(bytes.length, 0);
    return;
  }
  assert.equal(dataType, wellFormed(parsed['dataType'] ?? 'json').toLowerCase());
  if (dataType === 'json') {
    assert.deepEqual(parseStrictly(bytes), data, 'the payload is the value of data');
  } else if (dataType === 'text') {
    assert.ok(Buffer.from(wellFormed(data), 'utf8').equals(bytes));
  } else {
    assert.equal(Buffer.from(bytes).toString('base64'), data);
  }
}

/** A receiver sees what the sender put into `data`, and no field that the gateway did not set. */
function checkReceived(
  codec: Codec,
  command: Extract<Command, { kind: 'sendToGroup' }>,
  bytes: Uint8Array,
): void {
  const { group, payload, metadata } = command;
  const from = { from: 'group', group, fromUserId: sender } as const;
  const message: Message = { ...from, kind: 'group', payload, metadata, stream: undefined };
  const frame = codec.encoder.encodeMessage(message);
  assert.equal(frame.isBinary, false);
  const received = parseStrictly(frame.bytes);
  const sent = parseStrictly(bytes);
  assert.ok(isObject(received) && isObject(sent));
  const expected = {
    type: 'message',
    ...from,
    dataType: payload.dataType,
    data: payload.dataType === 'text' ? wellFormed(sent['data'] ?? '') : sent['data'],
    ...(metadata === undefined ? {} : { metadata: sent['metadata'] }),
  };
  assert.deepEqual(received, expected);
  assert.deepEqual(Object.keys(received), Object.keys(expected), 'the order of the properties');
  if (payload.dataType === 'json') {
    // Frames that are packed are split at newlines, so there are none inside.
    const isOneLine = codec.encoder.pack !== undefined;
    const carried = Buffer.from(payload.bytes).map((byte) =>
      isOneLine && byte === 0x0a ? 0x20 : byte,
    );
    assert.ok(Buffer.from(frame.bytes).includes(Buffer.from(carried)), 'the bytes of the payload');
    assert.ok(!isOneLine || !frame.bytes.includes(0x0a), 'one line');
  }
}

/** What is left of a string after UTF-8, which has no lone surrogates. */
function wellFormed(value: unknown): string {
  assert.equal(typeof value, 'string');
  return Buffer.from(String(value), 'utf8').toString('utf8');
}

function isObject(value: unknown): value is Parsed {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
