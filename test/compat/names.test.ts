/** Names that are hard on URLs, JSON and keys: of hubs, users, groups and connections. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startSdkClient } from '../support/sdk-client.ts';
import { clientProtocols, newService, rest, serviceOf, useGateway } from './suite.ts';

const gateway = useGateway();

const names = [
  'a/b',
  '/',
  'a b',
  ' padded ',
  'ünïcode',
  '日本語',
  '😀👩‍👩‍👧',
  '100%',
  '%2F',
  '%zz',
  'a+b',
  'q?x=1&y=2#z',
  'quote"\'`',
  'back\\slash',
  // Not "." and "..": every URL parser takes these out of a path, the SDK's too.
  '...',
  ':send',
  'dots.and:colons;semi,comma',
  '*',
  '>',
  '[a]{b}',
  '__proto__',
  'constructor',
  'x'.repeat(300),
];

for (const protocol of clientProtocols) {
  describe(`names over ${protocol.name}`, () => {
    for (const name of names) {
      test(`names: ${JSON.stringify(name.slice(0, 20))} is a user and a group`, async (t) => {
        const service = newService(gateway());
        const token = { userId: name };
        const anna = await startSdkClient(t, service, { protocol, token });
        assert.equal(await service.userExists(name), true);
        assert.equal(await service.userExists(`${name}x`), false);
        await service.sendToUser(name, 'to the user');
        assert.equal((await anna.serverMessages.next()).data, 'to the user');

        await anna.client.joinGroup(name);
        assert.equal(await service.groupExists(name), true);
        await service.group(name).sendToAll('by the server');
        await anna.client.sendToGroup(name, 'by the user', 'text');
        const messages = await anna.groupMessages.take(2);
        assert.deepEqual(
          messages.map(({ data, fromUserId, group }) => ({ data, fromUserId, group })),
          [
            { data: 'by the server', fromUserId: null, group: name },
            { data: 'by the user', fromUserId: name, group: name },
          ],
        );
        const members = [];
        for await (const member of await service.group(name).listConnections()) {
          members.push(member);
        }
        assert.deepEqual(members, [{ connectionId: anna.connectionId, userId: name }]);

        await anna.client.leaveGroup(name);
        await service.group(name).addUser(name);
        assert.equal(await service.groupExists(name), true);
        await service.group(name).removeUser(name);
        await service.group(name).addConnection(anna.connectionId);
        await service.group(name).removeConnection(anna.connectionId);
        assert.equal(await service.groupExists(name), false);
        const target = { targetName: name };
        assert.equal(await service.hasPermission(anna.connectionId, 'sendToGroup', target), true);
        await service.addConnectionsToGroups([name], 'length(connectionId) gt 0');
        await service.removeUserFromAllGroups(name);
        assert.equal(await service.groupExists(name), false);
        await service.closeUserConnections(name, { reason: name });
        assert.equal((await anna.disconnects.next()).message?.message, name);
      });
    }

    test('names: users and groups differ by case and by Unicode form', async (t) => {
      const service = newService(gateway());
      await startSdkClient(t, service, { protocol, token: { userId: 'é', groups: ['é', 'G'] } });
      assert.equal(await service.userExists('e\u0301'), false);
      assert.equal(await service.groupExists('e\u0301'), false);
      assert.equal(await service.groupExists('g'), false);
      assert.equal(await service.groupExists('G'), true);
    });

    test('hubs: one hub however its letters are written, for clients and servers', async (t) => {
      const service = newService(gateway());
      const { hubName } = service;
      const upper = serviceOf(gateway(), hubName.toUpperCase());
      const anna = await startSdkClient(t, upper, { protocol, token: { userId: 'anna' } });
      assert.equal(await service.userExists('anna'), true);
      await service.sendToAll('from below');
      await upper.sendToAll('from above');
      const messages = await anna.serverMessages.take(2);
      assert.deepEqual(
        messages.map(({ data }) => data),
        ['from below', 'from above'],
      );
    });

    test('hubs: nothing crosses from one hub to another', async (t) => {
      const here = newService(gateway());
      const there = newService(gateway());
      const token = { userId: 'anna', groups: ['g'] };
      const anna = await startSdkClient(t, here, { protocol, token });
      const other = await startSdkClient(t, there, { protocol, token });
      await here.sendToAll(1);
      await here.sendToUser('anna', 2);
      await here.group('g').sendToAll(3);
      await here.sendToConnection(other.connectionId, 4);
      await anna.client.sendToGroup('g', 5, 'json');
      await here.closeConnection(other.connectionId);
      await there.sendToAll('end');
      assert.equal((await other.serverMessages.next()).data, 'end');
      assert.deepEqual(other.groupMessages.unread, []);
      assert.equal((await anna.serverMessages.take(2)).length, 2);
    });

    test('hubs: special characters are allowed, others are 400', async (t) => {
      const service = serviceOf(gateway(), 'a_`,.[]9');
      const anna = await startSdkClient(t, service, { protocol });
      await service.sendToAll('hello');
      assert.equal((await anna.serverMessages.next()).data, 'hello');
      for (const hub of ['9a', 'a-b', 'a%20b', `a${'b'.repeat(128)}`]) {
        const path = `/api/hubs/${hub}/:closeConnections`;
        const response = await rest(gateway(), path, { method: 'POST' });
        assert.equal(response.status, 400, hub);
      }
    });
  });
}
