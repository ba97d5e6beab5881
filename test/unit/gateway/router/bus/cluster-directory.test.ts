/** Tests of the whole cluster's directory: from every node, about connections of the others. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../../../gateway/errors.ts';
import { PermissionsTable } from '../../../../../gateway/protocol/roles.ts';
import { FilterError } from '../../../../../gateway/protocol/filter/filter-error.ts';
import type { Directory } from '../../../../../gateway/router/ports.ts';
import type { TestClient } from '../fakes.ts';
import { idOf, Network, type SimulatedNode } from './simulation.ts';

const settledMs = 3500;

async function three(countsReceivers: boolean) {
  const network = new Network({ countsReceivers });
  const nodes = await network.addAll(3);
  await network.pass(settledMs);
  /** What an operation of a node's directory comes to. */
  const at = <T>(node: SimulatedNode, run: (directory: Directory) => Promise<T>): Promise<T> =>
    network.during(run(node.directory));
  return { network, nodes, at };
}

function groupsOf(client: TestClient): string[] {
  return [...client.subscriber.groupNames()].sort();
}

function isUnknown(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'nodes-missing' && error.retry;
}

const nobody: { reason: string | undefined; excluded: readonly string[] } = {
  reason: undefined,
  excluded: [],
};

for (const countsReceivers of [true, false]) {
  const how = countsReceivers ? 'counts receivers' : 'does not count receivers';

  describe(`cluster directory, on a broker that ${how}`, () => {
    test('cluster directory: existence is the same from every node', async () => {
      const { at, network, nodes } = await three(countsReceivers);
      for (const owner of nodes) {
        const client = await owner.connect({ userId: 'ann', groups: ['g'] });
        const answers = (node: SimulatedNode): Promise<boolean[]> =>
          at(node, (directory) =>
            Promise.all([
              directory.connectionExists('hub', idOf(client)),
              directory.userExists('hub', 'ann'),
              directory.groupExists('hub', 'g'),
              directory.connectionExists('other', idOf(client)),
              directory.userExists('other', 'ann'),
              directory.userExists('hub', 'g'),
              directory.groupExists('hub', 'ann'),
            ]),
          );
        const no = [false, false, false, false];
        for (const node of nodes) assert.deepEqual(await answers(node), [true, true, true, ...no]);
        client.vanish();
        await network.pass(10);
        for (const node of nodes) {
          assert.deepEqual(await answers(node), [false, false, false, ...no]);
        }
      }
    });

    test('cluster directory: ids of nobody do not exist, whatever they look like', async () => {
      const { at, nodes } = await three(countsReceivers);
      const [node] = nodes;
      assert.ok(node !== undefined);
      for (const id of ['', '-', 'x', 'n2', 'n2-nobody', 'n9-1', '-n2', 'n1-nobody', '⭐-1']) {
        assert.equal(await at(node, (one) => one.connectionExists('hub', id)), false, id);
        await at(node, (one) => one.closeConnection('hub', id, undefined));
      }
    });

    test('cluster directory: one connection is changed from any node', async () => {
      const { at, network, nodes } = await three(countsReceivers);
      for (const owner of nodes) {
        for (const node of nodes) {
          const client = await owner.connect({ userId: 'ann', groups: ['old'] });
          const other = await owner.connect({ userId: 'ann', groups: ['old'] });
          client.permissions = noPermissions;
          const id = idOf(client);
          const of = <T>(run: (one: Directory) => Promise<T>): Promise<T> => at(node, run);

          assert.equal(await of((one) => one.addConnectionToGroup('hub', id, 'new')), true);
          assert.deepEqual(groupsOf(client), ['new', 'old']);
          await of((one) => one.removeConnectionFromGroup('hub', id, 'old'));
          assert.deepEqual(groupsOf(client), ['new']);
          await of((one) => one.removeConnectionFromAllGroups('hub', id));
          assert.deepEqual(groupsOf(client), []);

          const has = (group: string | undefined): Promise<boolean> =>
            of((one) => one.hasPermission('hub', id, 'sendToGroup', group));
          assert.equal(await has('g'), false);
          const grant = (group: string | undefined): Promise<boolean> =>
            of((one) => one.grantPermission('hub', id, 'sendToGroup', group));
          assert.equal(await grant('g'), true);
          assert.deepEqual(
            [await has('g'), await has('h'), await has(undefined)],
            [true, false, false],
          );
          await of((one) => one.revokePermission('hub', id, 'sendToGroup', 'g'));
          assert.equal(await has('g'), false);

          await of((one) => one.closeConnection('hub', id, 'enough'));
          assert.equal(client.socket.closedWith?.reason, 'enough');
          assert.equal(other.socket.isOpen, true);
          assert.deepEqual(groupsOf(other), ['old']);
          other.vanish();
          await network.pass(10);
          for (const gone of [
            (one: Directory) => one.addConnectionToGroup('hub', id, 'new'),
            (one: Directory) => one.grantPermission('hub', id, 'sendToGroup', 'g'),
            (one: Directory) => one.hasPermission('hub', id, 'sendToGroup', 'g'),
          ]) {
            assert.equal(await of(gone), false);
          }
        }
      }
    });

    test('cluster directory: a user is changed on every node that has it', async () => {
      const { at, nodes } = await three(countsReceivers);
      for (const node of nodes) {
        const anns = await connectEverywhere(nodes, { userId: 'ann', groups: ['old'] });
        const [bob] = await connectEverywhere(nodes, { userId: 'bob', groups: ['old'] });
        assert.ok(bob !== undefined);
        const of = <T>(run: (one: Directory) => Promise<T>): Promise<T> => at(node, run);
        assert.equal(await of((one) => one.addUserToGroup('hub', 'ann', 'new')), true);
        assert.deepEqual(
          anns.map(groupsOf),
          anns.map(() => ['new', 'old']),
        );
        await of((one) => one.removeUserFromGroup('hub', 'ann', 'old'));
        assert.deepEqual(
          anns.map(groupsOf),
          anns.map(() => ['new']),
        );
        await of((one) => one.removeUserFromAllGroups('hub', 'ann'));
        assert.deepEqual(
          anns.map(groupsOf),
          anns.map(() => []),
        );
        assert.equal(await of((one) => one.addUserToGroup('hub', 'carl', 'new')), false);
        const [kept, ...others] = anns;
        assert.ok(kept !== undefined);
        const options = { reason: 'out', excluded: [idOf(kept)] };
        await of((one) => one.closeUser('hub', 'ann', options));
        assert.deepEqual(
          others.map(({ socket }) => socket.closedWith?.reason),
          ['out', 'out'],
        );
        assert.ok(kept.socket.isOpen && bob.socket.isOpen);
        assert.deepEqual(groupsOf(bob), ['old']);
        await of((one) => one.closeAll('hub', nobody));
      }
    });

    test('cluster directory: groups and hubs are closed everywhere but for the excluded', async () => {
      const { at, nodes } = await three(countsReceivers);
      for (const node of nodes) {
        const members = await connectEverywhere(nodes, { groups: ['g'] });
        const others = await connectEverywhere(nodes, { groups: ['h'] });
        const isOpen = (clients: readonly TestClient[]): boolean[] =>
          clients.map(({ socket }) => socket.isOpen);
        const excluded = members.slice(2).map(idOf);
        await at(node, (one) => one.closeGroup('hub', 'g', { reason: 'r', excluded }));
        assert.deepEqual(
          [isOpen(members), isOpen(others)],
          [
            [false, false, true],
            [true, true, true],
          ],
        );
        await at(node, (one) => one.closeAll('other', nobody));
        assert.deepEqual(isOpen(others), [true, true, true]);
        await at(node, (one) => one.closeAll('hub', { reason: 'r', excluded }));
        assert.deepEqual(
          [isOpen(members), isOpen(others)],
          [
            [false, false, true],
            [false, false, false],
          ],
        );
        await at(node, (one) => one.closeAll('hub', nobody));
      }
    });

    test('cluster directory: a filter chooses on every node', async () => {
      const { at, nodes } = await three(countsReceivers);
      for (const node of nodes) {
        const anns = await connectEverywhere(nodes, { userId: 'ann' });
        const bobs = await connectEverywhere(nodes, { userId: 'bob' });
        const filter = "userId eq 'ann'";
        await at(node, (one) => one.addMatchingToGroups('hub', filter, ['x', 'y', 'z']));
        assert.deepEqual(
          anns.map(groupsOf),
          anns.map(() => ['x', 'y', 'z']),
        );
        assert.deepEqual(
          bobs.map(groupsOf),
          bobs.map(() => []),
        );
        await at(node, (one) => one.removeMatchingFromGroups('hub', filter, ['x', 'z']));
        assert.deepEqual(
          anns.map(groupsOf),
          anns.map(() => ['y']),
        );
        await assert.rejects(
          at(node, (one) => one.addMatchingToGroups('hub', 'no filter', ['x'])),
          (error) => error instanceof FilterError || error instanceof GatewayError,
        );
        await at(node, (one) => one.closeAll('hub', nobody));
      }
    });

    test('cluster directory: pages are whole and stable while others come and go', async () => {
      const { at, nodes } = await three(countsReceivers);
      for (const node of nodes) {
        const stays: string[] = [];
        const goes: TestClient[] = [];
        for (let round = 0; round < 8; round += 1) {
          for (const client of await connectEverywhere(nodes, { userId: 'u', groups: ['g'] })) {
            if (round % 3 === 2) goes.push(client);
            else stays.push(idOf(client));
          }
        }
        const listed: string[] = [];
        let continuation: string | undefined;
        do {
          const page = await at(node, (one) =>
            one.listGroup('hub', 'g', { limit: 4, continuation }),
          );
          assert.ok(page.connections.length <= 4);
          for (const { connectionId, userId } of page.connections) {
            listed.push(connectionId);
            assert.equal(userId, 'u');
          }
          ({ continuation } = page);
          goes.pop()?.vanish();
          await connectEverywhere(nodes.slice(0, 1), { userId: 'u', groups: ['g'] });
        } while (continuation !== undefined);
        assert.deepEqual(new Set(listed).size, listed.length, 'nobody twice');
        for (const id of stays) assert.ok(listed.includes(id), id);
        assert.deepEqual(listed, [...listed].sort());
        await at(node, (one) => one.closeAll('hub', nobody));
        const none = await at(node, (one) =>
          one.listGroup('hub', 'g', { limit: 4, continuation: undefined }),
        );
        assert.deepEqual(none, { connections: [], continuation: undefined });
      }
    });

    test('cluster directory: exactly one page has no next', async () => {
      const { at, nodes } = await three(countsReceivers);
      await connectEverywhere(nodes, { groups: ['g'] });
      const [node] = nodes;
      assert.ok(node !== undefined);
      const page = (limit: number) =>
        at(node, (one) => one.listGroup('hub', 'g', { limit, continuation: undefined }));
      assert.equal((await page(3)).continuation, undefined);
      assert.notEqual((await page(2)).continuation, undefined);
    });

    test('cluster directory: with a node missing, the answer is unknown and never no', async () => {
      const { at, network, nodes } = await three(countsReceivers);
      const [asking, , silent] = nodes;
      assert.ok(asking !== undefined && silent !== undefined);
      const here = await asking.connect({ userId: 'here', groups: ['here'] });
      const there = await silent.connect({ userId: 'there', groups: ['there'] });
      silent.pause();
      const of = <T>(run: (one: Directory) => Promise<T>): Promise<T> => at(asking, run);
      assert.equal(await of((one) => one.userExists('hub', 'here')), true);
      assert.equal(await of((one) => one.groupExists('hub', 'here')), true);
      assert.equal(await of((one) => one.connectionExists('hub', idOf(here))), true);
      assert.equal(await of((one) => one.connectionExists('hub', 'n2-nobody')), false);
      const page = { limit: 10, continuation: undefined };
      const unknown: readonly ((one: Directory) => Promise<unknown>)[] = [
        (one) => one.userExists('hub', 'there'),
        (one) => one.groupExists('hub', 'there'),
        (one) => one.connectionExists('hub', idOf(there)),
        (one) => one.connectionExists('hub', 'n9-nobody'),
        (one) => one.hasPermission('hub', idOf(there), 'sendToGroup', undefined),
        (one) => one.grantPermission('hub', idOf(there), 'sendToGroup', undefined),
        (one) => one.revokePermission('hub', idOf(there), 'sendToGroup', undefined),
        (one) => one.listGroup('hub', 'here', page),
        (one) => one.addConnectionToGroup('hub', idOf(there), 'g'),
        (one) => one.removeConnectionFromGroup('hub', idOf(there), 'there'),
        (one) => one.removeConnectionFromAllGroups('hub', idOf(there)),
        (one) => one.addUserToGroup('hub', 'there', 'g'),
        (one) => one.removeUserFromGroup('hub', 'there', 'there'),
        (one) => one.removeUserFromAllGroups('hub', 'there'),
        (one) => one.addMatchingToGroups('hub', "userId eq 'there'", ['g']),
        (one) => one.removeMatchingFromGroups('hub', "userId eq 'there'", ['there']),
        (one) => one.closeConnection('hub', idOf(there), undefined),
        (one) => one.closeUser('hub', 'nobody', nobody),
        (one) => one.closeGroup('hub', 'nobody', nobody),
        (one) => one.closeAll('nobody', nobody),
      ];
      const asked = unknown.map((run) => of(run).then(() => 'done', isUnknown));
      assert.deepEqual(
        await Promise.all(asked),
        unknown.map(() => true),
      );
      silent.resume();
      await network.pass(settledMs + 1000);
      assert.equal(await of((one) => one.userExists('hub', 'nobody')), false);
    });

    test('cluster directory: a killed node is unknown first and leaves no ghosts', async () => {
      const { at, network, nodes } = await three(countsReceivers);
      const [a, b, c] = nodes;
      assert.ok(a !== undefined && b !== undefined && c !== undefined);
      const ghost = await c.connect({ userId: 'ghost', groups: ['g'] });
      c.kill();
      const questions: readonly ((one: Directory) => Promise<boolean>)[] = [
        (one) => one.userExists('hub', 'ghost'),
        (one) => one.groupExists('hub', 'g'),
        (one) => one.connectionExists('hub', idOf(ghost)),
      ];
      for (const node of [a, b]) {
        const early = questions.map((run) => at(node, run).catch(isUnknown));
        assert.deepEqual(await Promise.all(early), [true, true, true]);
      }
      await network.pass(10_000);
      for (const node of [a, b]) {
        assert.deepEqual(await Promise.all(questions.map((run) => at(node, run))), [
          false,
          false,
          false,
        ]);
      }
    });

    test('cluster directory: an answer of another version is an error, not nonsense', async () => {
      const { at, nodes } = await three(countsReceivers);
      const [node, other] = nodes;
      assert.ok(node !== undefined && other !== undefined);
      other.answerInstead = { pages: 7 };
      await assert.rejects(
        at(node, (one) => one.listGroup('hub', 'g', { limit: 4, continuation: undefined })),
        (error) => error instanceof GatewayError && /same version/.test(error.message),
      );
    });
  });
}

const noPermissions = new PermissionsTable({
  nameLengthMax: 100,
  entriesMax: 10,
}).permissionsFromRoles([]);

async function connectEverywhere(
  nodes: readonly SimulatedNode[],
  options: { readonly userId?: string; readonly groups?: readonly string[] },
): Promise<TestClient[]> {
  return Promise.all(nodes.map((node) => node.connect(options)));
}
