/** Tests of the router at its ports: failures of the broker, and bytes that are no envelope. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../../../backplanes/backplane.ts';
import { encodeEnvelope, type EnvelopeFields } from '../../../../backplanes/envelope.ts';
import { MemoryBackplane, MemoryBroker } from '../../../../backplanes/memory/memory-backplane.ts';
import { GatewayError } from '../../../../gateway/errors.ts';
import type { Publication } from '../../../../gateway/router/ports.ts';
import { TestNode } from './fakes.ts';

const fields: EnvelopeFields = {
  id: 'id',
  nodeId: 'stranger',
  counter: 1,
  hub: 'hub',
  kind: 'group',
  name: 'g',
  dataType: 'text',
  data: Buffer.from('x'),
  senderConnectionId: undefined,
  senderUserId: undefined,
  noEcho: false,
  expiresAtSeconds: 0,
  extension: undefined,
};

/** An envelope whose extension is `bytes`. */
function withExtension(bytes: Uint8Array): Buffer {
  const valid = encodeEnvelope({ ...fields, data: Buffer.alloc(0), extension: { metadata: {} } });
  const extensionLength = valid.readUInt32LE(20);
  const envelope = Buffer.concat([valid.subarray(0, valid.length - extensionLength), bytes]);
  envelope.writeUInt32LE(bytes.length, 20);
  return envelope;
}

const poisons: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', Buffer.alloc(0)],
  ['random bytes', Buffer.from('c0ffee'.repeat(20), 'hex')],
  ['a truncated envelope', encodeEnvelope(fields).subarray(0, 37)],
  ['another version', Buffer.concat([Buffer.from([2]), encodeEnvelope(fields).subarray(1)])],
  ['an extension cut off', withExtension(Buffer.from('81a86d65', 'hex'))],
  ['no map', withExtension(Buffer.from('01', 'hex'))],
  ['300-deep nesting', withExtension(Buffer.alloc(300, 0x91))],
  ['100,000-deep nesting', withExtension(Buffer.alloc(100_000, 0x91))],
  [
    'a filter that does not parse',
    encodeEnvelope({ ...fields, extension: { filter: 'userId eq' } }),
  ],
];

describe('router', () => {
  for (const [name, bytes] of poisons) {
    test(`router: ${name} is counted and does not stop the node`, async () => {
      const broker = new MemoryBroker();
      const node = await TestNode.start({ broker });
      const client = await node.connect({ groups: ['g', 'h'] });
      await node.publish({ kind: 'group', name: 'g' }, 'before');
      broker.publish('g:hub:g', bytes);
      await turnOfTheLoop();
      await node.publish({ kind: 'group', name: 'h' }, 'after');
      node.clock.endTurn();
      assert.equal(node.router.counters.unreadable, 1);
      assert.equal(node.errors.length, 1);
      assert.deepEqual(client.texts, ['before', 'after']);
    });
  }

  test('router: poison in the inbox is counted and does not stop the node', async () => {
    const broker = new MemoryBroker();
    const node = await TestNode.start({ broker });
    const client = await node.connect();
    broker.publish('n:node1', Buffer.from('garbage'));
    await turnOfTheLoop();
    const name = client.subscriber.connectionId;
    await node.publish({ kind: 'connection', name }, 'after');
    node.clock.endTurn();
    assert.equal(node.router.counters.unreadable, 1);
    assert.deepEqual(client.texts, ['after']);
  });

  test('router: a destination without members is unclaimed, not an error', async () => {
    const node = await TestNode.start();
    const client = await node.connect({ groups: ['g'] });
    node.router.members.leave(client.subscriber, 'g');
    await node.publish({ kind: 'group', name: 'g' }, 'lingering');
    await node.publish({ kind: 'connection', name: 'node1-nobody' }, 'x');
    await node.publish({ kind: 'connection', name: 'no id of ours' }, 'x');
    assert.equal(node.router.counters.unclaimed, 3);
    assert.equal(node.router.counters.unreadable, 0);
  });

  test('router: a live publication that comes again with its chosen id is dropped', async () => {
    const node = await TestNode.start();
    const client = await node.connect({ groups: ['g', 'h'] });
    const name = client.subscriber.connectionId;
    const send = (to: Publication['to'], text: string, id?: string) =>
      node.router.publish({
        hub: 'hub',
        to,
        payload: { dataType: 'text', bytes: Buffer.from(text) },
        id,
      });
    for (const round of ['first', 'again']) {
      await send({ kind: 'group', name: 'g' }, `g ${round}`, 'a');
      await send({ kind: 'group', name: 'g' }, `other id ${round}`, round);
      await send({ kind: 'group', name: 'h' }, `h ${round}`, 'a');
      await send({ kind: 'connection', name }, `connection ${round}`, 'a');
      await send({ kind: 'group', name: 'g' }, `no id ${round}`);
      await turnOfTheLoop();
      node.clock.endTurn();
    }
    assert.deepEqual(client.texts, [
      'g first',
      'other id first',
      'h first',
      'connection first',
      'no id first',
      'other id again',
      'no id again',
    ]);
    assert.equal(node.router.counters.repeats, 3);
  });

  test('router: what the backplane refuses is told in the words of the gateway', async () => {
    class Refusing extends MemoryBackplane {
      error: Error = new BackplaneUnavailableError('gone');
      override publish(): Promise<never> {
        return Promise.reject(this.error);
      }
    }
    const backplane = new Refusing();
    const node = await TestNode.start({ backplane });
    const codeOf = async (): Promise<unknown> =>
      node.publish({ kind: 'all' }, 'x').then(
        () => 'accepted',
        (error: unknown) => (error instanceof GatewayError ? error.code : error),
      );
    assert.equal(await codeOf(), 'backplane-unavailable');
    backplane.error = new PublishOutcomeUnknownError('late');
    assert.equal(await codeOf(), 'publish-outcome-unknown');
    backplane.error = new Error('bug');
    assert.equal(await codeOf(), 'internal');
    assert.equal(node.router.counters.publishErrors, 3);
  });

  test('router: it says whether publishes have a chance', async () => {
    const node = new TestNode();
    assert.match(node.router.unavailableReason() ?? '', /not connected/);
    await node.router.start();
    assert.equal(node.router.unavailableReason(), undefined);
    await node.router.close();
    assert.match(node.router.unavailableReason() ?? '', /down/);
  });
});
