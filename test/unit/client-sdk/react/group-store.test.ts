/** A group as React reads it, with a gateway that the test plays. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GroupStore } from '../../../../client-sdk/src/react/group-store.ts';
import { FakeWorld, place, streamed, type FakeSocket } from '../fakes.ts';

function history(socket: FakeSocket, offsets: readonly number[], end: number): void {
  const ackId = socket.of('history').at(-1)?.['ackId'];
  const messages = offsets.map((offset) => streamed(offset));
  const rest = { isComplete: true, hasMore: false, position: place(end) };
  socket.say({ type: 'history', ackId, group: 'g', messages, ...rest });
}

const shown = (store: GroupStore<unknown>): readonly unknown[] =>
  store.getView().messages.map(({ data }) => data);

describe('group store', () => {
  test('group store: history is asked for after the join, and again after a gap', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const store = new GroupStore<unknown>(client, 'g', { history: 3 });
    assert.deepEqual(store.getView(), {
      state: 'joining',
      messages: [],
      isLoading: true,
      gap: undefined,
      error: undefined,
    });
    let changes = 0;
    const end = store.subscribe(() => (changes += 1));
    assert.deepEqual(socket.of('history'), []);
    socket.answer('joinGroup', { position: place(4) });
    assert.deepEqual(
      socket.of('history').map(({ limit, reverse }) => [limit, reverse]),
      [[3, true]],
    );
    socket.say(streamed(5));
    history(socket, [5, 4, 3], 5);
    await world.clock.pass(0);
    assert.deepEqual(shown(store), [3, 4, 5]);
    assert.equal(store.getView().isLoading, false);
    socket.say({ type: 'gap', group: 'g', reason: 'diverged', position: place(2) });
    assert.deepEqual([shown(store), store.getView().gap?.reason], [[], 'diverged']);
    history(socket, [2, 1], 2);
    socket.say(streamed(3));
    await world.clock.pass(0);
    assert.deepEqual(shown(store), [1, 2, 3]);
    assert.ok(changes > 5);
    end();
    client.close();
  });

  test('group store: what an older load brings is not shown', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const store = new GroupStore<unknown>(client, 'g', { history: 2 });
    const end = store.subscribe(() => undefined);
    socket.answer('joinGroup', { position: place(4) });
    const first = socket.of('history').at(-1)?.['ackId'];
    socket.say({ type: 'gap', group: 'g', reason: 'diverged', position: place(1) });
    socket.say({ type: 'history', ackId: first, group: 'g', messages: [streamed(4)] });
    await world.clock.pass(0);
    assert.deepEqual([shown(store), store.getView().isLoading], [[], true]);
    history(socket, [1], 1);
    await world.clock.pass(0);
    assert.deepEqual([shown(store), store.getView().isLoading], [[1], false]);
    end();
    client.close();
  });

  test('group store: away for longer than a moment it leaves, and begins anew', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const store = new GroupStore<unknown>(client, 'g');
    const end = store.subscribe(() => undefined);
    socket.answer('joinGroup', { position: place(0) });
    socket.say(streamed(1));
    end();
    const again = store.subscribe(() => undefined);
    socket.say(streamed(2));
    assert.deepEqual(shown(store), [1, 2]);
    again();
    t.mock.timers.tick(10_000);
    assert.equal(socket.of('leaveGroup').length, 1);
    const later = store.subscribe(() => undefined);
    assert.deepEqual([shown(store), store.getView().state], [[], 'joining']);
    assert.equal(socket.of('joinGroup').length, 2);
    later();
    client.close();
  });

  test('group store: what goes wrong is shown, and publish works without a component', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const store = new GroupStore<unknown>(client, 'g', { history: 2 });
    const end = store.subscribe(() => undefined);
    socket.answer('joinGroup');
    socket.refuse('history', 'BadRequest');
    await world.clock.pass(0);
    const { error, isLoading } = store.getView();
    assert.deepEqual([error?.message, isLoading], ['BadRequest!', false]);
    end();
    const other = new GroupStore<unknown>(client, 'h');
    const published = other.publish('hi');
    socket.answer('sendToGroup', { id: 'm1' });
    assert.equal((await published).id, 'm1');
    assert.equal(socket.of('leaveGroup').at(-1)?.['group'], 'h');
    client.close();
  });

  test('group store: a refused join is no endless load', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const store = new GroupStore<unknown>(client, 'g', { history: 2 });
    const end = store.subscribe(() => undefined);
    socket.refuse('joinGroup', 'Forbidden');
    const { isLoading, state } = store.getView();
    assert.deepEqual([state, isLoading], ['left', false]);
    end();
    client.close();
  });
});
