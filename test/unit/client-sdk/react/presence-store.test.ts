/** Presence as React reads it, with a gateway that the test plays. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PresenceStore } from '../../../../client-sdk/src/react/presence-store.ts';
import { FakeWorld } from '../fakes.ts';

const snapshot = {
  ...{ type: 'presence', kind: 'snapshot', connections: 1, users: 1 },
  members: [{ connectionId: 'b1', userId: 'ben', since: 1 }],
};

describe('presence store', () => {
  test('presence store: it watches while somebody reads, and for a moment longer', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const store = new PresenceStore(client, 'g');
    assert.equal(store.get().isCurrent, false);
    store.setState({ typing: 'yes' });
    let changes = 0;
    const [end, endOther] = [
      store.subscribe(() => (changes += 1)),
      store.subscribe(() => undefined),
    ];
    socket.answer('joinGroup');
    socket.answer('watchPresence');
    socket.say({ ...snapshot, group: 'g' });
    assert.deepEqual([[...store.get().members.keys()], changes], [['ben'], 1]);
    assert.equal(store.get(), store.get());
    assert.equal(store.getOnServer().members.size, 0);
    store.setState({ typing: 'yes' });
    assert.deepEqual(
      socket.of('setState').map(({ state }) => state),
      [{ typing: 'yes' }],
    );
    end();
    endOther();
    const again = store.subscribe(() => undefined);
    t.mock.timers.tick(1000);
    assert.deepEqual(socket.of('leaveGroup'), []);
    again();
    t.mock.timers.tick(1000);
    assert.equal(socket.of('unwatchPresence').length, 1);
    assert.equal(socket.of('leaveGroup').length, 1);
    assert.equal(store.get().isCurrent, false);
    client.close();
  });

  test('presence store: without a name it is of everybody online, and has no state', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const store = new PresenceStore(client, undefined);
    const end = store.subscribe(() => undefined);
    socket.answer('watchPresence');
    socket.say({ ...snapshot, to: 'all' });
    store.setState({ typing: 'yes' });
    assert.deepEqual([store.get().users, socket.of('setState')], [1, []]);
    end();
    t.mock.timers.tick(1000);
    assert.deepEqual(socket.of('unwatchPresence'), [{ type: 'unwatchPresence', to: 'all' }]);
    client.close();
  });
});
