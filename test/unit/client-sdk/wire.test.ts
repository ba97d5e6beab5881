/** What the SDK says and hears, against the gateway's codec and the vectors that the codec runs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { messageOf } from '../../../client-sdk/src/messages.ts';
import type { GatewayFrame } from '../../../client-sdk/src/wire.ts';
import type { Command } from '../../../gateway/protocol/model.ts';
import { TrunklineJsonCodec } from '../../../gateway/protocol/trunkline-json.ts';
import { readVectors } from '../../support/protocol-vectors.ts';
import { FakeWorld, type Frame } from './fakes.ts';

const { limits, messages, packs = [], replies } = readVectors('trunkline-v1-json.json');
const codec = new TrunklineJsonCodec(limits);

/** The objects of a vector's frame. */
function objectsOf(frame: string): Frame[] {
  // Vectors are frames of the gateway: objects, one a line.
  return frame.split('\n').map((line) => JSON.parse(line) as Frame);
}

describe('the wire', () => {
  test('everything that the gateway says is taken without an error', async () => {
    const world = new FakeWorld();
    const { client, errors, socket } = await world.connected();
    client.group('g1');
    socket.answer('joinGroup', { position: { epoch: 'e1', offset: 4, tag: 1 } });
    const frames = [...replies, ...messages, ...packs].map(({ frame = '' }) => frame);
    assert.ok(frames.length > 40);
    // A goaway is about connections; it has tests of its own.
    for (const object of frames.flatMap(objectsOf)) {
      if (object['type'] !== 'goaway') socket.say(object);
    }
    assert.deepEqual(errors, []);
    assert.equal(client.state, 'connected');
    client.close();
  });

  test('payloads come as the vectors say', () => {
    let read = 0;
    for (const { frame = '', message } of messages) {
      // The vector's description of the payload, in the codec's words.
      const { payload } = message as { payload: { dataType: string; text?: string } };
      if (payload.text === undefined) continue;
      // One message is one object.
      const { data } = messageOf(JSON.parse(frame) as GatewayFrame, 'e1');
      const expected: unknown =
        payload.dataType === 'json' ? JSON.parse(payload.text) : payload.text;
      assert.deepEqual(data instanceof Uint8Array ? Buffer.from(data).toString() : data, expected);
      read += 1;
    }
    assert.ok(read > 5);
  });

  test('everything that the client says is what the gateway reads', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected({
      streams: [{ to: 'user', position: { epoch: 'e1', offset: 4, tag: 1 } }],
      tokenExpiresInMs: 10_000,
    });
    const abort = new AbortController();
    const { signal } = abort;
    const group = client.group('g1', { since: { epoch: 'e1', offset: 7, tag: 9 } });
    const outcomes = Promise.allSettled([
      group.publish({ a: 1 }, { noEcho: true, ttlSeconds: 5, metadata: { k: 'v' } }),
      group.publish(Uint8Array.of(1, 2, 3), { id: 'own' }),
      group.history({ after: { epoch: 'e1', offset: 7, tag: 9 }, limit: 5 }),
      client.user().history({ before: 12, reverse: true }),
      client.send('typing', { in: 'g1' }, { metadata: { k: 'v' } }),
      client.invoke('sum', [1, 2], { signal }),
    ]);
    await world.clock.pass(0);
    socket.say({ type: 'message', to: 'user', offset: 9, prev: 8, tag: 2, data: 1 });
    abort.abort();
    group.leave();
    await world.clock.pass(9000);
    client.close();
    await outcomes;
    const commands: Command[] = [];
    for (const frame of socket.sent) {
      codec.decode(Buffer.from(JSON.stringify(frame)), false, (command) => commands.push(command));
    }
    assert.deepEqual(
      commands.map(({ kind }) => kind),
      [
        'joinGroup',
        'sendToGroup',
        'sendToGroup',
        'history',
        'history',
        'event',
        'invoke',
        'resume',
        'cancelInvocation',
        'leaveGroup',
        'refreshToken',
      ],
    );
  });
});
