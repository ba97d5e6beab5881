/** The reliable JSON subprotocol: what it adds to the plain one, and that it shares the rest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCodecs } from '../../../../gateway/protocol/codecs.ts';
import type { Command, Message } from '../../../../gateway/protocol/model.ts';

const codecs = createCodecs({ jsonDepthMax: 64, nameLengthMax: 1024, metadataBytesMax: 8192 });
const [plain, reliable] = ['json.webpubsub.azure.v1', 'json.reliable.webpubsub.azure.v1'].map(
  (name) => codecs.selectSubprotocol([name])?.codec,
);
assert.ok(plain !== undefined && reliable !== undefined);

const message: Message = {
  from: 'group',
  kind: 'group',
  group: 'g',
  fromUserId: undefined,
  payload: { dataType: 'json', bytes: Buffer.from('{"a":"é"}') },
  metadata: undefined,
  stream: undefined,
};

function textOf(frame: { readonly bytes: Uint8Array } | undefined): string {
  return Buffer.from(frame?.bytes ?? []).toString();
}

describe('json.reliable.webpubsub.azure.v1', () => {
  test('reliable encoder: the number stands first, the rest is the shared frame', () => {
    const { encoder } = reliable;
    const shared = encoder.encodeMessage(message);
    const before = Uint8Array.from(shared.bytes);
    const frames = [1, 9_007_199_254_740_991].map((n) => encoder.withSequenceId?.(shared, n));
    const rest =
      '"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"json","data":{"a":"é"}}';
    assert.deepEqual(frames.map(textOf), [
      `{"sequenceId":1,${rest}`,
      `{"sequenceId":9007199254740991,${rest}`,
    ]);
    assert.ok(frames.every((frame) => frame?.isBinary === false));
    assert.deepEqual(Uint8Array.from(shared.bytes), before);
  });

  test('reliable encoder: messages are those of the plain encoder, so one encoding serves both', () => {
    assert.equal(reliable.encoder.messagesOf, plain.encoder);
    assert.equal(
      plain.encoder.withSequenceId?.(plain.encoder.encodeMessage(message), 1),
      undefined,
    );
    assert.deepEqual(
      Buffer.from(reliable.encoder.encodeMessage(message).bytes),
      Buffer.from(plain.encoder.encodeMessage(message).bytes),
    );
  });

  test('reliable encoder: connected has the reconnection token last', () => {
    const frame = reliable.encoder.encodeReply({
      kind: 'connected',
      connectionId: 'c',
      userId: 'u',
      reconnectionToken: 't',
    });
    assert.equal(
      textOf(frame),
      '{"type":"system","event":"connected","userId":"u","connectionId":"c","reconnectionToken":"t"}',
    );
  });

  test('reliable decoder: it reads what the plain one reads', () => {
    const commands: Command[] = [];
    const bytes = Buffer.from('{"type":"sequenceAck","sequenceId":4}');
    reliable.decode(bytes, false, (command) => commands.push(command));
    assert.deepEqual(commands, [{ kind: 'sequenceAck', sequenceId: 4 }]);
    assert.throws(() => reliable.decode(bytes, true, () => undefined), { closeCode: 1003 });
  });
});
