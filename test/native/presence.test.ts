/** Presence against a whole gateway: what clients of `trunkline.v1.json` are told of who is there. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { PresenceClient, type PresenceClientOptions } from '../support/presence-client.ts';
import { request } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';

const watcherRoles = ['trunkline.watchPresence', 'webpubsub.joinLeaveGroup'];

let gateway: TestGateway;
const clients: PresenceClient[] = [];

before(async () => {
  gateway = await startTestGateway({
    limits: { presenceMembersMax: 10, presenceStateBytesMax: 32, presenceGraceMs: 3000 },
  });
});
after(async () => {
  for (const client of clients) client.cut();
  await gateway.stop();
  assert.deepEqual(
    clients.flatMap(({ faults }) => faults),
    [],
  );
  assert.deepEqual(gateway.errors, []);
});

async function connect(options: PresenceClientOptions = {}): Promise<PresenceClient> {
  const client = await PresenceClient.connect(gateway, options);
  clients.push(client);
  return client;
}

describe('presence', () => {
  test('presence: a snapshot, then who comes, says something, and leaves', async () => {
    const ann = await connect({ userId: 'ann' });
    await ann.join('room', { mood: 'fine' });
    const view = await ann.watch('room');
    assert.deepEqual(
      view.frames.map(({ kind }) => kind),
      ['snapshot'],
    );
    const [self] = view.members.values();
    assert.deepEqual(
      { ...self, since: 0 },
      {
        connectionId: ann.connectionId,
        userId: 'ann',
        state: { mood: 'fine' },
        since: 0,
      },
    );
    assert.ok(Math.abs((self?.since ?? 0) - Date.now()) < 600_000, 'since is a time of now');

    const ben = await connect({ userId: 'ben' });
    await ben.join('room');
    await waitFor(() => view.members.has(ben.connectionId), { what: 'ben came' });
    await ben.done({ type: 'setState', group: 'room', state: { typing: 'yes' } });
    const stateOf = (id: string) => view.members.get(id)?.state;
    await waitFor(() => stateOf(ben.connectionId)?.['typing'] === 'yes', { what: 'ben typed' });
    await ben.done({ type: 'setState', group: 'room' });
    await waitFor(() => stateOf(ben.connectionId) === undefined, { what: 'ben stopped' });
    await ben.leave('room');
    await waitFor(() => view.ids().length === 1, { what: 'ben left' });
    assert.ok(view.frames.slice(1).every(({ kind }) => kind === 'changes'));
  });

  test('presence: the ack of a watch comes before the snapshot', async () => {
    const ann = await connect({ userId: 'ann' });
    const acks: number[] = [];
    const place = ann.place('order');
    place.onFrame = () => acks.push(ann.others.filter(({ type }) => type === 'ack').length);
    ann.send({ type: 'joinGroup', group: 'order', ackId: 1001 });
    await ann.watch('order');
    assert.deepEqual(acks, [2]);
    assert.deepEqual(place.ids(), [ann.connectionId]);
  });

  test('presence: who is neither a member nor has the role may not watch', async () => {
    const eve = await connect({ userId: 'eve' });
    for (const where of [{ group: 'secret' }, { to: 'all' }]) {
      const ack = await eve.ask({ type: 'watchPresence', ...where });
      assert.equal(ack.error?.name, 'Forbidden', JSON.stringify(ack));
    }
    const max = await connect({ roles: ['trunkline.watchPresence.team.*'] });
    assert.ok((await max.watch('team.red')).frames.length > 0);
    const other = await max.ask({ type: 'watchPresence', group: 'other' });
    assert.equal(other.error?.name, 'Forbidden');
  });

  test('presence: who is put out of the group is told nothing more', async () => {
    const [ann, ben] = [await connect({ userId: 'ann' }), await connect({ userId: 'ben' })];
    await Promise.all([ann.join('out'), ben.join('out')]);
    const [view, bens] = [await ann.watch('out'), await ben.watch('out')];
    await ann.leave('out');
    await waitFor(() => bens.ids().length === 1, { what: 'ben saw it' });
    await ben.done({ type: 'setState', group: 'out', state: { a: 'b' } });
    await waitFor(() => bens.members.get(ben.connectionId)?.state?.['a'] === 'b', {
      what: 'ben saw his state',
    });
    await ann.ask({ type: 'unwatchPresence', group: 'out' });
    assert.ok(view.frames.every(({ set = [] }) => set.every(({ state }) => state === undefined)));
  });

  test('presence: a lost socket that comes back as the same user is no leave', async () => {
    const watcher = await connect({ roles: watcherRoles });
    const view = await watcher.watch('flap');
    const first = await connect({ userId: 'fay', groups: ['flap'] });
    await waitFor(() => view.users().has('fay'), { what: 'fay came' });
    const missing: number[] = [];
    view.onFrame = () => {
      if (!view.users().has('fay')) missing.push(view.frames.length);
    };
    first.cut();
    const second = await connect({ userId: 'fay', groups: ['flap'] });
    await waitFor(() => view.members.has(second.connectionId), { what: 'fay is back' });
    await waitFor(() => !view.members.has(first.connectionId), { what: 'the old one is gone' });
    assert.deepEqual(missing, []);
    second.cut();
    await waitFor(() => !view.users().has('fay'), { what: 'fay is gone for good' });
  });

  test('presence: who says good-bye has left at once', async () => {
    const watcher = await connect({ roles: watcherRoles });
    const view = await watcher.watch('bye');
    const gil = await connect({ userId: 'gil', groups: ['bye'] });
    await waitFor(() => view.users().has('gil'), { what: 'gil came' });
    await gil.close();
    await waitFor(() => !view.users().has('gil'), { what: 'gil left' });
  });

  test('presence: a crowd is only counted, and named again when it is smaller', async () => {
    const watcher = await connect({ roles: watcherRoles });
    const view = await watcher.watch('crowd');
    const crowd = await Promise.all(
      Array.from({ length: 12 }, (_, index) => connect({ userId: `c${index}`, groups: ['crowd'] })),
    );
    await waitFor(() => view.count === 12, { what: 'twelve are counted' });
    for (const one of crowd.slice(0, 4)) await one.close();
    await waitFor(() => view.ids().length === 8, { what: 'eight are named' });
    assert.equal(view.count, undefined);
  });

  test('presence: everybody in the hub, with a role', async () => {
    const watcher = await connect({ roles: watcherRoles, userId: 'hub-watcher' });
    const view = await watcher.watch();
    await waitFor(() => view.count !== undefined || view.ids().length > 0, { what: 'told' });
    await watcher.unwatch();
    await watcher.done({ type: 'joinGroup', group: 'after' });
    const told = view.frames.length;
    await (await connect()).close();
    await watcher.done({ type: 'leaveGroup', group: 'after' });
    assert.equal(view.frames.length, told, 'nothing after the end of the watch');
  });

  test('presence: the REST API says the same', async () => {
    const ann = await connect({ userId: 'ann', groups: ['rest'] });
    await ann.done({ type: 'setState', group: 'rest', state: { a: 'b' } });
    const ask = async (path: string): Promise<unknown> => {
      const { body, status } = await request(gateway, 'GET', `chat/${path}`);
      assert.equal(status, 200, body);
      return JSON.parse(body);
    };
    const { connectionId } = ann;
    const answer = await ask('groups/rest/presence');
    const { since } = (await ann.watch('rest')).members.get(connectionId) ?? { since: 0 };
    const member = { connectionId, userId: 'ann', state: { a: 'b' }, since };
    assert.deepEqual(answer, { connections: 1, users: 1, members: [member], isComplete: true });
    assert.deepEqual(await ask('groups/nobody/presence?view=counts'), { connections: 0, users: 0 });
  });

  test('presence: a state that is too large, or of a group one is not in, is refused', async () => {
    const ann = await connect({ userId: 'ann' });
    const outside = await ann.ask({ type: 'setState', group: 'elsewhere', state: {} });
    assert.equal(outside.error?.name, 'BadRequest');
    const state = { text: 'x'.repeat(40) };
    for (const type of ['joinGroup', 'setState']) {
      const ack = await ann.ask({ type, group: 'large', state });
      assert.match(ack.error?.message ?? '', /presenceStateBytesMax/);
    }
  });
});
