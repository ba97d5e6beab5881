/** Tests of the questions and orders about the connections of one node. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../../../gateway/errors.ts';
import { defaultLimits } from '../../../../gateway/limits.ts';
import { FilterError } from '../../../../gateway/protocol/filter/filter-error.ts';
import { PermissionsTable } from '../../../../gateway/protocol/roles.ts';
import { LocalDirectory } from '../../../../gateway/router/local-directory.ts';
import { settled, type TestClient, TestNode } from './fakes.ts';

async function start(limits: Partial<typeof defaultLimits> = {}) {
  const node = await TestNode.start({ limits });
  const { filterDepthMax, filterLengthMax } = defaultLimits;
  const directory = new LocalDirectory({
    attendanceBounds: { membersMax: 3, bytesMax: 1000 },
    hubs: node.router.hubs,
    members: node.router.members,
    filterBounds: { lengthMax: filterLengthMax, depthMax: filterDepthMax },
  });
  return { node, directory };
}

function idOf(client: TestClient): string {
  return client.subscriber.connectionId;
}

function groupsOf(client: TestClient): string[] {
  return [...client.subscriber.groupNames()].sort();
}

describe('local directory', () => {
  test('local directory: attendance names members up to its bounds, and counts more', async () => {
    const { directory, node } = await start();
    const group = { kind: 'group', name: 'g' } as const;
    assert.deepEqual(await directory.attendance('hub', group), { connections: 0, members: [] });
    const client = await node.connect({ userId: 'ann', groups: ['g'] });
    await node.connect({ hub: 'other', groups: ['g'] });
    const { members } = await directory.attendance('hub', group);
    const [member] = members ?? [];
    assert.deepEqual(
      { ...member, sinceMs: 0 },
      {
        connectionId: idOf(client),
        userId: 'ann',
        state: undefined,
        sinceMs: 0,
        stateAtMs: undefined,
      },
    );
    const now = node.clock.wallSeconds() * 1000;
    assert.ok(Math.abs((member?.sinceMs ?? 0) - now) <= 50, 'a tenth of a second');
    for (let count = 0; count < 3; count += 1) await node.connect({ groups: ['g'] });
    const counted = { connections: 4, members: undefined };
    assert.deepEqual(await directory.attendance('hub', group), counted);
    assert.deepEqual(await directory.attendance('hub', { kind: 'all' }), counted);
  });

  test('local directory: existence follows the connections, per hub', async () => {
    const { directory, node } = await start();
    const client = await node.connect({ userId: 'ann', groups: ['g'] });
    const answers = async (hub: string): Promise<boolean[]> => [
      await directory.connectionExists(hub, idOf(client)),
      await directory.userExists(hub, 'ann'),
      await directory.groupExists(hub, 'g'),
    ];
    assert.deepEqual(await answers('hub'), [true, true, true]);
    assert.deepEqual(await answers('other'), [false, false, false]);
    assert.equal(await directory.userExists('hub', 'g'), false);
    assert.equal(await directory.groupExists('hub', 'ann'), false);
    client.vanish();
    assert.deepEqual(await answers('hub'), [false, false, false]);
  });

  test('local directory: orders close exactly whom they name, with the reason', async () => {
    const { directory, node } = await start();
    const connect = async (userId: string, group: string) =>
      node.connect({ userId, groups: [group] });
    const ann1 = await connect('ann', 'g');
    const ann2 = await connect('ann', 'h');
    const bob = await connect('bob', 'g');
    const cleo = await connect('cleo', 'h');
    const stranger = await node.connect({ hub: 'other', userId: 'ann', groups: ['g'] });
    const reasons = (): (string | undefined)[] =>
      [ann1, ann2, bob, cleo, stranger].map(({ socket }) => socket.closedWith?.reason);

    await directory.closeConnection('hub', idOf(stranger), 'wrong hub');
    await directory.closeConnection('hub', 'nobody', 'nobody');
    assert.deepEqual(reasons(), [undefined, undefined, undefined, undefined, undefined]);
    await directory.closeUser('hub', 'ann', { reason: undefined, excluded: [idOf(ann2)] });
    assert.deepEqual(reasons(), ['ClosedByAppServer', undefined, undefined, undefined, undefined]);
    await settled();
    await directory.closeGroup('hub', 'g', { reason: 'group', excluded: [] });
    await settled();
    await directory.closeAll('hub', { reason: 'all', excluded: [idOf(cleo)] });
    assert.deepEqual(reasons(), ['ClosedByAppServer', 'all', 'group', undefined, undefined]);
    await settled();
    await directory.closeConnection('hub', idOf(cleo), 'one');
    assert.equal(cleo.socket.closedWith?.reason, 'one');
    assert.equal(cleo.socket.closedWith?.code, 1000);
    await settled();
    assert.equal(node.router.hubs.connectionCount, 1);
    assert.ok(stranger.socket.isOpen);
  });

  test('local directory: connections and users come into groups and out again', async () => {
    const { directory, node } = await start();
    const ann1 = await node.connect({ userId: 'ann' });
    const ann2 = await node.connect({ userId: 'ann', groups: ['x'] });
    const bob = await node.connect({ userId: 'bob' });
    assert.equal(await directory.addConnectionToGroup('hub', idOf(bob), 'g'), true);
    assert.equal(await directory.addConnectionToGroup('hub', 'nobody', 'g'), false);
    assert.equal(await directory.addConnectionToGroup('other', idOf(bob), 'h'), false);
    assert.equal(await directory.addUserToGroup('hub', 'ann', 'g'), true);
    assert.equal(await directory.addUserToGroup('hub', 'nobody', 'g'), false);
    assert.deepEqual([ann1, ann2, bob].map(groupsOf), [['g'], ['g', 'x'], ['g']]);
    await directory.removeConnectionFromGroup('hub', idOf(bob), 'g');
    await directory.removeConnectionFromGroup('hub', 'nobody', 'g');
    await directory.removeUserFromGroup('hub', 'ann', 'x');
    assert.deepEqual([ann1, ann2, bob].map(groupsOf), [['g'], ['g'], []]);
    await directory.addUserToGroup('hub', 'ann', 'h');
    await directory.removeConnectionFromAllGroups('hub', idOf(ann1));
    await directory.removeConnectionFromAllGroups('hub', 'nobody');
    assert.deepEqual([ann1, ann2].map(groupsOf), [[], ['g', 'h']]);
    await directory.removeUserFromAllGroups('hub', 'ann');
    assert.deepEqual([ann1, ann2].map(groupsOf), [[], []]);
    assert.equal(await directory.userExists('hub', 'ann'), true);
  });

  test('local directory: a group that is full for a connection is refused', async () => {
    const { directory, node } = await start({ groupsPerConnectionMax: 1 });
    const client = await node.connect({ userId: 'ann', groups: ['g'] });
    await assert.rejects(
      directory.addUserToGroup('hub', 'ann', 'h'),
      (error: unknown) => error instanceof GatewayError && error.code === 'too-many-groups',
    );
    assert.deepEqual(groupsOf(client), ['g']);
  });

  test('local directory: a filter chooses who joins and leaves', async () => {
    const { directory, node } = await start();
    const ann = await node.connect({ userId: 'ann', groups: ['x'] });
    const bob = await node.connect({ userId: 'bob', groups: ['x'] });
    const anonymous = await node.connect();
    await directory.addMatchingToGroups('hub', "userId eq 'ann' or userId eq null", ['g', 'h']);
    assert.deepEqual([ann, bob, anonymous].map(groupsOf), [['g', 'h', 'x'], ['x'], ['g', 'h']]);
    await directory.removeMatchingFromGroups('hub', "'x' in groups", ['g', 'x']);
    assert.deepEqual([ann, bob, anonymous].map(groupsOf), [['h'], [], ['g', 'h']]);
    await assert.rejects(directory.addMatchingToGroups('hub', 'userId eq', ['g']), FilterError);
    await assert.rejects(directory.removeMatchingFromGroups('hub', '', ['g']), FilterError);
  });

  test('local directory: permissions are granted, asked and revoked', async () => {
    const { directory, node } = await start();
    const client = await node.connect();
    const id = idOf(client);
    const table = new PermissionsTable({ nameLengthMax: 1024, entriesMax: 10 });
    client.permissions = table.permissionsFromRoles([]);
    const may = (group?: string): Promise<boolean> =>
      directory.hasPermission('hub', id, 'sendToGroup', group);
    assert.equal(await may('g'), false);
    assert.equal(await directory.grantPermission('hub', id, 'sendToGroup', 'g'), true);
    assert.deepEqual([await may('g'), await may('h'), await may()], [true, false, false]);
    assert.equal(await directory.hasPermission('hub', id, 'joinLeaveGroup', 'g'), false);
    await directory.revokePermission('hub', id, 'sendToGroup', 'g');
    assert.equal(await may('g'), false);
    assert.equal(await directory.grantPermission('hub', 'nobody', 'sendToGroup', 'g'), false);
    assert.equal(await directory.hasPermission('hub', 'nobody', 'sendToGroup', 'g'), false);
    await directory.revokePermission('hub', 'nobody', 'sendToGroup', 'g');
  });

  test('local directory: pages hold everybody who stays exactly once, in order', async () => {
    const change = fc.record({ joins: fc.boolean(), at: fc.nat(99) });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 12 }),
        async (limit, changes) => {
          const { directory, node } = await start();
          const clients = new Map<string, TestClient>();
          for (let at = 0; at < 20; at += 1) {
            const id = `c${String(at * 5).padStart(2, '0')}`;
            clients.set(id, await node.connect({ id, groups: ['g'] }));
          }
          const stayed = new Set(clients.keys());
          const listed: string[] = [];
          let continuation: string | undefined;
          for (let page = 0; page < 200; page += 1) {
            const answer = await directory.listGroup('hub', 'g', { limit, continuation });
            listed.push(...answer.connections.map(({ connectionId }) => connectionId));
            assert.ok(answer.connections.length <= limit);
            continuation = answer.continuation;
            if (continuation === undefined) break;
            for (const { at, joins } of changes[page] ?? []) {
              const id = `c${String(at).padStart(2, '0')}`;
              if (joins && !clients.has(id)) {
                clients.set(id, await node.connect({ id, groups: ['g'] }));
              } else if (!joins) {
                clients.get(id)?.vanish();
                clients.delete(id);
                stayed.delete(id);
              }
            }
          }
          assert.equal(continuation, undefined);
          assert.deepEqual(listed, [...new Set(listed)].sort());
          for (const id of stayed) if (clients.has(id)) assert.ok(listed.includes(id), id);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('local directory: a page tells the user, and ends without an empty page', async () => {
    const { directory, node } = await start();
    await node.connect({ id: 'b', userId: 'bob', groups: ['g'] });
    await node.connect({ id: 'a', groups: ['g'] });
    const page = await directory.listGroup('hub', 'g', { limit: 2, continuation: undefined });
    assert.deepEqual(page, {
      connections: [
        { connectionId: 'a', userId: undefined },
        { connectionId: 'b', userId: 'bob' },
      ],
      continuation: undefined,
    });
    const nobody = await directory.listGroup('hub', 'h', { limit: 2, continuation: undefined });
    assert.deepEqual(nobody, { connections: [], continuation: undefined });
  });
});
