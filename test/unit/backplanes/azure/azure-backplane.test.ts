/** Holds the Azure backplane to its promises with a service that does what the tests tell it. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { AzureBackplane } from '../../../../backplanes/azure/azure-backplane.ts';
import { packBatch, unpackBatch } from '../../../../backplanes/azure/batch.ts';
import { groupOf } from '../../../../backplanes/azure/group.ts';
import type { AzureSettings } from '../../../../backplanes/azure/settings.ts';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../../../backplanes/backplane.ts';
import { BackplaneNode } from '../../../support/backplane-node.ts';
import { FakeWebPubSub } from '../../../support/fake-web-pubsub.ts';
import { waitFor, withDeadline } from '../../../support/wait.ts';

type Node = BackplaneNode<AzureBackplane>;

const oneShard = 'azure://?shards=1';
const shard = 's.0';

async function fakeFor(t: TestContext): Promise<FakeWebPubSub> {
  const fake = await FakeWebPubSub.start();
  t.after(() => fake.stop());
  return fake;
}

function newNode(t: TestContext, fake: FakeWebPubSub, settings: Partial<AzureSettings> = {}): Node {
  const { connectionString } = fake;
  const backplane = new AzureBackplane(oneShard, { ...settings, connectionString });
  t.after(() => backplane.close());
  return new BackplaneNode(backplane);
}

async function startNode(
  t: TestContext,
  settings: Partial<AzureSettings> = {},
): Promise<{ readonly fake: FakeWebPubSub; readonly node: Node }> {
  const fake = await fakeFor(t);
  const node = newNode(t, fake, settings);
  await node.start();
  return { fake, node };
}

const soon = <T>(promise: Promise<T>): Promise<T> =>
  withDeadline(promise, { what: 'it is settled' });

describe('azure: messages', () => {
  test('azure: what is published in one turn travels in one message per group', async (t) => {
    const { fake, node } = await startNode(t);
    await node.backplane.subscribe('g:h:a');
    const texts = Array.from({ length: 500 }, (_, index) => `${index}`);
    await soon(Promise.all(texts.map((text) => node.publish('g:h:a', text))));
    assert.equal(fake.sent('sendToGroup').length, 1);
    assert.deepEqual(node.texts('g:h:a'), texts);
    assert.deepEqual(
      [node.backplane.counters.published, node.backplane.counters.messages],
      [500, 1],
    );
  });

  test('azure: while enough messages wait for acks, what comes is packed together', async (t) => {
    const { fake, node } = await startNode(t, { messagesInflightMax: 2 });
    fake.hold();
    const publishes = [node.publish('g:h:a', '0')];
    for (let sent = 1; sent <= 2; sent += 1) {
      await waitFor(() => fake.sent('sendToGroup').length === sent, { what: `${sent} are sent` });
      publishes.push(node.publish('g:h:a', `${sent}`));
    }
    for (let index = 3; index < 20; index += 1) {
      publishes.push(node.publish('g:h:a', `${index}`));
      await turnOfTheLoop();
    }
    assert.equal(fake.sent('sendToGroup').length, 2, 'no more than two are on their way');
    fake.release();
    assert.ok((await soon(Promise.all(publishes))).every((outcome) => outcome === 'accepted'));
    const packed = fake
      .sent('sendToGroup')
      .map(({ data = '' }) => unpackBatch(Buffer.from(data, 'base64'))?.length);
    assert.deepEqual(packed, [1, 1, 18]);
  });

  test('azure: no message is over a megabyte, however large envelopes and keys are', async (t) => {
    const { fake, node } = await startNode(t);
    const { envelopeBytesMax } = node.backplane.traits;
    const longest = `g:${'h'.repeat(128)}:${'\u{ffff}'.repeat(1024)}`;
    await node.backplane.subscribe(longest);
    const sizes = [envelopeBytesMax, 1, envelopeBytesMax, 300_000, 300_000, 300_000];
    const texts = sizes.map((size, index) => `${index}`.repeat(size));
    const outcomes = await soon(Promise.all(texts.map((text) => node.publish(longest, text))));
    assert.deepEqual(new Set(outcomes), new Set(['accepted']));
    assert.ok(node.texts(longest).every((text, index) => text === texts[index]));
    assert.equal(node.texts(longest).length, texts.length);
    for (const { length } of fake.sent('sendToGroup')) assert.ok(length < 1_000_000, `${length}`);
    await assert.rejects(
      node.backplane.publish(longest, new Uint8Array(envelopeBytesMax + 1)),
      BackplaneUnavailableError,
    );
  });

  test('azure: what the service says of a message is what the publisher hears', async (t) => {
    const { fake, node } = await startNode(t);
    const verdicts = [
      { name: 'Forbidden', error: BackplaneUnavailableError },
      { name: 'BadRequest', error: BackplaneUnavailableError },
      { name: 'InternalServerError', error: PublishOutcomeUnknownError },
      { name: 'SomethingNew', error: PublishOutcomeUnknownError },
    ];
    for (const { error, name } of verdicts) {
      fake.judge = () => ({ name, message: 'because' });
      await assert.rejects(node.backplane.publish('g:h:a', Buffer.from('x')), (thrown) => {
        assert.ok(thrown instanceof error);
        assert.match(thrown.message, new RegExp(`${name}: because`));
        return true;
      });
    }
    fake.judge = () => ({ name: 'Duplicate', message: 'it was processed' });
    const accepted = await node.backplane.publish('g:h:a', Buffer.from('x'));
    assert.deepEqual(accepted, { receivers: undefined });
    const { published, refused, unknown } = node.backplane.counters;
    assert.deepEqual({ published, refused, unknown }, { published: 1, refused: 2, unknown: 2 });
  });

  test('azure: no ack in time is unknown; what could not be sent in time is refused', async (t) => {
    const { fake, node } = await startNode(t, { publishTimeoutMs: 50, messagesInflightMax: 1 });
    fake.judge = () => 'ignore';
    const first = node.publish('g:h:a', '1');
    await waitFor(() => fake.sent('sendToGroup').length === 1, { what: 'the first is sent' });
    assert.equal(await soon(node.publish('g:h:a', '2')), 'unavailable');
    assert.equal(await soon(first), 'unknown');
  });

  test('azure: what others send in the hub goes no further', async (t) => {
    const { fake, node } = await startNode(t);
    await node.backplane.subscribe('g:h:a');
    const good = packBatch([{ key: 'g:h:a', bytes: Buffer.from('good') }]);
    fake.deliver(shard, 'text', 'hello');
    fake.deliver(shard, 'binary', Buffer.from('hello').toString('base64'));
    fake.deliver(shard, 'binary', good.subarray(0, -1).toString('base64'));
    fake.deliver(shard, 'binary', good.toString('base64'));
    await waitFor(() => node.texts('g:h:a').length > 0, { what: 'the good one arrived' });
    assert.deepEqual(node.texts('g:h:a'), ['good']);
    assert.equal(node.backplane.counters.strange, 2);
  });
});

describe('azure: groups', () => {
  test('azure: a group is joined with its first key, and left after its last', async (t) => {
    const { fake, node } = await startNode(t);
    const { backplane } = node;
    const inShard = (type: string): number =>
      fake.sent(type).filter(({ group }) => group === shard).length;
    await Promise.all(['g:h:a', 'g:h:b', 'g:h:c'].map((key) => backplane.subscribe(key)));
    assert.equal(inShard('joinGroup'), 1);
    await backplane.unsubscribe('g:h:a');
    await backplane.unsubscribe('g:h:b');
    await soon(node.publish('g:h:a', 'x'));
    assert.equal(inShard('leaveGroup'), 0);
    await backplane.unsubscribe('g:h:c');
    await waitFor(() => fake.members(shard) === 0, { what: 'the group is left' });
    assert.deepEqual(node.texts('g:h:a'), []);
  });

  test('azure: a key that is back while its group is being left is confirmed anew', async (t) => {
    const { fake, node } = await startNode(t);
    await node.backplane.subscribe('g:h:a');
    fake.hold();
    await node.backplane.unsubscribe('g:h:a');
    await waitFor(() => fake.members(shard) === 0, { what: 'the group is left' });
    const back = node.backplane.subscribe('g:h:a');
    fake.release();
    await soon(back);
    assert.equal(fake.members(shard), 1);
  });

  test('azure: a refused group rejects its keys, and may be asked for again', async (t) => {
    const { fake, node } = await startNode(t);
    fake.judge = () => ({ name: 'Forbidden', message: 'not you' });
    const keys = ['g:h:a', 'g:h:b'];
    const results = await Promise.allSettled(keys.map((key) => node.backplane.subscribe(key)));
    for (const result of results) {
      assert.equal(result.status, 'rejected');
      assert.match(String(result.reason), /refused a group \(Forbidden: not you\)/);
    }
    fake.judge = () => 'accept';
    await soon(node.backplane.subscribe('g:h:a'));
    assert.equal(await soon(node.publish('g:h:a', 'x')), 'accepted');
    assert.deepEqual(node.texts('g:h:a'), ['x']);
  });

  test('azure: inboxes and the control key have groups of their own', async (t) => {
    const { fake, node } = await startNode(t);
    await Promise.all(['n:abc123', 'x:'].map((key) => node.backplane.subscribe(key)));
    assert.deepEqual(
      [fake.members(groupOf('n:abc123', 1)), fake.members(groupOf('x:', 1))],
      [1, 1],
    );
    assert.equal(fake.members(shard), 0);
  });
});

describe('azure: the connection', () => {
  test('azure: acknowledged but not delivered is deaf: a new connection, and a gap', async (t) => {
    const { fake, node } = await startNode(t, { canaryTickMs: 20 });
    fake.isDeaf = true;
    await waitFor(() => node.links.some((link) => link.includes('do not come back')), {
      what: 'the node knows that it is deaf',
    });
    fake.isDeaf = false;
    await waitFor(() => node.gaps.length > 0, { what: 'the gap is told' });
    assert.equal(node.backplane.counters.canaryMisses, 1);
    assert.deepEqual(node.gaps[0], { keys: 'all', reason: 'reconnected' });
  });

  test('azure: cut off for reading too slowly is told as an overflow', async (t) => {
    const { fake, node } = await startNode(t);
    fake.hangUp(4008, 'too slow');
    await waitFor(() => node.gaps.length > 0, { what: 'the gap is told' });
    assert.match(node.links[1] ?? '', /closed the connection \(4008: too slow\)/);
    assert.deepEqual(node.gaps[0], { keys: 'all', reason: 'overflow' });
  });

  test('azure: up again means that every group is joined', async (t) => {
    const { fake, node } = await startNode(t);
    await node.backplane.subscribe('g:h:a');
    fake.hold();
    fake.hangUp(1001, 'an update');
    await waitFor(() => fake.sent('joinGroup').filter(({ group }) => group === shard).length > 1, {
      what: 'the group is asked for again',
    });
    assert.equal(node.backplane.isUp(), false);
    assert.equal(await node.publish('g:h:a', 'x'), 'unavailable');
    fake.release();
    await waitFor(() => node.backplane.isUp(), { what: 'the node is up again' });
    assert.equal(fake.members(shard), 1);
    assert.ok(node.links.at(-1)?.startsWith('up'));
  });

  test('azure: a service that speaks something else is named', async (t) => {
    const fake = await fakeFor(t);
    fake.greeting = 'welcome';
    const node = newNode(t, fake, { startTimeoutMs: 200 });
    await assert.rejects(
      node.start(),
      /is not the Web PubSub protocol; is this the right endpoint/,
    );
  });
});
